# Catalogues of the pages that citizens see: one language each, compiled by msgfmt, which also checks
# that every {placeholder} of a text is in its translation. A new language is one more line here.
LOGGIA_CATALOGUES = \
    %D%/it.mo \
    %D%/zh-hans.mo
LOGGIA_POTFILES = \
    lib/i18n.c \
    lib/page.c \
    lib/page_error.c \
    lib/page_kinds.c \
    lib/page_legal.c \
    lib/page_notices.c \
    lib/page_services.c \
    lib/page_text.c

cataloguedir = $(datadir)/loggia/locale
catalogue_DATA = $(LOGGIA_CATALOGUES)
EXTRA_DIST += $(LOGGIA_CATALOGUES:.mo=.po) %D%/check-catalogues
CLEANFILES += $(LOGGIA_CATALOGUES) %D%/loggia.pot

.po.mo:
	$(AM_V_GEN)$(MKDIR_P) $(@D) && $(MSGFMT) --check -o $@ $<

# And of the pages that editors see: a catalogue of its own, so that a language for citizens does not
# have to know the words of the office.
if BOARD
boardcataloguedir = $(cataloguedir)/board
boardcatalogue_DATA = %D%/board/it.mo
CLEANFILES += $(boardcatalogue_DATA)
endif
EXTRA_DIST += %D%/board/it.po

# What there is to translate; `make po/loggia.pot`, then msgmerge -U LANG.po loggia.pot.
%D%/loggia.pot: $(LOGGIA_POTFILES)
	$(AM_V_GEN)$(MKDIR_P) $(@D) && cd $(srcdir) && xgettext --from-code=UTF-8 -kT -kN_ -kTN:1,2 \
	    -kmo_text:2 --add-comments=TRANSLATORS: --no-wrap --package-name=loggia \
	    -o $(abs_builddir)/$@ $(LOGGIA_POTFILES)

# Every text of the pages has its translation in every catalogue.
TESTS += %D%/check-catalogues
