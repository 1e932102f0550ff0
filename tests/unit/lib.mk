# unit tests: lib
check_PROGRAMS += %D%/test_core
%C%_test_core_SOURCES = %D%/test_core.c
%C%_test_core_CPPFLAGS = $(UNIT_CPPFLAGS)
%C%_test_core_LDADD = lib/libloggia-core.la $(CMOCKA_LIBS)
if ROUTER
check_PROGRAMS += %D%/test_loop %D%/test_config %D%/test_http
%C%_test_loop_SOURCES = %D%/test_loop.c
%C%_test_loop_CPPFLAGS = $(UNIT_CPPFLAGS)
%C%_test_loop_LDADD = lib/libloggia-host.la lib/libloggia-core.la $(CMOCKA_LIBS)
%C%_test_config_SOURCES = %D%/test_config.c
%C%_test_config_CPPFLAGS = $(UNIT_CPPFLAGS)
%C%_test_config_LDADD = lib/libloggia-host.la lib/libloggia-core.la $(CMOCKA_LIBS)
%C%_test_http_SOURCES = %D%/test_http.c
%C%_test_http_CPPFLAGS = $(UNIT_CPPFLAGS)
%C%_test_http_LDADD = lib/libloggia-web.la lib/libloggia-host.la lib/libloggia-core.la \
    $(CMOCKA_LIBS) -lpthread

# Not a test: what the integration tests of the secure pages talk to.
noinst_PROGRAMS += %D%/http_drive
%C%_http_drive_SOURCES = %D%/http_drive.c
%C%_http_drive_LDADD = lib/libloggia-web.la lib/libloggia-host.la lib/libloggia-core.la
endif

if ROUTER
check_PROGRAMS += %D%/test_settle
%C%_test_settle_SOURCES = %D%/test_settle.c
%C%_test_settle_CPPFLAGS = $(UNIT_CPPFLAGS)
%C%_test_settle_LDADD = lib/libloggia-host.la lib/libloggia-core.la $(CMOCKA_LIBS)
endif

if ROUTER
check_PROGRAMS += %D%/test_fetch
%C%_test_fetch_SOURCES = %D%/test_fetch.c
%C%_test_fetch_CPPFLAGS = $(UNIT_CPPFLAGS)
%C%_test_fetch_LDADD = lib/libloggia-fetch.la lib/libloggia-web.la lib/libloggia-host.la \
    lib/libloggia-core.la $(CMOCKA_LIBS) -lpthread
endif
