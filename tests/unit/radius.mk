# unit tests: radius
RADIUS_TEST_LIBS = portal/libloggia-radius.la lib/libloggia-host.la lib/libloggia-core.la $(CMOCKA_LIBS)

# Not a test: what the integration tests put before a real server.
noinst_PROGRAMS += tests/unit/radius_drive
tests_unit_radius_drive_SOURCES = tests/unit/radius_drive.c
tests_unit_radius_drive_LDADD = portal/libloggia-radius.la lib/libloggia-host.la lib/libloggia-core.la
