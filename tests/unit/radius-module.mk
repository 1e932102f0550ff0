# unit tests: radius-module
FEDERATION_LIBS = radius-module/libloggia-federation.la lib/libloggia-ldap.la lib/libloggia-core.la -lldap -llber -lpthread

check_PROGRAMS += tests/unit/test_decision tests/unit/test_breaker tests/unit/test_entitlement \
    tests/unit/test_settings tests/unit/test_memory tests/unit/test_attempts tests/unit/test_abi tests/unit/test_answers \
    tests/unit/test_guard

tests_unit_test_decision_SOURCES = tests/unit/test_decision.c
tests_unit_test_decision_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_decision_LDADD = $(FEDERATION_LIBS) $(CMOCKA_LIBS)

tests_unit_test_breaker_SOURCES = tests/unit/test_breaker.c
tests_unit_test_breaker_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_breaker_LDADD = $(FEDERATION_LIBS) $(CMOCKA_LIBS)

tests_unit_test_entitlement_SOURCES = tests/unit/test_entitlement.c
tests_unit_test_entitlement_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_entitlement_LDADD = $(FEDERATION_LIBS) $(CMOCKA_LIBS)

tests_unit_test_settings_SOURCES = tests/unit/test_settings.c
tests_unit_test_settings_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_settings_LDADD = $(FEDERATION_LIBS) $(CMOCKA_LIBS)

tests_unit_test_memory_SOURCES = tests/unit/test_memory.c
tests_unit_test_memory_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_memory_LDADD = $(FEDERATION_LIBS) $(CMOCKA_LIBS)

tests_unit_test_attempts_SOURCES = tests/unit/test_attempts.c
tests_unit_test_attempts_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_attempts_LDADD = $(FEDERATION_LIBS) $(CMOCKA_LIBS)

tests_unit_test_answers_SOURCES = tests/unit/test_answers.c
tests_unit_test_answers_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_answers_LDADD = $(FEDERATION_LIBS) $(CMOCKA_LIBS)

tests_unit_test_guard_SOURCES = tests/unit/test_guard.c
tests_unit_test_guard_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_guard_LDADD = $(FEDERATION_LIBS) $(CMOCKA_LIBS)

# Compiled exactly as the module is.
tests_unit_test_abi_SOURCES = tests/unit/test_abi.c
tests_unit_test_abi_CPPFLAGS = $(radius_module_rlm_loggia_la_CPPFLAGS) $(CMOCKA_CFLAGS) \
    -DFREERADIUS_LIBDIR='"$(FREERADIUS_TEST_LIBDIR)"' -DMODULE='"$(abs_top_builddir)/radius-module/.libs/rlm_loggia.so"'
tests_unit_test_abi_CFLAGS = $(AM_CFLAGS) $(TALLOC_CFLAGS)
tests_unit_test_abi_LDFLAGS = $(AM_LDFLAGS) -rdynamic
tests_unit_test_abi_LDADD = $(CMOCKA_LIBS) $(TALLOC_LIBS) -ldl
tests_unit_test_abi_DEPENDENCIES = radius-module/rlm_loggia.la
FREERADIUS_TEST_LIBDIR = /usr/lib/freeradius

# Not a test: the federation alone, driven by tests/integration/test_centre_federation.py.
noinst_PROGRAMS += tests/unit/federation_drive
tests_unit_federation_drive_SOURCES = tests/unit/federation_drive.c
tests_unit_federation_drive_LDADD = $(FEDERATION_LIBS)

# Not a test: what a million remembered devices cost.
noinst_PROGRAMS += tests/unit/memory_scale
tests_unit_memory_scale_SOURCES = tests/unit/memory_scale.c
tests_unit_memory_scale_LDADD = $(FEDERATION_LIBS)
