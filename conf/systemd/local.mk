# systemd: units, accounts and directories of an access router; the centre's erasing job
EXTRA_DIST += %D%/loggia-gate.service %D%/loggiad.service %D%/loggia.sysusers %D%/loggia.tmpfiles \
    %D%/loggia-erase.service %D%/loggia-erase.timer %D%/loggia.modules
if CENTRE
erasedir = $(SYSTEMD_UNIT_DIR)
erase_DATA = %D%/loggia-erase.service %D%/loggia-erase.timer
endif
if ROUTER
systemdunitdir = $(SYSTEMD_UNIT_DIR)
nodist_systemdunit_DATA = %D%/made/loggia-gate.service %D%/made/loggiad.service
%D%/made/%.service: %D%/%.service
	$(AM_V_GEN)$(MKDIR_P) $(@D) && $(SED) -e 's|@sbindir[@]|$(sbindir)|g' $< >$@
CLEANFILES += $(nodist_systemdunit_DATA)

install-data-local:
	$(MKDIR_P) '$(DESTDIR)$(prefix)/lib/sysusers.d' '$(DESTDIR)$(prefix)/lib/tmpfiles.d' \
	    '$(DESTDIR)$(prefix)/lib/modules-load.d'
	$(INSTALL_DATA) '$(srcdir)/conf/systemd/loggia.sysusers' '$(DESTDIR)$(prefix)/lib/sysusers.d/loggia.conf'
	$(INSTALL_DATA) '$(srcdir)/conf/systemd/loggia.tmpfiles' '$(DESTDIR)$(prefix)/lib/tmpfiles.d/loggia.conf'
	$(INSTALL_DATA) '$(srcdir)/conf/systemd/loggia.modules' '$(DESTDIR)$(prefix)/lib/modules-load.d/loggia.conf'
uninstall-local:
	rm -f '$(DESTDIR)$(prefix)/lib/sysusers.d/loggia.conf' '$(DESTDIR)$(prefix)/lib/tmpfiles.d/loggia.conf' \
	    '$(DESTDIR)$(prefix)/lib/modules-load.d/loggia.conf'
endif
