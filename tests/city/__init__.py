"""Loggia's test city: real daemons in network namespaces, for ./demo and the integration tests."""
