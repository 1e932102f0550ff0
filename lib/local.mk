# Convenience libraries, so that nobody links what it does not need.
noinst_LTLIBRARIES += %D%/libloggia-core.la
%C%_libloggia_core_la_SOURCES = \
    %D%/buf.c %D%/buf.h \
    %D%/crypto.c %D%/crypto.h \
    %D%/crypto_password.c %D%/crypto_password.h \
    %D%/gate_proto.h \
    %D%/keyfile.c %D%/keyfile.h \
    %D%/ldap_filter.c %D%/ldap_filter.h \
    %D%/log.c %D%/log.h \
    %D%/mac.c %D%/mac.h \
    %D%/hurry.c %D%/hurry.h \
    %D%/notify.c %D%/notify.h \
    %D%/secret.c \
    %D%/unprivileged.c %D%/unprivileged.h \
    %D%/utc.c %D%/utc.h
%C%_libloggia_core_la_CFLAGS = $(AM_CFLAGS) $(NETTLE_CFLAGS)
%C%_libloggia_core_la_LIBADD = $(NETTLE_LIBS)

if DIRECTORIES
noinst_LTLIBRARIES += %D%/libloggia-ldap.la
%C%_libloggia_ldap_la_SOURCES = \
    %D%/ldap_context.c %D%/ldap_context.h \
    %D%/ldap_dial.c %D%/ldap_dial.h
%C%_libloggia_ldap_la_CFLAGS = $(AM_CFLAGS) -pthread
%C%_libloggia_ldap_la_LIBADD = -lldap -llber
endif

if HOST
noinst_LTLIBRARIES += %D%/libloggia-host.la %D%/libloggia-web.la %D%/libloggia-cert.la \
    %D%/libloggia-bundle.la %D%/libloggia-fetch.la
if ROUTER
noinst_LTLIBRARIES += %D%/libloggia-confine.la
%C%_libloggia_confine_la_SOURCES = %D%/confine.c %D%/confine.h
%C%_libloggia_confine_la_CFLAGS = $(AM_CFLAGS) $(SECCOMP_CFLAGS)
%C%_libloggia_confine_la_LIBADD = $(SECCOMP_LIBS)
# loggiad loads it where a board is configured, and is spared libcurl's libraries where none is. It
# takes the loop's descriptors and timers, so what it needs of the loop is compiled in.
pkglib_LTLIBRARIES += %D%/loggia-fetch.la
%C%_loggia_fetch_la_SOURCES = %D%/fetch.c %D%/fetch_module.c %D%/fetch_calls.h %D%/outside.c %D%/buf.c %D%/log.c \
    %D%/loop.c
%C%_loggia_fetch_la_CFLAGS = $(AM_CFLAGS) $(CURL_CFLAGS)
%C%_loggia_fetch_la_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -shared
%C%_loggia_fetch_la_LIBADD = $(CURL_LIBS) $(EV_LIBS)
noinst_LTLIBRARIES += %D%/libloggia-fetch-late.la
%C%_libloggia_fetch_late_la_SOURCES = %D%/fetch_late.c %D%/fetch_calls.h
endif
%C%_libloggia_fetch_la_SOURCES = %D%/fetch.c %D%/fetch.h %D%/outside.c %D%/outside.h
%C%_libloggia_fetch_la_CFLAGS = $(AM_CFLAGS) $(CURL_CFLAGS)
%C%_libloggia_fetch_la_LIBADD = $(CURL_LIBS)
# What a noticeboard publishes and a router reads.
%C%_libloggia_bundle_la_SOURCES = \
    %D%/bundle.c %D%/bundle.h \
    %D%/counts.c %D%/counts.h \
    %D%/crypto_sign.c %D%/sign.h \
    %D%/current.c %D%/current.h \
    %D%/sign_key.c
%C%_libloggia_bundle_la_CFLAGS = $(AM_CFLAGS) $(NETTLE_CFLAGS) $(HOGWEED_CFLAGS)
%C%_libloggia_bundle_la_LIBADD = $(HOGWEED_LIBS)
%C%_libloggia_cert_la_SOURCES = %D%/cert.c %D%/cert.h
%C%_libloggia_cert_la_CFLAGS = $(AM_CFLAGS) $(GNUTLS_CFLAGS)
%C%_libloggia_cert_la_LIBADD = $(GNUTLS_LIBS)
%C%_libloggia_host_la_SOURCES = \
    %D%/config.c %D%/config.h %D%/config_internal.h \
    %D%/config_build.c \
    %D%/config_check.c \
    %D%/config_free.c \
    %D%/config_scan.c \
    %D%/config_schema.c \
    %D%/config_value.c \
    %D%/config_words.c \
    %D%/loop.c %D%/loop.h \
    %D%/loop_watch.c \
    %D%/settle.c %D%/settle.h
%C%_libloggia_host_la_CFLAGS = $(AM_CFLAGS) $(CONFUSE_CFLAGS)
%C%_libloggia_host_la_LIBADD = $(CONFUSE_LIBS) $(EV_LIBS)

# http needs a loop: who links -web links -host too.
%C%_libloggia_web_la_SOURCES = \
    %D%/card.c %D%/card.h \
    %D%/fill.c %D%/fill.h \
    %D%/form.c %D%/form.h \
    %D%/http.c %D%/http.h %D%/http_internal.h \
    %D%/http_connection.c \
    %D%/http_listen.c \
    %D%/http_request.c \
    %D%/i18n.c %D%/i18n.h \
    %D%/i18n_mo.c %D%/i18n_mo.h \
    %D%/i18n_negotiate.c \
    %D%/i18n_plural.c \
    %D%/logo.c %D%/logo.h \
    %D%/notice.c %D%/notice.h \
    %D%/notice_dir.c \
    %D%/notice_fields.c %D%/notice_parse.h \
    %D%/notice_render.c \
    %D%/notice_select.c \
    %D%/notice_write.c \
    %D%/page.c %D%/page.h \
    %D%/page_error.c %D%/page_internal.h \
    %D%/page_kinds.c \
    %D%/page_legal.c \
    %D%/page_notices.c \
    %D%/page_services.c \
    %D%/page_style.c \
    %D%/page_text.c \
    %D%/utf8.c %D%/utf8.h
%C%_libloggia_web_la_CFLAGS = $(AM_CFLAGS) $(MHD_CFLAGS) $(CMARK_CFLAGS)
%C%_libloggia_web_la_LIBADD = $(MHD_LIBS) $(CMARK_LIBS)
endif
