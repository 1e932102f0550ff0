# unit tests: netfilter
check_PROGRAMS += tests/unit/test_gate_clients tests/unit/test_gate_verbs
tests_unit_test_gate_clients_SOURCES = tests/unit/test_gate_clients.c netfilter/clients.c
tests_unit_test_gate_clients_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_gate_clients_LDADD = lib/libloggia-core.la $(CMOCKA_LIBS)
tests_unit_test_gate_verbs_SOURCES = tests/unit/test_gate_verbs.c netfilter/verbs.c \
    netfilter/settings.c
tests_unit_test_gate_verbs_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_gate_verbs_LDADD = lib/libloggia-core.la $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/test_gate_uplinks
tests_unit_test_gate_uplinks_SOURCES = tests/unit/test_gate_uplinks.c netfilter/neigh_fast.c
tests_unit_test_gate_uplinks_CPPFLAGS = $(UNIT_CPPFLAGS) $(NL_CFLAGS)
tests_unit_test_gate_uplinks_LDADD = lib/libloggia-core.la $(NL_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/test_confine
tests_unit_test_confine_SOURCES = tests/unit/test_confine.c
tests_unit_test_confine_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_confine_LDADD = lib/libloggia-confine.la $(CMOCKA_LIBS)
