# the RADIUS client's files
noinst_LTLIBRARIES += portal/libloggia-radius.la
portal_libloggia_radius_la_SOURCES = \
    %reldir%/radius_codec.c %reldir%/radius_codec.h \
    %reldir%/radius_client.c %reldir%/radius_client.h %reldir%/radius_internal.h \
    %reldir%/radius_checkup.c %reldir%/radius_checkup.h \
    %reldir%/radius_request.c %reldir%/radius_grant.c \
    %reldir%/dynauth_request.c %reldir%/dynauth.h \
    %reldir%/radius_socket.c %reldir%/radius_servers.c %reldir%/radius_exchange.c \
    %reldir%/accounting.c %reldir%/accounting.h %reldir%/acct_internal.h \
    %reldir%/acct_record.c %reldir%/acct_order.c \
    %reldir%/acct_queue.c %reldir%/acct_queue.h %reldir%/acct_compact.c
