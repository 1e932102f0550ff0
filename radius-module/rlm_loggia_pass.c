/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The pass store: texts that the admin configured, expanded in this worker (rlm_sql's, as a rule).
 *
 * A bound device's row names its owner, so that the owner can be found again; but the city keeps no
 * names. The name is sealed: AES-256-GCM under a key that is derived from key_file, for this device
 * and no other. Who has the database has nothing; who has database and key file can ask a directory
 * about somebody whom it knows anyway. */
#include "lib/crypto.h"
#include "radius-module/rlm_loggia.h"

#include <stdlib.h>
#include <string.h>

#define PLAIN_MAX  (PROFILE_NAME_LEN + VALUES_DN_LEN)
#define SEALED_MAX (PLAIN_MAX + CRYPTO_SEAL_EXTRA)
#define TEXT_MAX   (SEALED_MAX * 4 / 3 + 4)

void rlm_loggia_expand(rlm_loggia_t *inst, REQUEST *request, enum rlm_query which, char *out,
                       size_t room)
{
    char *text = NULL;
    out[0] = 0;
    if (!inst->queries[which])
        return;
    if (radius_axlat_struct(&text, request, inst->queries[which], NULL, NULL) >= 0 && text)
        strlcpy(out, text, room);
    talloc_free(text);
}

/* --- who a device is bound to, sealed -----------------------------------------------------------
 */

static void seal_key(const struct fed_conf *c, uint8_t key[SHA256_LEN])
{
    static const struct crypto_slice what = {"loggia-binding", 14};
    crypto_hmac_sha256(c->key, c->key_len, &what, 1, key);
}

/* "AUTHORITY" NUL "DN" */
static void seal(const struct fed_conf *c, const struct mac *mac, const char *authority,
                 const char *dn, char text[TEXT_MAX])
{
    uint8_t plain[PLAIN_MAX], sealed[SEALED_MAX], key[SHA256_LEN];
    const struct crypto_slice place = {mac, sizeof *mac};
    size_t name = strlen(authority) + 1, len = strlen(dn);
    memcpy(plain, authority, name);
    memcpy(plain + name, dn, len);
    seal_key(c, key);
    crypto_seal(key, &place, plain, name + len, sealed);
    crypto_base64url(sealed, name + len + CRYPTO_SEAL_EXTRA, text);
    crypto_wipe(key, sizeof key);
}

/* authority -1 for anything that was not sealed here for this device, or whose authority is no more
 * in the configuration. */
static void unseal(const struct fed_conf *c, const struct mac *mac, const char *text,
                   struct fed_person *person)
{
    uint8_t sealed[SEALED_MAX], plain[PLAIN_MAX + 1], key[SHA256_LEN];
    const struct crypto_slice place = {mac, sizeof *mac};
    person->authority = -1;
    long len = crypto_base64url_decode(text, strlen(text), sealed, sizeof sealed);
    if (len <= CRYPTO_SEAL_EXTRA)
        return;
    seal_key(c, key);
    bool ours = crypto_unseal(key, &place, sealed, (size_t)len, plain);
    crypto_wipe(key, sizeof key);
    len -= CRYPTO_SEAL_EXTRA;
    const char *dn = ours ? memchr(plain, 0, (size_t)len) : NULL;
    if (!dn++)
        return;
    plain[len] = 0;
    for (size_t i = 0; i < c->n_authorities; i++)
        if (strcmp(c->authorities[i].name, (const char *)plain) == 0)
            person->authority = (int)i;
    strlcpy(person->dn, dn, sizeof person->dn);
}

/* --- reading ------------------------------------------------------------------------------------
 */

/* "none", "paused" or the seconds left; anything else means that the store did not answer. Behind
 * it, after a blank, whom the device is bound to. */
static enum decision_pass read_pass(char *text, uint32_t *left_s, const char **bound)
{
    char *end, *blank = strchr(text, ' ');
    *left_s = 0;
    *bound = blank ? blank + 1 : "";
    if (blank)
        *blank = 0;
    if (strcmp(text, "none") == 0)
        return PASS_NONE;
    if (strcmp(text, "paused") == 0)
        return PASS_PAUSED;
    unsigned long n = strtoul(text, &end, 10);
    if (end == text || *end || n == 0 || n > UINT32_MAX)
        return PASS_UNKNOWN;
    *left_s = (uint32_t)n;
    return PASS_VALID;
}

enum decision_pass rlm_loggia_pass_look_up(rlm_loggia_t *inst, REQUEST *request,
                                           const struct mac *mac, uint32_t *left_s,
                                           struct fed_person *person)
{
    char text[TEXT_MAX + 32];
    const char *bound;
    rlm_loggia_expand(inst, request, QUERY_LOOKUP, text, sizeof text);
    enum decision_pass pass = read_pass(text, left_s, &bound);
    unseal(&inst->settings->fed, mac, bound, person);
    if (pass != PASS_UNKNOWN)
        fed_pass_put(inst->fed, mac, pass, *left_s, person);
    return pass;
}

enum decision_pass rlm_loggia_pass(rlm_loggia_t *inst, REQUEST *request, const struct mac *mac,
                                   uint32_t *left_s, struct fed_person *person)
{
    enum decision_pass pass;
    person->authority = -1;
    if (!inst->queries[QUERY_LOOKUP])
        return PASS_NONE;
    if (fed_pass_get(inst->fed, mac, false, &pass, left_s, person))
        return pass;
    pass = rlm_loggia_pass_look_up(inst, request, mac, left_s, person);
    if (pass == PASS_UNKNOWN)
        fed_pass_get(inst->fed, mac, true, &pass, left_s, person);
    return pass;
}

/* --- writing ------------------------------------------------------------------------------------
 */

static bool write_row(rlm_loggia_t *inst, REQUEST *request, enum rlm_query which)
{
    char text[32];
    rlm_loggia_expand(inst, request, which, text, sizeof text);
    return strtoul(text, NULL, 10) > 0;
}

bool rlm_loggia_pass_grant(rlm_loggia_t *inst, REQUEST *request, const struct mac *mac)
{
    const struct fed_conf *c = &inst->settings->fed;
    if (!inst->queries[QUERY_GRANT])
        return true;
    bool written = write_row(inst, request, QUERY_GRANT);
    fed_pass_put(inst->fed, mac, PASS_VALID, written ? c->pass_life_s : c->rules.degraded_session_s,
                 NULL);
    return written;
}

bool rlm_loggia_pass_bind(rlm_loggia_t *inst, REQUEST *request, const struct mac *mac,
                          const struct login_right *right)
{
    const struct fed_conf *c = &inst->settings->fed;
    char text[TEXT_MAX];
    if (!inst->queries[QUERY_BIND])
        return false;
    seal(c, mac, c->authorities[right->authority].name, right->dn, text);
    fr_pair_value_strcpy(
        radius_pair_create(request, &request->config, inst->binding->attr, inst->binding->vendor),
        text);
    bool written = write_row(inst, request, QUERY_BIND);
    fed_bind(inst->fed, mac, written ? c->bound_life_s : c->rules.degraded_session_s, right);
    return written;
}

/* A DELETE of no row and a DELETE that failed expand alike, so the pass is looked for afterwards.
 */
bool rlm_loggia_pass_forget(rlm_loggia_t *inst, REQUEST *request, const struct mac *mac)
{
    struct fed_person person;
    char text[32];
    uint32_t left_s;
    fed_pass_put(inst->fed, mac, PASS_NONE, 0, NULL);
    if (!inst->queries[QUERY_FORGET])
        return true;
    rlm_loggia_expand(inst, request, QUERY_FORGET, text, sizeof text);
    return rlm_loggia_pass_look_up(inst, request, mac, &left_s, &person) == PASS_NONE;
}
