/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Texts in the citizen's language. Catalogues are gettext's (po/LANG.po, compiled by msgfmt), but
 * gettext() itself chooses the language for a whole process and needs installed locales, which a
 * router has not: so the .mo files are read here, each is one language, and the language is an
 * argument. msgids are English; Italian is first where a browser asks for nothing we have. */
#ifndef LOGGIA_LIB_I18N_H
#define LOGGIA_LIB_I18N_H

#include <stdbool.h>
#include <stddef.h>

struct i18n;

/* Loads every DIR/TAG.mo ("it.mo", "zh-hans.mo"). A damaged file is skipped and logged. Never NULL:
 * with no catalogue at all everything is English. */
struct i18n *i18n_load(const char *dir);
void i18n_free(struct i18n *i);

/* The text, or msgid itself. Lives as long as i. */
const char *i18n_text(const struct i18n *i, const char *lang, const char *msgid);
/* ngettext's rule, from the catalogue's Plural-Forms. */
const char *i18n_plural(const struct i18n *i, const char *lang, const char *one, const char *many,
                        unsigned long n);

/* The languages there are, "it" first, then "en" (always there), then the rest by tag. */
size_t i18n_languages(const struct i18n *i, const char *const **tags);
/* The language's own name: "Italiano", "English", "中文". Its msgid is "language-name". */
const char *i18n_language_name(const struct i18n *i, const char *tag);
bool i18n_has(const struct i18n *i, const char *tag);
bool i18n_rtl(const char *tag);

/* Picks by an Accept-Language value (RFC 9110 section 12.5.4, q-values, lookup of RFC 4647 section
 * 3.4; zh, zh-CN and zh-Hans all find zh-hans). NULL or nothing known: "it". Returns one of the
 * set's own tags. */
const char *i18n_negotiate(const struct i18n *i, const char *accept_language);

#endif
