/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The LDAP content synchronisation operation (RFC 4533) in its mode refreshAndPersist: a search
 * that never ends. libldap's own ldap_sync_* waits in the middle of it for as long as the directory
 * likes, so the control is made here, and what comes is read message by message like everything
 * else. Entries only say that something has changed; what it is the ordinary search finds out. */
#include "radius-module/directory_private.h"

#include <string.h>
#include <sys/time.h>

static BerElement *sync_request(const struct directory_cookie *cookie)
{
    BerElement *ber = ber_alloc_t(LBER_USE_DER);
    int rc = -1;
    if (!ber)
        return NULL;
    if (cookie->len)
        rc = ber_printf(ber, "{eo}", LDAP_SYNC_REFRESH_AND_PERSIST, cookie->data,
                        (ber_len_t)cookie->len);
    else
        rc = ber_printf(ber, "{e}", LDAP_SYNC_REFRESH_AND_PERSIST);
    if (rc != -1)
        return ber;
    ber_free(ber, 1);
    return NULL;
}

int directory_follow(struct directory *d, const char *base, const char *filter,
                     const char *const *attributes, const struct directory_cookie *cookie)
{
    char oid[] = LDAP_CONTROL_SYNC;
    LDAPControl control = {.ldctl_oid = oid, .ldctl_iscritical = 1}, *controls[] = {&control, NULL};
    BerElement *ber = sync_request(cookie);
    int number = 0;
    if (!ber || ber_flatten2(ber, &control.ldctl_value, 0) ||
        ldap_search_ext(d->ld, base, LDAP_SCOPE_SUBTREE, filter, (char **)(uintptr_t)attributes, 0,
                        controls, NULL, NULL, LDAP_NO_LIMIT, &number) != LDAP_SUCCESS)
        number = 0;
    if (ber)
        ber_free(ber, 1);
    directory_flush(d);
    return number;
}

static void take_cookie(const struct berval *from, struct directory_cookie *cookie)
{
    if (from->bv_len == 0 || from->bv_len > sizeof cookie->data)
        return;
    memcpy(cookie->data, from->bv_val, from->bv_len);
    cookie->len = from->bv_len;
}

/* Sync State (RFC 4533 section 2.2): { state, entryUUID, cookie OPTIONAL }. -1: none is there. */
static int read_state(LDAP *ld, LDAPMessage *entry, struct directory_cookie *cookie)
{
    LDAPControl **controls = NULL, *c;
    struct berval uuid, found;
    ber_int_t state = -1;
    if (ldap_get_entry_controls(ld, entry, &controls) != LDAP_SUCCESS)
        return -1;
    c = ldap_control_find(LDAP_CONTROL_SYNC_STATE, controls, NULL);
    BerElement *ber = c ? ber_init(&c->ldctl_value) : NULL;
    ber_len_t len;
    if (ber) {
        if (ber_scanf(ber, "{em", &state, &uuid) == LBER_ERROR)
            state = -1;
        else if (ber_peek_tag(ber, &len) == LDAP_TAG_SYNC_COOKIE &&
                 ber_scanf(ber, "m", &found) != LBER_ERROR)
            take_cookie(&found, cookie);
        ber_free(ber, 1);
    }
    ldap_controls_free(controls);
    return state;
}

/* Sync Info (RFC 4533 section 2.5): a new cookie, or the end of a phase of the refresh. */
static void read_info(LDAP *ld, LDAPMessage *msg, bool *known, struct directory_cookie *cookie)
{
    char *oid = NULL;
    struct berval *data = NULL, found;
    ber_len_t len;
    int done = 1;
    if (ldap_parse_intermediate(ld, msg, &oid, &data, NULL, 0) != LDAP_SUCCESS)
        return;
    BerElement *ber = oid && data && strcmp(oid, LDAP_SYNC_INFO) == 0 ? ber_init(data) : NULL;
    ber_tag_t tag = ber ? ber_peek_tag(ber, &len) : LBER_ERROR;
    if (tag == LDAP_TAG_SYNC_NEW_COOKIE) {
        if (ber_scanf(ber, "tm", &tag, &found) != LBER_ERROR)
            take_cookie(&found, cookie);
    } else if ((tag == LDAP_TAG_SYNC_REFRESH_DELETE || tag == LDAP_TAG_SYNC_REFRESH_PRESENT) &&
               ber_scanf(ber, "t{", &tag) != LBER_ERROR) {
        if (ber_peek_tag(ber, &len) == LDAP_TAG_SYNC_COOKIE &&
            ber_scanf(ber, "m", &found) != LBER_ERROR)
            take_cookie(&found, cookie);
        if (ber_peek_tag(ber, &len) == LDAP_TAG_REFRESHDONE)
            ber_scanf(ber, "b", &done);
        *known = *known || done;
    }
    if (ber)
        ber_free(ber, 1);
    ldap_memfree(oid);
    ber_bvfree(data);
}

/* The search has ended after all. */
static enum directory_change read_end(LDAP *ld, LDAPMessage *msg, struct directory_cookie *cookie)
{
    int code = LDAP_OTHER;
    ldap_parse_result(ld, msg, &code, NULL, NULL, NULL, NULL, 0);
    if (code == LDAP_SYNC_REFRESH_REQUIRED) { /* the cookie is too old: all anew */
        cookie->len = 0;
        return CHANGE_DOWN;
    }
    return code == LDAP_SUCCESS || code == LDAP_UNAVAILABLE || code == LDAP_BUSY ||
                   code == LDAP_OTHER
               ? CHANGE_DOWN
               : CHANGE_REFUSED;
}

enum directory_change directory_follow_next(struct directory *d, struct values *into, bool *known,
                                            bool *again, struct directory_cookie *cookie)
{
    struct timeval now = {0};
    LDAPMessage *msg = NULL;
    enum directory_change change = CHANGE_NOTHING;
    int kind = ldap_result(d->ld, LDAP_RES_ANY, LDAP_MSG_ONE, &now, &msg), state;
    *again = kind > 0;
    if (kind == 0)
        return CHANGE_NOTHING;
    if (kind < 0 || !msg)
        return CHANGE_DOWN;
    if (kind == LDAP_RES_SEARCH_ENTRY) {
        state = read_state(d->ld, msg, cookie);
        values_reset(into);
        directory_read_entry(d->ld, msg, into);
        if (*known && state > LDAP_SYNC_PRESENT)
            change = CHANGE_ENTRY;
    } else if (kind == LDAP_RES_INTERMEDIATE) {
        read_info(d->ld, msg, known, cookie);
    } else if (kind == LDAP_RES_SEARCH_RESULT) {
        change = read_end(d->ld, msg, cookie);
    } else if (kind == LDAP_RES_EXTENDED) {
        change = CHANGE_DOWN;
    }
    ldap_msgfree(msg);
    return change;
}
