/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The facts of the privacy page, from the configuration that is in force. Pure. */
#ifndef LOGGIA_PORTAL_PRIVACY_H
#define LOGGIA_PORTAL_PRIVACY_H

#include "lib/page.h"
#include <stdbool.h>

struct conf;
struct conf_profile;

/* out points into c. old_accounts: the last-password form can be reached now. */
void privacy_facts(const struct conf *c, const struct conf_profile *guest, bool old_accounts,
                   struct page_privacy *out);

#endif
