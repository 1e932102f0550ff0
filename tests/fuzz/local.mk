# Fuzz targets. With --enable-fuzzers (clang) each is a libFuzzer program; without, `make check` replays
# the seeds through the same code.
FUZZ_TARGETS =
if FUZZERS
FUZZ_MAIN =
FUZZ_LINK = $(AM_LDFLAGS) -fsanitize=fuzzer
else
FUZZ_MAIN = %D%/replay.c
FUZZ_LINK = $(AM_LDFLAGS)
endif
FUZZ_CPPFLAGS = $(AM_CPPFLAGS) -DTEST_SRCDIR='"$(abs_top_srcdir)"'

if ROUTER
FUZZ_TARGETS += %D%/fuzz_notice %D%/fuzz_radius %D%/fuzz_form %D%/fuzz_config %D%/fuzz_verbs

%C%_fuzz_notice_SOURCES = %D%/fuzz_notice.c $(FUZZ_MAIN)
%C%_fuzz_notice_CPPFLAGS = $(FUZZ_CPPFLAGS)
%C%_fuzz_notice_LDFLAGS = $(FUZZ_LINK)
%C%_fuzz_notice_LDADD = lib/libloggia-web.la lib/libloggia-core.la

%C%_fuzz_radius_SOURCES = %D%/fuzz_radius.c $(FUZZ_MAIN)
%C%_fuzz_radius_CPPFLAGS = $(FUZZ_CPPFLAGS)
%C%_fuzz_radius_LDFLAGS = $(FUZZ_LINK)
%C%_fuzz_radius_LDADD = portal/libloggia-radius.la lib/libloggia-host.la lib/libloggia-core.la

%C%_fuzz_form_SOURCES = %D%/fuzz_form.c $(FUZZ_MAIN)
%C%_fuzz_form_CPPFLAGS = $(FUZZ_CPPFLAGS)
%C%_fuzz_form_LDFLAGS = $(FUZZ_LINK)
%C%_fuzz_form_LDADD = portal/libloggia-portal.la lib/libloggia-web.la lib/libloggia-core.la

%C%_fuzz_config_SOURCES = %D%/fuzz_config.c $(FUZZ_MAIN)
%C%_fuzz_config_CPPFLAGS = $(FUZZ_CPPFLAGS)
%C%_fuzz_config_LDFLAGS = $(FUZZ_LINK)
%C%_fuzz_config_LDADD = lib/libloggia-host.la lib/libloggia-core.la

%C%_fuzz_verbs_SOURCES = %D%/fuzz_verbs.c netfilter/verbs.c $(FUZZ_MAIN)
%C%_fuzz_verbs_CPPFLAGS = $(FUZZ_CPPFLAGS)
%C%_fuzz_verbs_LDFLAGS = $(FUZZ_LINK)
%C%_fuzz_verbs_LDADD = lib/libloggia-core.la

FUZZ_TARGETS += %D%/fuzz_dynauth

%C%_fuzz_dynauth_SOURCES = %D%/fuzz_dynauth.c $(FUZZ_MAIN)
%C%_fuzz_dynauth_CPPFLAGS = $(FUZZ_CPPFLAGS)
%C%_fuzz_dynauth_LDFLAGS = $(FUZZ_LINK)
%C%_fuzz_dynauth_LDADD = portal/libloggia-radius.la lib/libloggia-host.la lib/libloggia-core.la

FUZZ_TARGETS += %D%/fuzz_claims

%C%_fuzz_claims_SOURCES = %D%/fuzz_claims.c netfilter/claims.c $(FUZZ_MAIN)
%C%_fuzz_claims_CPPFLAGS = $(FUZZ_CPPFLAGS)
%C%_fuzz_claims_LDFLAGS = $(FUZZ_LINK)

FUZZ_TARGETS += %D%/fuzz_elements

%C%_fuzz_elements_SOURCES = %D%/fuzz_elements.c netfilter/ruleset_parse.c $(FUZZ_MAIN)
%C%_fuzz_elements_CPPFLAGS = $(FUZZ_CPPFLAGS)
%C%_fuzz_elements_CFLAGS = $(AM_CFLAGS) $(NFTNL_CFLAGS)
%C%_fuzz_elements_LDFLAGS = $(FUZZ_LINK)

FUZZ_TARGETS += %D%/fuzz_passes

%C%_fuzz_passes_SOURCES = %D%/fuzz_passes.c $(FUZZ_MAIN)
%C%_fuzz_passes_CPPFLAGS = $(FUZZ_CPPFLAGS)
%C%_fuzz_passes_LDFLAGS = $(FUZZ_LINK)
%C%_fuzz_passes_LDADD = portal/libloggia-portal.la lib/libloggia-core.la

FUZZ_TARGETS += %D%/fuzz_bundle %D%/fuzz_current %D%/fuzz_card %D%/fuzz_counts %D%/fuzz_logo

%C%_fuzz_bundle_SOURCES = %D%/fuzz_bundle.c $(FUZZ_MAIN)
%C%_fuzz_bundle_CPPFLAGS = $(FUZZ_CPPFLAGS)
%C%_fuzz_bundle_LDFLAGS = $(FUZZ_LINK)
%C%_fuzz_bundle_LDADD = lib/libloggia-bundle.la lib/libloggia-web.la lib/libloggia-core.la

%C%_fuzz_current_SOURCES = %D%/fuzz_current.c $(FUZZ_MAIN)
%C%_fuzz_current_CPPFLAGS = $(FUZZ_CPPFLAGS)
%C%_fuzz_current_LDFLAGS = $(FUZZ_LINK)
%C%_fuzz_current_LDADD = lib/libloggia-bundle.la lib/libloggia-core.la

%C%_fuzz_card_SOURCES = %D%/fuzz_card.c $(FUZZ_MAIN)
%C%_fuzz_card_CPPFLAGS = $(FUZZ_CPPFLAGS)
%C%_fuzz_card_LDFLAGS = $(FUZZ_LINK)
%C%_fuzz_card_LDADD = lib/libloggia-web.la lib/libloggia-core.la

%C%_fuzz_logo_SOURCES = %D%/fuzz_logo.c $(FUZZ_MAIN)
%C%_fuzz_logo_CPPFLAGS = $(FUZZ_CPPFLAGS)
%C%_fuzz_logo_LDFLAGS = $(FUZZ_LINK)
%C%_fuzz_logo_LDADD = lib/libloggia-web.la lib/libloggia-core.la

%C%_fuzz_counts_SOURCES = %D%/fuzz_counts.c $(FUZZ_MAIN)
%C%_fuzz_counts_CPPFLAGS = $(FUZZ_CPPFLAGS)
%C%_fuzz_counts_LDFLAGS = $(FUZZ_LINK)
%C%_fuzz_counts_LDADD = lib/libloggia-bundle.la lib/libloggia-web.la lib/libloggia-core.la
endif

if BOARD
FUZZ_TARGETS += %D%/fuzz_feed %D%/fuzz_cap
FUZZ_FEED_LDADD = noticeboard/libloggia-feeds.la lib/libloggia-web.la lib/libloggia-core.la

%C%_fuzz_feed_SOURCES = %D%/fuzz_feed.c $(FUZZ_MAIN)
%C%_fuzz_feed_CPPFLAGS = $(FUZZ_CPPFLAGS)
%C%_fuzz_feed_LDFLAGS = $(FUZZ_LINK)
%C%_fuzz_feed_LDADD = $(FUZZ_FEED_LDADD)

# One program, other seeds.
%C%_fuzz_cap_SOURCES = %D%/fuzz_feed.c $(FUZZ_MAIN)
%C%_fuzz_cap_CPPFLAGS = $(FUZZ_CPPFLAGS)
%C%_fuzz_cap_LDFLAGS = $(FUZZ_LINK)
%C%_fuzz_cap_LDADD = $(FUZZ_FEED_LDADD)
endif

if BOARD
FUZZ_TARGETS += %D%/fuzz_draft

%C%_fuzz_draft_SOURCES = %D%/fuzz_draft.c $(FUZZ_MAIN)
%C%_fuzz_draft_CPPFLAGS = $(FUZZ_CPPFLAGS)
%C%_fuzz_draft_LDFLAGS = $(FUZZ_LINK)
%C%_fuzz_draft_LDADD = noticeboard/libloggia-board.la lib/libloggia-bundle.la lib/libloggia-web.la lib/libloggia-host.la lib/libloggia-core.la
endif

if CENTRE
FUZZ_TARGETS += %D%/fuzz_ldap %D%/fuzz_settings

%C%_fuzz_ldap_SOURCES = %D%/fuzz_ldap.c $(FUZZ_MAIN)
%C%_fuzz_ldap_CPPFLAGS = $(FUZZ_CPPFLAGS)
%C%_fuzz_ldap_LDFLAGS = $(FUZZ_LINK)
%C%_fuzz_ldap_LDADD = radius-module/libloggia-federation.la lib/libloggia-ldap.la lib/libloggia-core.la -lldap -llber -lpthread

%C%_fuzz_settings_SOURCES = %D%/fuzz_settings.c $(FUZZ_MAIN)
%C%_fuzz_settings_CPPFLAGS = $(FUZZ_CPPFLAGS)
%C%_fuzz_settings_LDFLAGS = $(FUZZ_LINK)
%C%_fuzz_settings_LDADD = radius-module/libloggia-federation.la lib/libloggia-ldap.la lib/libloggia-core.la -lldap -llber -lpthread

FUZZ_TARGETS += %D%/fuzz_request %D%/fuzz_answers

%C%_fuzz_request_SOURCES = %D%/fuzz_request.c $(FUZZ_MAIN)
%C%_fuzz_request_CPPFLAGS = $(FUZZ_CPPFLAGS)
%C%_fuzz_request_LDFLAGS = $(FUZZ_LINK)
%C%_fuzz_request_LDADD = radius-module/libloggia-federation.la lib/libloggia-ldap.la lib/libloggia-core.la -lldap -llber -lpthread

%C%_fuzz_answers_SOURCES = %D%/fuzz_answers.c $(FUZZ_MAIN)
%C%_fuzz_answers_CPPFLAGS = $(FUZZ_CPPFLAGS)
%C%_fuzz_answers_LDFLAGS = $(FUZZ_LINK)
%C%_fuzz_answers_LDADD = radius-module/libloggia-federation.la lib/libloggia-ldap.la lib/libloggia-core.la -lldap -llber -lpthread
endif

if FUZZERS
noinst_PROGRAMS += $(FUZZ_TARGETS)
else
check_PROGRAMS += $(FUZZ_TARGETS)
endif

.PHONY: fuzzers
fuzzers: $(FUZZ_TARGETS)

EXTRA_DIST += %D%/seeds
