# portal/: loggiad and loggiactl
include portal/radius.mk

sbin_PROGRAMS += %D%/loggiad %D%/loggiactl

# What decides and what is tested alone: no socket, no timer.
noinst_LTLIBRARIES += %D%/libloggia-portal.la
%C%_libloggia_portal_la_SOURCES = \
    %D%/board_judge.c %D%/board.h \
    %D%/board_pace.c \
    %D%/board_tally.c \
    %D%/doctor_packets.c %D%/doctor_packets.h \
    %D%/histogram.c %D%/histogram.h \
    %D%/metrics_text.c %D%/metrics_text.h \
    %D%/page_cache.c %D%/page_cache.h \
    %D%/limit.c %D%/limit.h \
    %D%/passes.c %D%/passes_file.c %D%/passes.h \
    %D%/privacy.c %D%/privacy.h \
    %D%/redirect.c %D%/redirect.h \
    %D%/session.c %D%/session.h \
    %D%/tag.c %D%/tag.h \
    %D%/token.c %D%/token.h \
    %D%/whose.c %D%/whose.h

%C%_loggiad_SOURCES = \
    %D%/adopt.c \
    %D%/api.c %D%/api.h \
    %D%/board.c \
    %D%/board_keep.c \
    %D%/board_load.c \
    %D%/board_report.c \
    %D%/board_begin.c %D%/board_internal.h \
    %D%/conf_digest.c %D%/conf_digest.h \
    %D%/control.c %D%/control.h %D%/control_internal.h \
    %D%/control_admin.c \
    %D%/control_board.c \
    %D%/control_clients.c \
    %D%/control_facts.c %D%/control_garden.c \
    %D%/control_status.c \
    %D%/devices.c %D%/devices.h \
    %D%/dynauth.c \
    %D%/embedded.c \
    %D%/forget.c \
    %D%/gate_client.c %D%/gate_client.h \
    %D%/main.c \
    %D%/metrics.c %D%/metrics.h %D%/metrics_internal.h \
    %D%/metrics_write.c \
    %D%/portal.c %D%/portal.h \
    %D%/secure.c %D%/secure.h \
    %D%/sessions.c \
    %D%/silent.c \
    %D%/texts.c \
    %D%/web.c %D%/web.h \
    %D%/web_api.c \
    %D%/web_captive.c \
    %D%/web_forms.c \
    %D%/web_go.c \
    %D%/web_login.c \
    %D%/web_logo.c \
    %D%/web_pages.c \
    %D%/web_view.c
%C%_loggiad_CFLAGS = $(AM_CFLAGS) $(PIE_CFLAGS) $(JANSSON_CFLAGS)
%C%_loggiad_LDFLAGS = $(AM_LDFLAGS) $(PIE_LDFLAGS)
%C%_loggiad_LDADD = lib/libloggia-confine.la %D%/libloggia-portal.la %D%/libloggia-radius.la lib/libloggia-fetch-late.la \
    lib/libloggia-bundle.la lib/libloggia-web.la \
    lib/libloggia-cert.la lib/libloggia-host.la lib/libloggia-core.la $(JANSSON_LIBS)

%C%_loggiactl_SOURCES = \
    %D%/conf_digest.c %D%/conf_digest.h \
    %D%/doctor.c %D%/doctor.h \
    %D%/doctor_board.c \
    %D%/doctor_daemons.c \
    %D%/doctor_dhcp.c \
    %D%/doctor_dns.c \
    %D%/doctor_firewall.c \
    %D%/doctor_machine.c \
    %D%/doctor_shaping.c \
    %D%/doctor_tls.c %D%/doctor_garden.c \
    %D%/doctor_uplink.c \
    %D%/loggiactl.c %D%/loggiactl.h \
    %D%/loggiactl_admin.c %D%/loggiactl_garden.c \
    %D%/loggiactl_show.c \
    %D%/loggiactl_talk.c
%C%_loggiactl_CFLAGS = $(AM_CFLAGS) $(PIE_CFLAGS) $(JANSSON_CFLAGS)
%C%_loggiactl_LDFLAGS = $(AM_LDFLAGS) $(PIE_LDFLAGS)
%C%_loggiactl_LDADD = %D%/libloggia-portal.la lib/libloggia-cert.la lib/libloggia-web.la lib/libloggia-host.la lib/libloggia-core.la \
    $(JANSSON_LIBS)
