/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which page is asked for, by whom, in which language; and the headers of every answer. */
#include "noticeboard/web.h"
#include "lib/log.h"
#include "noticeboard/logo.h"
#include "noticeboard/web_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CSP                                                                                        \
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; "              \
    "connect-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; "                  \
    "frame-ancestors 'none'"

/* --- answers
 * -------------------------------------------------------------------------------------------- */
static void visit_free(struct visit *v)
{
    if (v->asking)
        signin_cancel(v->b->signin, v->asking);
    if (v->waiting)
        links_forget(v->b->links, v);
    free(v->form_text); /* http.c wipes the body; this copy held a password, perhaps */
    free(v->fields);
    buf_free(&v->out);
    free(v);
}

static void gone(void *user)
{
    visit_free(user);
}

static void answer(struct visit *v, struct http_answer *a, const char *csp, const char *cache,
                   const char *location)
{
    struct http_field fields[12] = {{"Cache-Control", cache},
                                    {"Content-Security-Policy", csp},
                                    {"X-Content-Type-Options", "nosniff"},
                                    {"Referrer-Policy", "same-origin"},
                                    {"Cross-Origin-Opener-Policy", "same-origin"}};
    char cookies[3][256];
    size_t n = 5;
    struct http_request *req = v->req;

    if (location)
        fields[n++] = (struct http_field){"Location", location};
    if (strncmp(v->b->conf->url, "https:", 6) == 0)
        fields[n++] = (struct http_field){"Strict-Transport-Security", "max-age=31536000"};
    for (int i = 0; i < 3; i++) {
        memcpy(cookies[i], v->set_cookie[i], sizeof cookies[i]);
        if (*cookies[i])
            fields[n++] = (struct http_field){"Set-Cookie", cookies[i]};
    }
    a->fields = fields;
    http_set_user(req, NULL, NULL);
    visit_free(v);
    http_reply(req, a);
}

void visit_send(struct visit *v, unsigned status)
{
    struct http_answer a = {
        .status = status, .content_type = "text/html; charset=utf-8", .take = true};

    a.body = buf_take(&v->out, &a.len);
    if (!a.body) {
        log_msg(LOG_ERR, "event=page_failed path=%s", v->path);
        a.status = 500;
        a.content_type = NULL;
    }
    answer(v, &a, CSP, "no-store", NULL);
}

void visit_preview(struct visit *v, const char *csp)
{
    struct http_answer a = {
        .status = 200, .content_type = "text/html; charset=utf-8", .take = true};

    a.body = buf_take(&v->out, &a.len);
    a.status = a.body ? 200 : 500;
    answer(v, &a, csp, "no-store", NULL);
}

void visit_see_other(struct visit *v, const char *path)
{
    char location[200];

    snprintf(location, sizeof location, "%s", path);
    answer(v, &(struct http_answer){.status = 303}, CSP, "no-store", location);
}

void visit_text(struct visit *v, const char *type, const char *text, const char *cache)
{
    struct http_answer a = {.status = 200, .content_type = type, .len = strlen(text)};

    a.body = (char *)(uintptr_t)text; /* copied */
    answer(v, &a, CSP, cache, NULL);
}

/* Where the preview's page looks for it, as on a router (portal/web_logo.c). */
static void logo(struct visit *v)
{
    const struct board_logo *l = board_logo_named(v->b->conf, v->path + strlen(LOGO_PATH));
    struct http_answer a = {.status = 200};

    if (!l) {
        visit_status(v, 404);
        return;
    }
    a.content_type = logo_type(l->frame.kind);
    a.body = l->data; /* copied */
    a.len = l->len;
    answer(v, &a, CSP, "public, max-age=31536000, immutable", NULL);
}

void visit_status(struct visit *v, unsigned status)
{
    answer(v, &(struct http_answer){.status = status}, CSP, "no-store", NULL);
}

void visit_refuse(struct visit *v, unsigned status, const char *title, const char *words)
{
    page_begin(v, title);
    page_box(v, "alert", words);
    HTML("<p><a href=\"/\">");
    TEXT(T("Back to the notices"));
    HTML("</a></p>");
    page_end(v);
    visit_send(v, status);
}

void visit_not_found(struct visit *v)
{
    visit_refuse(v, 404, T("Not found"), T("There is nothing here, or it is not yours."));
}

void visit_store_failed(struct visit *v, const char *what)
{
    log_msg(LOG_ERR, "event=store_failed what=%s why=\"%s\"", what, store_error(v->b->store));
    visit_refuse(
        v, 500, T("It could not be kept"),
        T("The board could not write to its disk. Go back: what you typed is still in your "
          "browser. Tell whoever looks after the board."));
}

/* --- what came
 * -------------------------------------------------------------------------------------------- */
const char *visit_field(const struct visit *v, const char *name)
{
    for (size_t i = 0; i < v->n_fields; i++)
        if (strcmp(v->fields[i].name, name) == 0)
            return v->fields[i].value;
    return "";
}

int visit_version(const struct visit *v)
{
    int version = atoi(visit_field(v, "version"));

    return version > 0 ? version : -1;
}

const char *visit_query(const struct visit *v, const char *name)
{
    const char *value = http_query(v->req, name);

    return value ? value : "";
}

/* False: too large or of another kind. */
static bool read_form(struct visit *v)
{
    size_t len = 0;
    const char *body = http_body(v->req, &len), *type = http_header(v->req, "Content-Type");

    if (!body || !type || strncmp(type, "application/x-www-form-urlencoded", 33) != 0)
        return len == 0;
    v->form_text = strndup(body, len);
    v->fields = calloc(WEB_MAX_FIELDS, sizeof *v->fields);
    if (!v->form_text || !v->fields)
        return false;
    v->n_fields = form_decode_into(v->form_text, v->fields, WEB_MAX_FIELDS);
    return true;
}

/* Who asks, and whether over TLS: our own, or that of the proxy which is trusted. */
static void read_peer(struct visit *v)
{
    const char *proxy = v->b->conf->trusted_proxy;
    const char *proto = http_header_last(v->req, "X-Forwarded-Proto");
    char peer[64];

    http_client(v->req, NULL, peer);
    http_client(v->req, proxy, v->address);
    v->secure = http_is_tls(v->req) ||
                (proxy && proto && strcmp(peer, proxy) == 0 && strcmp(proto, "https") == 0);
}

/* "?lang=", else the browser's wish. */
static void read_language(struct visit *v)
{
    const char *asked = http_query(v->req, "lang"),
               *header = http_header(v->req, "Accept-Language");
    const char *chosen = session_language(v, asked && i18n_has(v->b->words, asked) ? asked : NULL);

    v->lang = chosen && i18n_has(v->b->words, chosen) ? i18n_negotiate(v->b->words, chosen)
              : header                                ? i18n_negotiate(v->b->words, header)
                                                      : v->b->conf->language;
}

/* --- where to
 * ---------------------------------------------------------------------------------------------- */
/* "/notice/12/edit": 12, and "edit" in rest. */
static bool numbered(const char *path, const char *head, int64_t *id, const char **rest)
{
    size_t len = strlen(head);
    char *end;

    if (strncmp(path, head, len) != 0 || path[len] < '1' || path[len] > '9')
        return false;
    *id = strtoll(path + len, &end, 10);
    *rest = *end == '/' ? end + 1 : end;
    return *end == '\0' || *end == '/';
}

static bool is(const struct visit *v, const char *path)
{
    return strcmp(v->path, path) == 0;
}

static void sign_out(struct visit *v)
{
    session_end(v);
    visit_see_other(v, "/sign-in");
}

/* The three kinds of things that have versions have the same pages, each under a path of its own.
 */
static const struct {
    const char *head, *new;
} kinds[] = {[STORE_NOTICE] = {"/notice/", "/new"},
             [STORE_TEMPLATE] = {"/templates/", "/templates/new"},
             [STORE_SERVICE] = {"/services/", "/services/new"}};

static bool post_kind(struct visit *v, enum store_kind kind)
{
    const char *rest;
    int64_t id;

    if (is(v, kinds[kind].new))
        edit_post(v, 0, kind);
    else if (!numbered(v->path, kinds[kind].head, &id, &rest) || !*rest)
        return false;
    else if (strcmp(rest, "edit") == 0)
        edit_post(v, id, kind);
    else
        deed_post(v, id, kind, rest);
    return true;
}

static bool get_kind(struct visit *v, enum store_kind kind)
{
    const char *rest;
    int64_t id;

    if (is(v, kinds[kind].new))
        edit_get(v, 0, kind);
    else if (!numbered(v->path, kinds[kind].head, &id, &rest))
        return false;
    else if (!*rest)
        seen_page(v, id, kind);
    else if (strcmp(rest, "edit") == 0)
        edit_get(v, id, kind);
    else if (strcmp(rest, "preview") == 0)
        preview_page(v, id, kind);
    else
        return false;
    return true;
}

static void post(struct visit *v)
{
    const char *rest;
    int64_t id;

    for (int kind = STORE_NOTICE; kind <= STORE_SERVICE; kind++)
        if (post_kind(v, (enum store_kind)kind))
            return;
    if (is(v, "/sign-out"))
        sign_out(v);
    else if (numbered(v->path, "/emergency/", &id, &rest) && !*rest)
        emergency_post(v, id);
    else
        visit_not_found(v);
}

static void get(struct visit *v)
{
    for (int kind = STORE_NOTICE; kind <= STORE_SERVICE; kind++)
        if (get_kind(v, (enum store_kind)kind))
            return;
    if (is(v, "/"))
        list_page(v);
    else if (is(v, "/emergency"))
        emergency_page(v);
    else if (is(v, "/templates"))
        templates_page(v);
    else if (is(v, "/services"))
        services_page(v);
    else if (is(v, "/counts"))
        counts_page(v);
    else if (is(v, "/feeds"))
        feeds_page(v);
    else
        visit_not_found(v);
}

/* "/colour/comune.css": the band in the administration's colour, on which white can be read (conf.c
 * has looked). A style attribute would need a looser policy. */
static void colour_sheet(struct visit *v)
{
    char id[40], text[64];

    snprintf(id, sizeof id, "%.*s", (int)strcspn(v->path + 8, "."), v->path + 8);
    const struct board_administration *a = board_conf_administration(v->b->conf, id);
    snprintf(text, sizeof text, ".band{background:%s}", a ? a->colour : "#17324d");
    visit_text(v, "text/css; charset=utf-8", text, "max-age=3600");
}

/* What needs nobody to be signed in. True if it was that. */
static bool open_to_all(struct visit *v)
{
    if (strncmp(v->path, "/colour/", 8) == 0)
        colour_sheet(v);
    else if (strncmp(v->path, LOGO_PATH, strlen(LOGO_PATH)) == 0)
        logo(v);
    else if (is(v, "/style.css"))
        visit_text(v, "text/css; charset=utf-8", web_style, "max-age=3600");
    else if (is(v, "/board.js"))
        visit_text(v, "text/javascript; charset=utf-8", web_script, "max-age=3600");
    else if (is(v, "/sign-in") && !v->post)
        signin_page(v, 200, NULL);
    else if (is(v, "/sign-in"))
        signin_post(v);
    else
        return false;
    return true;
}

static void dispatch(struct visit *v)
{
    if (strncmp(v->b->conf->url, "https:", 6) == 0 && !v->secure) {
        /* No password over a wire that everybody can read. */
        visit_refuse(v, 403, T("Not this way"), T("This page is to be opened over https."));
        return;
    }
    if (open_to_all(v))
        return;
    if (!session_read(v)) {
        signin_page(v, v->post ? 401 : 200,
                    v->post
                        ? T("You were signed out meanwhile. Sign in again: what you typed is kept.")
                        : NULL);
        return;
    }
    if (v->post && !session_checks_post(v))
        visit_refuse(v, 403, T("This form is too old"),
                     T("It was made before you signed in, or by another page. Nothing was changed. "
                       "Go back, load the page again, and send it once more."));
    else if (v->post)
        post(v);
    else
        get(v);
}

void web_handle(void *board, struct http_request *req)
{
    struct visit *v = calloc(1, sizeof *v);
    const char *method = http_method(req);

    if (!v) {
        http_reply(req, &(struct http_answer){.status = 503});
        return;
    }
    v->b = board;
    v->req = req;
    v->path = http_path(req);
    v->post = strcmp(method, "POST") == 0;
    v->now = board_now();
    buf_init(&v->out, WEB_MAX_PAGE);
    http_set_user(req, v, gone);
    read_peer(v);
    read_language(v);
    if (!v->post && strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
        visit_status(v, 405);
    else if (v->post && !read_form(v))
        visit_status(v, 415);
    else
        dispatch(v);
}

void web_forget(struct board *b)
{
    (void)b; /* a visit that is under way looks its administration up again */
}
