/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The pass store: texts that the admin configured, expanded in this worker (rlm_sql's, as a rule).
 *
 * A bound device's row names its owner, so that the owner can be found again; but the city keeps no
 * names. The name is sealed: AES-256-GCM under a key that is derived from key_file, for this device
 * and no other. Who has the database has nothing; who has database and key file can ask a directory
 * about somebody whom it knows anyway. */
#include "lib/crypto.h"
#include "radius-module/rlm_loggia.h"

#include <ctype.h>
#include <stdio.h>
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

/* --- sealed -------------------------------------------------------------------------------------
 */

static void seal_key(const struct fed_conf *c, const char *what, uint8_t key[SHA256_LEN])
{
    const struct crypto_slice part = {what, strlen(what)};
    crypto_hmac_sha256(c->key, c->key_len, &part, 1, key);
}

/* text has room for (len + CRYPTO_SEAL_EXTRA) * 4 / 3 + 4. */
static void seal(const struct fed_conf *c, const char *what, const struct crypto_slice *place,
                 const void *plain, size_t len, char *text)
{
    uint8_t sealed[FED_STORED_MAX + CRYPTO_SEAL_EXTRA], key[SHA256_LEN];
    seal_key(c, what, key);
    crypto_seal(key, place, plain, len, sealed);
    crypto_base64url(sealed, len + CRYPTO_SEAL_EXTRA, text);
    crypto_wipe(key, sizeof key);
}

/* How many bytes; 0 for anything that was not sealed here, as this, for this place. */
static size_t unseal(const struct fed_conf *c, const char *what, const struct crypto_slice *place,
                     const char *text, uint8_t *plain, size_t room)
{
    uint8_t sealed[FED_STORED_MAX + CRYPTO_SEAL_EXTRA], key[SHA256_LEN];
    long len = crypto_base64url_decode(text, strlen(text), sealed, sizeof sealed);
    if (len <= CRYPTO_SEAL_EXTRA || (size_t)len - CRYPTO_SEAL_EXTRA > room)
        return 0;
    seal_key(c, what, key);
    bool ours = crypto_unseal(key, place, sealed, (size_t)len, plain);
    crypto_wipe(key, sizeof key);
    return ours ? (size_t)len - CRYPTO_SEAL_EXTRA : 0;
}

/* "AUTHORITY" NUL "DN" */
static void seal_person(const struct fed_conf *c, const struct mac *mac, const char *authority,
                        const char *dn, char text[TEXT_MAX])
{
    const struct crypto_slice place = {mac, sizeof *mac};
    uint8_t plain[PLAIN_MAX];
    size_t name = strlen(authority) + 1, len = strlen(dn);
    memcpy(plain, authority, name);
    memcpy(plain + name, dn, len);
    seal(c, "loggia-binding", &place, plain, name + len, text);
}

/* authority -1 for anything that was not sealed here for this device, or whose authority is no more
 * in the configuration. */
static void unseal_person(const struct fed_conf *c, const struct mac *mac, const char *text,
                          struct fed_person *person)
{
    const struct crypto_slice place = {mac, sizeof *mac};
    uint8_t plain[PLAIN_MAX + 1];
    person->authority = -1;
    size_t len = unseal(c, "loggia-binding", &place, text, plain, PLAIN_MAX);
    const char *dn = len ? memchr(plain, 0, len) : NULL;
    if (!dn++)
        return;
    plain[len] = 0;
    for (size_t i = 0; i < c->n_authorities; i++)
        if (strcmp(c->authorities[i].name, (const char *)plain) == 0)
            person->authority = (int)i;
    strlcpy(person->dn, dn, sizeof person->dn);
}

void rlm_loggia_seal_device(rlm_loggia_t *inst, const struct mac *mac,
                            char text[static RLM_SEALED_DEVICE])
{
    const struct fed_conf *c = &inst->settings->fed;
    char pseudonym[DEVICE_HASH_LEN];
    const struct crypto_slice place = {pseudonym, DEVICE_HASH_LEN - 1};
    crypto_device_hash(c->key, c->key_len, mac, pseudonym);
    seal(c, "loggia-session", &place, mac->b, sizeof mac->b, text);
}

bool rlm_loggia_unseal_device(rlm_loggia_t *inst, const char *pseudonym, const char *text,
                              struct mac *mac)
{
    const struct crypto_slice place = {pseudonym, strlen(pseudonym)};
    return unseal(&inst->settings->fed, "loggia-session", &place, text, mac->b, sizeof mac->b) ==
           sizeof mac->b;
}

/* --- reading ------------------------------------------------------------------------------------
 */

/* Cuts the next word off. */
static char *word(char **rest)
{
    char *begin = *rest, *blank = strchr(begin, ' ');
    *rest = blank ? blank + 1 : begin + strlen(begin);
    if (blank)
        *blank = 0;
    return begin;
}

#define FOR_GOOD UINT32_C(0x3fffffff) /* 34 years: what the memory's clock can tell apart */

bool rlm_loggia_read_ban(const char *text, uint32_t *left_s)
{
    static const char word[] = "banned";
    char *end;
    *left_s = 0;
    if (strncmp(text, word, sizeof word - 1) != 0)
        return false;
    text += sizeof word - 1;
    if (!*text)
        *left_s = FOR_GOOD;
    else if (*text == ':' && isdigit((unsigned char)text[1])) {
        unsigned long long n = strtoull(text + 1, &end, 10);
        if (!*end)
            *left_s = n < FOR_GOOD ? (uint32_t)n : FOR_GOOD;
    }
    return *left_s > 0;
}

/* "none", "paused", a ban or the seconds left; anything else means that the store did not answer.
 */
static enum decision_pass read_pass(const char *text, uint32_t *left_s)
{
    char *end;
    *left_s = 0;
    if (strcmp(text, "none") == 0)
        return PASS_NONE;
    if (strcmp(text, "paused") == 0)
        return PASS_PAUSED;
    if (rlm_loggia_read_ban(text, left_s))
        return PASS_BANNED;
    unsigned long n = strtoul(text, &end, 10);
    if (end == text || *end || n == 0 || n > UINT32_MAX)
        return PASS_UNKNOWN;
    *left_s = (uint32_t)n;
    return PASS_VALID;
}

/* The row is "PASS PERSON ANSWERS", the last two sealed or empty. */
void rlm_loggia_read_row(rlm_loggia_t *inst, const struct mac *mac, struct rlm_loggia_row *row)
{
    const struct crypto_slice place = {mac, sizeof *mac};
    const struct fed_conf *c = &inst->settings->fed;
    uint8_t plain[FED_STORED_MAX];
    char *rest = row->text;
    row->pass = read_pass(word(&rest), &row->left_s);
    unseal_person(c, mac, word(&rest), &row->person);
    if (row->pass == PASS_UNKNOWN)
        return;
    fed_pass_put(inst->fed, mac, row->pass, row->left_s, &row->person);
    size_t len = unseal(c, "loggia-answers", &place, word(&rest), plain, sizeof plain);
    fed_stored(inst->fed, mac, plain, len);
}

enum decision_pass rlm_loggia_pass_look_up(rlm_loggia_t *inst, REQUEST *request,
                                           const struct mac *mac, uint64_t until_ms,
                                           uint32_t *left_s, struct fed_person *person)
{
    struct rlm_loggia_row row;
    enum rlm_known known = rlm_loggia_known(inst, mac, until_ms);
    *left_s = 0;
    person->authority = -1;
    if (known == KNOWN_SILENT)
        return PASS_UNKNOWN;
    if (known == KNOWN_NOTHING) {
        fed_pass_put(inst->fed, mac, PASS_NONE, 0, person);
        return PASS_NONE;
    }
    rlm_loggia_ask_store(inst, request, mac, &inst->reading, -1, QUERY_LOOKUP, until_ms, &row);
    *left_s = row.left_s;
    *person = row.person;
    return row.pass;
}

enum decision_pass rlm_loggia_pass(rlm_loggia_t *inst, REQUEST *request, const struct mac *mac,
                                   uint64_t until_ms, uint32_t *left_s, struct fed_person *person)
{
    enum decision_pass pass;
    person->authority = -1;
    if (!inst->queries[QUERY_LOOKUP])
        return PASS_NONE;
    if (fed_pass_get(inst->fed, mac, false, &pass, left_s, person))
        return pass;
    pass = rlm_loggia_pass_look_up(inst, request, mac, until_ms, left_s, person);
    if (pass == PASS_UNKNOWN)
        fed_pass_get(inst->fed, mac, true, &pass, left_s, person);
    return pass;
}

/* --- writing ------------------------------------------------------------------------------------
 */

static bool write_row(rlm_loggia_t *inst, REQUEST *request, const struct mac *mac,
                      enum rlm_query which)
{
    struct rlm_loggia_row row;
    return rlm_loggia_ask_store(inst, request, mac, &inst->writing, -1, which,
                                clock_ms() + inst->settings->store_deadline_ms, &row);
}

bool rlm_loggia_pass_grant(rlm_loggia_t *inst, REQUEST *request, const struct mac *mac)
{
    const struct fed_conf *c = &inst->settings->fed;
    if (!inst->queries[QUERY_GRANT])
        return true;
    bool written = write_row(inst, request, mac, QUERY_GRANT);
    fed_pass_put(inst->fed, mac, PASS_VALID, written ? c->pass_life_s : c->rules.degraded_session_s,
                 NULL);
    return written;
}

/* Under what a person is counted; the case of a name says nothing. */
static void person_pseudonym(const struct fed_conf *c, const char *authority, const char *dn,
                             char out[2 * 16 + 1])
{
    char lower[VALUES_DN_LEN];
    uint8_t full[SHA256_LEN];
    size_t len = 0;
    for (; dn[len] && len < sizeof lower; len++)
        lower[len] = (char)tolower((unsigned char)dn[len]);
    const struct crypto_slice parts[] = {
        {"loggia-person:", 14}, {authority, strlen(authority) + 1}, {lower, len}};
    crypto_hmac_sha256(c->key, c->key_len, parts, 3, full);
    crypto_hex(full, 16, out);
}

bool rlm_loggia_pass_bind(rlm_loggia_t *inst, REQUEST *request, const struct mac *mac,
                          const struct login_right *right)
{
    const struct fed_conf *c = &inst->settings->fed;
    const char *authority = c->authorities[right->authority].name;
    char text[TEXT_MAX], person[2 * 16 + 1];
    if (!inst->queries[QUERY_BIND])
        return false;
    seal_person(c, mac, authority, right->dn, text);
    rlm_loggia_control(request, inst->attributes[ATTRIBUTE_BINDING], text);
    person_pseudonym(c, authority, right->dn, person);
    rlm_loggia_control(request, inst->attributes[ATTRIBUTE_PERSON], person);
    bool written = write_row(inst, request, mac, QUERY_BIND);
    fed_bind(inst->fed, mac, written ? c->bound_life_s : c->rules.degraded_session_s, right);
    if (!written)
        return false;
    rlm_loggia_announce(inst->store, mac);
    if (inst->settings->login_devices)
        rlm_loggia_limit(inst->store, person);
    return true;
}

/* A DELETE of no row and a DELETE that failed expand alike, so the pass is looked for afterwards.
 */
bool rlm_loggia_pass_forget(rlm_loggia_t *inst, REQUEST *request, const struct mac *mac)
{
    struct rlm_loggia_row row;
    fed_forget(inst->fed, mac);
    if (!inst->queries[QUERY_FORGET])
        return true;
    rlm_loggia_ask_store(inst, request, mac, &inst->writing, QUERY_FORGET, QUERY_LOOKUP,
                         clock_ms() + inst->settings->store_deadline_ms, &row);
    if (row.pass == PASS_NONE || row.pass == PASS_BANNED)
        rlm_loggia_announce(inst->store, mac);
    return row.pass == PASS_NONE || row.pass == PASS_BANNED;
}

/* Whether this Stop was new, a repetition or older than the last tap, the store knows. */
bool rlm_loggia_pass_pause(rlm_loggia_t *inst, REQUEST *request, const struct mac *mac)
{
    struct rlm_loggia_row row;
    rlm_loggia_ask_store(inst, request, mac, &inst->reading, QUERY_PAUSE, QUERY_LOOKUP,
                         clock_ms() + inst->settings->store_deadline_ms, &row);
    if (row.pass == PASS_PAUSED)
        rlm_loggia_announce(inst->store, mac);
    return row.pass != PASS_UNKNOWN;
}

bool rlm_loggia_write(rlm_loggia_t *inst, REQUEST *request, enum rlm_query which)
{
    char text[32];
    if (!guard_enter(&inst->writing, clock_ms()))
        return false;
    rlm_loggia_expand(inst, request, which, text, sizeof text);
    bool written = strtoul(text, NULL, 10) > 0;
    guard_leave(&inst->writing, written);
    return written;
}

#define ANSWERS_TEXT ((FED_STORED_MAX + CRYPTO_SEAL_EXTRA) * 4 / 3 + 4)

/* False: it is not remembered any more. text is empty if there is nothing to be stored. */
static bool answers_text(rlm_loggia_t *inst, const struct mac *mac, char text[ANSWERS_TEXT])
{
    const struct crypto_slice place = {mac, sizeof *mac};
    uint8_t plain[FED_STORED_MAX];
    long len = fed_store(inst->fed, mac, plain);
    text[0] = 0;
    if (len > 0)
        seal(&inst->settings->fed, "loggia-answers", &place, plain, (size_t)len, text);
    return len >= 0;
}

size_t rlm_loggia_answers_record(rlm_loggia_t *inst, const struct mac *mac,
                                 char out[static RLM_RECORD])
{
    const struct fed_conf *c = &inst->settings->fed;
    char device[DEVICE_HASH_LEN], text[ANSWERS_TEXT];
    _Static_assert(RLM_RECORD > DEVICE_HASH_LEN + 4 + ANSWERS_TEXT, "a record fits");
    if (!answers_text(inst, mac, text))
        return 0;
    crypto_device_hash(c->key, c->key_len, mac, device);
    return (size_t)snprintf(out, RLM_RECORD, "%s%04zu%s", device, strlen(text), text);
}

bool rlm_loggia_answers_put(rlm_loggia_t *inst, REQUEST *request, const struct mac *mac)
{
    char text[ANSWERS_TEXT];
    if (!answers_text(inst, mac, text))
        return true;
    rlm_loggia_control(request, inst->attributes[ATTRIBUTE_ANSWERS], text);
    bool written = rlm_loggia_write(inst, request, QUERY_ANSWERS);
    if (!written)
        fed_store_failed(inst->fed, mac);
    return written;
}
