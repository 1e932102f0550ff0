/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Asks the directories again about who is signed in: one question of an administration at a time,
 * so that nobody's sign-in waits behind many, and in the sign-in's own threads, so that a directory
 * that hangs holds nothing up. A directory that does not answer changes nothing: session_read lets
 * what was known count for conf->recheck_keep_s, and the next turn asks again. */
#include "noticeboard/recheck.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "noticeboard/board.h"
#include "noticeboard/signin.h"
#include "noticeboard/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { AT_ONCE = 64, TURN_MS = 15000, DUE = 256 };

struct asked { /* about whom */
    struct recheck *r;
    uint64_t number; /* of the sign-in's question; 0: none */
    bool busy;
    char administration[40], login[SIGNIN_NAME_MAX + 1];
};

struct recheck {
    struct board *b;
    struct loop_timer *timer;
    int64_t all_before; /* whoever was looked at before is due whatever the interval says */
    struct asked asked[AT_ONCE];
    struct asked due[DUE]; /* of the turn that is being made */
    size_t n_due, first;   /* another one each turn: one bad account stops no other */
};

static void turn(void *arg);

static void ended(struct asked *a, const char *why)
{
    int n = 0;

    if (!store_session_forget(a->r->b->store, a->administration, a->login, &n))
        log_msg(LOG_ERR, "event=store_failed what=session why=\"%s\"", store_error(a->r->b->store));
    else if (n)
        log_msg(LOG_NOTICE, "event=session_ended administration=%s name=%s why=\"%s\"",
                a->administration, a->login, why);
}

static void still(struct asked *a, const struct signin_answer *answer)
{
    struct store_session v = {.administration = a->administration,
                              .login = a->login,
                              .name = answer->name,
                              .role = answer->role,
                              .publishers = answer->roles,
                              .checked = board_now()};
    int changed = 0;

    if (!store_session_checked(a->r->b->store, &v, &changed))
        log_msg(LOG_ERR, "event=store_failed what=session why=\"%s\"", store_error(a->r->b->store));
    else if (changed)
        log_msg(LOG_NOTICE, "event=roles_changed administration=%s name=%s", a->administration,
                answer->name);
}

static void on_answer(void *arg, const struct signin_answer *answer)
{
    struct asked *a = arg;
    bool known = true;

    a->busy = false;
    a->number = 0;
    if (answer->verdict == SIGNIN_RIGHT)
        still(a, answer);
    else if (answer->verdict == SIGNIN_WRONG)
        ended(a, "the account is gone");
    else if (answer->verdict == SIGNIN_NO_ROLE)
        ended(a, "it may nothing here any more");
    else
        known = false; /* later */
    if (known)         /* the administration's next one */
        loop_timer_start(a->r->timer, 0);
}

/* A place for a question about an administration; NULL if one is under way, or there is none. */
static struct asked *place_for(struct recheck *r, const char *administration)
{
    struct asked *free_one = NULL;

    for (size_t i = 0; i < AT_ONCE; i++) {
        if (r->asked[i].busy && strcmp(r->asked[i].administration, administration) == 0)
            return NULL;
        if (!r->asked[i].busy)
            free_one = &r->asked[i];
    }
    return free_one;
}

static void note_due(void *arg, const struct store_session *v)
{
    struct recheck *r = arg;
    struct asked *a = &r->due[r->n_due++];

    snprintf(a->administration, sizeof a->administration, "%s", v->administration);
    snprintf(a->login, sizeof a->login, "%s", v->login);
}

static void ask(struct recheck *r, const struct asked *due)
{
    const struct board_administration *a =
        board_conf_administration(r->b->conf, due->administration);
    struct asked *place = a ? place_for(r, due->administration) : NULL;

    if (!place)
        return; /* session_read knows no such administration, either */
    *place = *due;
    place->r = r;
    place->busy = true;
    uint64_t number = signin_recheck(r->b->signin, a, place->login, on_answer, place);
    if (number)
        place->number = number;
}

static void turn(void *arg)
{
    struct recheck *r = arg;
    int64_t before = board_now() - (int64_t)r->b->conf->recheck_s;
    uint64_t ms = (uint64_t)r->b->conf->recheck_s * 1000 / 4;

    loop_timer_start(r->timer, ms < TURN_MS ? ms : TURN_MS);
    r->n_due = 0;
    store_session_due(r->b->store, before > r->all_before ? before : r->all_before, DUE, note_due,
                      r);
    r->first++;
    for (size_t i = 0; i < r->n_due; i++)
        ask(r, &r->due[(r->first + i) % r->n_due]);
}

void recheck_all(struct recheck *r)
{
    r->all_before = board_now();
    loop_timer_start(r->timer, 0);
}

struct recheck *recheck_new(struct board *b)
{
    struct recheck *r = calloc(1, sizeof *r);

    if (!r)
        return NULL;
    r->b = b;
    r->timer = loop_timer_new(b->loop, turn, r);
    if (!r->timer) {
        free(r);
        return NULL;
    }
    turn(r);
    return r;
}

void recheck_free(struct recheck *r)
{
    if (!r)
        return;
    for (size_t i = 0; i < AT_ONCE; i++)
        if (r->asked[i].number)
            signin_cancel(r->b->signin, r->asked[i].number);
    loop_timer_free(r->timer);
    free(r);
}
