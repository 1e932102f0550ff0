/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tag: what loggiad writes beside a device into the kernel, so that the next loggiad goes on
 * with the same session. Readable words ("s=… t=… e=… z=…"), because nft list shows them to an
 * admin. Pure. Whoever can write the kernel's table can write anything here, so reading trusts
 * nothing. */
#ifndef LOGGIA_PORTAL_TAG_H
#define LOGGIA_PORTAL_TAG_H

#include "lib/gate_proto.h"
#include <stdbool.h>
#include <stdint.h>

#define TAG_ID_LEN   33 /* an Acct-Session-Id with its NUL */
#define TAG_ZONE_LEN 33
#define TAG_LANG_LEN 16
#define TAG_OPAQUE   64 /* bytes of Class and of Chargeable-User-Identity */

struct tag {
    char id[TAG_ID_LEN];        /* s: Acct-Session-Id */
    char zone[TAG_ZONE_LEN];    /* z */
    int64_t start_s, end_s;     /* t, e: Unix time; their difference is the session's length */
    uint32_t interim_s, idle_s; /* i, d */
    uint64_t quota_bytes;       /* q; 0: none */
    char lang[TAG_LANG_LEN];    /* p: provisional, and the language of its tap; "": it is not */
    struct gate_counters base;  /* b: counted before the kernel lost its counters */
    uint8_t class_len, cui_len; /* c, u: base64url */
    uint8_t class_value[TAG_OPAQUE], cui[TAG_OPAQUE];
};

/* What did not fit: the identity given back in accounting goes first, then the class. */
enum tag_fit { TAG_FITS, TAG_WITHOUT_CUI, TAG_WITHOUT_CLASS };
enum tag_fit tag_write(const struct tag *tag, char out[static GATE_TAG_LEN]);

/* False, and *out undefined, unless every known word is well-formed and s, t, e and z are there.
 * Words that a later version may add are passed over. */
bool tag_read(const char text[static GATE_TAG_LEN], struct tag *out);

#endif
