/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the board remembers: one SQLite database (the room for libsqlite3 is store*.c). Notices,
 * templates and services with every version and who made it, what feeds brought, counts, sign-ins.
 *
 * A change is one transaction, on disk when the call returns (WAL, synchronous=FULL): after a power
 * cut or a kill -9 there is the old or the new state, never half. Calls are made on the loop; each
 * touches a few rows by an index, which takes less than a page does. No call takes a notice without
 * the administration that asks: that one cannot touch another's is decided here, in one place.
 *
 * Texts that come out (struct store_*) live until the callback returns, or are freed as said. */
#ifndef LOGGIA_NOTICEBOARD_STORE_H
#define LOGGIA_NOTICEBOARD_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct store;

/* Opens or makes the database and brings it to this program's version. NULL with the reason in err
 * (damaged, written by a newer version, no room). */
struct store *store_open(const char *path, char *err, size_t err_len);
void store_close(struct store *s); /* NULL is fine */
/* Why the last call that said false or -1 failed, for the log. */
const char *store_error(const struct store *s);

/* Several calls as one transaction; nested calls join it. End with ok false to take all back; false
 * if it could not be committed (all is taken back). */
bool store_begin(struct store *s);
bool store_end(struct store *s, bool ok);

/* --- what is published ------------------------------------------------------------------------ */
/* Called after the transaction that changed what is published (a notice appeared, changed, was
 * withdrawn; a service; not a draft), at the end of the call that made it: fn only notes it
 * (loop_defer) and calls nothing of the store. */
void store_on_published(struct store *s, void (*fn)(void *arg), void *arg);
/* Grows with each such change, across restarts. */
int64_t store_published_change(struct store *s);
/* A number larger than any it gave before, on disk before it returns; 0 if it could not be. */
int64_t store_next_serial(struct store *s);

struct store_item {
    int64_t id;
    const char *name; /* "comune-12": the notice's id in the bundle */
    const char *administration, *publisher;
    const char *text; /* a notice file (lib/notice.h) or a service card */
    size_t len;
    int64_t starts, ends, changed; /* Unix seconds */
};
/* False stops. */
typedef bool (*store_item_fn)(void *arg, const struct store_item *item);
/* Every notice that is published and has not ended at now, those that begin later too. */
bool store_published(struct store *s, int64_t now, store_item_fn fn, void *arg);
/* Every service that is published, of all administrations. */
bool store_published_services(struct store *s, store_item_fn fn, void *arg);
/* When the next notice begins or ends after now, or 0. */
int64_t store_next_moment(struct store *s, int64_t now);

/* --- notices, templates, services ---------------------------------------------------------------
 * One kind of thing: versions, of which one may be in force ("live": a notice or a card on the
 * pages, a template that may be used). */
enum store_kind { STORE_NOTICE, STORE_TEMPLATE, STORE_SERVICE };
#define STORE_NO_END INT64_C(253402300799) /* the end of 9999: what stays until it is withdrawn */
enum store_state {                         /* of the latest version */
                   STORE_DRAFT,
                   STORE_WAITING, /* for a second person */
                   STORE_APPROVED,
                   STORE_RETURNED, /* the second person wants it changed */
                   STORE_WITHDRAWN
};
struct store_notice {
    int64_t id; /* 0: a new one */
    const char *administration, *publisher;
    enum store_kind kind;
    enum store_state state;
    int version, live; /* the latest; the published one, 0 for none */
    const char *title; /* of the latest, in its first language */
    int priority;      /* enum notice_priority */
    int64_t starts, ends, changed;
    int place;               /* of a service in its row: the least first */
    const char *zones;       /* ",piazza-duomo,stazione," or ",*," */
    const char *author;      /* who made the first version, and */
    const char *editor;      /* who the latest */
    int64_t confirmed;       /* when somebody last said that it is still true, or 0; */
    const char *confirmer;   /* and who */
    const char *form;        /* the latest version as it was typed (draft.h), */
    const char *text;        /* and as a notice file; NULL while it is not complete */
    const char *live_text;   /* the published one's; NULL for none */
    const char *feed, *guid; /* imported: from where; else NULL */
};
/* What one version is made of. */
struct store_version {
    int number;
    const char *who, *note; /* note: words for the next person, or NULL */
    int64_t at;
    enum store_state state;
    const char *form, *text;
};
typedef bool (*store_notice_fn)(void *arg, const struct store_notice *n);
typedef bool (*store_version_fn)(void *arg, const struct store_version *v);

/* Writes a version of n (id 0: a new notice). Of n are read: id, administration, publisher, kind,
 * state, title, priority, starts, ends, place, zones, form, text, feed, guid. words is what search
 * finds. state STORE_APPROVED publishes it (text must be there), STORE_WITHDRAWN takes it from the
 * pages; the others leave what is published as it is. expected: the version that who saw, so that
 * two people do not write over each other (0: whatever there is). Returns the id; 0 if it failed;
 * -1 if there is a newer version; -2 if that administration has no such notice. */
int64_t store_notice_put(struct store *s, const struct store_notice *n, const char *words,
                         const char *who, const char *note, int expected, int64_t now);
/* It is still true: no version of its own, and nothing published changes. */
bool store_notice_confirm(struct store *s, const char *administration, int64_t id, const char *who,
                          int64_t now);
/* False if that administration has none of that id. */
bool store_notice_get(struct store *s, const char *administration, int64_t id, store_notice_fn fn,
                      void *arg);
/* Newest first. */
bool store_versions(struct store *s, const char *administration, int64_t id, int max,
                    store_version_fn fn, void *arg);
bool store_version_get(struct store *s, const char *administration, int64_t id, int number,
                       store_version_fn fn, void *arg);

enum store_list {
    STORE_LIST_ALL,
    STORE_LIST_SHOWN,   /* published and not ended */
    STORE_LIST_WAITING, /* for a second person */
    STORE_LIST_DRAFTS,
    STORE_LIST_ENDED, /* was published, has ended or was withdrawn */
    STORE_LIST_AGEING /* shown, but neither changed nor confirmed for long */
};
struct store_query {
    const char *administration;
    const char *publishers; /* ",comune,acqua,": only theirs; NULL: any */
    enum store_kind kind;
    enum store_list list;
    const char *words; /* all of them must be there, as beginnings of words; NULL or "": any */
    int64_t before;    /* only ids below it: the next page; 0: from the newest */
    int64_t now;
    int64_t aged; /* STORE_LIST_AGEING: changed before */
    int max;
};
/* Newest first; form, text and live_text are NULL. Time does not grow with what is not shown. */
bool store_list(struct store *s, const struct store_query *q, store_notice_fn fn, void *arg);
/* How many, counted up to most. */
int store_count(struct store *s, const struct store_query *q, int most);
/* How many are shown in a zone at a time, of all administrations, but for one notice. */
int store_zone_load(struct store *s, const char *zone, int64_t at, int64_t except);

/* The services of an administration: first those that are shown, by their place, then the others;
 * form, text and live_text are NULL. */
bool store_services(struct store *s, const char *administration, store_notice_fn fn, void *arg);

/* --- feeds ---------------------------------------------------------------------------------------
 */
enum store_import {
    STORE_IMPORT_FAILED = -1,
    STORE_IMPORT_SAME,
    STORE_IMPORT_NEW,
    STORE_IMPORT_CHANGED
};
/* An item of a feed becomes a notice, or a new version of it. n as in store_notice_put (id is not
 * looked at; feed and guid must be there; who is the feed). hash says whether it changed. A version
 * that a person withdrew or returned is not published again by the same hash; a change waits for
 * approval where n->state says so. */
enum store_import store_import(struct store *s, const struct store_notice *n, const char *hash,
                               const char *words, int64_t now);
/* The item is gone or cancelled: withdrawn. False if it failed; true also if there is none. */
bool store_import_gone(struct store *s, const char *feed, const char *guid, const char *why,
                       int64_t now);
/* What of that feed is not withdrawn. */
bool store_imported(struct store *s, const char *feed, store_notice_fn fn, void *arg);

struct store_feed {
    const char *id; /* "ADMINISTRATION/FEED" */
    int64_t due;    /* Unix seconds; 0: now */
    int64_t tried, succeeded;
    int failures;                        /* in a row */
    int items;                           /* of the last good answer */
    const char *etag, *modified, *error; /* NULL: none */
};
/* Fills in zeros for a feed that was never asked. Texts live until the next call of this. */
bool store_feed_get(struct store *s, const char *id, struct store_feed *out);
bool store_feed_put(struct store *s, const struct store_feed *f);

/* CAP's messages: which chain ("SENDER,IDENTIFIER" of its first) each is of, and whether a later
 * one made it over. over is never taken back. What is older than a year is forgotten. */
bool store_message_put(struct store *s, const char *feed, const char *message, const char *chain,
                       bool over, int64_t now);
/* False if it is not known: chain and over stay. */
bool store_message_get(struct store *s, const char *feed, const char *message, char *chain,
                       size_t room, bool *over);

/* --- counts
 * --------------------------------------------------------------------------------------- */
struct store_count {
    enum store_kind kind; /* STORE_NOTICE, STORE_SERVICE */
    const char *notice, *zone, *lang;
    int64_t hour; /* Unix time of its beginning */
    int64_t displays, taps;
};
/* Adds. batch: what the router calls this report; one that was counted already counts as done. */
bool store_counts_add(struct store *s, const char *batch, const struct store_count *counts,
                      size_t n, int64_t now);
typedef bool (*store_count_fn)(void *arg, const struct store_count *c);
enum store_by { STORE_BY_NOTICE, STORE_BY_ZONE, STORE_BY_LANG, STORE_BY_HOUR, STORE_BY_DAY };
/* Sums since a time, of one administration's notices or services, or (notice not NULL) of one of
 * them; what is not of the key is "" or 0. STORE_BY_HOUR: hours of the day in UTC, 0 … 23. */
bool store_counts(struct store *s, const char *administration, enum store_kind kind,
                  const char *notice, int64_t since, enum store_by by, store_count_fn fn,
                  void *arg);

/* --- people
 * ---------------------------------------------------------------------------------------- */
struct store_account { /* granted on the command line */
    const char *administration, *name;
    int role;               /* enum board_role */
    const char *publishers; /* ",comune,protezione-civile," or ",*," */
    const char *password;   /* as people_hash made it; NULL: the directory knows */
    int64_t made;
};
typedef bool (*store_account_fn)(void *arg, const struct store_account *a);
bool store_account_put(struct store *s, const struct store_account *a);
bool store_account_delete(struct store *s, const char *administration, const char *name);
/* name NULL: all of them. */
bool store_accounts(struct store *s, const char *administration, const char *name,
                    store_account_fn fn, void *arg);

#define STORE_SESSION_KEY 32
struct store_session {
    uint8_t key[STORE_SESSION_KEY];            /* a hash of what the browser has */
    const char *administration, *name, *shown; /* shown: the person's name */
    const char *login;                         /* as it was typed */
    int role;
    const char *publishers;
    int64_t made, seen, ends;
    int64_t checked; /* when role and publishers were last known to be so */
};
typedef void (*store_session_fn)(void *arg, const struct store_session *v);
bool store_session_put(struct store *s, const struct store_session *v);
bool store_session_get(struct store *s, const uint8_t key[static STORE_SESSION_KEY],
                       store_session_fn fn, void *arg);
bool store_session_seen(struct store *s, const uint8_t key[static STORE_SESSION_KEY], int64_t now);
bool store_session_delete(struct store *s, const uint8_t key[static STORE_SESSION_KEY]);
/* Who is signed in and was not asked about since a time, each once, the longest ago first. Of a
 * session are there: administration, login, checked. */
bool store_session_due(struct store *s, int64_t before, int max, store_session_fn fn, void *arg);
/* What somebody may do now, in all sessions of that account; those of the same login and another
 * account end. Says how many were changed in what they may. */
bool store_session_checked(struct store *s, const struct store_session *v, int *changed);
/* Ends all sessions of a login. Says how many. */
bool store_session_forget(struct store *s, const char *administration, const char *login,
                          int *ended);
/* Those that have ended, and old batches of counts. */
bool store_tidy(struct store *s, int64_t now, int64_t idle_s);

#endif
