/* SPDX-License-Identifier: GPL-2.0-or-later */
/* /etc/loggia/loggia.conf: one file for loggiad and loggia-gate, libconfuse's syntax, one schema
 * table (config_schema.c) from which checking, --help-config, the sample and the man page come. */
#ifndef LOGGIA_LIB_CONFIG_H
#define LOGGIA_LIB_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define CONFIG_MAX_ZONES      32
#define CONFIG_MAX_INTERFACES 32 /* a zone */
#define CONFIG_MAX_UPLINKS    8
#define CONFIG_MAX_SERVERS    8
#define CONFIG_MAX_GARDEN     256
#define CONFIG_MAX_KEYS       4 /* of the noticeboard */

struct conf_profile { /* what an Access-Accept without that attribute gets */
    uint32_t session_s;
    uint32_t idle_s;             /* 0: no idle timeout */
    uint64_t up_kbps, down_kbps; /* 0: no cap */
    uint64_t quota_mb;           /* 0: none */
    uint32_t interim_s;
    uint32_t pass_s; /* embedded (no radius section): life of a pass */
};

struct conf_zone {
    char *name;        /* the section's title: [a-z0-9-]{1,32}, what notices name */
    char *title;       /* what citizens read: "Piazza del Duomo" */
    char **interfaces; /* LAN interfaces or bridges; n_interfaces of them, each of < 16 bytes */
    size_t n_interfaces;
    struct conf_profile guest; /* what the zone does not say is the router's */
    char *terms_id;            /* the same */
    char *terms_directory;     /* the same; NULL: the built-in text */
};

struct conf_radius_server {
    char *name;    /* the section's title */
    char *address; /* IPv4 or IPv6 literal */
    uint16_t auth_port, acct_port;
    char *secret_file;
    char *secret; /* read from it when loading with CONFIG_SECRETS, else NULL */
};

enum conf_when_down { CONF_DOWN_GUEST, CONF_DOWN_HOLD };

struct conf {
    char *network;           /* "Prato Wi-Fi" */
    char *nas_identifier;    /* default: the host's name */
    char *portal_name;       /* DNS name of the portal, the same on every router; never a literal */
    char *language;          /* fallback language, "it" */
    char *accessibility_url; /* the administration's own statement; NULL: none */
    char *terms_id;          /* version of the terms */
    char *terms_directory;   /* terms.LANG.md; NULL: the built-in text */
    char *notices_directory;
    char *state_directory;  /* accounting queue, token key */
    char *run_directory;    /* gate.sock, control.sock */
    char *locale_directory; /* *.mo */
    char *user;             /* loggiad's, when it is started as root */
    char *gate_user;        /* loggia-gate's */
    char *table;            /* nftables table (inet), "loggia" */
    uint16_t http_port;     /* where the portal listens; 80 is redirected to it */
    uint16_t https_port; /* 443 of the portal's own addresses is redirected to it when TLS is on */
    uint16_t nflog_group;
    uint32_t max_clients;
    char **router_ports; /* further services of the router that LAN devices may reach: "tcp/22" */
    size_t n_router_ports;
    char **walled_garden; /* DNS names that all may reach, each with all below it */
    size_t n_walled_garden;
    uint32_t dns_rate, dns_burst; /* DNS packets a second and burst, per device not yet open */
    uint32_t dns_bytes, dns_bytes_burst; /* the same in bytes, each way (IP and above) */
    uint32_t flow_rate, flow_burst;      /* new conversations a second and burst, per device */
    uint32_t silent_retry_s; /* a device that the city does not know is asked about again after */
    struct conf_zone *zones;
    size_t n_zones;
    struct conf_profile guest;
    uint32_t log_level; /* syslog's number */
    uint32_t guard;     /* 1: routing rules keep the LAN shut while the table is missing */
    uint32_t shaping;   /* 0: police, 1: htb */
    uint64_t line_up_kbps, line_down_kbps; /* the router's own line; 0: not known */
    uint32_t offload; /* 1: flows of devices without a rate take the kernel's flowtable */
    char **uplinks;   /* the interfaces that lead out; none: those of the default routes */
    size_t n_uplinks;
    uint32_t last_password; /* 1: offer the form, over HTTPS alone */
    bool has_tls, has_metrics, has_board;
    struct {
        char *certificate, *key; /* PEM files */
    } tls;
    struct {
        char *controller, *contact; /* NULL: not said */
        uint32_t retention_s;
    } privacy;
    struct {
        char *address;
        uint16_t port;
    } metrics;
    struct {
        char *url;   /* of the published directory, with its last slash */
        char **keys; /* files with public keys; n_keys of them */
        size_t n_keys;
        char *ca_file, *token_file; /* NULL: the system's authorities; counts are not sent */
        uint32_t poll_s, report_s;
        uint32_t long_poll; /* 1: ask the board to answer when there is news */
    } board;
    bool has_radius;
    struct {
        struct conf_radius_server *servers;
        size_t n_servers;
        uint32_t timeout_ms; /* whole time for one question, retransmissions included */
        uint32_t retry_ms; /* first retransmission (RFC 5080 section 2.2.1: then doubles, jitter) */
        uint32_t when_down;       /* enum conf_when_down */
        uint16_t disconnect_port; /* 0: off */
        uint32_t queue_mb;        /* bound of the accounting queue on disk */
    } radius;
};

enum { CONFIG_SECRETS = 1 /* read secret files too */ };

/* Reads and checks the whole file. All errors are reported, not only the first, each through
 * report as "FILE:LINE: OPTION: found FOUND, expected EXPECTED". NULL if there was any. */
struct conf *config_load(const char *path, int flags, void (*report)(void *arg, const char *line),
                         void *arg);
/* The same for a text in memory; name stands where FILE stands. text needs no NUL at its end. */
struct conf *config_parse(const char *name, const char *text, size_t len, int flags,
                          void (*report)(void *arg, const char *line), void *arg);
void config_free(struct conf *c); /* wipes secrets; NULL is fine */

/* Hosts by which phones and computers ask whether they are captive; NULL ends them. Whoever is not
 * online must not reach one. */
extern const char *const config_captive_hosts[];
/* A name of the walled garden without its "*.". */
const char *config_garden_domain(const char *name);

/* Every option: name, type, range, default, unit, text. For --help-config and the tests. */
void config_describe(FILE *out);

/* The zone an interface belongs to, or NULL. */
const struct conf_zone *config_zone_of(const struct conf *c, const char *ifname);
const struct conf_zone *config_zone_named(const struct conf *c, const char *name);

#endif
