/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the store's thread looks for by itself: what other servers have changed, and, when this one
 * begins, who is online. */
#include "radius-module/rlm_loggia_store.h"

#include <stdlib.h>
#include <string.h>

#define MOST_CHANGES 1000 /* at one look */
#define ONLINE_MS    300  /* at one look, for reading who is online */

/* --- what other servers have changed ------------------------------------------------------------
 */

/* "NUMBER DEVICE", behind it "banned" or "banned:SECONDS" if it is. False: that was the last. Who
 * is banned may be online wherever the accounting says; each server cuts, for none knows which of
 * them is up, and a router that has done it already says so. */
static bool take_change(struct rlm_loggia_store *s, char *text)
{
    char *end;
    unsigned long long number = strtoull(text, &end, 10);
    uint32_t banned_s = 0;
    if (end == text || *end != ' ' || number <= s->read_to)
        return false;
    s->read_to = number;
    char *device = end + 1, *word = strchr(device, ' ');
    if (word)
        *word++ = 0;
    bool banned = word && rlm_loggia_read_ban(word, &banned_s);
    fed_changed_elsewhere(s->inst->fed, device, banned_s);
    if (banned && s->inst->queries[QUERY_SESSIONS])
        store_push(s, JOB_CUT, NULL, device);
    return true;
}

/* Each change is taken twice, at two looks: numbers are given before a transaction is over, so a
 * smaller one may come into sight a moment later. Taking one twice does no harm. False: the store
 * does not answer. */
bool store_look_for_changes(struct rlm_loggia_store *s)
{
    rlm_loggia_t *inst = s->inst;
    unsigned long long before = s->read_to;
    char text[128];
    bool more = true;
    if (!inst->queries[QUERY_CHANGES])
        return true;
    if (!guard_enter(&inst->reading, clock_ms()))
        return false;
    bool ok = true;
    s->read_to = s->since;
    for (int i = 0; more && i < MOST_CHANGES; i++) {
        REQUEST *r = rlm_loggia_request(NULL);
        if (!r)
            break;
        store_number(r, inst->attributes[ATTRIBUTE_SINCE], s->read_to);
        rlm_loggia_expand(inst, r, QUERY_CHANGES, text, sizeof text);
        talloc_free(r);
        ok = text[0];
        more = take_change(s, text);
    }
    if (s->read_to < before)
        s->read_to = before;
    if (ok)
        s->since = before;
    guard_leave(&inst->reading, ok);
    return ok;
}

/* --- who is online when a server begins ---------------------------------------------------------
 */

/* "SESSION PSEUDONYM SEALED". What cannot be read is nobody's that this server could ask about. */
static void take_online(struct rlm_loggia_store *s, char *text)
{
    rlm_loggia_t *inst = s->inst;
    struct rlm_loggia_row row;
    struct mac mac;
    char *pseudonym = strchr(text, ' '), *sealed = pseudonym ? strchr(pseudonym + 1, ' ') : NULL;
    if (!sealed) {
        s->beginning = false; /* another query than the sample's: it would never end */
        return;
    }
    *pseudonym++ = *sealed++ = 0;
    strlcpy(s->online, text, sizeof s->online);
    if (!rlm_loggia_unseal_device(inst, pseudonym, sealed, &mac) || !mac_is_device(&mac))
        return;
    s->n_online++;
    if (!fed_live(inst->fed, &mac, true) || !inst->queries[QUERY_LOOKUP])
        return;
    REQUEST *r = rlm_loggia_request(&mac); /* whom it is bound to */
    if (!r)
        return;
    rlm_loggia_expand(inst, r, QUERY_LOOKUP, row.text, sizeof row.text);
    rlm_loggia_read_row(inst, &mac, &row);
    talloc_free(r);
}

/* A slice at each look, so that nothing else waits long; while the store is silent, later. */
void store_look_who_is_online(struct rlm_loggia_store *s)
{
    rlm_loggia_t *inst = s->inst;
    char text[160];
    bool ok = true;
    if (!s->beginning || !guard_enter(&inst->reading, clock_ms()))
        return;
    for (uint64_t end = clock_ms() + ONLINE_MS; s->beginning && ok && clock_ms() < end;) {
        REQUEST *r = rlm_loggia_request(NULL);
        if (!r)
            break;
        rlm_loggia_control(r, inst->attributes[ATTRIBUTE_SINCE], s->online);
        rlm_loggia_expand(inst, r, QUERY_ONLINE, text, sizeof text);
        talloc_free(r);
        ok = text[0];
        if (strcmp(text, "none") == 0 || s->n_online >= inst->settings->fed.remember) {
            s->beginning = false;
            report_line(&inst->report, LOG_INFO, "event=online_read sessions=%zu", s->n_online);
        } else if (ok) {
            take_online(s, text);
        }
    }
    guard_leave(&inst->reading, ok);
}
