/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which page is asked for, by which device, in which language; and the headers of every answer. A
 * visit ends exactly once: with an answer, or when its client goes. */
#include "portal/web.h"
#include "lib/i18n.h"
#include "lib/log.h"
#include "lib/logo.h"
#include "lib/loop.h"
#include "portal/board.h"
#include "portal/gate_client.h"
#include "portal/metrics.h"
#include "portal/redirect.h"
#include "portal/secure.h"
#include "portal/whose.h"
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Whose address it is: so often, so far apart. The kernel itself asks the phone once a second. */
#define ASKS_MAX     16
#define ASK_AGAIN_MS 100

static void visit_free(struct visit *v)
{
    struct device *d = v->d;
    if (v->call)
        gate_call_cancel(v->call);
    device_unwait(&v->waiter);
    loop_timer_free(v->timer);
    loop_timer_free(v->again);
    if (d) {
        d->refs--;
        devices_touch(v->p->devices, d);
    }
    v->p->counts.held--;
    free(v);
}

static void client_gone(void *user)
{
    visit_free(user);
}

static void answer(struct visit *v, const struct http_answer *a)
{
    struct http_request *req = v->req;
    if (v->handle == form_join)
        metrics_tap(v->p->metrics, loop_now_us() - http_started_us(req));
    http_set_user(req, NULL, NULL);
    visit_free(v);
    http_reply(req, a);
}

/* --- answers -----------------------------------------------------------------------------------
 */

void visit_redirect(struct visit *v, unsigned status, const char *location)
{
    /* The same few bytes for everybody: nothing of the request but a checked Location. */
    static char body[] = "<!doctype html><title>Wi-Fi</title>";
    const struct http_field fields[] = {
        {"Location", location}, {"Cache-Control", "no-store"}, {NULL, NULL}};
    answer(v, &(struct http_answer){.status = status,
                                    .content_type = "text/html; charset=utf-8",
                                    .body = body,
                                    .len = sizeof body - 1,
                                    .close = status == 302,
                                    .fields = fields});
}

void visit_see_other(struct visit *v, const char *path)
{
    const char *asked = i18n_negotiate(v->p->i18n, http_header(v->req, "Accept-Language"));
    char location[64];
    if (strcmp(asked, v->lang) == 0)
        snprintf(location, sizeof location, "%s", path);
    else
        snprintf(location, sizeof location, "%s?lang=%.16s", path, v->lang);
    visit_redirect(v, 303, location);
}

static void send_page(struct visit *v, unsigned status, char *html, size_t len)
{
    struct http_field fields[] = {{"Cache-Control", "no-store"},
                                  {"Content-Security-Policy", page_csp()},
                                  {"X-Content-Type-Options", "nosniff"},
                                  {"Referrer-Policy", "no-referrer"},
                                  {NULL, NULL},
                                  {NULL, NULL}};
    static char apology[] = "500\n";
    struct http_answer a = {.status = status, .fields = fields, .take = true};

    if (status == 405)
        fields[sizeof fields / sizeof *fields - 2] =
            (struct http_field){"Allow", "GET, HEAD, POST"};
    a.content_type = "text/html; charset=utf-8";
    a.body = html;
    a.len = len;
    if (!a.body) {
        log_msg(LOG_ERR, "event=page_failed path=%s", http_path(v->req));
        a = (struct http_answer){.status = 500,
                                 .fields = fields,
                                 .content_type = "text/plain",
                                 .body = apology,
                                 .len = sizeof apology - 1};
    }
    v->p->counts.pages++;
    answer(v, &a);
}

void visit_picture(struct visit *v, const char *type, const char *data, size_t len)
{
    static const struct http_field fields[] = {
        {"Cache-Control", "public, max-age=31536000, immutable"},
        {"Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"},
        {"X-Content-Type-Options", "nosniff"},
        {NULL, NULL}};
    answer(v, &(struct http_answer){.status = 200,
                                    .content_type = type,
                                    .body = (char *)(uintptr_t)data, /* copied */
                                    .len = len,
                                    .fields = fields});
}

/* RFC 8908 section 4.2: private, because it is about one device; and the next answer may differ. */
void visit_json(struct visit *v, char *text)
{
    const struct http_field fields[] = {{"Cache-Control", "private, no-store"}, {NULL, NULL}};
    if (text)
        answer(v, &(struct http_answer){.status = 200,
                                        .content_type = "application/captive+json",
                                        .body = text,
                                        .len = strlen(text),
                                        .take = true,
                                        .fields = fields});
    else
        answer(v, &(struct http_answer){.status = 500, .fields = fields});
}

bool visit_is_secure(const struct visit *v)
{
    return http_is_tls(v->req);
}

const char *visit_portal_url(const struct visit *v, char out[static VISIT_URL_LEN])
{
    snprintf(out, VISIT_URL_LEN, "%s://%.255s",
             secure_ready(v->p->secure) || visit_is_secure(v) ? "https" : "http",
             v->p->live->portal_name);
    return out;
}

void visit_page(struct visit *v, unsigned status, struct page_view *view)
{
    struct view_room room;
    size_t len = 0;
    view_fill(v, view, &room);
    char *html = view_html(v, view, &room, &len);
    if (view->kind == PAGE_SPLASH)
        metrics_splash(v->p->metrics, loop_now_us() - http_started_us(v->req));
    send_page(v, status, html, len);
}

void visit_error(struct visit *v, unsigned status, enum page_error e)
{
    struct page_view view = {.kind = PAGE_ERROR, .error = e};
    visit_page(v, status, &view);
}

/* --- waiting ------------------------------------------------------------------------------------
 */

static void then(struct visit *v, bool in_time)
{
    device_unwait(&v->waiter);
    if (v->timer)
        loop_timer_stop(v->timer);
    v->then(v, in_time);
}

static void settled(void *arg)
{
    then(arg, true);
}

static void too_late(void *arg)
{
    then(arg, false);
}

void visit_settle(struct visit *v, uint64_t wait_ms, void (*fn)(struct visit *v, bool in_time))
{
    v->then = fn;
    if (!device_is_settling(v->d)) {
        fn(v, true);
        return;
    }
    if (!v->timer)
        v->timer = loop_timer_new(v->p->loop, too_late, v);
    if (!v->timer) {
        fn(v, false);
        return;
    }
    device_wait(v->d, &v->waiter, settled, v);
    loop_timer_start(v->timer, wait_ms);
}

/* --- whose request is it ------------------------------------------------------------------------
 */

static void dispatch(struct visit *v)
{
    if (!v->d && v->needs_device)
        visit_error(v, v->gate_silent ? 503 : 403,
                    v->gate_silent ? PAGE_E_GATE_DOWN : PAGE_E_NO_DEVICE);
    else
        v->handle(v);
}

/* It is the device at this address that asks. */
static void identify(struct visit *v, const struct gate_address *told)
{
    struct device *d = sessions_device(v->p, &told->mac);
    char ifname[sizeof told->ifname + 1] = "";

    if (!d)
        return;
    memcpy(ifname, told->ifname, sizeof told->ifname);
    if (sessions_place(d, ifname)) {
        v->d = d;
        d->refs++;
    }
    devices_touch(v->p->devices, d);
}

static bool address_of(const struct http_request *req, struct gate_address *out)
{
    const struct sockaddr *sa = http_peer(req);
    if (sa && sa->sa_family == AF_INET) {
        out->family = 4;
        memcpy(out->ip, &((const struct sockaddr_in *)(const void *)sa)->sin_addr, 4);
        return true;
    }
    if (sa && sa->sa_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const void *)sa;
        out->family = 6;
        memcpy(out->ip, &in6->sin6_addr, 16);
        out->ifindex = in6->sin6_scope_id;
        return true;
    }
    return false;
}

static void on_looked(void *arg, const struct gate_reply *reply)
{
    struct visit *v = arg;

    v->call = NULL;
    if (reply)
        adopt_found(v->d, reply);
    if (adopt_is_known(v->d))
        dispatch(v);
    else
        visit_error(v, 503, PAGE_E_GATE_DOWN);
}

static void ask_whose(struct visit *v);

static void ask_again(void *arg)
{
    ask_whose(arg);
}

/* A phone that slept may have failed to answer the router, which then has no Ethernet address for
 * it until it answers again: the kernel asks as soon as it acknowledges this very request. */
static bool is_asked_again(struct visit *v)
{
    if (v->asked >= ASKS_MAX)
        return false;
    if (!v->again)
        v->again = loop_timer_new(v->p->loop, ask_again, v);
    if (v->again)
        loop_timer_start(v->again, ASK_AGAIN_MS);
    return v->again;
}

static void on_resolved(void *arg, const struct gate_reply *reply)
{
    struct visit *v = arg;
    struct gate_address asked = {0};

    v->call = NULL;
    v->gate_silent = !reply || reply->status == GATE_KERNEL;
    if (reply && reply->status == GATE_NOT_FOUND && is_asked_again(v))
        return;
    if (reply && reply->status == GATE_OK) {
        if (address_of(v->req, &asked))
            whose_note(v->p->whose, &asked, &reply->address, loop_now_ms());
        identify(v, &reply->address);
    }
    if (v->d && !adopt_is_known(v->d) && (v->call = adopt_look(v->d, on_looked, v)))
        return;
    dispatch(v);
}

static void ask_whose(struct visit *v)
{
    struct gate_request r = {.verb = GATE_RESOLVE};
    v->asked++;
    if (address_of(v->req, &r.address))
        v->call = gate_client_call(v->p->gate, &r, PORTAL_WAIT_MS, on_resolved, v);
    if (!v->call) {
        v->gate_silent = r.address.family != 0;
        dispatch(v);
    }
}

static void resolve(struct visit *v)
{
    struct gate_address address = {0};
    const struct gate_address *told = NULL;
    bool reads = strcmp(http_method(v->req), "POST") != 0;
    if (address_of(v->req, &address) && reads && gate_client_ready(v->p->gate))
        told = whose_find(v->p->whose, &address, loop_now_ms());
    if (told) {
        identify(v, told);
        dispatch(v);
    } else {
        ask_whose(v);
    }
}

/* --- what is asked for ---------------------------------------------------------------------------
 */

struct route {
    const char *path;
    bool post, needs_device;
    bool tls; /* not there over plain HTTP */
    void (*handle)(struct visit *v);
};

static const struct route routes[] = {
    {"/", false, true, false, show_home},
    {"/join", true, true, false, form_join},
    {"/login", true, true, false, form_login},
    {"/leave", true, true, false, form_leave},
    {"/forget", true, true, false, form_forget},
    {"/left", false, true, false, show_left},
    {"/forgotten", false, true, false, show_forgotten},
    {"/news", false, false, false, show_news},
    {GO_NOTICE, false, false, false, show_go}, /* and whatever stands behind it */
    {GO_SERVICE, false, false, false, show_go_service},
    {LOGO_PATH, false, false, false, show_logo},
    {"/terms", false, false, false, show_terms},
    {"/privacy", false, false, false, show_privacy},
    {"/api", false, true, true, show_api},
};

static void not_found(struct visit *v)
{
    visit_error(v, 404, PAGE_E_NOT_FOUND);
}

static void to_home(struct visit *v)
{
    visit_see_other(v, "/");
}

static void bad_method(struct visit *v)
{
    visit_error(v, 405, PAGE_E_BAD_REQUEST);
}

static void choose_route(struct visit *v)
{
    const char *method = http_method(v->req), *path = http_path(v->req);
    bool post = strcmp(method, "POST") == 0;
    bool get = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;

    v->handle = not_found;
    if (!post && !get) {
        v->handle = bad_method;
        return;
    }
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
        size_t len = strlen(routes[i].path);
        bool folder = len > 1 && routes[i].path[len - 1] == '/';
        if ((folder ? strncmp(routes[i].path, path, len) : strcmp(routes[i].path, path)) != 0 ||
            (routes[i].tls && !visit_is_secure(v)))
            continue;
        if (routes[i].post == post) {
            v->handle = routes[i].handle;
            v->needs_device = routes[i].needs_device;
        } else {
            v->handle = post ? bad_method : to_home; /* a form's address typed, or reloaded */
        }
        return;
    }
}

static const char *choose_language(struct visit *v)
{
    struct portal *p = v->p;
    const char *lang = http_query(v->req, "lang");
    if (!lang || !i18n_has(p->i18n, lang))
        lang = http_form(v->req, "lang");
    if (lang && i18n_has(p->i18n, lang)) /* the query's own copy, and the catalogue's, live on */
        return i18n_negotiate(p->i18n, lang);
    return i18n_negotiate(p->i18n, http_header(v->req, "Accept-Language"));
}

void web_handle(void *portal, struct http_request *req)
{
    struct portal *p = portal;
    struct visit *v = calloc(1, sizeof *v);

    if (!v) {
        http_reply(req, &(struct http_answer){.status = 503, .close = true});
        return;
    }
    v->p = p;
    v->req = req;
    p->counts.held++;
    http_set_user(req, v, client_gone);
    v->lang = choose_language(v);
    board_looked(p->board);
    if (redirect_is_portal(http_header(req, "Host"), p->live->portal_name)) {
        choose_route(v);
        if (v->handle == not_found || v->handle == bad_method || v->handle == to_home ||
            v->handle == show_logo) { /* it is the same whoever asks */
            v->handle(v);
            return;
        }
    } else {
        v->handle = captive_handle;
    }
    resolve(v);
}

bool visit_token_good(const struct visit *v)
{
    bool good = token_check(v->p->key, &v->d->mac, device_terms_id(v->d), loop_now_ms() / 1000,
                            http_form(v->req, "token"));
    if (!good) {
        v->p->counts.bad_tokens++;
        log_msg(LOG_DEBUG, "event=bad_token device=%s path=%s", v->d->pseudonym, http_path(v->req));
    }
    return good;
}
