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

bool visit_may_publish(const struct visit *v, int64_t id, int number, const char *publisher)
{
    char who[80] = "";
    struct looking_back l = {.number = number, .who = who};

    if (!v->who.administration->approval)
        return who_may_write(&v->who, publisher);
    store_versions(v->b->store, v->who.administration->id, id, LOOK_BACK, look_back, &l);
    free(l.form);
    free(l.text);
    return l.begun && !l.broken && who_role(&v->who, publisher) >= BOARD_APPROVER &&
           (l.state == STORE_APPROVED || strcmp(who, v->who.name) != 0);
}
