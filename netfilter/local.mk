# netfilter: loggia-gate, the only privileged process
sbin_PROGRAMS += %D%/loggia-gate
%C%_loggia_gate_SOURCES = \
    %D%/adoption.c \
    %D%/claims.c %D%/claims.h \
    %D%/clients.c %D%/clients.h \
    %D%/controller.c %D%/gate.h \
    %D%/foreign.c \
    %D%/keeper.c \
    %D%/main.c \
    %D%/neigh.c %D%/neigh.h \
    %D%/neigh_fast.c %D%/neigh_fast.h \
    %D%/neigh_lan.c %D%/neigh_lan.h \
    %D%/privileges.c %D%/privileges.h \
    %D%/rebuild.c \
    %D%/returning.c \
    %D%/ruleset.c %D%/ruleset.h %D%/ruleset_attr.h %D%/ruleset_internal.h \
    %D%/ruleset_addresses.c \
    %D%/ruleset_batch.c \
    %D%/ruleset_elements.c \
    %D%/ruleset_flowtables.c \
    %D%/ruleset_offload.c \
    %D%/ruleset_others.c \
    %D%/ruleset_guard.c \
    %D%/ruleset_parse.c \
    %D%/ruleset_read.c \
    %D%/ruleset_rules.c \
    %D%/ruleset_router.c \
    %D%/ruleset_chains.c \
    %D%/ruleset_sets.c \
    %D%/ruleset_steps.c \
    %D%/ruleset_words.c %D%/ruleset_words.h \
    %D%/shape.c %D%/shape.h \
    %D%/shape_lead.c %D%/shape_lead.h \
    %D%/shape_tc.c %D%/shape_tc.h \
    %D%/shaping.c \
    %D%/settings.c %D%/settings.h \
    %D%/verbs.c %D%/verbs.h \
    %D%/work.c
%C%_loggia_gate_CFLAGS = $(AM_CFLAGS) $(PIE_CFLAGS) $(NFTNL_CFLAGS) $(NL_CFLAGS) $(CAPNG_CFLAGS)
%C%_loggia_gate_LDFLAGS = $(AM_LDFLAGS) $(PIE_LDFLAGS)
%C%_loggia_gate_LDADD = lib/libloggia-confine.la lib/libloggia-host.la lib/libloggia-core.la \
    $(NFTNL_LIBS) $(NL_LIBS) $(CAPNG_LIBS)
