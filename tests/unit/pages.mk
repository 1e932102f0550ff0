# unit tests: pages
