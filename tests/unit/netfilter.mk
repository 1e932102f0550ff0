# unit tests: netfilter
