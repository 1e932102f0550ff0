/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Items as versions in the store: it decides what is new, what changed, and what a person withdrew.
 */
#include "lib/buf.h"
#include "lib/log.h"
#include "noticeboard/importer_internal.h"
#include <stdlib.h>
#include <string.h>

/* ",duomo,stazione," */
static char *zones_of(const struct notice *n)
{
    struct buf b;
    buf_init(&b, NOTICE_MAX_ZONES * 34 + 2);
    buf_str(&b, ",");
    for (char **z = n->zones; *z; z++)
        buf_fmt(&b, "%s,", *z);
    return buf_take(&b, NULL);
}

/* All words of all languages. */
static char *words_of(const struct notice *n)
{
    struct buf b;
    buf_init(&b, 4 * NOTICE_MAX_BYTES);
    for (size_t i = 0; i < n->n_texts; i++)
        buf_fmt(&b, "%s %s ", n->texts[i].title, n->texts[i].markdown);
    return buf_take(&b, NULL);
}

bool keep_item(const struct keep *k, const struct imported *item)
{
    static const char *const said[] = {"same", "new", "changed"};
    const struct notice *n = item->notice;
    char *zones = zones_of(n), *words = words_of(n);
    struct store_notice row = {.administration = k->administration->id,
                               .publisher = k->publisher->id,
                               .kind = STORE_NOTICE,
                               .state = k->approval ? STORE_WAITING : STORE_APPROVED,
                               .title = n->texts[0].title,
                               .priority = (int)n->priority,
                               .starts = n->from,
                               .ends = n->until,
                               .zones = zones,
                               .form =
                                   "", /* nobody typed it: whoever edits it begins with the text */
                               .text = item->text,
                               .feed = k->feed,
                               .guid = item->guid};
    enum store_import result = STORE_IMPORT_FAILED;
    if (zones && words)
        result = store_import(k->store, &row, item->hash, words, k->now);
    if (result == STORE_IMPORT_FAILED)
        log_msg(LOG_ERR, "event=import_failed feed=%s guid=\"%.100s\" why=\"%s\"", k->feed,
                item->guid, store_error(k->store));
    else if (result != STORE_IMPORT_SAME)
        log_msg(LOG_NOTICE, "event=imported feed=%s guid=\"%.100s\" what=%s state=%s", k->feed,
                item->guid, said[result], k->approval ? "waiting" : "published");
    free(zones);
    free(words);
    return result != STORE_IMPORT_FAILED;
}

/* --- what is gone
 * --------------------------------------------------------------------------------- */

bool guids_add(struct guids *g, const char *guid)
{
    char **grown = realloc(g->items, (g->n + 1) * sizeof *grown);
    if (!grown)
        return false;
    g->items = grown;
    g->items[g->n] = strdup(guid);
    g->n += g->items[g->n] != NULL;
    return true;
}

bool guids_have(const struct guids *g, const char *guid)
{
    for (size_t i = 0; i < g->n; i++)
        if (strcmp(g->items[i], guid) == 0)
            return true;
    return false;
}

void guids_free(struct guids *g)
{
    for (size_t i = 0; i < g->n; i++)
        free(g->items[i]);
    free(g->items);
    *g = (struct guids){0};
}

struct search {
    const struct guids *here;
    struct guids absent;
    int64_t now;
    bool failed;
};

static bool note_absent(void *arg, const struct store_notice *n)
{
    struct search *s = arg;
    if (n->ends > s->now && !guids_have(s->here, n->guid) && !guids_add(&s->absent, n->guid))
        s->failed = true;
    return !s->failed;
}

bool keep_only(const struct keep *k, const struct guids *here, struct guids *missing)
{
    struct search s = {.here = here, .now = k->now};
    bool fine = store_imported(k->store, k->feed, note_absent, &s) && !s.failed;
    for (size_t i = 0; fine && i < s.absent.n; i++) {
        const char *guid = s.absent.items[i];
        if (missing && !guids_have(missing, guid)) /* a site that stumbled once has its next try */
            continue;
        fine = store_import_gone(k->store, k->feed, guid, "is no longer published there", k->now);
        log_msg(LOG_NOTICE, "event=import_gone feed=%s guid=\"%.100s\"", k->feed, guid);
    }
    if (missing) {
        guids_free(missing);
        *missing = s.absent;
    } else {
        guids_free(&s.absent);
    }
    return fine;
}
