/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The sign-in page, which may stand in for any other: what was asked for, and what was typed, come
 * back after it. */
#include "lib/crypto.h"
#include "lib/log.h"
#include "lib/utf8.h"
#include "noticeboard/web_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A path of ours, as a GET: nobody is led elsewhere after a sign-in. */
static bool path_ok(const char *path)
{
    return path[0] == '/' && path[1] != '/' && strlen(path) < 100 &&
           strspn(path + 1, "abcdefghijklmnopqrstuvwxyz0123456789/-") == strlen(path + 1);
}

/* The paths of the editor: there what was typed is shown again. */
static bool editor_of(const char *path, int64_t *id, enum store_kind *kind)
{
    long long number = 0;
    int used = 0;

    *id = 0;
    *kind = strncmp(path, "/templates/", 11) == 0  ? STORE_TEMPLATE
            : strncmp(path, "/services/", 10) == 0 ? STORE_SERVICE
                                                   : STORE_NOTICE;
    if (strcmp(path, "/new") == 0 || strcmp(path, "/templates/new") == 0 ||
        strcmp(path, "/services/new") == 0)
        return true;
    if ((sscanf(path, "/notice/%lld/edit%n", &number, &used) == 1 ||
         sscanf(path, "/templates/%lld/edit%n", &number, &used) == 1 ||
         sscanf(path, "/services/%lld/edit%n", &number, &used) == 1) &&
        used && !path[used]) {
        *id = number;
        return true;
    }
    return false;
}

static void keep_fields(struct visit *v)
{
    struct buf b;

    buf_init(&b, DRAFT_MAX_BYTES);
    for (size_t i = 0; i < v->n_fields; i++) {
        const char *name = v->fields[i].name;
        if (strcmp(name, "token") == 0 || strcmp(name, "password") == 0)
            continue;
        buf_str(&b, b.len ? "&" : "");
        buf_urlencode(&b, name);
        buf_str(&b, "=");
        buf_urlencode(&b, v->fields[i].value);
    }
    if (b.data && !b.failed)
        page_hidden(v, "kept", b.data);
    buf_free(&b);
}

static void administrations(struct visit *v)
{
    const struct board_conf *c = v->b->conf;
    const char *chosen = visit_field(v, "administration");

    if (!*chosen)
        chosen = visit_query(v, "administration");
    if (c->n_administrations == 1) {
        page_hidden(v, "administration", c->administrations[0].id);
        return;
    }
    HTML("<p><label>");
    TEXT(T("Administration"));
    HTML("<select name=\"administration\" required>");
    for (size_t i = 0; i < c->n_administrations; i++) {
        HTML("<option");
        page_attr(v, "value", c->administrations[i].id);
        HTML(strcmp(chosen, c->administrations[i].id) == 0 ? " selected>" : ">");
        TEXT(c->administrations[i].name);
        HTML("</option>");
    }
    HTML("</select></label></p>");
}

/* Where to go, and what to bring there: of the request that met this page, or of the one before. */
static void what_was_asked(struct visit *v)
{
    bool again = strcmp(v->path, "/sign-in") == 0;
    const char *next = again ? visit_field(v, "next") : v->path;

    page_hidden(v, "next", path_ok(next) ? next : "/");
    if (again && *visit_field(v, "kept"))
        page_hidden(v, "kept", visit_field(v, "kept"));
    else if (!again && v->post)
        keep_fields(v);
}

void signin_page(struct visit *v, unsigned status, const char *error)
{
    char token[32];

    page_begin(v, T("Sign in"));
    if (error)
        page_box(v, "alert", error);
    HTML("<form method=\"post\" action=\"/sign-in\" class=\"card signin\">");
    session_signin_token(v, token);
    page_hidden(v, "token", token);
    what_was_asked(v);
    administrations(v);
    HTML("<p><label>");
    TEXT(T("User name"));
    HTML("<input type=\"text\" name=\"name\" autocomplete=\"username\" autocapitalize=\"none\" "
         "spellcheck=\"false\" "
         "maxlength=\"64\" required");
    page_attr(v, "value", strcmp(v->path, "/sign-in") == 0 ? visit_field(v, "name") : "");
    HTML("></label></p><p><label>");
    TEXT(T("Password"));
    HTML("<input name=\"password\" type=\"password\" autocomplete=\"current-password\" "
         "maxlength=\"256\" required></label></p><p><button type=\"submit\" class=\"big\">");
    TEXT(T("Sign in"));
    HTML("</button></p><p class=\"fine\">");
    TEXT(T("With the account of your administration. There is no other one to make."));
    HTML("</p></form>");
    page_end(v);
    visit_send(v, status);
}

/* --- the answer
 * ------------------------------------------------------------------------------------------ */
/* A field of what was typed before; "" where absent. */
static void kept_field(const char *kept, const char *name, char *out, size_t out_len)
{
    struct form_field *all = calloc(WEB_MAX_FIELDS, sizeof *all);
    char *text = strdup(kept);

    *out = '\0';
    size_t n = all && text ? form_decode_into(text, all, WEB_MAX_FIELDS) : 0;
    for (size_t i = 0; i < n; i++)
        if (strcmp(all[i].name, name) == 0)
            snprintf(out, out_len, "%.*s", (int)utf8_cut(all[i].value, out_len - 1), all[i].value);
    free(all);
    free(text);
}

/* The version that was being changed: a field of the form that is no part of the draft. */
static int version_of(const char *kept)
{
    char number[16];

    kept_field(kept, "version", number, sizeof number);
    return atoi(number);
}

/* The form by which something is sent back has words in it, too. */
static bool return_of(const char *path, int64_t *id, enum store_kind *kind)
{
    for (int k = STORE_NOTICE; k <= STORE_SERVICE; k++) {
        const char *name = kind_path((enum store_kind)k);
        size_t len = strlen(name);
        char *end;

        if (strncmp(path + 1, name, len) != 0 || path[len + 1] != '/')
            continue;
        *id = strtoll(path + len + 2, &end, 10);
        *kind = (enum store_kind)k;
        return *id > 0 && strcmp(end, "/return") == 0;
    }
    return false;
}

/* Where to after a sign-in. A deed is not done by signing in, but its button is there. */
static const char *page_of(const char *path, bool typed, char out[static 100])
{
    size_t head = 0, digits = 0;

    if (strncmp(path, "/emergency/", 11) == 0)
        return "/emergency";
    for (int kind = STORE_NOTICE; !digits && kind <= STORE_SERVICE; kind++) {
        const char *name = kind_path((enum store_kind)kind);
        head = strlen(name) + 2;
        if (strncmp(path + 1, name, head - 2) == 0 && path[head - 1] == '/')
            digits = strspn(path + head, "0123456789");
    }
    if (!digits)
        return typed || strcmp(path, "/sign-out") == 0 ? "/" : path;
    if (!typed && strcmp(path + head + digits, "/edit") == 0)
        return path;
    snprintf(out, 100, "%.*s", (int)(head + digits), path);
    return out;
}

static void welcome(struct visit *v)
{
    char page[100];
    const char *next = visit_field(v, "next"), *kept = visit_field(v, "kept");
    enum store_kind kind;
    int64_t id;

    if (*kept && path_ok(next) && editor_of(next, &id, &kind)) {
        struct draft *d = draft_new(kept, strlen(kept));
        if (d) {
            v->path = next;
            edit_again(v, d, id, kind, version_of(kept));
            draft_free(d);
            return;
        }
    }
    if (*kept && path_ok(next) && return_of(next, &id, &kind)) {
        kept_field(kept, "note", v->note, sizeof v->note);
        v->path = next;
        seen_page(v, id, kind);
        return;
    }
    if (!path_ok(next))
        next = "/";
    visit_see_other(v, page_of(next, *kept, page));
}

static void on_answer(void *arg, const struct signin_answer *a)
{
    struct visit *v = arg;
    const struct board_administration *administration =
        board_conf_administration(v->b->conf, visit_field(v, "administration"));

    v->asking = 0;
    v->now = board_now();
    if (a->verdict == SIGNIN_RIGHT && administration) {
        if (!session_begin(v, administration, a)) {
            visit_store_failed(v, "session");
            return;
        }
        log_msg(LOG_INFO, "event=signed_in administration=%s name=%s address=%s",
                administration->id, a->name, v->address);
        welcome(v);
        return;
    }
    switch (a->verdict) {
    case SIGNIN_TRIES:
        signin_page(v, 429, T("Too many tries were wrong. Wait half a minute, then try again."));
        break;
    case SIGNIN_UNAVAILABLE:
        signin_page(v, 503,
                    T("The directory of your administration does not answer. Try again in a "
                      "moment; what you typed is kept."));
        break;
    case SIGNIN_REFUSED:
        signin_page(v, 503,
                    T("The directory answers, but does not let this board look accounts up. Trying "
                      "again does not help: tell whoever looks after the board; its log says what "
                      "is missing. What you typed is kept."));
        break;
    case SIGNIN_NO_ROLE:
        signin_page(v, 403,
                    T("Name and password are right, but this account is not an editor of "
                      "this board. Ask whoever looks after it."));
        break;
    default:
        signin_page(v, 403, T("User name or password is not right."));
    }
}

void signin_post(struct visit *v)
{
    const struct board_administration *a =
        board_conf_administration(v->b->conf, visit_field(v, "administration"));

    if (!session_checks_signin(v)) {
        signin_page(v, 403,
                    T("The page was too old, or your browser keeps no cookies. Try again."));
        return;
    }
    if (!a) {
        signin_page(v, 400, T("Choose your administration."));
        return;
    }
    uint64_t number = signin_ask(v->b->signin, a, visit_field(v, "name"),
                                 visit_field(v, "password"), v->address, on_answer, v);
    if (number)
        v->asking = number;
}
