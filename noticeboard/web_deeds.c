/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the buttons of a notice, a template or a card do. Everything is looked at again when the
 * button's POST comes: the state that was seen, the rights, the checks. */
#include "lib/log.h"
#include "lib/utf8.h"
#include "noticeboard/web_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void deed_done(struct visit *v, enum store_kind kind, int64_t put, const char *deed_name)
{
    char path[64];

    if (put == -1) {
        visit_refuse(v, 409, T("Changed meanwhile"),
                     T("Somebody else has changed this since you looked at it. Nothing was "
                       "done: look at it again."));
        return;
    }
    if (put <= 0) {
        visit_store_failed(v, deed_name);
        return;
    }
    static const char *const names[] = {"notice", "template", "service"};
    log_msg(LOG_NOTICE, "event=%s deed=%s %s=%s-%lld who=%s", names[kind], deed_name, names[kind],
            v->who.administration->id, (long long)put, v->who.name);
    snprintf(path, sizeof path, "/%s/%lld?done=%s", kind_path(kind), (long long)put, deed_name);
    visit_see_other(v, path);
}

/* A version of what was seen, in another state. */
static int64_t put(struct visit *v, const struct seen *s, enum store_state state, int version,
                   const char *note)
{
    return visit_put(v, s->d, s->n.id, s->n.kind, state, version, note);
}

static void not_allowed(struct visit *v)
{
    visit_refuse(v, 403, T("Not yours"), T("Your account may not do that. Nothing was changed."));
}

/* A version that waits to be agreed to, or whatever somebody may do alone. A template that nobody
 * but its writer has agreed to is ready only when another does. */
static bool publishable(struct visit *v, const struct seen *s)
{
    return (seen_open(s) || seen_unagreed(v, s)) &&
           visit_may_publish(v, s->n.kind, s->n.id, s->n.version, s->publisher);
}

static void publish(struct visit *v, const struct seen *s, int version)
{
    struct draft_finding f[DRAFT_MAX_FINDINGS];

    if (!publishable(v, s))
        not_allowed(v);
    else if (draft_has_errors(f, seen_check(v, s, f)))
        visit_refuse(v, 409, T("Not yet"), T("Something in it must be mended first."));
    else
        deed_done(v, s->n.kind, put(v, s, STORE_APPROVED, version, NULL), "published");
}

static void send_on(struct visit *v, const struct seen *s, int version)
{
    struct draft_finding f[DRAFT_MAX_FINDINGS];

    if (!visit_may_write(v, s->n.kind, s->publisher))
        not_allowed(v);
    else if (draft_has_errors(f, seen_check(v, s, f)))
        visit_refuse(v, 409, T("Not yet"), T("Something in it must be mended first."));
    else
        deed_done(v, s->n.kind, put(v, s, STORE_WAITING, version, NULL), "sent");
}

static void send_back(struct visit *v, const struct seen *s, int version)
{
    char note[WEB_NOTE_LEN];

    if (s->n.state != STORE_WAITING ||
        !visit_may_publish(v, s->n.kind, s->n.id, s->n.version, s->publisher)) {
        not_allowed(v);
        return;
    }
    size_t cut = utf8_cut(visit_field(v, "note"), 300);
    snprintf(note, sizeof note, "%.*s", (int)cut, visit_field(v, "note"));
    deed_done(v, s->n.kind, put(v, s, STORE_RETURNED, version, note), "returned");
}

/* At once, and whoever may write may do it: what is wrong on a page is worse than what is missing.
 */
static void withdraw(struct visit *v, const struct seen *s)
{
    if (visit_may_write(v, s->n.kind, s->publisher))
        deed_done(v, s->n.kind, put(v, s, STORE_WITHDRAWN, 0, NULL), "withdrawn");
    else
        not_allowed(v);
}

/* Its words are as they were; whoever was asked "still true?" has looked. */
static void confirm(struct visit *v, const struct seen *s)
{
    bool may =
        s->n.kind == STORE_NOTICE && s->n.live > 0 && visit_may_write(v, s->n.kind, s->publisher);

    if (!may)
        not_allowed(v);
    else if (store_notice_confirm(v->b->store, v->who.administration->id, s->n.id, v->who.name,
                                  v->now))
        deed_done(v, s->n.kind, s->n.id, "confirmed");
    else
        visit_store_failed(v, "confirmed");
}

/* Back to an older version: published where that may be done alone, else sent to a second person;
 * where it has ended meanwhile a draft, to be given another end. */
static void restore(struct visit *v, struct seen *s, int version)
{
    struct draft_finding f[DRAFT_MAX_FINDINGS];
    int number = atoi(visit_field(v, "number"));
    struct draft *old = seen_version(v, s, number);
    char note[40];

    if (!old || !visit_may_write(v, s->n.kind, s->publisher) ||
        !visit_may_write(v, s->n.kind, draft_get(old, "publisher"))) {
        draft_free(old);
        not_allowed(v);
        return;
    }
    draft_free(s->d);
    s->d = old;
    bool fine = !draft_has_errors(f, seen_check(v, s, f));
    bool alone = visit_may_publish(v, s->n.kind, s->n.id, number, s->publisher);
    enum store_state state = !fine ? STORE_DRAFT : alone ? STORE_APPROVED : STORE_WAITING;
    snprintf(note, sizeof note, "<- %d", number);
    deed_done(v, s->n.kind, put(v, s, state, version, note), "restored");
}

void deed_post(struct visit *v, int64_t id, enum store_kind kind, const char *action)
{
    struct seen s;

    if (!visit_look(v, id, kind, &s))
        return;
    int version = visit_version(v);
    if (strcmp(action, "publish") == 0)
        publish(v, &s, version);
    else if (strcmp(action, "send") == 0)
        send_on(v, &s, version);
    else if (strcmp(action, "return") == 0)
        send_back(v, &s, version);
    else if (strcmp(action, "withdraw") == 0)
        withdraw(v, &s);
    else if (strcmp(action, "confirm") == 0)
        confirm(v, &s);
    else if (strcmp(action, "restore") == 0)
        restore(v, &s, version);
    else
        visit_not_found(v);
    draft_free(s.d);
}
