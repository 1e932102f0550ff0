# systemd: units, accounts and directories of an access router; the centre's erasing job
EXTRA_DIST += %D%/loggia-gate.service %D%/loggiad.service %D%/loggia-board.service %D%/loggia.sysusers %D%/loggia.tmpfiles \
    %D%/loggia-erase.service %D%/loggia-erase.timer %D%/loggia.modules
if CENTRE
erasedir = $(SYSTEMD_UNIT_DIR)
erase_DATA = %D%/loggia-erase.service %D%/loggia-erase.timer
endif
systemdunitdir = $(SYSTEMD_UNIT_DIR)
nodist_systemdunit_DATA =
%D%/made/%.service: %D%/%.service
	$(AM_V_GEN)$(MKDIR_P) $(@D) && $(SED) -e 's|@sbindir[@]|$(sbindir)|g' $< >$@
CLEANFILES += $(nodist_systemdunit_DATA)
boardusersdir = $(prefix)/lib/sysusers.d
if BOARD
nodist_systemdunit_DATA += %D%/made/loggia-board.service
dist_boardusers_DATA = %D%/sysusers/loggia-board.conf
else
EXTRA_DIST += %D%/sysusers/loggia-board.conf
endif
if ROUTER
nodist_systemdunit_DATA += %D%/made/loggia-gate.service %D%/made/loggiad.service

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
