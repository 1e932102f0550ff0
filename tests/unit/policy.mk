# unit tests: what the router decides by itself, and what the centre may ask of it
check_PROGRAMS += tests/unit/test_passes

tests_unit_test_passes_SOURCES = tests/unit/test_passes.c
tests_unit_test_passes_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_passes_LDADD = portal/libloggia-portal.la lib/libloggia-core.la $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/test_dynauth
tests_unit_test_dynauth_SOURCES = tests/unit/test_dynauth.c
tests_unit_test_dynauth_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_dynauth_LDADD = portal/libloggia-radius.la lib/libloggia-host.la lib/libloggia-core.la $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/test_session_centre
tests_unit_test_session_centre_SOURCES = tests/unit/test_session_centre.c tests/unit/session_events.h
tests_unit_test_session_centre_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_session_centre_LDADD = portal/libloggia-portal.la lib/libloggia-core.la $(CMOCKA_LIBS)
