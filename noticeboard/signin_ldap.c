/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The room for libldap here, run in a thread of the sign-in: find the account, bind as it with what
 * was typed, look for its groups. One deadline for all of it, on a connection that does not block
 * (lib/ldap_dial.c). An empty password never reaches the directory: RFC 4513 section 5.1.2 calls
 * that bind "unauthenticated", and it succeeds. */
#include "lib/crypto.h"
#include "lib/ldap_dial.h"
#include "lib/ldap_filter.h"
#include "lib/loop.h"
#include "noticeboard/signin_private.h"

#include <ldap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/time.h>

enum { FILTER_LEN = 1024, DN_LEN = 1024, MAX_GROUPS = 500 };

struct search {
    LDAP *ld;
    struct signin_job *job;
    uint64_t deadline_ms;
    int bound; /* result of the last bind */
    char dn[DN_LEN];
};

void signin_ldap_prepare(void)
{
    ldap_dial_prepare();
}

static struct timeval left(const struct search *s)
{
    uint64_t now = loop_now_ms(), ms = s->deadline_ms > now ? s->deadline_ms - now : 1;

    return (struct timeval){.tv_sec = (time_t)(ms / 1000),
                            .tv_usec = (suseconds_t)(ms % 1000) * 1000};
}

/* Away: the directory's fault, not the person's. */
static bool away(struct search *s, const char *step, int rc)
{
    snprintf(s->job->why, sizeof s->job->why, "%s: %s", step, ldap_err2string(rc));
    s->job->verdict = SIGNIN_UNAVAILABLE;
    return false;
}

/* It answers, but not what the board asks: the configuration's fault, or that of the rights it was
 * given; words say what to look at. True for such an answer. */
static bool refused(struct search *s, const char *step, int rc, const char *words)
{
    switch (rc) {
    case LDAP_INSUFFICIENT_ACCESS:
    case LDAP_NO_SUCH_OBJECT: /* also what a directory says of what it does not show */
    case LDAP_INVALID_CREDENTIALS:
    case LDAP_INAPPROPRIATE_AUTH:
    case LDAP_INVALID_DN_SYNTAX:
    case LDAP_STRONG_AUTH_REQUIRED:
    case LDAP_CONFIDENTIALITY_REQUIRED:
    case LDAP_UNWILLING_TO_PERFORM:
    case LDAP_OPERATIONS_ERROR: /* Active Directory's "bind first" */
    case LDAP_FILTER_ERROR:
        snprintf(s->job->why, sizeof s->job->why, "%s: %s; %s", step, ldap_err2string(rc), words);
        s->job->verdict = SIGNIN_REFUSED;
        return true;
    default:
        return false;
    }
}

static bool reach(struct search *s)
{
    const struct board_directory *d = &s->job->directory;
    const struct ldap_dial to = {.uri = d->uri,
                                 .start_tls = d->start_tls && strncmp(d->uri, "ldap://", 7) == 0,
                                 .ca_file = d->ca_file,
                                 .timeout_ms = d->timeout_ms,
                                 .end_ms = s->deadline_ms};
    const char *step;
    int fd, rc = ldap_dial(&to, &s->ld, &fd, &step);

    return rc == 0 || away(s, step, rc);
}

/* Any message is asked for: where a certain one is, libldap 2.5 leaks the notice of disconnection
 * (RFC 4511 section 4.4.1) of a server that ends meanwhile. */
static int wait_for(struct search *s, int number, LDAPMessage **out)
{
    struct timeval tv = left(s);
    LDAPMessage *msg = NULL;
    int code = LDAP_OTHER, kind = ldap_result(s->ld, LDAP_RES_ANY, LDAP_MSG_ALL, &tv, &msg);

    if (kind <= 0) {
        if (kind < 0)
            ldap_get_option(s->ld, LDAP_OPT_RESULT_CODE, &code);
        ldap_msgfree(msg);
        return kind == 0 ? LDAP_TIMEOUT : code;
    }
    if (ldap_msgid(msg) != number) {
        ldap_msgfree(msg);
        return LDAP_UNAVAILABLE;
    }
    int rc = ldap_parse_result(s->ld, msg, &code, NULL, NULL, NULL, NULL, 0);
    if (out && rc == 0)
        *out = msg;
    else
        ldap_msgfree(msg);
    return rc ? rc : code;
}

static int bind_as(struct search *s, const char *dn, const char *password)
{
    struct berval secret = {.bv_len = password ? strlen(password) : 0,
                            .bv_val = (char *)(uintptr_t)password};
    int number,
        rc = ldap_sasl_bind(s->ld, dn ? dn : "", LDAP_SASL_SIMPLE, &secret, NULL, NULL, &number);

    return rc ? rc : wait_for(s, number, NULL);
}

/* The caller frees *out with ldap_msgfree. */
static int ask(struct search *s, const char *base, const char *filter, char **attributes, int most,
               LDAPMessage **out)
{
    struct timeval tv = left(s);
    int number, rc = ldap_search_ext(s->ld, base, LDAP_SCOPE_SUBTREE, filter, attributes, 0, NULL,
                                     NULL, &tv, most, &number);

    *out = NULL;
    return rc ? rc : wait_for(s, number, out);
}

/* --- names and groups
 * ------------------------------------------------------------------------------------ */
/* format with %{name} and %{dn} filled in, escaped (RFC 4515). */
static bool build(const struct search *s, const char *format, char out[static FILTER_LEN])
{
    size_t at = 0;

    while (*format) {
        bool name = strncmp(format, "%{name}", 7) == 0, dn = strncmp(format, "%{dn}", 5) == 0;
        if (name || dn) {
            const char *value = name ? s->job->name : s->dn;
            long n = ldap_filter_escape(value, strlen(value), out + at, FILTER_LEN - at);
            if (n < 0)
                return false;
            at += (size_t)n;
            format += name ? 7 : 5;
        } else if (at + 2 > FILTER_LEN) {
            return false;
        } else {
            out[at++] = *format++;
        }
    }
    out[at] = '\0';
    return true;
}

/* The same name however it is written: spaces, case of the attributes' names. */
static bool same_dn(const char *a, const char *b)
{
    char *na = NULL, *nb = NULL;
    bool same = ldap_dn_normalize(a, LDAP_DN_FORMAT_LDAPV3, &na, LDAP_DN_FORMAT_LDAPV3) == 0 &&
                ldap_dn_normalize(b, LDAP_DN_FORMAT_LDAPV3, &nb, LDAP_DN_FORMAT_LDAPV3) == 0 &&
                strcasecmp(na, nb) == 0;

    ldap_memfree(na);
    ldap_memfree(nb);
    return same;
}

static bool is_cn_of(const char *cn, const char *dn)
{
    char **parts = ldap_explode_rdn(dn, 1);
    bool same =
        strncasecmp(dn, "cn=", 3) == 0 && parts && parts[0] && strcasecmp(parts[0], cn) == 0;

    ldap_memvfree((void **)parts);
    return same;
}

static void note_group(struct signin_job *job, const char *dn)
{
    for (size_t i = 0; i < job->n_groups; i++) {
        const char *wanted = job->groups[i];
        if (strchr(wanted, '=') ? same_dn(wanted, dn) : is_cn_of(wanted, dn))
            job->in_groups |= 1U << i;
    }
}

static void note_values(struct search *s, LDAPMessage *entry, char *attribute)
{
    struct berval **values = ldap_get_values_len(s->ld, entry, attribute);

    for (int i = 0; values && values[i] && i < MAX_GROUPS; i++)
        note_group(s->job, values[i]->bv_val);
    ldap_value_free_len(values);
}

static void note_name(struct search *s, LDAPMessage *entry)
{
    static char display[] = "displayName", common[] = "cn";
    struct berval **values = ldap_get_values_len(s->ld, entry, display);

    if (!values)
        values = ldap_get_values_len(s->ld, entry, common);
    if (values && values[0])
        snprintf(s->job->shown, sizeof s->job->shown, "%.90s", values[0]->bv_val);
    ldap_value_free_len(values);
}

/* "Anna", "anna" and "ANNA" are one account: what tells two people apart is its own name. */
static void note_canonical(struct search *s)
{
    char **parts = ldap_explode_rdn(s->dn, 1), *out = s->job->canonical;

    snprintf(out, sizeof s->job->canonical, "%s", parts && parts[0] ? parts[0] : "");
    for (; *out; out++)
        if (*out >= 'A' && *out <= 'Z')
            *out |= 0x20;
    ldap_memvfree((void **)parts);
}

/* Exactly one account, or nobody. */
static bool find_account(struct search *s)
{
    static char display[] = "displayName", common[] = "cn", member[] = "memberOf";
    char *attributes[] = {display, common, member, NULL}, filter[FILTER_LEN];
    const struct board_directory *d = &s->job->directory;
    LDAPMessage *answer = NULL;
    bool found = false;

    s->job->verdict = SIGNIN_WRONG;
    if (!build(s, d->filter, filter))
        return false;
    int rc = ask(s, d->base, filter, attributes, 2, &answer);
    if (rc && rc != LDAP_SIZELIMIT_EXCEEDED) {
        ldap_msgfree(answer);
        return refused(s, "search", rc, "bind_dn has no right to search base, or base is not there")
                   ? false
                   : away(s, "search", rc);
    }
    LDAPMessage *entry = answer ? ldap_first_entry(s->ld, answer) : NULL;
    if (entry && !ldap_next_entry(s->ld, entry)) {
        char *dn = ldap_get_dn(s->ld, entry);
        found = dn && strlen(dn) < sizeof s->dn;
        if (found)
            strcpy(s->dn, dn);
        ldap_memfree(dn);
        note_canonical(s);
        note_name(s, entry);
        if (!d->group_base)
            note_values(s, entry, member);
    }
    ldap_msgfree(answer);
    return found;
}

static bool prove(struct search *s)
{
    int rc = bind_as(s, s->dn, s->job->password);

    switch (rc) {
    case LDAP_SUCCESS:
        s->job->verdict = SIGNIN_RIGHT;
        return true;
    case LDAP_INVALID_CREDENTIALS: /* also for locked accounts */
    case LDAP_NO_SUCH_OBJECT:
    case LDAP_INAPPROPRIATE_AUTH:
    case LDAP_CONSTRAINT_VIOLATION:
    case LDAP_UNWILLING_TO_PERFORM:
    case LDAP_INSUFFICIENT_ACCESS:
        s->job->verdict = SIGNIN_WRONG;
        return false;
    default:
        return away(s, "bind", rc);
    }
}

/* Somebody who is signed in has proved it before. */
static bool known(struct search *s)
{
    s->job->verdict = SIGNIN_RIGHT;
    return true;
}

/* As who searches, not as the person: whose rights may end before the groups begin. */
static bool find_groups(struct search *s)
{
    static char none[] = LDAP_NO_ATTRS;
    char *attributes[] = {none, NULL}, filter[FILTER_LEN];
    const struct board_directory *d = &s->job->directory;
    LDAPMessage *answer = NULL;

    if (!d->group_base)
        return true;
    int rc = bind_as(s, d->bind_dn, d->password);
    if (rc == 0 && build(s, d->group_filter, filter))
        rc = ask(s, d->group_base, filter, attributes, MAX_GROUPS, &answer);
    if (rc && rc != LDAP_SIZELIMIT_EXCEEDED) {
        ldap_msgfree(answer);
        return refused(s, "groups", rc,
                       "bind_dn has no right to search group_base, or group_base is not there")
                   ? false
                   : away(s, "groups", rc);
    }
    for (LDAPMessage *e = answer ? ldap_first_entry(s->ld, answer) : NULL; e;
         e = ldap_next_entry(s->ld, e)) {
        char *dn = ldap_get_dn(s->ld, e);
        if (dn)
            note_group(s->job, dn);
        ldap_memfree(dn);
    }
    ldap_msgfree(answer);
    return true;
}

void signin_ldap(struct signin_job *job)
{
    struct search s = {.job = job, .deadline_ms = loop_now_ms() + job->directory.timeout_ms};

    job->verdict = SIGNIN_WRONG;
    if (!*job->name || (!*job->password && !job->recheck))
        return;
    if (reach(&s)) {
        int rc = bind_as(&s, job->directory.bind_dn, job->directory.password);
        if (rc) {
            if (!refused(&s, "bind of bind_dn", rc, "look at bind_dn and password_file"))
                away(&s, "bind of bind_dn", rc);
        } else if (find_account(&s) && (job->recheck ? known(&s) : prove(&s))) {
            find_groups(&s);
        }
    }
    if (s.ld)
        ldap_unbind_ext_s(s.ld, NULL, NULL);
}
