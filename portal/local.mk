# portal/: loggiad and loggiactl
include portal/radius.mk

# What decides and what is tested alone: no socket, no timer.
noinst_LTLIBRARIES += %D%/libloggia-portal.la
%C%_libloggia_portal_la_SOURCES = \
    %D%/redirect.c %D%/redirect.h \
    %D%/session.c %D%/session.h \
    %D%/tag.c %D%/tag.h \
    %D%/token.c %D%/token.h
