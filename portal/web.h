/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One request of a citizen, from the socket to its one answer. Between the two it may wait: for the
 * gate to tell whose address it is, then for the device to settle. */
#ifndef LOGGIA_PORTAL_WEB_H
#define LOGGIA_PORTAL_WEB_H

#include "lib/http.h"
#include "lib/page.h"
#include "portal/portal.h"

struct visit {
    struct portal *p;
    struct http_request *req;
    struct device *d; /* NULL: the address belongs to no device of ours; a reference is held */
    const char *lang; /* one of i18n's tags */
    void (*handle)(struct visit *v);
    bool needs_device, gate_silent;
    struct gate_call *call;
    struct loop_timer *timer, *again;
    unsigned asked; /* how often whose address it is */
    struct waiter waiter;
    void (*then)(struct visit *v, bool in_time);
};

/* Calls then once: when the device has settled (at once if it is), or with false after wait_ms. */
void visit_settle(struct visit *v, uint64_t wait_ms, void (*then)(struct visit *v, bool in_time));
/* Each ends the visit: v is gone afterwards. */
void visit_redirect(struct visit *v, unsigned status, const char *location);
void visit_see_other(struct visit *v, const char *path); /* keeps a chosen language */
/* text is freed; NULL: 500. */
void visit_json(struct visit *v, char *text);
void visit_page(struct visit *v, unsigned status, struct page_view *view);
void visit_error(struct visit *v, unsigned status, enum page_error e);
/* For ever the same under its address. data is copied. */
void visit_picture(struct visit *v, const char *type, const char *data, size_t len);

bool visit_token_good(const struct visit *v);
bool visit_is_secure(const struct visit *v); /* came over TLS */
/* "https://NAME", or "http://NAME" without a good certificate. */
#define VISIT_URL_LEN 300
const char *visit_portal_url(const struct visit *v, char out[static VISIT_URL_LEN]);

/* web_captive.c: whatever was asked of another host */
void captive_handle(struct visit *v);
/* web_pages.c */
void show_home(struct visit *v);
void show_splash(struct visit *v, unsigned status, enum page_error note);
void show_denied(struct visit *v);
void show_left(struct visit *v);
void show_forgotten(struct visit *v);
void show_news(struct visit *v);
void show_terms(struct visit *v);
void show_privacy(struct visit *v);
/* web_api.c */
void show_api(struct visit *v);
/* web_forms.c */
void form_join(struct visit *v);
void form_joined(struct visit *v, bool in_time); /* what a tap has come to */
uint64_t form_centre_wait_ms(const struct visit *v);
void form_leave(struct visit *v);
void form_forget(struct visit *v);

/* web_go.c */
#define GO_NOTICE  "/go/"
#define GO_SERVICE "/service/"
void show_go(struct visit *v);
void show_go_service(struct visit *v);

/* web_logo.c */
void show_logo(struct visit *v);

/* web_view.c: what a page shows beside its own kind's fields, and its HTML. */
struct view_room {
    const struct notice *notices[PAGE_MAX_NOTICES];
    const struct service *services[PAGE_MAX_SERVICES];
    bool shown[PAGE_MAX_NOTICES];
    size_t services_shown;
    char url[VISIT_URL_LEN], token[TOKEN_LEN];
    struct page_privacy privacy;
};
void view_fill(struct visit *v, struct page_view *view, struct view_room *room);
/* malloc'ed, len bytes; NULL: it failed. Counts what is displayed. */
char *view_html(struct visit *v, struct page_view *view, struct view_room *room, size_t *len);

/* web_login.c */
void form_login(struct visit *v);

#endif
