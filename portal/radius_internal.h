/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the RADIUS client's own files share; only radius_*.c and accounting.c include it. From the
 * bottom: a socket has 256 identifiers; a lane is one server for one purpose, with its sockets and
 * what is known of its health; a leg is one packet with an identifier of its own, on its way to one
 * lane; an exchange is one question, which may need several legs before it has its one answer. */
#ifndef LOGGIA_PORTAL_RADIUS_INTERNAL_H
#define LOGGIA_PORTAL_RADIUS_INTERNAL_H

#include "lib/log.h"
#include "portal/radius_client.h"
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RADIUS_SOCKETS     8     /* a lane's, so at most 2,048 questions on the way to one server */
#define RADIUS_MAX_LEGS    8     /* an exchange's; the oldest is given up for a ninth */
#define RADIUS_MAX_WAITING 16384 /* questions that wait for an identifier */
#define RADIUS_WINDOW      256 /* questions on the way at first: grows by answers, shrinks by loss */
#define RADIUS_WINDOW_MIN  32
#define RADIUS_WINDOW_MAX  (RADIUS_SOCKETS * 256)

struct loop_io;
struct loop_timer;
struct conf_radius_server;
struct radius_lane;
struct radius_exchange;

enum radius_purpose { RADIUS_FOR_ACCESS, RADIUS_FOR_ACCOUNTING, RADIUS_PURPOSES };

struct radius_leg {
    struct radius_lane *lane;
    struct radius_socket *socket;
    struct radius_exchange *exchange; /* NULL: a Status-Server probe */
    struct radius_leg *next;          /* the exchange's earlier leg */
    uint64_t sent_us;                 /* the first time */
    uint8_t id;
    uint8_t authenticator[16];
    size_t len;
    uint8_t packet[]; /* a retransmission is this, byte for byte */
};

struct radius_socket {
    struct radius_lane *lane;
    struct radius_socket *prev, *next;
    int fd;
    struct loop_io *io;
    unsigned used;
    uint8_t next_id;
    bool retired; /* takes no new legs; closed with its last */
    bool broken;  /* the kernel refuses to send on it: not even retransmissions */
    bool reading; /* its callback runs: must not be freed now */
    struct radius_leg *slot[256];
};

struct radius_lane {
    struct radius_client *client;
    const struct conf_radius_server *server;
    enum radius_purpose purpose;
    struct sockaddr_storage address;
    socklen_t address_len;
    struct radius_socket *sockets; /* utlist */
    unsigned in_flight;            /* exchanges that wait for this lane just now */
    unsigned window;
    uint32_t answers;
    uint64_t window_cut_ms;
    bool alive;
    bool proven;          /* has once answered as it must (Message-Authenticator included) */
    uint64_t answered_us; /* the last valid answer */
    uint64_t
        again_ms; /* dead: from then on one question may try it, even if no probe is answered */
    uint32_t backoff_ms;
    struct loop_timer *probe_timer, *refused_timer;
    struct radius_leg *probe;
    uint64_t requests, retransmissions, accepts, rejects, responses, timeouts;
    uint64_t dropped[RADIUS_FAULTS];
    uint32_t last_rtt_us;
};

struct radius_exchange_list {
    struct radius_exchange *head; /* utlist */
    size_t n;
};

struct radius_client {
    struct loop *loop;
    const struct conf *conf;
    size_t n_servers;
    struct radius_lane *lanes[RADIUS_PURPOSES]; /* n_servers each, in the configuration's order */
    struct radius_exchange_list waiting[RADIUS_PURPOSES], open[RADIUS_PURPOSES];
    void (*revived)(void *arg); /* an accounting server is back */
    void *revived_arg;
    void (*access_back)(void *arg);
    void *access_back_arg;
    struct log_limit drop_limit;
};

/* --- radius_request.c, radius_grant.c: pure ------------------------------------------------------
 */
/* The question as a packet begun but for identifier, authenticator, password and signature. False
 * if it does not fit RADIUS; *password points into ask or at buf. */
bool radius_request_begin(struct radius_packet *p, const struct conf *conf,
                          const struct radius_ask *ask, char mac_text[static MAC_TEXT_LEN],
                          const char **password);
/* Reads a checked reply; result, took_us are the caller's. */
void radius_grant_read(const uint8_t *data, size_t len, struct radius_grant *g);

/* --- radius_socket.c
 * ------------------------------------------------------------------------------- */
struct radius_content { /* what a leg is made of */
    const uint8_t *begun;
    size_t len;
    const char *password; /* or NULL */
    int64_t since_ms;     /* accounting: the event, on loop_now_ms's clock, for Acct-Delay-Time */
};
enum radius_leg_status { RADIUS_LEG_OPEN, RADIUS_LEG_NO_ID, RADIUS_LEG_UNREACHABLE };
/* Takes an identifier and builds the packet; sends nothing. */
enum radius_leg_status radius_leg_open(struct radius_lane *lane, const struct radius_content *what,
                                       struct radius_leg **out);
/* False if the network refuses (the lane knows already, and has retired the socket). */
bool radius_leg_send(struct radius_leg *leg);
void radius_leg_close(struct radius_leg *leg); /* NULL is fine */
void radius_sockets_retire(struct radius_lane *lane);
void radius_sockets_free(struct radius_lane *lane); /* its legs must have been closed */

/* --- radius_servers.c
 * ------------------------------------------------------------------------------ */
bool radius_lanes_new(struct radius_client *c, char *err, size_t err_len);
void radius_lanes_free(struct radius_client *c);
/* Where to go next, leaving out the servers whose bit is set in tried: the first that lives (or
 * whose dead-time is over), else the first that is dead. NULL: all were tried. *alternatives: how
 * many others of that kind there would be. */
struct radius_lane *radius_lane_choose(const struct radius_client *c, enum radius_purpose purpose,
                                       uint32_t tried, unsigned *alternatives);
void radius_lane_used(struct radius_lane *lane); /* a question was sent to it */
void radius_lane_answered(struct radius_lane *lane, const struct radius_leg *leg);
/* Nothing came in answer to a question put at since_us, in all its share of the time. */
void radius_lane_silent(struct radius_lane *lane, uint64_t since_us);
void radius_lane_refused(struct radius_lane *lane, int error);
void radius_lane_lossy(struct radius_lane *lane);
void radius_lane_probe(struct radius_lane *lane); /* sends one Status-Server */
void radius_lane_end_probe(struct radius_lane *lane);

/* --- radius_exchange.c
 * ------------------------------------------------------------------------------ */
/* reply is NULL when no server answered in time. Called exactly once, never before _new returns. */
typedef void (*radius_reply_fn)(void *arg, const uint8_t *reply, size_t len, uint32_t took_us);
/* Copies what. NULL if too many wait already, or out of memory. */
struct radius_exchange *radius_exchange_new(struct radius_client *c, enum radius_purpose purpose,
                                            const struct radius_content *what, radius_reply_fn fn,
                                            void *arg);
void radius_exchange_free(struct radius_exchange *x); /* without calling fn; NULL is fine */
/* All of them; the arg of each for access goes to release. */
void radius_exchanges_free(struct radius_client *c, void (*release)(void *arg));
/* A datagram for a leg, checked and right. */
void radius_exchange_reply(struct radius_leg *leg, const uint8_t *data, size_t len);
/* The leg's server cannot be reached: go on to the next one at once. */
void radius_exchange_refused(struct radius_leg *leg);
bool radius_exchange_waits_for(const struct radius_leg *leg); /* it is the leg in turn */

#endif
