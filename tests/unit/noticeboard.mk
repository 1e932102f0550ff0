# unit tests: noticeboard
check_PROGRAMS += %D%/test_store %D%/test_board_conf
%C%_test_store_SOURCES = %D%/test_store.c
%C%_test_store_CPPFLAGS = $(UNIT_CPPFLAGS)
%C%_test_store_LDADD = noticeboard/libloggia-board.la lib/libloggia-bundle.la lib/libloggia-web.la lib/libloggia-host.la \
    lib/libloggia-core.la $(CMOCKA_LIBS)
%C%_test_board_conf_SOURCES = %D%/test_board_conf.c
%C%_test_board_conf_CPPFLAGS = $(UNIT_CPPFLAGS)
%C%_test_board_conf_LDADD = noticeboard/libloggia-board.la lib/libloggia-bundle.la lib/libloggia-web.la \
    lib/libloggia-host.la lib/libloggia-core.la $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/test_suppress
tests_unit_test_suppress_SOURCES = tests/unit/test_suppress.c
tests_unit_test_suppress_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_suppress_LDADD = noticeboard/libloggia-board.la $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/test_draft
tests_unit_test_draft_SOURCES = tests/unit/test_draft.c
tests_unit_test_draft_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_draft_LDADD = noticeboard/libloggia-board.la lib/libloggia-bundle.la lib/libloggia-web.la lib/libloggia-host.la \
    lib/libloggia-core.la $(CMOCKA_LIBS)
