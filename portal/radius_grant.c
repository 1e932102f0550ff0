/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an answer grants: attributes into a struct radius_grant. Pure.
 *
 * The servers are trusted (the reply was authenticated), but their administrators mistype: a
 * Session-Timeout of a hundred years or a cap of three bits a second must not become a session that
 * the kernel cannot hold. So each value has a range, and what lies outside is brought to its edge.
 * Zero is what each field of the trade uses it for: no Session-Timeout and no interim interval that
 * mean anything (the configuration's profile goes on), but no idle timeout, no cap and no quota,
 * said explicitly. An attribute of the wrong length counts as not sent. */
#include "portal/radius_internal.h"
#include <string.h>

enum {
    MAX_SECONDS = 31 * 86400, /* what the gate holds */
    MIN_INTERIM = 60,         /* RFC 2869 section 5.16 */
    MAX_INTERIM = 86400,
    MIN_RATE_BPS = 1000 /* bytes a second */
};

struct reply {
    const uint8_t *data;
    size_t len;
};

static uint32_t clamp(uint32_t v, uint32_t min, uint32_t max)
{
    return v < min ? min : v > max ? max : v;
}

static bool seconds(const struct reply *r, uint8_t type, uint32_t min, uint32_t max, uint32_t *out)
{
    uint32_t v;

    if (!radius_get_u32(r->data, r->len, 0, type, &v))
        return false;
    *out = v == 0 ? 0 : clamp(v, min, max);
    return true;
}

static bool rate(const struct reply *r, uint8_t type, uint64_t *out)
{
    uint32_t bits;

    if (!radius_get_u32(r->data, r->len, RADIUS_VENDOR_WISPR, type, &bits))
        return false;
    *out = bits == 0 ? 0 : clamp(bits / 8, MIN_RATE_BPS, UINT32_MAX);
    return true;
}

static bool quota(const struct reply *r, uint64_t *out)
{
    uint32_t low = 0, high = 0;
    bool has_low = radius_get_u32(r->data, r->len, RADIUS_VENDOR_CHILLISPOT,
                                  RADIUS_CHILLI_MAX_TOTAL_OCTETS, &low);
    bool has_high = radius_get_u32(r->data, r->len, RADIUS_VENDOR_CHILLISPOT,
                                   RADIUS_CHILLI_MAX_TOTAL_GIGAWORDS, &high);

    *out = (uint64_t)high << 32 | low;
    return has_low || has_high;
}

static uint8_t opaque(const struct reply *r, uint8_t type, const char *name, uint8_t *out,
                      size_t room)
{
    static struct log_limit limit = {.interval_ms = 60000, .burst = 3};
    struct radius_attr_view a;

    if (!radius_find(r->data, r->len, 0, type, &a))
        return 0;
    if (a.len > room) {
        log_limited(&limit, LOG_WARNING, "event=radius-value-too-long attribute=%s len=%u max=%zu",
                    name, a.len, room);
        return 0;
    }
    memcpy(out, a.value, a.len);
    return a.len;
}

/* Cuts what is left of a UTF-8 character that did not fit whole. */
static size_t whole_characters(const char *text, size_t len)
{
    size_t at = len;

    while (at > 0 && len - at < 4 && ((uint8_t)text[at - 1] & 0xc0) == 0x80)
        at--;
    if (at == 0)
        return len;
    uint8_t head = (uint8_t)text[at - 1];
    size_t need = head >= 0xf0 ? 4 : head >= 0xe0 ? 3 : head >= 0xc0 ? 2 : 1;
    return len - (at - 1) < need ? at - 1 : len;
}

static void messages(const struct reply *r, char *out, size_t room)
{
    struct radius_attr_view a;
    size_t at = 0, len = 0;
    bool cut = false;

    while (radius_next(r->data, r->len, &at, &a)) {
        if (a.vendor != 0 || a.type != RADIUS_REPLY_MESSAGE)
            continue;
        for (size_t i = 0; i < a.len; i++) {
            if (a.value[i] == '\0')
                continue;
            if (len + 1 < room)
                out[len++] = (char)a.value[i];
            else
                cut = true;
        }
    }
    if (cut)
        len = whole_characters(out, len);
    out[len] = '\0';
}

void radius_grant_read(const uint8_t *data, size_t len, struct radius_grant *g)
{
    struct reply r = {data, len};

    memset(g, 0, sizeof *g);
    g->has_session =
        seconds(&r, RADIUS_SESSION_TIMEOUT, 1, MAX_SECONDS, &g->session_s) && g->session_s != 0;
    g->has_idle = seconds(&r, RADIUS_IDLE_TIMEOUT, 1, MAX_SECONDS, &g->idle_s);
    g->has_interim =
        seconds(&r, RADIUS_ACCT_INTERIM_INTERVAL, MIN_INTERIM, MAX_INTERIM, &g->interim_s) &&
        g->interim_s != 0;
    g->has_up = rate(&r, RADIUS_WISPR_MAX_UP, &g->up_Bps);
    g->has_down = rate(&r, RADIUS_WISPR_MAX_DOWN, &g->down_Bps);
    g->has_quota = quota(&r, &g->quota_bytes);
    g->class_len = opaque(&r, RADIUS_CLASS, "Class", g->class_value, sizeof g->class_value);
    g->cui_len = opaque(&r, RADIUS_CUI, "Chargeable-User-Identity", g->cui, sizeof g->cui);
    messages(&r, g->reason, sizeof g->reason);
}
