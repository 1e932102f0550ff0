# unit tests: radius
