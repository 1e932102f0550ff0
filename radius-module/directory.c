/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Connections come from lib/ldap_dial.c, where nothing blocks any more. Whatever is asked here has
 * a bound, or waits for nothing. */
#include "lib/ldap_dial.h"
#include "radius-module/directory_bulk.h"
#include "radius-module/directory_private.h"

#include <ldap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>

static struct timeval tv_of(uint32_t ms)
{
    return (struct timeval){.tv_sec = ms / 1000, .tv_usec = (ms % 1000) * 1000};
}

/* Waits for one answer during the opening; its result code, or libldap's own negative one. Any
 * message is asked for: where a certain one is, libldap 2.5 leaks the notice of disconnection (RFC
 * 4511 section 4.4.1) of a server that ends meanwhile. */
static int wait_for(LDAP *ld, int number, uint32_t timeout_ms)
{
    struct timeval tv = tv_of(timeout_ms);
    LDAPMessage *msg = NULL;
    int code = LDAP_OTHER, kind = ldap_result(ld, LDAP_RES_ANY, LDAP_MSG_ALL, &tv, &msg);
    if (kind == 0) {
        ldap_abandon_ext(ld, number, NULL, NULL);
        return LDAP_TIMEOUT;
    }
    if (kind < 0) {
        ldap_get_option(ld, LDAP_OPT_RESULT_CODE, &code);
        return code ? code : LDAP_SERVER_DOWN;
    }
    if (ldap_msgid(msg) != number) {
        ldap_msgfree(msg);
        return LDAP_UNAVAILABLE;
    }
    int rc = ldap_parse_result(ld, msg, &code, NULL, NULL, NULL, NULL, 1);
    return rc ? rc : code;
}

static int bind_externally(LDAP *ld, const struct directory_conf *conf)
{
    char who[512] = "";
    struct berval authzid = {.bv_val = who};
    int number, rc;
    if (conf->identity) /* RFC 4513 section 5.2.1.8 */
        snprintf(who, sizeof who, "dn:%s", conf->identity);
    authzid.bv_len = strlen(who);
    rc = ldap_sasl_bind(ld, NULL, "EXTERNAL", &authzid, NULL, NULL, &number);
    return rc ? rc : wait_for(ld, number, conf->net_timeout_ms);
}

static int bind_to(LDAP *ld, const struct directory_conf *conf)
{
    struct berval password = {0, NULL};
    int number, rc;
    if (conf->external)
        return bind_externally(ld, conf);
    if (conf->identity && conf->password) {
        password.bv_val = conf->password;
        password.bv_len = strlen(conf->password);
    }
    rc = ldap_sasl_bind(ld, conf->identity ? conf->identity : "", LDAP_SASL_SIMPLE, &password, NULL,
                        NULL, &number);
    return rc ? rc : wait_for(ld, number, conf->net_timeout_ms);
}

/* A directory that accepts a bind may still be unable to search (its database gone, frozen). */
static int prove_life(LDAP *ld, const struct directory_conf *conf)
{
    char none[] = LDAP_NO_ATTRS, *attributes[] = {none, NULL};
    struct timeval tv = {.tv_sec = 1 + conf->net_timeout_ms / 1000};
    int number, rc = ldap_search_ext(ld, conf->base_dn, LDAP_SCOPE_BASE, "(objectClass=*)",
                                     attributes, 1, NULL, NULL, &tv, 1, &number);
    return rc ? rc : wait_for(ld, number, conf->net_timeout_ms);
}

/* Up to a connection on which nothing blocks any more. */
static int reach(struct directory *d, const struct directory_conf *conf, size_t server,
                 const char **step)
{
    const struct ldap_dial to = {.uri = conf->servers[server],
                                 .start_tls = conf->start_tls,
                                 .any_cert = !conf->require_cert,
                                 .ca_file = conf->ca_file,
                                 .cert_file = conf->cert_file,
                                 .key_file = conf->key_file,
                                 .keepalive_idle_s = conf->keepalive_idle_s,
                                 .timeout_ms = conf->net_timeout_ms};
    return ldap_dial(&to, &d->ld, &d->fd, step);
}

static int introduce(LDAP *ld, const struct directory_conf *conf, const char **step)
{
    int rc;
    *step = "bind";
    if ((rc = bind_to(ld, conf)))
        return rc;
    *step = "search of base_dn";
    return prove_life(ld, conf);
}

void directory_prepare(void)
{
    ldap_dial_prepare();
}

static struct directory *open_one(const struct directory_conf *conf, size_t server, bool bound,
                                  char *err, size_t err_len)
{
    const char *step = "server";
    struct directory *d = calloc(1, sizeof *d);
    if (!d) {
        snprintf(err, err_len, "out of memory");
        return NULL;
    }
    d->fd = -1;
    int rc = reach(d, conf, server, &step);
    if (rc == 0 && bound && (rc = introduce(d->ld, conf, &step)) == 0 &&
        !(d->bulk = bulk_new(d->ld)))
        rc = LDAP_NO_MEMORY;
    if (rc == 0)
        return d;
    snprintf(err, err_len, "%s: %s", step, ldap_err2string(rc));
    directory_close(d);
    return NULL;
}

struct directory *directory_open(const struct directory_conf *conf, size_t server, char *err,
                                 size_t err_len)
{
    return open_one(conf, server, true, err, err_len);
}

struct directory *directory_open_unbound(const struct directory_conf *conf, size_t server,
                                         char *err, size_t err_len)
{
    return open_one(conf, server, false, err, err_len);
}

enum directory_verdict directory_check(struct directory *d, const char *dn, const char *password,
                                       size_t len, uint32_t timeout_ms)
{
    struct berval secret = {.bv_len = len, .bv_val = (char *)(uintptr_t)password};
    int number, rc;
    if (!dn[0] || len == 0)
        return DIRECTORY_WRONG;
    rc = ldap_sasl_bind(d->ld, dn, LDAP_SASL_SIMPLE, &secret, NULL, NULL, &number);
    if (rc == 0)
        rc = wait_for(d->ld, number, timeout_ms);
    switch (rc) {
    case LDAP_SUCCESS:
        return DIRECTORY_RIGHT;
    case LDAP_INVALID_CREDENTIALS: /* also for names that are not there, and for locked accounts */
    case LDAP_NO_SUCH_OBJECT:
    case LDAP_INVALID_DN_SYNTAX:
    case LDAP_INAPPROPRIATE_AUTH:
    case LDAP_CONSTRAINT_VIOLATION:
    case LDAP_UNWILLING_TO_PERFORM:
    case LDAP_INSUFFICIENT_ACCESS:
        return DIRECTORY_WRONG;
    default:
        return DIRECTORY_UNKNOWN;
    }
}

void directory_close(struct directory *d)
{
    if (!d)
        return;
    /* The unbind that libldap sends must not wait for a directory that reads nothing any more. */
    if (d->fd >= 0)
        shutdown(d->fd, SHUT_RDWR);
    if (d->ld)
        ldap_unbind_ext(d->ld, NULL, NULL);
    free(d);
}

int directory_fd(const struct directory *d)
{
    return d->fd;
}

bool directory_flush(struct directory *d)
{
    return d->bulk && bulk_flush(d->bulk);
}

int directory_search(struct directory *d, const char *base, enum directory_scope scope,
                     const char *filter, const char *const *attributes, unsigned max_entries)
{
    static const int scopes[] = {LDAP_SCOPE_BASE, LDAP_SCOPE_ONELEVEL, LDAP_SCOPE_SUBTREE};
    struct timeval tv = {.tv_sec = 5};
    int number = -1;
    /* libldap's prototype has no const, and writes nothing. A filter that it cannot read is
     * refused here, as LDAP_FILTER_ERROR; configuration checks it before. */
    int rc = ldap_search_ext(d->ld, base, scopes[scope], filter, (char **)(uintptr_t)attributes, 0,
                             NULL, NULL, &tv, (int)max_entries, &number);
    return rc == LDAP_SUCCESS ? number : -1;
}

void directory_abandon(struct directory *d, int number)
{
    ldap_abandon_ext(d->ld, number, NULL, NULL);
}

static void read_dn(LDAP *ld, LDAPMessage *entry, struct values *into)
{
    struct berval dn;
    BerElement *ber = NULL;
    if (ldap_get_dn_ber(ld, entry, &ber, &dn) == LDAP_SUCCESS) {
        size_t len = dn.bv_len < sizeof into->dn ? dn.bv_len : sizeof into->dn - 1;
        if (!into->dn[0]) {
            into->dn_cut = len < dn.bv_len;
            memcpy(into->dn, dn.bv_val, len);
            into->dn[len] = 0;
        }
    }
    ber_free(ber, 0);
}

void directory_read_entry(LDAP *ld, LDAPMessage *entry, struct values *into)
{
    BerElement *ber = NULL;
    read_dn(ld, entry, into);
    for (char *name = ldap_first_attribute(ld, entry, &ber); name;
         name = ldap_next_attribute(ld, entry, ber)) {
        struct berval **values = ldap_get_values_len(ld, entry, name);
        for (int i = 0; values && values[i]; i++)
            values_add(into, name, values[i]->bv_val, values[i]->bv_len);
        ldap_value_free_len(values);
        ldap_memfree(name);
    }
    ber_free(ber, 0);
}

static void read_result(LDAP *ld, LDAPMessage *msg, bool *ok, char *why, size_t why_len)
{
    int code = LDAP_OTHER;
    if (ldap_parse_result(ld, msg, &code, NULL, NULL, NULL, NULL, 0) != LDAP_SUCCESS)
        code = LDAP_DECODING_ERROR;
    /* The entries that came before a size limit are as good as any; a base that is not there holds
     * nobody. */
    *ok = code == LDAP_SUCCESS || code == LDAP_SIZELIMIT_EXCEEDED || code == LDAP_NO_SUCH_OBJECT;
    snprintf(why, why_len, "%s", code == LDAP_SUCCESS ? "" : ldap_err2string(code));
}

enum directory_event directory_next(struct directory *d,
                                    struct values *(*into)(void *arg, int number), void *arg,
                                    int *number, bool *ok, char *why, size_t why_len)
{
    struct timeval now = {0};
    LDAPMessage *msg = NULL;
    enum directory_event event = DIRECTORY_NOTHING;
    int kind = ldap_result(d->ld, LDAP_RES_ANY, LDAP_MSG_ONE, &now, &msg);
    if (kind == 0)
        return DIRECTORY_NOTHING;
    if (kind < 0 || !msg)
        return DIRECTORY_DOWN;
    *number = ldap_msgid(msg);
    if (kind == LDAP_RES_SEARCH_ENTRY) {
        struct values *v = into(arg, *number);
        if (v)
            directory_read_entry(d->ld, msg, v);
        event = DIRECTORY_ENTRY;
    } else if (kind == LDAP_RES_SEARCH_RESULT) {
        read_result(d->ld, msg, ok, why, why_len);
        event = DIRECTORY_DONE;
    } else if (kind == LDAP_RES_EXTENDED && *number == 0) {
        event = DIRECTORY_DOWN; /* notice of disconnection, RFC 4511 section 4.4.1 */
    } else {
        event = DIRECTORY_ENTRY; /* a continuation reference: nobody follows it */
    }
    ldap_msgfree(msg);
    return event;
}
