/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The options of `loggia { … }`, row by row. To add one: a field, a row here, a line in the sample
 * (conf/centre/mods-available/loggia). */
#include "radius-module/settings_schema.h"
#include "radius-module/settings.h"

#define YES_NO "yes|no|true|false|on|off"
#define SCOPES "base|one|sub"
#define RULES  "most|least|home"
#define DAY    86400

#define S(field) BASE_SETTINGS, offsetof(struct settings, field)
#define P(limit)                                                                                   \
    BASE_PROFILE, offsetof(struct decision_profile, limits) + (limit) * sizeof(uint64_t)
#define A(field) BASE_AUTHORITY, offsetof(struct authority_conf, field)
#define M(field) BASE_AUTHORITY, offsetof(struct authority_conf, mapping.field)
#define R(field) BASE_RESOLVE, offsetof(struct settings_authority, field)
#define MERGE(limit)                                                                               \
    BASE_SETTINGS, offsetof(struct settings, fed.rules.merge) + (limit) * sizeof(enum decision_rule)
#define LIMIT_ATTRIBUTE(limit)                                                                     \
    BASE_AUTHORITY,                                                                                \
        offsetof(struct authority_conf, mapping.limit_attribute) + (limit) * sizeof(char *)
#define LIMIT_UNIT(limit)                                                                          \
    BASE_AUTHORITY, offsetof(struct authority_conf, mapping.limit_unit) + (limit) * sizeof(uint64_t)

#define TEXT(section, sub, name, where, dflt, text)                                                \
    {                                                                                              \
        section, sub, name, TYPE_TEXT, where, 0, 0, dflt, "", NULL, text                           \
    }
#define NUMBER(section, sub, name, where, min, max, dflt, unit, text)                              \
    {                                                                                              \
        section, sub, name, TYPE_U32, where, min, max, dflt, unit, NULL, text                      \
    }
#define NUMBER64(section, sub, name, where, max, dflt, unit, text)                                 \
    {                                                                                              \
        section, sub, name, TYPE_U64, where, 0, max, dflt, unit, NULL, text                        \
    }
#define WORD(section, sub, name, type, where, words, dflt, text)                                   \
    {                                                                                              \
        section, sub, name, type, where, 0, 0, dflt, "", words, text                               \
    }

/* clang-format off */
const struct option_row settings_schema[] = {
    TEXT(NULL, NULL, "key_file", S(key_file), NULL, "file with the secret of all keyed hashes; the same on every server"),
    TEXT(NULL, NULL, "guest", S(guest), "guest", "profile of those whom no authority knows"),
    TEXT(NULL, NULL, "operator", S(operator_name), "%{%{Operator-Name}:-%{NAS-Identifier}}",
         "who runs the router: the Chargeable-User-Identity differs from operator to operator"),
    NUMBER(NULL, NULL, "deadline", S(fed.deadline_ms), 20, 5000, "200", "ms", "no question to the authorities takes longer"),
    NUMBER(NULL, NULL, "bulkhead", S(fed.bulkhead), 1, 1024, "8", "workers", "how many may wait for one silent authority"),
    NUMBER(NULL, NULL, "degraded_session", S(fed.rules.degraded_session_s), 30, DAY, "300", "s",
           "Session-Timeout of a decision taken while an authority or the pass store was silent"),

    NUMBER(NULL, NULL, "recheck", S(fed.recheck_s), 1, 3600, "40", "s",
           "how often every authority is asked about a device that is online, so that who has been shut out is cut off"),

    TEXT(NULL, NULL, "disconnect_from", S(disconnect_from), NULL, "address that Disconnect-Requests come from, for routers that look at it; any, if left out or *"),

    TEXT(NULL, NULL, "metrics_file", S(metrics_file), NULL, "figures for Prometheus (a *.prom of node_exporter's textfile collector); none, if left out"),
    TEXT(NULL, NULL, "status_file", S(status_file), NULL, "the same for people, a line for each authority; none, if left out"),
    NUMBER(NULL, NULL, "status_interval", S(status_interval_s), 1, 3600, "10", "s", "how often the two are written"),

    NUMBER(NULL, NULL, "reload_grace", S(reload_grace_s), 1, 3600, "60", "s",
           "after a reload, for requests that the old configuration still has; then its threads and connections end"),

    NUMBER("remember", NULL, "devices", S(fed.remember), 1, 4000000, "100000", "devices", "the longest unused is forgotten first"),
    NUMBER("remember", NULL, "found", S(fed.fresh_found_s), 0, DAY, "30", "s", "how long who was found is not asked for again"),
    NUMBER("remember", NULL, "not_found", S(fed.fresh_not_found_s), 0, DAY, "2", "s", "how long who was not found is not asked for again"),
    NUMBER("remember", NULL, "pass", S(fed.fresh_pass_s), 0, DAY, "30", "s", "how long a pass is not read again; what another server changes in it is heard of sooner (pass.changes)"),

    NUMBER("pass", NULL, "life", S(fed.pass_life_s), 60, 3650 * DAY, "2592000", "s", "how long a tap is good for"),
    TEXT("pass", NULL, "lookup", S(pass_lookup), NULL, "expands to \"none\", \"paused\", \"banned\" (for good), \"banned:SECONDS\" or the seconds left; to nothing only when the store is down"),
    TEXT("pass", NULL, "known", S(pass_known), NULL,
         "asks about up to 32 devices together: %{control:Loggia-Batch} is their pseudonyms, 32 characters each; expands to the sum of 2^i for each that lookup would say anything of but \"none\" (the first: 1). Left out: each is looked up alone"),
    TEXT("pass", NULL, "grant", S(pass_grant), NULL, "writes the pass; expands to the number of rows"),
    NUMBER("pass", NULL, "bound", S(fed.bound_life_s), 60, 3650 * DAY, "31536000", "s", "how long a last password is good for"),
    TEXT("pass", NULL, "bind", S(pass_bind), NULL, "writes the pass of a device whose owner has just typed a last password; expands to the number of rows"),
    TEXT("pass", NULL, "forget", S(pass_forget), NULL, "erases the pass"),
    TEXT("pass", NULL, "pause", S(pass_pause), NULL, "no silent join until the next tap; expands to the number of rows"),

    TEXT("pass", NULL, "answers", S(pass_answers), NULL, "writes what the authorities said of a device, sealed; expands to the number of rows"),
    TEXT("pass", NULL, "answers_many", S(pass_answers_many), NULL,
         "instead of answers, of several devices at once: %{control:Loggia-Batch} is for each its pseudonym (32 characters), four digits of length, and so many characters; expands to the number of rows"),
    TEXT("pass", NULL, "announce", S(pass_announce), NULL, "tells the other servers that something about the device has changed; expands to the number of rows"),
    TEXT("pass", NULL, "changes", S(pass_changes), NULL,
         "the first change behind %{control:Loggia-Since}: its number, the device, and \"banned\" or \"banned:SECONDS\" if it is; \"none\", or nothing when the store is down"),
    TEXT("pass", NULL, "sessions", S(pass_sessions), NULL,
         "a session of the device, the one behind the first %{control:Loggia-Nth}: the router's address, Acct-Session-Id, NAS-Identifier; or \"none\""),
    TEXT("pass", NULL, "oldest", S(pass_oldest), NULL,
         "a device of %{control:Loggia-Person}, the one behind the %{control:Loggia-Nth} bound last; or \"none\""),
    TEXT("pass", NULL, "online", S(pass_online), NULL,
         "an open session, the first behind %{control:Loggia-Since}: its Acct-Unique-Session-Id, %{loggia:device} and %{loggia:sealed}; or \"none\""),
    NUMBER("pass", NULL, "workers", S(store_workers), 1, 128, "8", "", "so many questions are at the store at once, for reading and for writing; more wait for a place"),
    NUMBER("pass", NULL, "deadline", S(store_deadline_ms), 50, 10000, "1000", "ms", "no tap waits longer for its pass to be written"),
    NUMBER("pass", NULL, "breaker_failures", S(store_failures), 1, 1000, "2", "", "in a row, and the store is not asked for a while"),
    NUMBER("pass", NULL, "breaker_open", S(store_open_ms), 50, 600000, "1000", "ms", "between two tries then"),
    NUMBER("pass", NULL, "poll", S(store_poll_ms), 50, 60000, "500", "ms", "how often changes of other servers are looked for"),

    NUMBER("login", NULL, "attempts", S(fed.login_attempts), 1, 1000, "5", "", "wrong passwords of one name, and of one device, in a window; then no more are tried"),
    NUMBER("login", NULL, "window", S(fed.login_window_s), 1, 7 * DAY, "600", "s", ""),
    NUMBER("login", NULL, "deadline", S(fed.login_deadline_ms), 50, 10000, "1500", "ms", "no password is checked for longer"),
    NUMBER("login", NULL, "refusal", S(login_refusal_ms), 0, 10000, "500", "ms", "a wrong name or password is answered no sooner, so that the time does not tell which"),
    NUMBER("login", NULL, "devices", S(login_devices), 0, 1000, "0", "", "that one person may have bound; with one more the one bound longest ago goes; 0: any number"),

    WORD("merge", NULL, "session_timeout", TYPE_CHOICE, MERGE(LIMIT_SESSION), RULES, "most", "of somebody known to several authorities"),
    WORD("merge", NULL, "idle_timeout", TYPE_CHOICE, MERGE(LIMIT_IDLE), RULES, "most", ""),
    WORD("merge", NULL, "interim_interval", TYPE_CHOICE, MERGE(LIMIT_INTERIM), RULES, "least", ""),
    WORD("merge", NULL, "bandwidth_max_up", TYPE_CHOICE, MERGE(LIMIT_UP), RULES, "most", ""),
    WORD("merge", NULL, "bandwidth_max_down", TYPE_CHOICE, MERGE(LIMIT_DOWN), RULES, "most", ""),
    WORD("merge", NULL, "max_total_octets", TYPE_CHOICE, MERGE(LIMIT_QUOTA), RULES, "most", ""),

    NUMBER64("profile", NULL, "session_timeout", P(LIMIT_SESSION), 31 * DAY, "7200", "s", "Session-Timeout; 0: none"),
    NUMBER64("profile", NULL, "idle_timeout", P(LIMIT_IDLE), 31 * DAY, "900", "s", "Idle-Timeout; 0: none"),
    NUMBER64("profile", NULL, "interim_interval", P(LIMIT_INTERIM), DAY, "300", "s", "Acct-Interim-Interval; 0: none"),
    NUMBER64("profile", NULL, "bandwidth_max_up", P(LIMIT_UP), UINT32_MAX, "0", "bit/s", "WISPr-Bandwidth-Max-Up; 0: no cap"),
    NUMBER64("profile", NULL, "bandwidth_max_down", P(LIMIT_DOWN), UINT32_MAX, "0", "bit/s", "WISPr-Bandwidth-Max-Down; 0: no cap"),
    NUMBER64("profile", NULL, "max_total_octets", P(LIMIT_QUOTA), INT64_MAX, "0", "bytes", "ChilliSpot-Max-Total-Octets (and -Gigawords); 0: none"),

    WORD("authority", NULL, "server", TYPE_SERVER, A(directory.servers), NULL, NULL, "host, address or ldap, ldaps, ldapi URI; several are tried in turn"),
    NUMBER("authority", NULL, "port", R(port), 1, 65535, "389", "", "for a server that is no URI"),
    TEXT("authority", NULL, "identity", A(directory.identity), NULL, "who binds; none: anonymous"),
    TEXT("authority", NULL, "password", A(directory.password), NULL, ""),
    TEXT("authority", NULL, "base_dn", A(directory.base_dn), NULL, "read as a proof of life, and where searches begin"),
    WORD("authority", NULL, "realm", TYPE_REALM, A(realms), NULL, NULL,
         "what people put behind the @ of their name to be looked for here alone; several; one without is asked for every name, whole"),
    WORD("authority", NULL, "unavailable", TYPE_CHOICE, R(unavailable), "guest|reject", "guest",
         "what somebody is of whom this authority has never said a word, while it is silent"),
    NUMBER("authority", NULL, "stale", R(stale_s), 0, 366 * DAY, "604800", "s", "how long its last answer is served while it is silent; a denial is for ever"),

    TEXT("authority", "user", "base_dn", A(user_base_dn), NULL, "the authority's, if left out"),
    WORD("authority", "user", "filter", TYPE_FILTER, A(user_filter), NULL, NULL, "finds the owner of %{mac}"),
    WORD("authority", "user", "scope", TYPE_CHOICE, A(user_scope), SCOPES, "sub", ""),
    WORD("authority", "user", "mac_format", TYPE_MAC, A(mac_format), NULL, "aa:bb:cc:dd:ee:ff", "how the directory writes addresses, by example"),
    TEXT("authority", "user", "identity_attribute", M(identity_attribute), NULL, "who somebody is, for the pseudonym; the entry's name, if left out"),
    TEXT("authority", "user", "link_attribute", M(link_attribute), NULL, "equal in two authorities: one person; different: two who share a device"),

    WORD("authority", "login", "filter", TYPE_FILTER, A(login_filter), NULL, NULL, "finds who is called %{user}; left out: nobody has a password here"),
    TEXT("authority", "login", "nobody", A(login_nobody), NULL,
         "bound to where the name is nobody's, so that it takes as long; best an entry with a password nobody knows; cn=nobody below base_dn, if left out"),
    NUMBER("authority", "login", "connections", A(login_connections), 1, 8, "2", "", "on which passwords are checked; none of them searches"),
    NUMBER("authority", "login", "timeout", A(login_timeout_ms), 50, 10000, "1000", "ms", "of one check"),

    TEXT("authority", "group", "base_dn", A(group_base_dn), NULL, "the authority's, if left out"),
    WORD("authority", "group", "filter", TYPE_FILTER, A(group_filter), NULL, NULL, "finds the groups of the entry %{dn}; left out: no search, the attribute is the person's own"),
    WORD("authority", "group", "scope", TYPE_CHOICE, A(group_scope), SCOPES, "sub", ""),
    TEXT("authority", "group", "name_attribute", M(group_attribute), NULL, "what a group is called: cn, or memberOf without a filter"),
    WORD("authority", "group", "map", TYPE_GROUP_MAP, M(groups), NULL, NULL, "\"GROUP -> PROFILE\"; several, the first that matches wins"),

    TEXT("authority", "profile", "attribute", M(profile_attribute), NULL, "of the person, that says the profile"),
    WORD("authority", "profile", "map", TYPE_PROFILE_MAP, M(profiles), NULL, NULL, "\"VALUE -> PROFILE\"; several, the first that matches wins"),
    TEXT("authority", "profile", "default", R(default_profile), NULL, "of all others it knows; the guest profile, if left out"),

    TEXT("authority", "suspended", "attribute", M(suspended_attribute), NULL, "whose value shuts somebody out"),
    TEXT("authority", "suspended", "value", M(suspended_value), "TRUE", "that value"),
    TEXT("authority", "suspended", "reason", M(suspended_reason), "suspended", "the code that the router explains to the citizen"),

    TEXT("authority", "validity", "from", M(from_attribute), NULL,
         "attribute with a date before which somebody is not known here: generalized time, days or seconds since 1970, or accountExpires' form"),
    TEXT("authority", "validity", "until", M(until_attribute), NULL, "the same for the date from which on; a session ends then, too"),

    TEXT("authority", "limits", "session_timeout", LIMIT_ATTRIBUTE(LIMIT_SESSION), NULL, "attribute with a number of s"),
    TEXT("authority", "limits", "idle_timeout", LIMIT_ATTRIBUTE(LIMIT_IDLE), NULL, "attribute with a number of s"),
    TEXT("authority", "limits", "bandwidth_max_up", LIMIT_ATTRIBUTE(LIMIT_UP), NULL, "attribute with a number of units"),
    NUMBER64("authority", "limits", "bandwidth_max_up_unit", LIMIT_UNIT(LIMIT_UP), 1000000000, "1000", "bit/s", ""),
    TEXT("authority", "limits", "bandwidth_max_down", LIMIT_ATTRIBUTE(LIMIT_DOWN), NULL, "attribute with a number of units"),
    NUMBER64("authority", "limits", "bandwidth_max_down_unit", LIMIT_UNIT(LIMIT_DOWN), 1000000000, "1000", "bit/s", ""),
    TEXT("authority", "limits", "max_total_octets", LIMIT_ATTRIBUTE(LIMIT_QUOTA), NULL, "attribute with a number of units"),
    NUMBER64("authority", "limits", "max_total_octets_unit", LIMIT_UNIT(LIMIT_QUOTA), 1000000000, "1000000", "bytes", ""),

    WORD("authority", "tls", "start_tls", TYPE_BOOL, A(directory.start_tls), YES_NO, "no", ""),
    WORD("authority", "tls", "require_cert", TYPE_BOOL, A(directory.require_cert), YES_NO, "yes", "no: anybody may answer in its name"),
    TEXT("authority", "tls", "ca_file", A(directory.ca_file), NULL, "the system's, if left out"),

    TEXT("authority", "tls", "certificate_file", A(directory.cert_file), NULL, "shown to the directory"),
    TEXT("authority", "tls", "private_key_file", A(directory.key_file), NULL, "its key; in the same file, if left out"),

    WORD("authority", "sasl", "external", TYPE_BOOL, A(directory.external), YES_NO, "no",
         "binds with SASL EXTERNAL: who this server is says its certificate, or the kernel (ldapi); identity, if set, is whom it acts for"),

    WORD("authority", "options", "follow", TYPE_BOOL, A(follow), YES_NO, "yes", "be told what changes there, where the directory offers it (RFC 4533), on a connection more"),
    NUMBER("authority", "options", "connections", A(connections), 1, AUTHORITY_MAX_CONNECTIONS, "2", "", "kept open"),
    NUMBER("authority", "options", "pipeline", A(pipeline), 1, 1024, "128", "searches", "on their way over one connection"),
    NUMBER("authority", "options", "net_timeout", A(directory.net_timeout_ms), 50, 60000, "1000", "ms", "each step of opening a connection"),
    NUMBER("authority", "options", "search_timeout", A(search_timeout_ms), 50, 60000, "300", "ms", "then a search has failed; at least the deadline, more for a directory that is slower and whose answers are worth remembering"),
    NUMBER("authority", "options", "keepalive_idle", A(directory.keepalive_idle_s), 1, DAY, "30", "s", ""),
    NUMBER("authority", "options", "breaker_failures", A(breaker_failures), 1, 1000, "3", "", "in a row, that open the breaker"),
    NUMBER("authority", "options", "breaker_open", A(breaker_open_ms), 50, 600000, "500", "ms", "between two probes"),
    {NULL, NULL, NULL, TYPE_TEXT, BASE_SETTINGS, 0, 0, 0, NULL, NULL, NULL, NULL},
};
/* clang-format on */
