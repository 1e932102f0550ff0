/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One event of a session as an Accounting-Request (RFC 2866; Gigawords and Event-Timestamp of RFC
 * 2869). Pure. The packet is kept unsigned: in memory, and as it is in the file, until a server has
 * it. It holds nothing secret, but it does hold a device's address.
 *
 * Input is what came from the device, Output what went to it (RFC 2866 section 5.3: seen from the
 * port). Packet counters have 32 bits on the wire and no Gigawords: they wrap, as everybody's do.
 */
#include "lib/config.h"
#include "portal/acct_internal.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FRAMED = 2, WIRELESS_802_11 = 19, BY_RADIUS = 1 };

#define CLOCK_WAS_SET                                                                              \
    INT64_C(1704067200)                /* 2024: before that a router's clock had not been set yet */
#define LONGEST_DELAY INT64_C(5356800) /* 62 days: more is a clock that jumped */

static void add_optional(struct radius_packet *p, uint8_t type, const char *text)
{
    if (text != NULL)
        radius_add_text(p, type, text);
}

static void add_device(struct radius_packet *p, const struct acct_record *r)
{
    char mac[MAC_TEXT_LEN];

    mac_text_radius(&r->mac, mac);
    radius_add_text(p, RADIUS_USER_NAME, mac);
    radius_add_text(p, RADIUS_CALLING_STATION_ID, mac);
    add_optional(p, RADIUS_CALLED_STATION_ID, r->called_station);
    add_optional(p, RADIUS_NAS_PORT_ID, r->zone);
    radius_add_u32(p, RADIUS_NAS_PORT_TYPE, WIRELESS_802_11);
    radius_add_u32(p, RADIUS_SERVICE_TYPE, FRAMED);
    radius_add_u32(p, RADIUS_ACCT_AUTHENTIC, BY_RADIUS);
    radius_add(p, 0, RADIUS_CLASS, r->class_value, r->class_len);
    radius_add(p, 0, RADIUS_CUI, r->cui, r->cui_len);
}

static void add_counters(struct radius_packet *p, const struct acct_record *r)
{
    radius_add_u32(p, RADIUS_ACCT_SESSION_TIME, r->session_time_s);
    radius_add_u32(p, RADIUS_ACCT_INPUT_OCTETS, (uint32_t)r->up_bytes);
    radius_add_u32(p, RADIUS_ACCT_OUTPUT_OCTETS, (uint32_t)r->down_bytes);
    radius_add_u32(p, RADIUS_ACCT_INPUT_GIGAWORDS, (uint32_t)(r->up_bytes >> 32));
    radius_add_u32(p, RADIUS_ACCT_OUTPUT_GIGAWORDS, (uint32_t)(r->down_bytes >> 32));
    radius_add_u32(p, RADIUS_ACCT_INPUT_PACKETS, (uint32_t)r->up_packets);
    radius_add_u32(p, RADIUS_ACCT_OUTPUT_PACKETS, (uint32_t)r->down_packets);
}

static bool is_barrier(unsigned status)
{
    return status == ACCT_ON || status == ACCT_OFF;
}

/* RFC 2866 section 5.5 wants an Acct-Session-Id in On and Off too. */
static void add_session_id(struct radius_packet *p, const struct acct_record *r)
{
    char id[ACCT_SESSION_ID_LEN];

    if (r->session_id != NULL && r->session_id[0] != '\0')
        snprintf(id, sizeof id, "%s", r->session_id);
    else
        snprintf(id, sizeof id, "router-%llx", (unsigned long long)r->at);
    radius_add_text(p, RADIUS_ACCT_SESSION_ID, id);
}

bool acct_record_begin(struct radius_packet *p, const struct conf *conf,
                       const struct acct_record *r)
{
    static const uint8_t nobody[16];

    radius_begin(p, RADIUS_ACCOUNTING_REQUEST, 0, nobody);
    radius_add_u32(p, RADIUS_ACCT_STATUS_TYPE, r->status);
    radius_add_u32(p, RADIUS_EVENT_TIMESTAMP, (uint32_t)r->at);
    add_session_id(p, r);
    add_optional(p, RADIUS_NAS_IDENTIFIER, conf->nas_identifier);
    if (!is_barrier(r->status))
        add_device(p, r);
    if (r->status == ACCT_INTERIM || r->status == ACCT_STOP)
        add_counters(p, r);
    if (r->cause != ACCT_CAUSE_NONE && r->status != ACCT_START && r->status != ACCT_INTERIM)
        radius_add_u32(p, RADIUS_ACCT_TERMINATE_CAUSE, r->cause);
    return !p->failed;
}

/* How long ago: by the two wall clocks, unless one of them was not right. */
static int64_t age_ms(int64_t at, int64_t wall)
{
    int64_t age = wall - at;

    return at < CLOCK_WAS_SET || age < 0 || age > LONGEST_DELAY ? 0 : age * 1000;
}

struct acct_entry *acct_entry_new(const uint8_t *packet, size_t len, int64_t wall, uint64_t mono_ms)
{
    struct radius_attr_view id;
    uint32_t status, at;

    if (radius_check_form(packet, len) != RADIUS_FINE || packet[0] != RADIUS_ACCOUNTING_REQUEST ||
        !radius_get_u32(packet, len, 0, RADIUS_ACCT_STATUS_TYPE, &status) ||
        !radius_get_u32(packet, len, 0, RADIUS_EVENT_TIMESTAMP, &at) ||
        !radius_find(packet, len, 0, RADIUS_ACCT_SESSION_ID, &id) || id.len >= ACCT_SESSION_ID_LEN)
        return NULL;
    struct acct_entry *e = calloc(1, sizeof *e + len);
    if (e == NULL)
        return NULL;
    e->status = (enum acct_status)status;
    memcpy(e->session, id.value, id.len);
    e->at = at;
    e->since_ms = (int64_t)mono_ms - age_ms(at, wall);
    e->len = len;
    memcpy(e->packet, packet, len);
    return e;
}
