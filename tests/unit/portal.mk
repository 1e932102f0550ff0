# unit tests: portal
