# unit tests: noticeboard, feeds in and out
FEEDS_LDADD = noticeboard/libloggia-feeds.la lib/libloggia-bundle.la lib/libloggia-web.la lib/libloggia-core.la \
    $(CMOCKA_LIBS)

check_PROGRAMS += \
    %D%/test_html_text \
    %D%/test_import \
    %D%/test_source

%C%_test_html_text_CPPFLAGS = $(UNIT_CPPFLAGS)
%C%_test_html_text_LDADD = $(FEEDS_LDADD)
%C%_test_import_CPPFLAGS = $(UNIT_CPPFLAGS)
%C%_test_import_LDADD = $(FEEDS_LDADD)
%C%_test_source_CPPFLAGS = $(UNIT_CPPFLAGS)
%C%_test_source_LDADD = $(FEEDS_LDADD)
