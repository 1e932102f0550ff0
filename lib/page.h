/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The pages citizens see: one document each, with nothing from elsewhere but its publishers' logos,
 * which the portal serves too. Pure: a view in, HTML out. No script, no cookie, no third party,
 * under 30 KB, WCAG 2.1 AA, works at 320 px and at 200 % text. The editor's preview uses the same
 * function. */
#ifndef LOGGIA_LIB_PAGE_H
#define LOGGIA_LIB_PAGE_H

#include "lib/notice.h"
#include <stdbool.h>
#include <stdint.h>

struct buf;
struct i18n;
struct publisher;
struct service;

#define PAGE_MAX_BYTES    30720
#define PAGE_MAX_NOTICES  20
#define PAGE_MAX_SERVICES 48 /* on the news page */
#define PAGE_FEW_SERVICES 10 /* elsewhere; the rest is linked */

enum page_kind {
    PAGE_SPLASH, /* notices, terms, one button */
    PAGE_ONLINE, /* you are online: for how long, notices, disconnect, forget */
    PAGE_LEFT,   /* you left; the button to come back */
    PAGE_FORGOTTEN,
    PAGE_DENIED, /* refused, why, no button */
    PAGE_TERMS,
    PAGE_PRIVACY,
    PAGE_NEWS, /* the notices alone: RFC 8908 venue-info-url */
    PAGE_ERROR /* code and words */
};

/* Every error a citizen can meet: shown with its code, decoded by loggiactl explain. */
enum page_error {
    PAGE_E_NONE = 0,
    PAGE_E_NO_DEVICE =
        101,            /* the device's MAC cannot be found (a routed hop, a proxy, the router) */
    PAGE_E_TOKEN = 102, /* the form is too old or was not made for this device */
    PAGE_E_NOT_FOUND = 103, /* no such page */
    PAGE_E_BAD_REQUEST = 104,
    PAGE_E_LOGIN = 105,       /* user name or password not right */
    PAGE_E_TRIES = 106,       /* too often wrong */
    PAGE_E_CENTRE_DOWN = 201, /* no RADIUS server answers */
    PAGE_E_REFUSED = 202,     /* the centre refused the tap without a reason */
    PAGE_E_GATE_DOWN = 301,   /* the gate does not answer */
    PAGE_E_FULL = 302,        /* the router has no room for more devices */
    PAGE_E_UPLINK_DOWN = 303, /* no way to the internet */
    PAGE_E_INTERNAL = 901
};
/* "LG-101" (buf of 8), and for loggiactl explain: what happened and what the admin should look at.
 */
const char *page_error_code(enum page_error e, char buf[static 8]);
bool page_error_explain(const char *code, const char **what, const char **mend);

/* The last-password form: not offered; on this page; or a link to the page over TLS. */
enum page_login { PAGE_LOGIN_NONE, PAGE_LOGIN_FORM, PAGE_LOGIN_LINK };

/* What of the privacy page depends on the installation. Times of 0 are not told. */
struct page_privacy {
    const char *controller;          /* NULL: not said */
    bool centre;                     /* the city's servers decide and keep the records; false: this
                                      * router alone */
    bool old_accounts;               /* the last-password form can be reached */
    bool counted;                    /* displays and taps of notices are, as sums */
    bool detailed_log;               /* clear addresses may be in this router's log now */
    uint32_t retention_s, interim_s; /* centre */
    uint32_t pass_s;                 /* no centre */
    uint32_t session_s, idle_s;
};

struct page_view {
    enum page_kind kind;
    const char *lang;                    /* one of i18n's tags */
    const char *network;                 /* "Prato Wi-Fi" */
    const char *zone_title;              /* "Piazza del Duomo" */
    const char *portal_url;              /* "https://wifi.prato.example" without the last slash */
    const char *path;                    /* of this page, for the language switch */
    const struct notice *const *notices; /* already selected */
    size_t n_notices;
    const struct service *const *services; /* the directory under the notices: selected, in order */
    size_t n_services;
    const struct publisher *const *publishers; /* whose names have a colour or a logo */
    size_t n_publishers;
    bool count_taps;        /* links of the web go through /go/ID and /service/ID of this portal */
    bool *shown;            /* if not NULL: n_notices of them, whether each is on the page */
    size_t *services_shown; /* if not NULL: how many are, from the first on */
    const char *token;      /* SPLASH, ONLINE, LEFT: for the forms */
    const char *terms_id;   /* version of the terms that the tap accepts */
    const char *terms;      /* TERMS: Markdown in this language; NULL = the built-in text */
    uint64_t remaining_s;   /* ONLINE */
    uint64_t down_Bps, up_Bps;        /* ONLINE: 0 = no cap */
    uint64_t used_bytes, quota_bytes; /* ONLINE: quota 0 = none */
    bool notices_stale_clock;         /* dates may be wrong */
    const char *reason;               /* DENIED: a reason code such as "suspended", or free text */
    enum page_error error;            /* ERROR, or a note on SPLASH (the form was too old) */
    enum page_login login;            /* SPLASH */
    const struct page_privacy *privacy; /* PRIVACY; NULL: only what is true everywhere */
    const char *contact; /* who helps: words, a telephone number, an address; NULL: not said */
    const char *accessibility_url; /* the administration's own statement; NULL: ours alone */
};

/* The value of the Content-Security-Policy header that every page is to be sent with. */
const char *page_csp(void);

/* "2 hours 5 minutes" in the language, without markup; seconds are rounded down to minutes. */
void page_duration(struct buf *b, const struct i18n *i18n, const char *lang, uint64_t seconds);

/* Appends the whole document to b (initialised with PAGE_MAX_BYTES or more by the caller). If all
 * notices do not fit the least urgent are left out and a link to the news page stands instead.
 * Terms and privacy may grow up to b's own bound. Dates are shown in the process's TZ
 * (notice_timezone). */
void page_render(struct buf *b, const struct i18n *i18n, const struct page_view *view);

#endif
