# radius-module: the federation as a plain library (tested and fuzzed without FreeRADIUS), and the module.
noinst_LTLIBRARIES += %D%/libloggia-federation.la
%C%_libloggia_federation_la_SOURCES = \
    %D%/authority.c %D%/authority.h %D%/authority_io.c %D%/authority_private.h \
    %D%/answers.c %D%/answers.h \
    %D%/attempts.c %D%/attempts.h \
    %D%/breaker.c %D%/breaker.h \
    %D%/decision.c %D%/decision.h \
    %D%/directory.c %D%/directory.h %D%/directory_bulk.c %D%/directory_bulk.h \
    %D%/directory_follow.c %D%/directory_private.h \
    %D%/entitlement.c %D%/entitlement.h \
    %D%/federation.c %D%/federation.h %D%/federation_inherit.c %D%/federation_memory.c %D%/federation_pass.c %D%/federation_private.h \
    %D%/follow.c %D%/follow.h \
    %D%/guard.c %D%/guard.h \
    %D%/login.c %D%/login.h %D%/login_bind.c %D%/login_private.h \
    %D%/memory.c %D%/memory.h \
    %D%/report.c %D%/report.h \
    %D%/settings.c %D%/settings.h \
    %D%/settings_schema.c %D%/settings_schema.h \
    %D%/status.c %D%/status.h
%C%_libloggia_federation_la_CFLAGS = $(AM_CFLAGS) -pthread
# Who links it links lib/libloggia-ldap.la, lib/libloggia-core.la, -lldap -llber too.

# Undefined symbols are the server's. -z nodelete: a connector that still waits for a name server when
# the server unloads its modules must not lose the ground under its feet.
frlib_LTLIBRARIES = %D%/rlm_loggia.la
%C%_rlm_loggia_la_SOURCES = \
    %D%/freeradius_min.h %D%/compat/freeradius/automask.h \
    %D%/rlm_loggia.c %D%/rlm_loggia.h %D%/rlm_loggia_accounting.c %D%/rlm_loggia_xlat.c \
    %D%/rlm_loggia_conf.c %D%/rlm_loggia_desk.c %D%/rlm_loggia_disconnect.c %D%/rlm_loggia_jobs.c %D%/rlm_loggia_known.c \
    %D%/rlm_loggia_look.c %D%/rlm_loggia_pass.c %D%/rlm_loggia_reload.c %D%/rlm_loggia_reply.c %D%/rlm_loggia_store.c \
    %D%/rlm_loggia_store.h
%C%_rlm_loggia_la_CPPFLAGS = $(AM_CPPFLAGS) -DNDEBUG -idirafter $(srcdir)/%D%/compat -include freeradius/build.h -include freeradius/features.h
%C%_rlm_loggia_la_CFLAGS = $(AM_CFLAGS) $(TALLOC_CFLAGS) $(SSL_CFLAGS) -pthread
%C%_rlm_loggia_la_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -shared -Wl,-z,nodelete
%C%_rlm_loggia_la_LIBADD = %D%/libloggia-federation.la lib/libloggia-ldap.la lib/libloggia-core.la -lldap -llber $(TALLOC_LIBS) $(SSL_LIBS)

# What an administrator does to one device.
sbin_PROGRAMS += %D%/loggia-centre
%C%_loggia_centre_SOURCES = %D%/loggia_centre.c
%C%_loggia_centre_LDADD = lib/libloggia-core.la
