# unit tests: radius
RADIUS_LIBS = portal/libloggia-radius.la lib/libloggia-host.la lib/libloggia-core.la

# Not a test: what the integration tests put before a real server.
noinst_PROGRAMS += tests/unit/radius_drive
tests_unit_radius_drive_SOURCES = tests/unit/radius_drive.c
tests_unit_radius_drive_LDADD = $(RADIUS_LIBS)

check_PROGRAMS += tests/unit/test_radius_codec tests/unit/test_radius_grant \
    tests/unit/test_radius_client tests/unit/test_acct_order tests/unit/test_acct_queue
tests_unit_test_radius_codec_SOURCES = tests/unit/test_radius_codec.c
tests_unit_test_radius_codec_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_radius_codec_LDADD = $(RADIUS_LIBS) $(CMOCKA_LIBS)
tests_unit_test_radius_grant_SOURCES = tests/unit/test_radius_grant.c
tests_unit_test_radius_grant_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_radius_grant_LDADD = $(RADIUS_LIBS) $(CMOCKA_LIBS)
tests_unit_test_radius_client_SOURCES = tests/unit/test_radius_client.c
tests_unit_test_radius_client_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_radius_client_LDADD = $(RADIUS_LIBS) $(CMOCKA_LIBS)
tests_unit_test_acct_order_SOURCES = tests/unit/test_acct_order.c
tests_unit_test_acct_order_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_acct_order_LDADD = $(RADIUS_LIBS) $(CMOCKA_LIBS)
tests_unit_test_acct_queue_SOURCES = tests/unit/test_acct_queue.c
tests_unit_test_acct_queue_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_acct_queue_LDADD = $(RADIUS_LIBS) $(CMOCKA_LIBS)

# The codec against FreeRADIUS's own, where that is installed (it is what the centre is built with).
if CENTRE
ORACLE_LIBDIR = /usr/lib/freeradius
check_PROGRAMS += tests/unit/test_radius_oracle
tests_unit_test_radius_oracle_SOURCES = tests/unit/test_radius_oracle.c tests/unit/radius_oracle.h
tests_unit_test_radius_oracle_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_radius_oracle_LDADD = $(RADIUS_LIBS) $(CMOCKA_LIBS) \
    -L$(ORACLE_LIBDIR) -lfreeradius-radius $(TALLOC_LIBS)
tests_unit_test_radius_oracle_LDFLAGS = $(AM_LDFLAGS) -Wl,-rpath,$(ORACLE_LIBDIR)
endif
