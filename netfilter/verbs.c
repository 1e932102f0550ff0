/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The closed table of verbs. Everything that loggiad may say is here, checked before anything is
 * done about it: the other end has no privilege, and must not gain one through this socket. */
#include "netfilter/verbs.h"
#include "netfilter/clients.h"

#include <stdbool.h>
#include <string.h>

#define EACH_BYTE(value) (UINT64_C(0x0101010101010101) * (value))

/* Whether one of eight characters is not printable ASCII: bit 7 of it is set, or of it and one more
 * (above '~'), or not set of it and as much as ' ' lacks (below ' '). */
static bool strange(uint64_t eight)
{
    uint64_t after = eight + EACH_BYTE(1), from_blank = eight + EACH_BYTE(128 - ' ');
    return ((eight | after | ~from_blank) & EACH_BYTE(128)) != 0;
}

/* Printable ASCII, single spaces, none at the ends, and a NUL within the field. */
static bool tag_ok(const char tag[static GATE_TAG_LEN])
{
    size_t len = strnlen(tag, GATE_TAG_LEN);
    if (len == GATE_TAG_LEN)
        return false;
    for (size_t i = 0; i < len; i += sizeof(uint64_t)) {
        uint64_t eight = EACH_BYTE(' ');
        memcpy(&eight, tag + i, len - i < sizeof eight ? len - i : sizeof eight);
        if (strange(eight))
            return false;
    }
    return len == 0 || (tag[0] != ' ' && tag[len - 1] != ' ' && !strstr(tag, "  "));
}

static bool open_ok(const struct gate_request *r)
{
    const struct gate_entry *e = &r->entry;
    return mac_is_device(&e->mac) && e->same_session <= 1 && e->number <= CLIENTS_NUMBER_LAST &&
           e->timeout_s >= 1 && e->timeout_s <= GATE_TIMEOUT_MAX_S && tag_ok(e->tag);
}

static bool device_ok(const struct gate_request *r)
{
    return mac_is_device(&r->entry.mac);
}

static bool address_ok(const struct gate_request *r)
{
    return r->address.family == 4 || r->address.family == 6;
}

static bool any_ok(const struct gate_request *r)
{
    (void)r;
    return true;
}

static const struct {
    const char *name;
    bool (*ok)(const struct gate_request *r);
} table[] = {
    [GATE_HELLO] = {"hello", any_ok},     [GATE_OPEN] = {"open", open_ok},
    [GATE_CLOSE] = {"close", device_ok},  [GATE_READ] = {"read", device_ok},
    [GATE_DUMP] = {"dump", any_ok},       [GATE_RESOLVE] = {"resolve", address_ok},
    [GATE_FOREIGN] = {"foreign", any_ok}, [GATE_GARDEN] = {"garden", address_ok},
};

const char *verbs_name(unsigned verb)
{
    return verb >= GATE_HELLO && verb <= GATE_LAST_VERB ? table[verb].name : "?";
}

int verbs_decode(const void *packet, size_t len, struct gate_request *out)
{
    if (len != sizeof *out)
        return -1;
    memcpy(out, packet, sizeof *out);
    if (out->verb < GATE_HELLO || out->verb > GATE_LAST_VERB || out->seq == 0)
        return -1;
    return table[out->verb].ok(out) ? GATE_OK : GATE_INVALID;
}
