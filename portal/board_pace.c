/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When to ask next; what is not known here is how.
 *
 * Where the board holds a question until there is news the next one follows its answer at once.
 * Where it does not (a web server that knows nothing of this), it is asked every `poll` while
 * anybody is here to read: each request of a phone, a captive probe among them, is a look. Where
 * nobody has looked for as long as that it is asked IDLE times less often, and the first phone that
 * comes is a reason to ask at once: what a citizen reads is no older for it, and a square that
 * sleeps costs its line little. What fails is tried again later and later. */
#include "lib/crypto.h"
#include "portal/board.h"

enum {
    SPREAD_MS = 500,        /* all routers' next questions after the same news come within this */
    TOO_SOON_MS = 1000,     /* a long poll that ends sooner than this is followed by a pause */
    IDLE = 5,               /* times poll, where nobody looks */
    MAX_BACKOFF = 5,        /* times poll */
    MAX_RETRY_AFTER = 3600, /* s; what a server may ask of us */
    NAMED_EVERY = 10        /* questions to a server that does not wait: it may be ours again */
};

static uint32_t up_to(uint32_t n)
{
    uint32_t r;
    crypto_random(&r, sizeof r);
    return n ? r % n : 0;
}

uint64_t board_pace_about(uint64_t ms)
{
    return ms - ms / 10 + up_to((uint32_t)(ms / 5) + 1);
}

uint64_t board_pace_soon(void)
{
    return up_to(SPREAD_MS);
}

/* Every byte of a poll is paid for all day: a server that does not wait is told neither who asks
 * nor that it might, but now and then. */
bool board_pace_terse(struct board_pace *p)
{
    if (p->plain && p->asked++ % NAMED_EVERY != 0)
        return true;
    return !p->long_poll;
}

void board_pace_asked(struct board_pace *p, uint64_t now_ms, bool to_wait)
{
    p->asked_ms = now_ms;
    p->asked_to_wait = to_wait;
    p->idle = false;
}

uint64_t board_pace_next(struct board_pace *p, uint64_t now_ms, bool may_wait)
{
    uint64_t poll_ms = (uint64_t)p->poll_s * 1000;
    p->plain = p->asked_to_wait ? !p->waited : p->plain || !may_wait;
    if (p->waited)
        return (now_ms - p->asked_ms < TOO_SOON_MS ? TOO_SOON_MS : 0) + up_to(SPREAD_MS);
    if (p->long_poll && may_wait && !p->asked_to_wait && !p->plain) /* not asked for yet */
        return up_to(SPREAD_MS);
    p->idle = !p->looked_ms || now_ms - p->looked_ms >= poll_ms;
    return board_pace_about(p->idle ? IDLE * poll_ms : poll_ms);
}

uint64_t board_pace_failed(struct board_pace *p, uint32_t retry_after_s)
{
    uint64_t poll_ms = (uint64_t)p->poll_s * 1000, wait_ms = poll_ms;
    for (unsigned i = 0; i < p->failures && wait_ms < MAX_BACKOFF * poll_ms; i++)
        wait_ms *= 2;
    p->failures++;
    if (wait_ms > MAX_BACKOFF * poll_ms)
        wait_ms = MAX_BACKOFF * poll_ms;
    if (retry_after_s > MAX_RETRY_AFTER)
        retry_after_s = MAX_RETRY_AFTER;
    if (wait_ms < (uint64_t)retry_after_s * 1000)
        wait_ms = (uint64_t)retry_after_s * 1000;
    return board_pace_about(wait_ms);
}

bool board_pace_looked(struct board_pace *p, uint64_t now_ms, uint64_t *in_ms)
{
    uint64_t due_ms = p->asked_ms + (uint64_t)p->poll_s * 1000;
    p->looked_ms = now_ms;
    if (!p->idle)
        return false;
    p->idle = false;
    *in_ms = due_ms > now_ms ? due_ms - now_ms : 0;
    return true;
}
