# unit tests: radius-module
