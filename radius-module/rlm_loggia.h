/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the shim share: the instance, and the steps from a request to a reply. */
#ifndef LOGGIA_RADIUS_MODULE_RLM_LOGGIA_H
#define LOGGIA_RADIUS_MODULE_RLM_LOGGIA_H

#include "radius-module/freeradius_min.h"
#include "radius-module/guard.h"
#include "radius-module/settings.h"
#include "radius-module/status.h"

enum rlm_query {
    QUERY_LOOKUP,
    QUERY_KNOWN,
    QUERY_GRANT,
    QUERY_BIND,
    QUERY_FORGET,
    QUERY_PAUSE,
    QUERY_ANSWERS,
    QUERY_ANSWERS_MANY,
    QUERY_ANNOUNCE,
    QUERY_CHANGES,
    QUERY_SESSIONS,
    QUERY_OLDEST,
    QUERY_ONLINE,
    QUERY_OPERATOR,
    QUERIES
};

/* In the control list alone: what the configured texts are told, and the log. */
enum rlm_attribute {
    ATTRIBUTE_DECISION, /* Loggia-Decision */
    ATTRIBUTE_DEGRADED, /* Loggia-Degraded: there, if it was taken while somebody was silent */
    ATTRIBUTE_BINDING,  /* Loggia-Binding: who a login binds the device to, sealed */
    ATTRIBUTE_ANSWERS,  /* Loggia-Answers: what the authorities said of it, sealed; or empty */
    ATTRIBUTE_BATCH,    /* Loggia-Batch: several devices, or what is to be stored of them */
    ATTRIBUTE_SINCE,    /* Loggia-Since: the last change, or session, that is known */
    ATTRIBUTE_NTH,      /* Loggia-Nth: so many sessions, or devices, are known already */
    ATTRIBUTE_PERSON,   /* Loggia-Person: a pseudonym of whom a login binds the device to */
    ATTRIBUTE_DEVICE,   /* Loggia-Device: %{loggia:device}, where it is not the request's own */
    ATTRIBUTES
};

/* What is put into most replies, and into the control list: looked up once. */
enum rlm_reply {
    REPLY_AUTHENTICATOR,
    REPLY_SESSION,
    REPLY_IDLE,
    REPLY_INTERIM,
    REPLY_UP,
    REPLY_DOWN,
    REPLY_OCTETS,
    REPLY_GIGAWORDS,
    REPLY_CLASS,
    REPLY_CUI,
    REPLY_AUTH_TYPE,
    REPLIES
};

/* What a request says, read in one go; NULL: not in it. */
struct rlm_loggia_said {
    const VALUE_PAIR *user, *password, *device, *service, *connect, *nas, *operator_name;
};

typedef struct rlm_loggia_t {
    char const *name;
    CONF_SECTION *section;
    struct settings *settings;
    struct report report;
    struct fed *fed;
    xlat_exp_t *queries[QUERIES]; /* NULL: not configured */
    DICT_ATTR const *attributes[ATTRIBUTES];
    DICT_ATTR const *replies[REPLIES]; /* NULL: the server's dictionary has it not */
    struct crypto_keyed *keyed;        /* of the pseudonyms in replies */
    struct guard reading, writing;     /* around the store */
    struct status_counts counts;
    struct rlm_loggia_store *store;
    struct rlm_loggia_desk *desk;
    struct rlm_loggia_clerks *clerks;    /* NULL: nobody is asked about together */
    struct rlm_loggia_t *before, *after; /* whose place it has taken, who has taken its own */
    uint64_t retire_ms;                  /* when `before` is of no use any more */
} rlm_loggia_t;

void rlm_loggia_control(REQUEST *request, DICT_ATTR const *attribute, const char *text);
/* Of Calling-Station-Id; false: no device's. */
bool rlm_loggia_device_of(REQUEST *request, struct mac *mac);

/* rlm_loggia_accounting.c: the module's methods. */
rlm_rcode_t CC_HINT(nonnull) rlm_loggia_preacct(void *instance, REQUEST *request);
rlm_rcode_t CC_HINT(nonnull) rlm_loggia_accounting(void *instance, REQUEST *request);

/* rlm_loggia_xlat.c: %{loggia:…}; instance is the rlm_loggia_t. As the server's xlat_register says:
 * how many characters, -1 if it cannot be said or has no room. */
ssize_t rlm_loggia_xlat(void *instance, REQUEST *request, char const *fmt, char *out, size_t room);

/* What a router would be told now of a device that appeared; waits for the authorities and for the
 * store like anybody. */
void rlm_loggia_decide(rlm_loggia_t *inst, REQUEST *request, const struct mac *mac,
                       struct decision *d);

/* rlm_loggia_conf.c: reads the section into inst->settings. Every fault is logged; how many. */
unsigned rlm_loggia_conf_read(rlm_loggia_t *inst, CONF_SECTION *cs);

/* rlm_loggia_reply.c. prepare: what is the same for all replies; false: out of memory. */
bool rlm_loggia_reply_prepare(rlm_loggia_t *inst);
/* identity NULL: of the device alone. */
void rlm_loggia_accept(rlm_loggia_t *inst, REQUEST *request, const struct rlm_loggia_said *said,
                       const struct decision *d, const struct mac *mac,
                       const uint8_t identity[ENTITLEMENT_HASH_LEN]);
/* What a session may do, at the end of a list: what an Accept says, and a CoA-Request. */
void rlm_loggia_limits(rlm_loggia_t *inst, TALLOC_CTX *ctx, VALUE_PAIR **list,
                       const uint64_t limits[LIMITS]);
/* Signed (CVE-2024-3596), in front of everything else. */
void rlm_loggia_sign(rlm_loggia_t *inst, REQUEST *request);
void rlm_loggia_note(rlm_loggia_t *inst, REQUEST *request, const struct decision *d);

/* This will be a Reject, to be sent no sooner than at_ms (clock_ms). */
void rlm_loggia_reject(REQUEST *request, uint64_t at_ms);

/* rlm_loggia_desk.c: threads that ask the store while workers wait no longer than they want to. */
struct rlm_loggia_desk *
rlm_loggia_desk_start(rlm_loggia_t *inst); /* NULL: out of memory, threads */
void rlm_loggia_desk_stop(struct rlm_loggia_desk *d);

struct rlm_loggia_row { /* what the store said */
    bool ok;
    char text[2048]; /* the server's expansions are no longer */
    /* of QUERY_LOOKUP: */
    enum decision_pass pass;
    uint32_t left_s;
    struct fed_person person; /* whom the device is bound to */
};
/* Expands `first` (-1: nothing), then `query`. False: refused by the guard, or the store failed, or
 * it is not through at until_ms (clock_ms); then it goes on alone, and what comes of a lookup is
 * remembered. */
bool rlm_loggia_ask_store(rlm_loggia_t *inst, REQUEST *request, const struct mac *mac,
                          struct guard *guard, int first, enum rlm_query query, uint64_t until_ms,
                          struct rlm_loggia_row *row);

/* rlm_loggia_known.c: whether the store has anything of a device. Waits until_ms (clock_ms) at
 * most.
 */
enum rlm_known { KNOWN_SILENT, KNOWN_NOTHING, KNOWN_SOMETHING };
struct rlm_loggia_clerks *
rlm_loggia_clerks_start(rlm_loggia_t *inst); /* NULL: out of memory, threads */
void rlm_loggia_clerks_stop(struct rlm_loggia_clerks *c);
enum rlm_known rlm_loggia_known(rlm_loggia_t *inst, const struct mac *mac, uint64_t until_ms);

/* rlm_loggia_reload.c. Whether none of this name is in use. */
bool rlm_loggia_is_first(const char *name);
/* Becomes the one of its name, and remembers what that one did. */
void rlm_loggia_take_over(rlm_loggia_t *inst);
/* Ends the one before, if it is time. */
void rlm_loggia_retire(rlm_loggia_t *inst);
void rlm_loggia_leave(rlm_loggia_t *inst); /* before it is freed */
void rlm_loggia_stop(rlm_loggia_t *inst);  /* its threads */

/* rlm_loggia_pass.c. The pass, from memory or from the store; PASS_UNKNOWN: neither knows. person:
 * whom the device is bound to. */
enum decision_pass rlm_loggia_pass(rlm_loggia_t *inst, REQUEST *request, const struct mac *mac,
                                   uint64_t until_ms, uint32_t *left_s, struct fed_person *person);
/* The same from the store, always. */
enum decision_pass rlm_loggia_pass_look_up(rlm_loggia_t *inst, REQUEST *request,
                                           const struct mac *mac, uint64_t until_ms,
                                           uint32_t *left_s, struct fed_person *person);
/* "banned" (for good) or "banned:SECONDS", as the store says it of a device that the city has shut
 * out. False, and 0: anything else. */
bool rlm_loggia_read_ban(const char *text, uint32_t *left_s);
/* Reads row->text, and remembers what it says. */
void rlm_loggia_read_row(rlm_loggia_t *inst, const struct mac *mac, struct rlm_loggia_row *row);
/* False if the store did not take it: then it is good for a short session, and remembered here. */
bool rlm_loggia_pass_grant(rlm_loggia_t *inst, REQUEST *request, const struct mac *mac);
bool rlm_loggia_pass_bind(rlm_loggia_t *inst, REQUEST *request, const struct mac *mac,
                          const struct login_right *right);
bool rlm_loggia_pass_forget(rlm_loggia_t *inst, REQUEST *request, const struct mac *mac);

/* No silent join until the next tap. False: the store did not say. */
bool rlm_loggia_pass_pause(rlm_loggia_t *inst, REQUEST *request, const struct mac *mac);

/* The device's address, for nobody without the key file: sealed for the place where its pseudonym
 * stands. */
#define RLM_SEALED_DEVICE 48 /* with the NUL */
void rlm_loggia_seal_device(rlm_loggia_t *inst, const struct mac *mac,
                            char text[static RLM_SEALED_DEVICE]);
/* False: it was not sealed here, or is another device's. */
bool rlm_loggia_unseal_device(rlm_loggia_t *inst, const char *pseudonym, const char *text,
                              struct mac *mac);

/* Here and now, in this thread: for the store's own. True: a row was written. */
bool rlm_loggia_write(rlm_loggia_t *inst, REQUEST *request, enum rlm_query which);
/* What the authorities said of the device, to the store. False: it did not take it. */
bool rlm_loggia_answers_put(rlm_loggia_t *inst, REQUEST *request, const struct mac *mac);
/* The same of one of several, for QUERY_ANSWERS_MANY: the device's pseudonym, four digits of
 * length, the answers sealed. How long; 0: it is not remembered any more. */
#define RLM_RECORD 1600
size_t rlm_loggia_answers_record(rlm_loggia_t *inst, const struct mac *mac,
                                 char out[static RLM_RECORD]);

/* rlm_loggia_store.c: the thread that writes what nobody waits for, hears of what other servers
 * have changed, has those asked about who are online, and cuts off who is shut out. NULL: out of
 * memory, or no thread. */
struct rlm_loggia_store *rlm_loggia_store_start(rlm_loggia_t *inst);
void rlm_loggia_store_stop(struct rlm_loggia_store *s);
/* This person has a device more: the one bound longest ago goes, if that is one too many. */
void rlm_loggia_limit(struct rlm_loggia_store *s, const char *person);
void rlm_loggia_status(rlm_loggia_t *inst, struct status_source *out);
/* A request that no router sent; mac NULL: about nobody. talloc_free. */
REQUEST *rlm_loggia_request(const struct mac *mac);
/* Tells the other servers that something about the device has changed. Never blocks. */
void rlm_loggia_announce(struct rlm_loggia_store *s, const struct mac *mac);

/* rlm_loggia_disconnect.c: Disconnect- and CoA-Requests (RFC 5176) to routers, repeated until they
 * answer. Routers are the configuration's clients that have a coa_server. One thread's. */
struct disconnects;
struct disconnects *disconnects_new(rlm_loggia_t *inst);
void disconnects_free(struct disconnects *d);
/* limits: what the session may do from now on; NULL: it ends. False: no room now. An address that
 * is no such router's is logged. */
bool disconnects_send(struct disconnects *d, const char *address, const char *session,
                      const char *nas, const uint64_t *limits);
/* Repeats, and reads answers; ms until there is something to do again (-1: nothing on its way).
 * fds: the two sockets, -1 where there is none. */
int disconnects_serve(struct disconnects *d);
void disconnects_fds(const struct disconnects *d, int fds[2]);

/* Expands one of the configured texts; "" on failure or if it is not configured.
 * out gets at most room - 1 characters. */
void rlm_loggia_expand(rlm_loggia_t *inst, REQUEST *request, enum rlm_query which, char *out,
                       size_t room);

#endif
