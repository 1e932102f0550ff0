# unit tests: what the admin sees
check_PROGRAMS += tests/unit/test_doctor_packets tests/unit/test_metrics

tests_unit_test_doctor_packets_SOURCES = tests/unit/test_doctor_packets.c
tests_unit_test_doctor_packets_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_doctor_packets_LDADD = portal/libloggia-portal.la $(CMOCKA_LIBS)

tests_unit_test_metrics_SOURCES = tests/unit/test_metrics.c
tests_unit_test_metrics_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_metrics_LDADD = portal/libloggia-portal.la lib/libloggia-core.la $(CMOCKA_LIBS)
