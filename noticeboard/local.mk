# noticeboard/: loggia-board, where the city's editors write
sbin_PROGRAMS += %D%/loggia-board
include noticeboard/feeds.mk
include noticeboard/publish.mk

# What is tested alone: no socket, no thread.
noinst_LTLIBRARIES += %D%/libloggia-board.la
%C%_libloggia_board_la_SOURCES = \
    %D%/colour.c %D%/colour.h \
    %D%/conf.c %D%/conf.h %D%/conf_internal.h \
    %D%/conf_schema.c \
    %D%/store.c %D%/store.h %D%/store_internal.h \
    %D%/store_counts.c \
    %D%/store_messages.c \
    %D%/store_list.c \
    %D%/store_notices.c \
    %D%/store_people.c \
    %D%/store_schema.c \
    %D%/store_services.c \
    %D%/store_words.h
%C%_libloggia_board_la_CFLAGS = $(AM_CFLAGS) $(SQLITE_CFLAGS)
%C%_libloggia_board_la_LIBADD = $(SQLITE_LIBS) -lm

%C%_loggia_board_SOURCES = \
    %D%/board.c %D%/board.h \
    %D%/cli.c %D%/cli.h \
    %D%/main.c \
    %D%/web.c %D%/web.h
%C%_loggia_board_CFLAGS = $(AM_CFLAGS) $(PIE_CFLAGS)
%C%_loggia_board_LDFLAGS = $(AM_LDFLAGS) $(PIE_LDFLAGS)
%C%_loggia_board_LDADD = %D%/libloggia-publish.la %D%/libloggia-importer.la %D%/libloggia-feeds.la \
    %D%/libloggia-board.la lib/libloggia-bundle.la \
    lib/libloggia-fetch.la lib/libloggia-web.la lib/libloggia-cert.la \
    lib/libloggia-host.la lib/libloggia-core.la
