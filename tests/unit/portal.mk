# unit tests: portal
check_PROGRAMS += tests/unit/test_token tests/unit/test_tag tests/unit/test_redirect \
    tests/unit/test_session tests/unit/test_devices

tests_unit_test_token_SOURCES = tests/unit/test_token.c
tests_unit_test_token_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_token_LDADD = portal/libloggia-portal.la lib/libloggia-core.la $(CMOCKA_LIBS)

tests_unit_test_tag_SOURCES = tests/unit/test_tag.c
tests_unit_test_tag_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_tag_LDADD = portal/libloggia-portal.la lib/libloggia-core.la $(CMOCKA_LIBS)

tests_unit_test_redirect_SOURCES = tests/unit/test_redirect.c
tests_unit_test_redirect_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_redirect_LDADD = portal/libloggia-portal.la $(CMOCKA_LIBS)

tests_unit_test_session_SOURCES = tests/unit/test_session.c tests/unit/session_events.h
tests_unit_test_session_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_session_LDADD = portal/libloggia-portal.la lib/libloggia-core.la $(CMOCKA_LIBS)

tests_unit_test_devices_SOURCES = tests/unit/test_devices.c portal/devices.c portal/session.c portal/tag.c
tests_unit_test_devices_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_devices_LDADD = lib/libloggia-host.la lib/libloggia-core.la $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/test_gate_client tests/unit/test_keyfile

tests_unit_test_gate_client_SOURCES = tests/unit/test_gate_client.c portal/gate_client.c
tests_unit_test_gate_client_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_gate_client_LDADD = lib/libloggia-host.la lib/libloggia-core.la $(CMOCKA_LIBS)

tests_unit_test_keyfile_SOURCES = tests/unit/test_keyfile.c lib/keyfile.c
tests_unit_test_keyfile_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_keyfile_LDADD = lib/libloggia-core.la $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/test_secure tests/unit/test_cert
tests_unit_test_secure_SOURCES = tests/unit/test_secure.c portal/api.c
tests_unit_test_secure_CPPFLAGS = $(UNIT_CPPFLAGS) $(JANSSON_CFLAGS)
tests_unit_test_secure_LDADD = portal/libloggia-portal.la lib/libloggia-core.la $(JANSSON_LIBS) $(CMOCKA_LIBS)

tests_unit_test_cert_SOURCES = tests/unit/test_cert.c
tests_unit_test_cert_CPPFLAGS = $(UNIT_CPPFLAGS) $(GNUTLS_CFLAGS)
tests_unit_test_cert_LDADD = lib/libloggia-cert.la lib/libloggia-core.la $(GNUTLS_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += %D%/test_board
%C%_test_board_SOURCES = %D%/test_board.c
%C%_test_board_CPPFLAGS = $(UNIT_CPPFLAGS)
%C%_test_board_LDADD = portal/libloggia-portal.la lib/libloggia-bundle.la lib/libloggia-web.la lib/libloggia-core.la \
    $(CMOCKA_LIBS)
