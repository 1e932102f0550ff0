/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The Captive Portal API (RFC 8908): what a phone asks instead of probing, over HTTPS alone. Its
 * address is told by DHCP and router advertisements (RFC 8910).
 *
 * What is said here is meant: seconds-remaining and bytes-remaining only while they end something,
 * and can-extend-session is false because nobody needs to extend anything: when a session is over
 * the city knows the pass, and the next one begins without a word. A phone that was told "true"
 * would ask its owner to come to a page that has nothing for him to do. */
#include "portal/api.h"
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static json_t *number(uint64_t n)
{
    return json_integer(n > INT64_MAX ? INT64_MAX : (json_int_t)n);
}

char *api_json(const struct api_state *s)
{
    char portal[300], venue[300], *text;
    json_t *o = json_object();
    bool built;

    snprintf(portal, sizeof portal, "https://%.255s/", s->portal_name);
    snprintf(venue, sizeof venue, "https://%.255s/news", s->portal_name);
    built = json_object_set_new(o, "captive", json_boolean(s->captive)) == 0 &&
            json_object_set_new(o, "user-portal-url", json_string(portal)) == 0 &&
            json_object_set_new(o, "venue-info-url", json_string(venue)) == 0;
    if (!s->captive) {
        built = built && json_object_set_new(o, "can-extend-session", json_false()) == 0;
        if (s->has_seconds)
            built = built && json_object_set_new(o, "seconds-remaining", number(s->seconds)) == 0;
        if (s->has_bytes)
            built = built && json_object_set_new(o, "bytes-remaining", number(s->bytes)) == 0;
    }
    text = built ? json_dumps(o, JSON_COMPACT | JSON_PRESERVE_ORDER) : NULL;
    json_decref(o);
    if (text && strlen(text) > API_MAX_BYTES) {
        free(text);
        text = NULL;
    }
    return text;
}
