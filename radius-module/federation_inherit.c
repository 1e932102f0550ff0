/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What one federation remembers becomes another's: the same people, asked by a new configuration.
 * Where that has the same authorities and profiles (a new password, another server, other times)
 * the memory changes hands as it is; otherwise each device is carried over by the names. */
#include "radius-module/federation_private.h"

#include <string.h>

static bool same_names(const struct fed_conf *a, const struct fed_conf *b)
{
    if (a->n_authorities != b->n_authorities || a->n_profiles != b->n_profiles ||
        a->remember != b->remember)
        return false;
    for (size_t i = 0; i < a->n_authorities; i++)
        if (strcmp(a->authorities[i].name, b->authorities[i].name) != 0)
            return false;
    for (size_t i = 0; i < a->n_profiles; i++)
        if (strcmp(a->profiles[i].name, b->profiles[i].name) != 0)
            return false;
    return true;
}

struct names { /* of the old: what number the new has for it, -1: none */
    int authority[FED_MAX_AUTHORITIES], profile[MAPPING_MAX_PROFILES];
};

static void match_names(const struct fed_conf *old, const struct fed_conf *now, struct names *out)
{
    memset(out, 0xff, sizeof *out); /* -1 */
    for (size_t i = 0; i < old->n_authorities; i++)
        for (size_t k = 0; k < now->n_authorities; k++)
            if (strcmp(old->authorities[i].name, now->authorities[k].name) == 0)
                out->authority[i] = (int)k;
    for (size_t i = 0; i < old->n_profiles; i++)
        for (size_t k = 0; k < now->n_profiles; k++)
            if (strcmp(old->profiles[i].name, now->profiles[k].name) == 0)
                out->profile[i] = (int)k;
}

static void carry_answer(struct memory *m, const struct names *names, const struct memory_answer *a,
                         struct memory_answer *out, uint64_t now)
{
    struct decision_answer d = {0};
    int *profile = &d.entitlement.profile;
    memory_answer_get(a, &d);
    if (*profile >= 0)
        *profile = names->profile[*profile];
    memory_answer_set(m, out, d.state, (int64_t)now - (int64_t)memory_answer_age_ms(a, now),
                      &d.entitlement);
    out->asked_for = true; /* another configuration reads another thing from the same entry */
}

static void carry_device(struct fed *f, const struct fed *old, const struct names *names,
                         const struct memory_device *d, uint64_t now)
{
    struct memory_device *to = memory_make(f->memory, &d->mac);
    if (!to)
        return;
    memory_copy(to, d);
    for (size_t i = 0; i < old->conf->n_authorities; i++)
        if (names->authority[i] >= 0)
            carry_answer(f->memory, names, &d->answers[i], &to->answers[names->authority[i]], now);
    int home = d->bound ? names->authority[d->bound->authority] : -1;
    if (home >= 0 && memory_bind(f->memory, to, (size_t)home, d->bound->dn) && to->bound)
        carry_answer(f->memory, names, &d->bound->answer, &to->bound->answer, now);
}

size_t fed_inherit(struct fed *f, struct fed *old)
{
    const struct fed_conf *c = f->conf, *o = old->conf;
    struct names names;
    uint64_t now = clock_ms();
    if (c->key_len != o->key_len || memcmp(c->key, o->key, c->key_len) != 0)
        return 0; /* another city */
    match_names(o, c, &names);
    pthread_mutex_lock(&f->lock);
    pthread_mutex_lock(&old->lock);
    size_t n = memory_count(old->memory);
    if (same_names(c, o)) {
        struct memory *mine = f->memory;
        f->memory = old->memory;
        old->memory = mine;
        memory_key(f->memory, c->key, c->key_len);
        memory_key(old->memory, o->key, o->key_len);
    } else {
        for (struct memory_device *d = memory_oldest(old->memory); d;
             d = memory_newer(old->memory, d))
            carry_device(f, old, &names, d, now);
    }
    pthread_mutex_unlock(&old->lock);
    pthread_mutex_unlock(&f->lock);
    return n;
}
