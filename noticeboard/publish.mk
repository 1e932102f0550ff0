# What goes out: bundle, signature, feeds; and serving them.
noinst_LTLIBRARIES += %D%/libloggia-publish.la
%C%_libloggia_publish_la_SOURCES = \
    %D%/news.c \
    %D%/out.h \
    %D%/out_cap.c \
    %D%/out_json.c \
    %D%/out_rss.c \
    %D%/publish.c %D%/publish.h %D%/publish_internal.h \
    %D%/publish_build.c \
    %D%/publish_dir.c \
    %D%/publish_http.c \
    %D%/publish_seen.c
%C%_libloggia_publish_la_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
%C%_libloggia_publish_la_LIBADD = $(JANSSON_LIBS)
