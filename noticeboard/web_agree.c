/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who wrote what a version says. Where a second person has to agree, that is not the one who
 * pressed a button last: a version that somebody sent on, sent back, withdrew or put back still has
 * the words of who typed them, and nobody agrees to their own. */
#include "noticeboard/web_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LOOK_BACK = 400 };

struct looking_back {
    int number; /* from this version backwards */
    char *form, *text;
    bool begun, broken;
    enum store_state state;
    char *who; /* 80 bytes */
};

/* While the words are the same the author is an earlier one. */
static bool look_back(void *arg, const struct store_version *ver)
{
    struct looking_back *l = arg;
    const char *text = ver->text ? ver->text : "";

    if (ver->number > l->number)
        return true;
    if (!l->begun) {
        l->begun = true;
        l->state = ver->state;
        l->form = strdup(ver->form);
        l->text = strdup(text);
        l->broken = !l->form || !l->text;
    } else if (strcmp(ver->form, l->form) != 0 || (!*l->form && strcmp(text, l->text) != 0)) {
        return false;
    }
    snprintf(l->who, 80, "%s", ver->who);
    return !l->broken;
}

bool visit_may_see(const struct visit *v, enum store_kind kind, const char *publisher)
{
    return who_role(&v->who, publisher) >= (kind == STORE_TEMPLATE ? BOARD_APPROVER : BOARD_WRITER);
}

bool visit_may_write(const struct visit *v, enum store_kind kind, const char *publisher)
{
    return who_role(&v->who, publisher) >= (kind == STORE_NOTICE ? BOARD_WRITER : BOARD_ADMIN);
}

/* What was agreed to before may come back; of a template or a card, which stay, only if that was by
 * somebody else than its author. */
bool visit_may_publish(const struct visit *v, enum store_kind kind, int64_t id, int number,
                       const char *publisher)
{
    char who[80] = "";
    struct looking_back l = {.number = number, .who = who};

    if (!v->who.administration->approval)
        return visit_may_write(v, kind, publisher);
    store_versions(v->b->store, v->who.administration->id, id, LOOK_BACK, look_back, &l);
    free(l.form);
    free(l.text);
    if (!l.begun || l.broken || who_role(&v->who, publisher) < BOARD_APPROVER)
        return false;
    return strcmp(who, v->who.name) != 0 ||
           (l.state == STORE_APPROVED && (kind == STORE_NOTICE || visit_agreed(v, id, number)));
}

/* --- whether somebody did
 * ------------------------------------------------------------------------------------------- */
struct agreeing {
    int number;
    char *form;      /* of that version */
    char author[80]; /* of the first version with these words */
    char agreed[16][80];
    int n;
};

static bool note_agreement(void *arg, const struct store_version *ver)
{
    struct agreeing *a = arg;

    if (ver->number > a->number)
        return true;
    if (!a->form)
        a->form = strdup(ver->form);
    if (!a->form)
        return false;
    if (strcmp(a->form, ver->form) != 0)
        return true;
    if (ver->state == STORE_APPROVED && a->n < 16)
        snprintf(a->agreed[a->n++], sizeof *a->agreed, "%s", ver->who);
    snprintf(a->author, sizeof a->author, "%s", ver->who); /* newest first: the last is the first */
    return true;
}

bool visit_agreed(const struct visit *v, int64_t id, int number)
{
    struct agreeing a = {.number = number};
    bool agreed = !v->who.administration->approval;

    if (agreed)
        return true;
    store_versions(v->b->store, v->who.administration->id, id, LOOK_BACK, note_agreement, &a);
    for (int i = 0; i < a.n; i++)
        agreed |= strcmp(a.agreed[i], a.author) != 0;
    free(a.form);
    return agreed;
}
