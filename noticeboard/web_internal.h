/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between the files that write the editors' pages. A visit is one request, from web.c, which knows
 * who asks, to one answer. Nobody else includes this.
 *
 * Texts are marked for xgettext as in lib/page_internal.h: T("…"), TN("one", "many", n), N_("…").
 */
#ifndef LOGGIA_NOTICEBOARD_WEB_INTERNAL_H
#define LOGGIA_NOTICEBOARD_WEB_INTERNAL_H

#include "lib/buf.h"
#include "lib/fill.h"
#include "lib/form.h"
#include "lib/http.h"
#include "lib/i18n.h"
#include "noticeboard/draft.h"
#include "noticeboard/links.h"
#include "noticeboard/signin.h"
#include "noticeboard/store.h"
#include "noticeboard/web.h"

enum {
    WEB_MAX_FIELDS = 420,
    WEB_MAX_PAGE = 512 * 1024,
    WEB_PAGE_ROWS = 25,
    WEB_LINKS = 4, /* of a notice are asked for */
    WEB_NOTE_LEN = 320,
    WEB_SESSION_LEN = 80 /* a cookie's value, with its NUL */
};

struct who {                                           /* signed in */
    const struct board_administration *administration; /* of the live configuration */
    char administration_id[40]; /* to find it again when a visit has waited */
    char name[SIGNIN_NAME_MAX + 1], shown[96];
    int role; /* the highest */
    char roles[SIGNIN_ROLES_LEN];
};

struct visit {
    struct board *b;
    struct http_request *req;
    const char *lang, *path;
    bool post, secure;
    int64_t now;
    char address[64]; /* of who asks, for limits and the log */
    char *form_text;  /* of a POST; decoded in place */
    struct form_field *fields;
    size_t n_fields;
    bool known; /* who is somebody */
    struct who who;
    char session[WEB_SESSION_LEN]; /* the cookie as it came, checked */
    char set_cookie[3][256];       /* for the answer; "" for none */
    uint64_t asking;               /* a sign-in under way */
    char note[WEB_NOTE_LEN];       /* why something goes back, typed before that sign-in */
    enum store_kind waiting_kind;
    int64_t waiting;            /* the notice whose links are being asked for, */
    draft_url links[WEB_LINKS]; /* these, */
    size_t n_links, next_link;  /* from this one on */
    struct buf out;
};

/* --- web.c: answers; each ends the visit
 * ----------------------------------------------------------- */
/* What was written to v->out by page_begin … page_end. */
void visit_send(struct visit *v, unsigned status);
void visit_see_other(struct visit *v, const char *path);
/* A page that says what is wrong, with a way back. */
void visit_refuse(struct visit *v, unsigned status, const char *title, const char *words);
void visit_not_found(struct visit *v);
void visit_store_failed(struct visit *v, const char *what);
/* The citizens' page, with its own policy. */
void visit_preview(struct visit *v, const char *csp);
void visit_status(struct visit *v, unsigned status);
void visit_text(struct visit *v, const char *type, const char *text, const char *cache);
/* The POSTed field; "" where absent. */
const char *visit_field(const struct visit *v, const char *name);
/* The version that the form was made from, such as store_notice_put expects it; a form that does
 * not say is one of none. */
int visit_version(const struct visit *v);
/* Of the query; "" where absent. */
const char *visit_query(const struct visit *v, const char *name);

/* --- session.c
 * ------------------------------------------------------------------------------------------ */
/* Reads the cookie into v->who; false if nobody is signed in, or not any more. */
bool session_read(struct visit *v);
/* A new session for who signed in, always with a new cookie. */
bool session_begin(struct visit *v, const struct board_administration *a,
                   const struct signin_answer *answer);
void session_end(struct visit *v);
/* The token of this session's forms. */
void session_token(const struct visit *v, char out[static 32]);
/* That the POST comes from our own page: token, and the browser's word where it gives one. */
bool session_checks_post(struct visit *v);
/* The language that was chosen: kept in a cookie when chosen is not NULL; NULL for none. */
const char *session_language(struct visit *v, const char *chosen);
/* The same for the sign-in form, by a cookie of its own. */
void session_signin_token(struct visit *v, char out[static 32]);
bool session_checks_signin(struct visit *v);

/* --- rights
 * --------------------------------------------------------------------------------------------- */
/* The role for a publisher, or -1. */
int who_role(const struct who *w, const char *publisher);
bool who_may_write(const struct who *w, const char *publisher);
/* Notices are every writer's, templates and cards an admin's; templates are seen from approvers on.
 */
bool visit_may_see(const struct visit *v, enum store_kind kind, const char *publisher);
bool visit_may_write(const struct visit *v, enum store_kind kind, const char *publisher);
/* May put a version in force alone: where a second person has to agree, the visitor is an approver
 * and did not write it, or others have agreed to it before. */
bool visit_may_publish(const struct visit *v, enum store_kind kind, int64_t id, int number,
                       const char *publisher);
/* Somebody else than who wrote the words of that version has agreed to them, or nobody has to. */
bool visit_agreed(const struct visit *v, int64_t id, int number);
/* ",comune,acqua,": whose notices the visitor sees; NULL: all of the administration. Lives until
 * the next call. */
const char *who_publishers(const struct who *w);

/* --- web_html.c: the frame of a page
 * ------------------------------------------------------------------------ */
#define T(text)           i18n_text(v->b->words, v->lang, text)
#define TN(one, many, n_) i18n_plural(v->b->words, v->lang, one, many, n_)
#define N_(text)          text
#define TEXT(text)        buf_html(&v->out, text)
#define HTML(html)        buf_str(&v->out, html)
#define ARGS(...)         ((const struct page_arg[]){__VA_ARGS__, {NULL, NULL, false}})
#define FILL(text, ...)   page_fill(&v->out, text, ARGS(__VA_ARGS__))

void page_begin(struct visit *v, const char *title);
void page_end(struct visit *v);
/* <form method=post> with its token. */
void page_form(struct visit *v, const char *action, const char *classes);
/* name="value", escaped. */
void page_attr(struct visit *v, const char *name, const char *value);
void page_hidden(struct visit *v, const char *name, const char *value);
void page_element(struct visit *v, const char *element, const char *text);
/* A box: kind "note", "alert" or "good". */
void page_box(struct visit *v, const char *kind, const char *text);
const char *page_language_name(const struct visit *v, const char *tag);

/* --- web_words.c: words for what is
 * ---------------------------------------------------------------------------- */
/* "Monday 30 November at 08:00" */
void words_moment(const struct visit *v, struct buf *b, int64_t t, bool is_end);
/* "Appears on Monday … in Piazza Duomo and San Marco, and ends on Friday …." shown: it is, or was,
 * on the pages; else what would happen. */
void words_sentence(const struct visit *v, struct buf *b, const char *zones, int64_t from,
                    int64_t until, bool shown);
void words_zones(const struct visit *v, struct buf *b, const char *zones);
const char *words_state(const struct visit *v, const struct store_notice *n);
const char *words_priority(const struct visit *v, int priority);
/* A paragraph: how far what is published has come. */
void words_routers(struct visit *v);
/* "2026-11-25" as people say it, in out; anything else as it came. */
const char *words_day(const struct visit *v, const char *iso, char out[static 80]);
void words_finding(const struct visit *v, struct buf *b, const struct draft_finding *f);

/* --- the pages
 * -----------------------------------------------------------------------------------------------------
 */
void signin_page(struct visit *v, unsigned status, const char *error);
void signin_post(struct visit *v);
void list_page(struct visit *v);
/* d NULL: an empty one. kept: words about why it is shown again, or NULL. */
void edit_page(struct visit *v, const struct draft *d, int64_t id, enum store_kind kind,
               int version, const char *kept);
/* What was typed before a sign-in, from version of it on (0: a new one). */
void edit_again(struct visit *v, struct draft *d, int64_t id, enum store_kind kind, int version);
void edit_get(struct visit *v, int64_t id, enum store_kind kind);
void edit_post(struct visit *v, int64_t id, enum store_kind kind);
/* The button by which somebody says so of a notice that has grown old. */
void still_true_part(struct visit *v, int64_t id);
void seen_page(struct visit *v, int64_t id, enum store_kind kind);
void deed_post(struct visit *v, int64_t id, enum store_kind kind, const char *action);
/* The page behind what was written: put as store_notice_put returned it. */
void deed_done(struct visit *v, enum store_kind kind, int64_t put, const char *deed_name);
void preview_page(struct visit *v, int64_t id, enum store_kind kind);
void emergency_page(struct visit *v);
void emergency_post(struct visit *v, int64_t id);
void templates_page(struct visit *v);
void services_page(struct visit *v);
/* The form of a card; edit_page calls it. */
void service_form(struct visit *v, const struct draft *d, int64_t id, int version,
                  const char *kept);
void counts_page(struct visit *v);
void feeds_page(struct visit *v);

/* --- web_seen.c: one thing that has versions
 * --------------------------------------------------------------------------------------------- */
struct seen {
    bool there;
    struct store_notice n; /* its texts are those below, or NULL */
    struct draft *d;       /* the latest version; the caller frees it */
    char publisher[40], title[512], editor[80], zones[9000], feed[80], confirmer[80];
    bool whole; /* it could be published */
};
/* False, and d NULL, if there is none of that kind, or it is not the visitor's to see. */
bool seen_load(struct visit *v, int64_t id, enum store_kind kind, struct seen *s);
/* The same; then the visit is answered. */
bool visit_look(struct visit *v, int64_t id, enum store_kind kind, struct seen *s);
bool seen_open(const struct seen *s); /* its latest version is not in force yet */
/* A template in force that nobody but its author has agreed to, where somebody has to. */
bool seen_unagreed(const struct visit *v, const struct seen *s);
/* An older version, or NULL; the caller frees it. */
struct draft *seen_version(struct visit *v, const struct seen *s, int number);
/* draft_check, and what is known of its links. */
size_t seen_check(struct visit *v, const struct seen *s,
                  struct draft_finding out[static DRAFT_MAX_FINDINGS]);
const char *kind_path(enum store_kind kind); /* of its addresses: "notice" */
void findings_part(struct visit *v, const struct draft_finding *f, size_t n);
void history_part(struct visit *v, const struct seen *s);

/* What must be mended, above the form in which it is. */
void edit_errors_part(struct visit *v, const struct draft *d, int64_t id, enum store_kind kind);
/* The button that saves a template or a card. */
const char *edit_save_words(const struct visit *v);

/* --- web_edit_parts.c
 * -----------------------------------------------------------------------------------------------
 */
void edit_publisher_part(struct visit *v, const struct draft *d, enum store_kind kind);
void edit_source_part(struct visit *v, const struct draft *d);
void edit_languages_part(struct visit *v, const struct draft *d);
void edit_link_part(struct visit *v, const struct draft *d);
void edit_zones_part(struct visit *v, const struct draft *d, enum store_kind kind);
void edit_times_part(struct visit *v, const struct draft *d, enum store_kind kind);
void edit_priority_part(struct visit *v, const struct draft *d);

/* Writes a version of a draft in the visitor's name; as store_notice_put. The rights are the
 * caller's to look at. */
int64_t visit_put(struct visit *v, const struct draft *d, int64_t id, enum store_kind kind,
                  enum store_state state, int version, const char *note);
/* What draft_check needs for this visit. */
struct draft_place visit_place(struct visit *v, enum store_kind kind);

extern const char web_style[], web_script[];

#endif
