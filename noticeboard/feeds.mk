# What comes in from other sites: pure readers, no socket.
noinst_LTLIBRARIES += %D%/libloggia-feeds.la
%C%_libloggia_feeds_la_SOURCES = \
    %D%/cap_parse.c %D%/cap_parse.h \
    %D%/feed_date.c %D%/feed_date.h \
    %D%/feed_parse.c %D%/feed_parse.h \
    %D%/html_entities.c \
    %D%/html_text.c %D%/html_text.h \
    %D%/import.c %D%/import.h \
    %D%/markdown.c %D%/markdown.h \
    %D%/source.c %D%/source.h \
    %D%/xml.c %D%/xml.h
%C%_libloggia_feeds_la_CFLAGS = $(AM_CFLAGS) $(EXPAT_CFLAGS)
%C%_libloggia_feeds_la_LIBADD = $(EXPAT_LIBS)

# Fetching them, and files that are dropped: versions in the store.
noinst_LTLIBRARIES += %D%/libloggia-importer.la
%C%_libloggia_importer_la_SOURCES = \
    %D%/folder.c \
    %D%/importer.c %D%/importer.h %D%/importer_internal.h \
    %D%/importer_cap.c \
    %D%/importer_keep.c
