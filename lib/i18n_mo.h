/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One .mo catalogue and its plural rule; i18n.c holds one a language. */
#ifndef LOGGIA_LIB_I18N_MO_H
#define LOGGIA_LIB_I18N_MO_H

#include <stddef.h>

#define MO_MAX_BYTES    1048576
#define MO_MAX_MESSAGES 10000

struct mo;

/* Takes data (malloc'd, len bytes) in every case. NULL with the reason in *why when any offset,
 * length or order in it is wrong: nothing that follows has to check again. */
struct mo *mo_new(char *data, size_t len, const char **why);
void mo_free(struct mo *mo);

/* NULL if the catalogue has no such message, or an empty translation. */
const char *mo_text(const struct mo *mo, const char *msgid);
const char *mo_plural(const struct mo *mo, const char *msgid, unsigned long n);

/* A plural expression of gettext ("n != 1", "n%10==1 && n%100!=11 ? 0 : …"): C's operators ?: || &&
 * ==
 * != < > <= >= + - * / % ! and parentheses over n and numbers. Returns the form for n, or -1 when
 * text is no such expression, divides by zero, or is nested more than 32 deep. */
#define PLURAL_MAX_TEXT 512
long plural_form(const char *text, unsigned long n);

#endif
