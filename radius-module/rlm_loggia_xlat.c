/* SPDX-License-Identifier: GPL-2.0-or-later */
/* %{loggia:…}: what the configured texts, and an admin by radmin or a policy, may ask the module.
 */
#include "lib/crypto.h"
#include "radius-module/rlm_loggia.h"

#include <stdlib.h>
#include <string.h>

static ssize_t put(char *out, size_t room, const char *text, size_t len)
{
    if (len >= room)
        return -1;
    memcpy(out, text, len);
    out[len] = 0;
    return (ssize_t)len;
}

/* Class is "PROFILE:IDENTITY". */
static ssize_t put_class(REQUEST *request, bool profile, char *out, size_t room)
{
    VALUE_PAIR *vp = fr_pair_find_by_num(request->packet->vps, PW_CLASS, 0, TAG_ANY);
    const char *text = vp ? (const char *)vp->vp_octets : NULL;
    const char *colon = text ? memchr(text, ':', vp->vp_length) : NULL;
    if (!colon)
        return put(out, room, "", 0);
    size_t before = (size_t)(colon - text);
    return profile ? put(out, room, text, before)
                   : put(out, room, colon + 1, vp->vp_length - before - 1);
}

/* name NULL: of all, and the rest. */
static ssize_t put_status(rlm_loggia_t *inst, const char *name, char *out, size_t room)
{
    const struct fed_conf *c = &inst->settings->fed;
    struct status_source source;
    size_t i = 0;
    char *text = NULL;
    size_t len = 0;
    if (!inst->fed)
        return -1;
    while (name && i < c->n_authorities && strcmp(c->authorities[i].name, name) != 0)
        i++;
    FILE *f = inst->fed && (!name || i < c->n_authorities) ? open_memstream(&text, &len) : NULL;
    if (!f)
        return -1;
    rlm_loggia_status(inst, &source);
    if (name)
        status_authority(f, &source, i);
    else
        status_text(f, &source);
    fclose(f);
    ssize_t n = text ? put(out, room, text, len < room ? len : room - 1) : -1;
    free(text);
    return n;
}

/* device: the request's device as a keyed hash; sealed: so that this server can read it; profile,
 * identity: from its Class; life, bound: of a pass and of a bound one, in seconds; authority NAME:
 * its state; status: everybody's. */
ssize_t rlm_loggia_xlat(void *instance, REQUEST *request, char const *fmt, char *out, size_t room)
{
    rlm_loggia_t *inst = instance;
    const struct fed_conf *c = &inst->settings->fed;
    char hash[DEVICE_HASH_LEN];
    struct mac mac;
    if (strcmp(fmt, "device") == 0) {
        DICT_ATTR const *other = inst->attributes[ATTRIBUTE_DEVICE];
        VALUE_PAIR *vp = fr_pair_find_by_num(request->config, other->attr, other->vendor, TAG_ANY);
        if (vp)
            return put(out, room, vp->vp_strvalue, vp->vp_length);
        if (!rlm_loggia_device_of(request, &mac))
            return put(out, room, "", 0);
        crypto_device_hash(c->key, c->key_len, &mac, hash);
        return put(out, room, hash, strlen(hash));
    }
    if (strcmp(fmt, "sealed") == 0) {
        char sealed[RLM_SEALED_DEVICE] = "";
        if (rlm_loggia_device_of(request, &mac))
            rlm_loggia_seal_device(inst, &mac, sealed);
        return put(out, room, sealed, strlen(sealed));
    }
    if (strcmp(fmt, "profile") == 0 || strcmp(fmt, "identity") == 0)
        return put_class(request, fmt[0] == 'p', out, room);
    if (strcmp(fmt, "life") == 0)
        return snprintf(out, room, "%u", c->pass_life_s);
    if (strcmp(fmt, "bound") == 0)
        return snprintf(out, room, "%u", c->bound_life_s);
    if (strncmp(fmt, "authority ", 10) == 0)
        return put_status(inst, fmt + 10, out, room);
    if (strcmp(fmt, "status") == 0)
        return put_status(inst, NULL, out, room);
    return -1;
}
