/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CAP's chains (its section 3.2.1): an Update replaces the messages it refers to, a Cancel ends
 * them. A chain is one notice, under the name of its first message, so that its history is one and
 * an update that waits for approval leaves on the page what was approved before. Which messages are
 * over is remembered in the store: a site that still serves an old one, or serves it again, changes
 * nothing. */
#include "noticeboard/cap_parse.h"
#include "noticeboard/importer_internal.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "SENDER,IDENTIFIER" of a reference. */
static bool message_of(const char *reference, char out[static IMPORT_GUID_LEN])
{
    const char *last = strrchr(reference, ',');
    if (!last || !memchr(reference, ',', (size_t)(last - reference)) ||
        (size_t)(last - reference) >= IMPORT_GUID_LEN - 8)
        return false;
    snprintf(out, IMPORT_GUID_LEN, "%.*s", (int)(last - reference), reference);
    return true;
}

/* The name of the chain that message is of: its own, where it is the first. */
static void chain_of(const struct keep *k, const struct cap_alert *a,
                     char out[static IMPORT_GUID_LEN])
{
    char message[IMPORT_GUID_LEN];
    bool over;
    import_alert_guid(a, message);
    if (store_message_get(k->store, k->feed, message, out, IMPORT_GUID_LEN, &over))
        return;
    for (size_t i = 0; i < a->references.n; i++) { /* the oldest stands first */
        char earlier[IMPORT_GUID_LEN];
        if (!message_of(a->references.items[i], earlier))
            continue;
        if (!store_message_get(k->store, k->feed, earlier, out, IMPORT_GUID_LEN, &over))
            memcpy(out, earlier, sizeof earlier);
        return;
    }
    memcpy(out, message, sizeof message);
}

/* One chain may be several notices: "…", "…#2", …; those that are not here end. */
static bool end_chain(const struct keep *k, const char *chain, const struct guids *here,
                      const char *why)
{
    char guid[IMPORT_GUID_LEN];
    bool fine = true;
    for (size_t i = 0; fine && i < CAP_MAX_INFOS; i++) {
        snprintf(guid, sizeof guid, i ? "%.788s#%zu" : "%.788s", chain, i + 1);
        if (!here || !guids_have(here, guid))
            fine = store_import_gone(k->store, k->feed, guid, why, k->now);
    }
    return fine;
}

static bool show(const struct keep *k, const struct import_rule *rule, const struct cap_alert *a,
                 const char *chain, struct guids *here)
{
    char message[IMPORT_GUID_LEN], guid[IMPORT_GUID_LEN];
    struct import out = {0};
    bool fine = import_alert(a, rule, k->now, &out);
    import_alert_guid(a, message);
    for (size_t i = 0; fine && i < out.n; i++) { /* "#2" … stays behind the name */
        snprintf(guid, sizeof guid, "%.788s%.8s", chain, out.items[i].guid + strlen(message));
        memcpy(out.items[i].guid, guid, sizeof guid);
        fine = guids_add(here, guid) && keep_item(k, &out.items[i]);
    }
    if (fine && a->msg_type == CAP_UPDATE) /* it may have fewer parts, or none that is ours */
        fine = end_chain(k, chain, here, "is no longer part of it");
    import_free(&out);
    return fine;
}

static bool counts(const struct cap_alert *a)
{
    return a->status == CAP_ACTUAL && a->scope == CAP_PUBLIC && a->msg_type >= CAP_ALERT &&
           a->msg_type <= CAP_CANCEL;
}

/* The message is known from now on, and all that it refers to is over. */
static bool note(const struct keep *k, const struct cap_alert *a)
{
    char message[IMPORT_GUID_LEN], chain[IMPORT_GUID_LEN];
    import_alert_guid(a, message);
    chain_of(k, a, chain);
    bool fine = store_message_put(k->store, k->feed, message, chain, false, k->now);
    for (size_t i = 0; fine && a->msg_type != CAP_ALERT && i < a->references.n; i++) {
        char earlier[IMPORT_GUID_LEN];
        if (message_of(a->references.items[i], earlier))
            fine = store_message_put(k->store, k->feed, earlier, chain, true, k->now);
    }
    return fine;
}

static bool take(const struct keep *k, const struct import_rule *rule, const struct cap_alert *a,
                 struct guids *here)
{
    char message[IMPORT_GUID_LEN], chain[IMPORT_GUID_LEN];
    bool over = false;
    import_alert_guid(a, message);
    if (!store_message_get(k->store, k->feed, message, chain, sizeof chain, &over))
        return false;
    if (over)
        return true;
    if (a->msg_type == CAP_CANCEL)
        return end_chain(k, chain, NULL, "was cancelled by its source");
    return show(k, rule, a, chain, here);
}

static int by_sent(const void *a, const void *b)
{
    const struct cap_alert *x = *(struct cap_alert *const *)a, *y = *(struct cap_alert *const *)b;
    return x->sent < y->sent ? -1 : x->sent > y->sent;
}

bool cap_take(const struct keep *k, const struct import_rule *rule, struct cap_alert **alerts,
              size_t n, struct guids *here)
{
    bool fine = true;
    if (n > 0)
        qsort(alerts, n, sizeof(*alerts), by_sent);
    for (size_t i = 0; fine && i < n;
         i++) /* first, so that what is over is not shown for a moment */
        fine = !counts(alerts[i]) || note(k, alerts[i]);
    for (size_t i = 0; fine && i < n; i++)
        fine = !counts(alerts[i]) || take(k, rule, alerts[i], here);
    return fine;
}
