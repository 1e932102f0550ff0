/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The course of one question. It is put to a server; if no answer comes it is put again (RFC 5080
 * section 2.2.1: after retry_ms, then twice as long each time, with a jitter, so that a thousand
 * devices do not march in step); after its share of the time it goes to the next server as well;
 * and at timeout_ms, all included, it ends without an answer. The share is what is left of the
 * time, divided by the servers that are left: of two servers the second gets its half whole.
 *
 * Whatever is on its way stays valid until the end: the slow server's answer counts too. An
 * Access-Request is repeated byte for byte with its identifier, so that a server knows the
 * repetition and does not do its work twice. An Accounting-Request carries Acct-Delay-Time;
 * repeating it is a new packet with a new identifier and authenticator (RFC 2866 section 5.2); its
 * Event-Timestamp stays, by which the centre knows a record that it has already.
 *
 * Questions that find no room on the way (identifiers, or the lane's window: more at once than a
 * server digests is only lost in its socket buffer, and comes again a second later) wait in line.
 */
#include "lib/config.h"
#include "lib/crypto.h"
#include "lib/loop.h"
#include "portal/radius_internal.h"
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum { MAX_RETRY_MS = 16000 };

struct radius_exchange {
    struct radius_client *client;
    struct radius_exchange *prev, *next;
    enum radius_purpose purpose;
    radius_reply_fn fn;
    void *arg;
    struct loop_timer *timer;
    uint64_t started_us, share_began_us;
    uint64_t deadline_ms, share_end_ms, again_ms;
    uint32_t retry_ms;
    uint32_t tried;          /* bit i: server i */
    bool waiting;            /* in line */
    bool refused;            /* nobody else to ask: at again_ms all over */
    struct radius_leg *legs; /* newest first; the first is in turn, if lane is set */
    struct radius_lane *lane;
    struct radius_content what; /* points at content and password */
    char *password;
    uint8_t content[];
};

static void pump(struct radius_client *c, enum radius_purpose purpose);
static void on_timer(void *arg);

/* --- legs --------------------------------------------------------------------------------------
 */

static void leave_lane(struct radius_exchange *x)
{
    if (x->lane != NULL)
        x->lane->in_flight--;
    x->lane = NULL;
}

static void enter_lane(struct radius_exchange *x, struct radius_lane *lane)
{
    leave_lane(x);
    x->lane = lane;
    lane->in_flight++;
}

static void keep_few_legs(struct radius_exchange *x)
{
    struct radius_leg **at = &x->legs;

    for (int i = 0; i < RADIUS_MAX_LEGS && *at != NULL; i++)
        at = &(*at)->next;
    while (*at != NULL) {
        struct radius_leg *old = *at;
        *at = old->next;
        radius_leg_close(old);
    }
}

static enum radius_leg_status new_leg(struct radius_exchange *x, struct radius_lane *lane)
{
    struct radius_leg *leg;
    enum radius_leg_status status = radius_leg_open(lane, &x->what, &leg);

    if (status != RADIUS_LEG_OPEN)
        return status;
    leg->exchange = x;
    leg->next = x->legs;
    x->legs = leg;
    keep_few_legs(x);
    return radius_leg_send(leg) ? RADIUS_LEG_OPEN : RADIUS_LEG_UNREACHABLE;
}

/* --- time --------------------------------------------------------------------------------------
 */

/* RFC 5080 section 2.2.1: a tenth more or less. */
static uint32_t jitter(uint32_t ms)
{
    uint16_t dice;

    crypto_random(&dice, sizeof dice);
    return ms - ms / 10 + (uint32_t)((uint64_t)ms / 5 * dice / UINT16_MAX);
}

static void arm(struct radius_exchange *x)
{
    uint64_t now = loop_now_ms(), at = x->deadline_ms;

    if (!x->waiting && x->again_ms < at)
        at = x->again_ms;
    if (!x->waiting && !x->refused && x->share_end_ms < at)
        at = x->share_end_ms;
    loop_timer_start(x->timer, at > now ? at - now : 0);
}

static void first_retry(struct radius_exchange *x, uint64_t now)
{
    x->retry_ms = jitter(x->client->conf->radius.retry_ms);
    x->again_ms = now + x->retry_ms;
}

static void next_retry(struct radius_exchange *x, uint64_t now)
{
    uint32_t twice = x->retry_ms < MAX_RETRY_MS / 2 ? 2 * x->retry_ms : MAX_RETRY_MS;

    x->retry_ms = jitter(twice);
    x->again_ms = now + x->retry_ms;
}

/* --- the course --------------------------------------------------------------------------------
 */

static void into_line(struct radius_exchange *x)
{
    leave_lane(x);
    DL_DELETE(x->client->open[x->purpose].head, x);
    x->client->open[x->purpose].n--;
    DL_APPEND(x->client->waiting[x->purpose].head, x);
    x->client->waiting[x->purpose].n++;
    x->waiting = true;
}

static void out_of_line(struct radius_exchange *x)
{
    DL_DELETE(x->client->waiting[x->purpose].head, x);
    x->client->waiting[x->purpose].n--;
    DL_APPEND(x->client->open[x->purpose].head, x);
    x->client->open[x->purpose].n++;
    x->waiting = false;
}

static void begin_share(struct radius_exchange *x, struct radius_lane *lane, unsigned alternatives)
{
    uint64_t now = loop_now_ms();

    enter_lane(x, lane);
    radius_lane_used(lane);
    x->share_began_us = loop_now_us();
    x->share_end_ms = x->deadline_ms;
    if (alternatives > 0 && x->deadline_ms > now)
        x->share_end_ms = now + (x->deadline_ms - now) / (1 + alternatives);
    first_retry(x, now);
}

/* Puts the question to the next server there is. False if there is none. */
static bool advance(struct radius_exchange *x)
{
    struct radius_client *c = x->client;
    struct radius_lane *lane;
    unsigned alternatives;

    while ((lane = radius_lane_choose(c, x->purpose, x->tried, &alternatives)) != NULL) {
        x->tried |= (uint32_t)1 << (lane - c->lanes[x->purpose]);
        x->refused = false;
        switch (new_leg(x, lane)) {
        case RADIUS_LEG_OPEN:
            begin_share(x, lane, alternatives);
            return true;
        case RADIUS_LEG_NO_ID:
            x->tried = 0;
            into_line(x);
            return true;
        case RADIUS_LEG_UNREACHABLE:
            radius_lane_used(lane);
            break;
        }
    }
    return false;
}

/* No server can even be reached; that may pass before the deadline does. */
static void start_over_later(struct radius_exchange *x)
{
    leave_lane(x);
    x->refused = true;
    x->tried = 0;
    if (x->again_ms <= loop_now_ms())
        next_retry(x, loop_now_ms());
}

static void go(struct radius_exchange *x)
{
    if (!advance(x))
        start_over_later(x);
    arm(x);
}

/* The same server again. */
static void repeat(struct radius_exchange *x)
{
    struct radius_leg *leg = x->legs;

    radius_lane_lossy(x->lane);
    next_retry(x, loop_now_ms());
    if (x->purpose == RADIUS_FOR_ACCESS && !leg->socket->broken)
        radius_leg_send(leg);
    else if (new_leg(x, x->lane) == RADIUS_LEG_NO_ID)
        into_line(x);
}

static void free_exchange(struct radius_exchange *x)
{
    struct radius_exchange_list *list =
        x->waiting ? &x->client->waiting[x->purpose] : &x->client->open[x->purpose];

    leave_lane(x);
    while (x->legs != NULL) {
        struct radius_leg *leg = x->legs;
        x->legs = leg->next;
        radius_leg_close(leg);
    }
    DL_DELETE(list->head, x);
    list->n--;
    loop_timer_free(x->timer);
    if (x->password != NULL) {
        crypto_wipe(x->password, strlen(x->password));
        free(x->password);
    }
    free(x);
}

static void finish(struct radius_exchange *x, const uint8_t *reply, size_t len)
{
    struct radius_client *c = x->client;
    enum radius_purpose purpose = x->purpose;
    radius_reply_fn fn = x->fn;
    void *arg = x->arg;
    uint32_t took_us = (uint32_t)(loop_now_us() - x->started_us);

    free_exchange(x);
    fn(arg, reply, len, took_us);
    pump(c, purpose);
}

static void on_timer(void *arg)
{
    struct radius_exchange *x = arg;
    uint64_t now = loop_now_ms();
    unsigned alternatives;

    if (now >= x->deadline_ms) {
        if (x->lane != NULL)
            radius_lane_silent(x->lane, x->share_began_us);
        finish(x, NULL, 0);
        return;
    }
    if (x->refused && now >= x->again_ms) {
        go(x);
        return;
    }
    if (x->lane != NULL && now >= x->share_end_ms) {
        radius_lane_silent(x->lane, x->share_began_us);
        x->share_end_ms = x->deadline_ms;
        if (radius_lane_choose(x->client, x->purpose, x->tried, &alternatives) != NULL) {
            go(x);
            pump(x->client, x->purpose); /* those in line need not wait for it either */
            return;
        }
    }
    if (x->lane != NULL && now >= x->again_ms)
        repeat(x);
    arm(x);
}

bool radius_exchange_waits_for(const struct radius_leg *leg)
{
    const struct radius_exchange *x = leg->exchange;

    return x != NULL && x->lane == leg->lane && x->legs == leg;
}

void radius_exchange_refused(struct radius_leg *leg)
{
    struct radius_exchange *x = leg->exchange;

    leave_lane(x);
    go(x);
    pump(x->client, x->purpose);
}

void radius_exchange_reply(struct radius_leg *leg, const uint8_t *data, size_t len)
{
    switch (data[0]) {
    case RADIUS_ACCESS_ACCEPT:
        leg->lane->accepts++;
        break;
    case RADIUS_ACCOUNTING_RESPONSE:
        leg->lane->responses++;
        break;
    default:
        leg->lane->rejects++;
        break;
    }
    finish(leg->exchange, data, len);
}

/* Those in line go as far as there is room. */
static void pump(struct radius_client *c, enum radius_purpose purpose)
{
    struct radius_exchange *x;
    unsigned alternatives;

    while ((x = c->waiting[purpose].head) != NULL) {
        struct radius_lane *lane = radius_lane_choose(c, purpose, x->tried, &alternatives);
        if (lane != NULL && lane->in_flight >= lane->window)
            return;
        out_of_line(x);
        go(x);
        if (x->waiting) /* no identifier was free after all */
            return;
    }
}

/* --- life ---------------------------------------------------------------------------------------
 */

static bool copy_content(struct radius_exchange *x, const struct radius_content *what)
{
    x->what = *what;
    memcpy(x->content, what->begun, what->len);
    x->what.begun = x->content;
    if (what->password != NULL) {
        x->password = strdup(what->password);
        x->what.password = x->password;
        return x->password != NULL;
    }
    return true;
}

struct radius_exchange *radius_exchange_new(struct radius_client *c, enum radius_purpose purpose,
                                            const struct radius_content *what, radius_reply_fn fn,
                                            void *arg)
{
    if (c->waiting[purpose].n >= RADIUS_MAX_WAITING)
        return NULL;
    struct radius_exchange *x = calloc(1, sizeof *x + what->len);
    if (x == NULL)
        return NULL;
    x->client = c;
    x->purpose = purpose;
    x->fn = fn;
    x->arg = arg;
    x->started_us = loop_now_us();
    x->deadline_ms = loop_now_ms() + c->conf->radius.timeout_ms;
    x->timer = loop_timer_new(c->loop, on_timer, x);
    if (x->timer == NULL || !copy_content(x, what)) {
        loop_timer_free(x->timer);
        free(x->password);
        free(x);
        return NULL;
    }
    first_retry(x, loop_now_ms());
    DL_APPEND(c->waiting[purpose].head, x);
    c->waiting[purpose].n++;
    x->waiting = true;
    arm(x);
    pump(c, purpose);
    return x;
}

void radius_exchange_free(struct radius_exchange *x)
{
    if (x != NULL)
        free_exchange(x);
}

void radius_exchanges_free(struct radius_client *c, void (*release)(void *arg))
{
    for (int p = 0; p < RADIUS_PURPOSES; p++) {
        struct radius_exchange *x;
        while ((x = c->waiting[p].head) != NULL || (x = c->open[p].head) != NULL) {
            if (p == RADIUS_FOR_ACCESS)
                release(x->arg);
            free_exchange(x);
        }
    }
}
