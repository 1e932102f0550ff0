# noticeboard/: loggia-board, where the city's editors write
sbin_PROGRAMS += %D%/loggia-board
include noticeboard/feeds.mk
include noticeboard/publish.mk

# What is tested alone: no socket, no thread.
noinst_LTLIBRARIES += %D%/libloggia-board.la
%C%_libloggia_board_la_SOURCES = \
    %D%/conf.c %D%/conf.h %D%/conf_check.c %D%/conf_internal.h \
    %D%/conf_schema.c \
    %D%/draft.c %D%/draft.h \
    %D%/draft_check.c \
    %D%/draft_write.c \
    %D%/logo.c %D%/logo.h \
    %D%/store.c %D%/store.h %D%/store_internal.h \
    %D%/store_counts.c \
    %D%/store_messages.c \
    %D%/store_list.c \
    %D%/store_notices.c \
    %D%/store_people.c \
    %D%/store_schema.c \
    %D%/store_services.c \
    %D%/store_words.h \
    %D%/suppress.c %D%/suppress.h \
    %D%/throttle.c %D%/throttle.h
%C%_libloggia_board_la_CFLAGS = $(AM_CFLAGS) $(SQLITE_CFLAGS)
%C%_libloggia_board_la_LIBADD = $(SQLITE_LIBS)

%C%_loggia_board_SOURCES = \
    %D%/board.c %D%/board.h \
    %D%/cli.c %D%/cli.h \
    %D%/main.c \
    %D%/signin.c %D%/signin.h %D%/signin_private.h \
    %D%/signin_ldap.c \
    %D%/signin_worker.c \
    %D%/links.c %D%/links.h \
    %D%/recheck.c %D%/recheck.h \
    %D%/session.c \
    %D%/web.c %D%/web.h %D%/web_internal.h \
    %D%/web_agree.c \
    %D%/web_counts.c \
    %D%/web_deeds.c \
    %D%/web_edit.c \
    %D%/web_edit_parts.c \
    %D%/web_emergency.c \
    %D%/web_feeds.c \
    %D%/web_history.c \
    %D%/web_html.c \
    %D%/web_list.c \
    %D%/web_notice.c \
    %D%/web_preview.c \
    %D%/web_script.c \
    %D%/web_seen.c \
    %D%/web_services.c \
    %D%/web_signin.c \
    %D%/web_style.c \
    %D%/web_words.c
%C%_loggia_board_CFLAGS = $(AM_CFLAGS) $(PIE_CFLAGS)
%C%_loggia_board_LDFLAGS = $(AM_LDFLAGS) $(PIE_LDFLAGS)
%C%_loggia_board_LDADD = lib/libloggia-confine.la %D%/libloggia-publish.la %D%/libloggia-importer.la %D%/libloggia-feeds.la \
    %D%/libloggia-board.la lib/libloggia-bundle.la \
    lib/libloggia-fetch.la lib/libloggia-web.la lib/libloggia-cert.la \
    lib/libloggia-host.la lib/libloggia-ldap.la lib/libloggia-core.la -lldap -llber -lpthread
