# Notices, languages and pages. The pages tests read the built catalogues and the sample notices.
PAGES_CPPFLAGS = $(UNIT_CPPFLAGS) -DTEST_BUILDDIR='"$(abs_top_builddir)"'
PAGES_LDADD = lib/libloggia-web.la lib/libloggia-core.la $(CMOCKA_LIBS)

check_PROGRAMS += \
    %D%/test_i18n \
    %D%/test_notice \
    %D%/test_notice_dir \
    %D%/test_notice_render \
    %D%/test_page

%C%_test_i18n_CPPFLAGS = $(PAGES_CPPFLAGS)
%C%_test_i18n_LDADD = $(PAGES_LDADD)
%C%_test_notice_CPPFLAGS = $(PAGES_CPPFLAGS)
%C%_test_notice_LDADD = $(PAGES_LDADD)
%C%_test_notice_dir_CPPFLAGS = $(PAGES_CPPFLAGS)
%C%_test_notice_dir_LDADD = $(PAGES_LDADD)
%C%_test_notice_render_CPPFLAGS = $(PAGES_CPPFLAGS)
%C%_test_notice_render_LDADD = $(PAGES_LDADD)
%C%_test_page_CPPFLAGS = $(PAGES_CPPFLAGS)
%C%_test_page_LDADD = $(PAGES_LDADD)

check_PROGRAMS += %D%/test_bundle %D%/test_card %D%/test_logo %D%/test_utc
%C%_test_logo_CPPFLAGS = $(UNIT_CPPFLAGS)
%C%_test_logo_LDADD = lib/libloggia-web.la lib/libloggia-core.la $(CMOCKA_LIBS)
%C%_test_bundle_CPPFLAGS = $(UNIT_CPPFLAGS)
%C%_test_bundle_LDADD = lib/libloggia-bundle.la lib/libloggia-web.la lib/libloggia-core.la $(CMOCKA_LIBS)
%C%_test_card_CPPFLAGS = $(UNIT_CPPFLAGS)
%C%_test_card_LDADD = lib/libloggia-web.la lib/libloggia-core.la $(CMOCKA_LIBS)
%C%_test_utc_CPPFLAGS = $(UNIT_CPPFLAGS)
%C%_test_utc_LDADD = lib/libloggia-core.la $(CMOCKA_LIBS)
