/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The privacy page cannot lie: nothing of it is typed by hand. What is true of every installation
 * stands in lib/page_legal.c, what depends on this one is taken from struct conf here, each time
 * the page is shown, so that a reload changes the page with the behaviour. */
#include "portal/privacy.h"
#include "lib/config.h"
#include "lib/log.h"

void privacy_facts(const struct conf *c, const struct conf_profile *guest, bool old_accounts,
                   struct page_privacy *out)
{
    *out = (struct page_privacy){.controller = c->privacy.controller,
                                 .centre = c->has_radius,
                                 .old_accounts = c->has_radius && old_accounts,
                                 .counted = c->has_board && c->board.token_file,
                                 .detailed_log = log_level() >= LOG_DEBUG,
                                 .session_s = guest->session_s,
                                 .idle_s = guest->idle_s};
    if (c->has_radius) {
        out->retention_s = c->privacy.retention_s;
        out->interim_s = c->guest.interim_s;
    } else {
        out->pass_s = c->guest.pass_s;
    }
}
