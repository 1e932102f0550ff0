/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every option there is, one row each. Checking, defaults, --help-config, the sample file and the
 * man page come from this table: an option that is not here does not exist, one that is here is
 * documented. What one row cannot say (two options that must agree) is in config_check.c. */
#include "lib/config_internal.h"

#include <stddef.h>

#define DAY (24 * 60 * 60)

#define IN(type, field)        offsetof(struct type, field), sizeof(((struct type *)NULL)->field), 0
#define AT(type, field)        IN(type, field), NULL
#define ONE_OF(field, choices) IN(conf, field), choices
#define LIST(type, field)      offsetof(struct type, field), 0, offsetof(struct type, n_##field), NULL
#define RADIUS(field)          AT(conf, radius.field)
#define TLS(field)             AT(conf, tls.field)
#define PRIVACY(field)         AT(conf, privacy.field)
#define METRICS(field)         AT(conf, metrics.field)
#define BOARD(field)           AT(conf, board.field)
#define LEVELS                 "emerg|alert|crit|err|warning|notice|info|debug"
#define REQUIRED               false, true, NULL
#define OPTIONAL               false, false, NULL
#define OPTIONAL_OR_ZERO       true, false, NULL
#define DEFAULT(text)          false, false, text
#define OR_ZERO(text)          true, false, text

/* clang-format off */
static const struct config_place_info config_places[PLACES] = {
    [PLACE_ROOT]   = {NULL, NULL, PLACE_ROOT, false, false},
    [PLACE_ZONE]   = {"zone", "A place of the city that this router serves; its name is what notices are for.",
                      PLACE_ROOT, true, true},
    [PLACE_GUEST]  = {"guest", "What a device gets unless the centre says otherwise.", PLACE_ROOT, false, false},
    [PLACE_TLS]    = {"tls", "Secure pages and the captive portal API; without this section both are off.",
                      PLACE_ROOT, false, false},
    [PLACE_PRIVACY] = {"privacy", "Who answers for citizens' data, for the privacy page.", PLACE_ROOT, false, false},
    [PLACE_METRICS] = {"metrics", "Figures for Prometheus, for the admin alone; without this section they are off.",
                      PLACE_ROOT, false, false},
    [PLACE_BOARD] = {"board", "The city's noticeboard; without this section the notices of notices_directory are all there are.",
                     PLACE_ROOT, false, false},
    [PLACE_RADIUS] = {"radius", "The city's centre. Without this section the router decides alone.",
                      PLACE_ROOT, false, false},
    [PLACE_SERVER] = {"server", "A RADIUS server; the first that answers is asked, the others stand in.",
                      PLACE_RADIUS, true, true},
};

static const struct config_option config_options[] = {
    {PLACE_ROOT, "network", TYPE_TEXT, 1, 64, DEFAULT("Wi-Fi"), NULL,
     "Name of the network, as citizens read it.", AT(conf, network)},
    {PLACE_ROOT, "portal_name", TYPE_DNS_NAME, 0, 0, REQUIRED, NULL,
     "DNS name of the portal, the same on every router of the city.", AT(conf, portal_name)},
    {PLACE_ROOT, "nas_identifier", TYPE_WORD, 1, 64, OPTIONAL, NULL,
     "This router's name in the centre; if it is not set, the host's name.", AT(conf, nas_identifier)},
    {PLACE_ROOT, "language", TYPE_LANGUAGE, 2, 15, DEFAULT("it"), NULL,
     "Language of the pages where the browser asks for none that there is.", AT(conf, language)},
    {PLACE_ROOT, "accessibility_url", TYPE_TEXT, 9, 255, OPTIONAL, NULL,
     "Address of the administration's own accessibility statement.", AT(conf, accessibility_url)},
    {PLACE_ROOT, "terms_id", TYPE_WORD, 1, 32, DEFAULT("1"), NULL,
     "Version of the terms that a tap accepts; it is stored with the pass.", AT(conf, terms_id)},
    {PLACE_ROOT, "terms_directory", TYPE_PATH, 1, 255, OPTIONAL, NULL,
     "Where terms.LANGUAGE.md are; if it is not set, the built-in text.", AT(conf, terms_directory)},
    {PLACE_ROOT, "notices_directory", TYPE_PATH, 1, 255, DEFAULT(LOGGIA_LOCALSTATEDIR "/notices"), NULL,
     "Where the notices are, one .md file each.", AT(conf, notices_directory)},
    {PLACE_ROOT, "state_directory", TYPE_PATH, 1, 255, DEFAULT(LOGGIA_LOCALSTATEDIR), NULL,
     "Accounting that waits for the centre, the key of the form tokens, and passes where there is no centre.",
     AT(conf, state_directory)},
    {PLACE_ROOT, "run_directory", TYPE_PATH, 1, 90, DEFAULT(LOGGIA_RUNDIR), NULL,
     "The sockets of the two daemons.", AT(conf, run_directory)},
    {PLACE_ROOT, "locale_directory", TYPE_PATH, 1, 255, DEFAULT(LOGGIA_DATADIR "/locale"), NULL,
     "The translations of the pages.", AT(conf, locale_directory)},
    {PLACE_ROOT, "user", TYPE_WORD, 1, 32, DEFAULT("loggia"), NULL,
     "User that loggiad becomes when it is started as root.", AT(conf, user)},
    {PLACE_ROOT, "gate_user", TYPE_WORD, 1, 32, DEFAULT("loggia-gate"), NULL,
     "User that loggia-gate becomes.", AT(conf, gate_user)},
    {PLACE_ROOT, "table", TYPE_WORD, 1, 31, DEFAULT("loggia"), NULL,
     "Name of the nftables table (family inet).", AT(conf, table)},
    {PLACE_ROOT, "http_port", TYPE_NUMBER, 1, 65535, DEFAULT("2080"), NULL,
     "Port of the portal; devices' port 80 is redirected to it.", AT(conf, http_port)},
    {PLACE_ROOT, "https_port", TYPE_NUMBER, 1, 65535, DEFAULT("2443"), NULL,
     "Port of the portal's secure pages.", AT(conf, https_port)},
    {PLACE_ROOT, "nflog_group", TYPE_NUMBER, 1, 65535, DEFAULT("5"), NULL,
     "NFLOG group by which the kernel tells of a device's first packet.", AT(conf, nflog_group)},
    {PLACE_ROOT, "max_clients", TYPE_NUMBER, 1, 1000000, DEFAULT("4096"), "devices",
     "Devices that may be online at the same time.", AT(conf, max_clients)},
    {PLACE_ROOT, "router_ports", TYPE_SERVICES, 0, 64, OPTIONAL, NULL,
     "Further services of this router that devices may reach, such as \"tcp/22\".", LIST(conf, router_ports)},
    {PLACE_ROOT, "walled_garden", TYPE_DOMAINS, 0, CONFIG_MAX_GARDEN, OPTIONAL, NULL,
     "Names that everybody may reach, online or not, each with all names below it; loggiactl garden writes them for dnsmasq.",
     LIST(conf, walled_garden)},
    {PLACE_ROOT, "dns_rate", TYPE_NUMBER, 1, 100000, DEFAULT("20"), "packets/s",
     "DNS packets that a device which is not online yet may send.", AT(conf, dns_rate)},
    {PLACE_ROOT, "dns_burst", TYPE_NUMBER, 1, 100000, DEFAULT("100"), "packets",
     "DNS packets that such a device may send at once.", AT(conf, dns_burst)},
    {PLACE_ROOT, "dns_bytes", TYPE_NUMBER, 100, 100000000, DEFAULT("1000"), "bytes/s",
     "DNS that such a device may send, and as much that it may get back; 1000 leave a tunnel less than 8 kbit/s.",
     AT(conf, dns_bytes)},
    {PLACE_ROOT, "dns_bytes_burst", TYPE_NUMBER, 2000, 100000000, DEFAULT("64000"), "bytes",
     "The same at once: room for all that a phone's programs ask when they wake.", AT(conf, dns_bytes_burst)},
    {PLACE_ROOT, "flow_rate", TYPE_NUMBER, 1, 1000000, DEFAULT("100"), "conversations/s",
     "New conversations that one device may begin, whether it is online or not; those that it has go on.",
     AT(conf, flow_rate)},
    {PLACE_ROOT, "flow_burst", TYPE_NUMBER, 1, 1000000, DEFAULT("1000"), "conversations",
     "The same at once.", AT(conf, flow_burst)},
    {PLACE_ROOT, "guard", TYPE_CHOICE, 0, 0, DEFAULT("no"), NULL,
     "Keep devices shut off even while somebody else's nft flush ruleset has deleted the table, by routing rules of "
     "priorities 9 to 11 and bit 0x20000000 of the packet mark.", ONE_OF(guard, "no|yes")},
    {PLACE_ROOT, "shaping", TYPE_CHOICE, 0, 0, DEFAULT("police"), NULL,
     "How rates are kept: police drops what is above; htb lets it wait in a queue per device (loggia-gate(8)).",
     ONE_OF(shaping, "police|htb")},
    {PLACE_ROOT, "line_up", TYPE_NUMBER, 0, 100000000, DEFAULT("0"), "kbit/s",
     "With htb: what this router's line carries, a little less than it really does; devices then share it evenly. "
     "0: each device's own rate alone counts.", AT(conf, line_up_kbps)},
    {PLACE_ROOT, "line_down", TYPE_NUMBER, 0, 100000000, DEFAULT("0"), "kbit/s",
     "The same for what comes from the line.", AT(conf, line_down_kbps)},
    {PLACE_ROOT, "offload", TYPE_CHOICE, 0, 0, DEFAULT("no"), NULL,
     "Let the conversations of devices without a rate take the kernel's short cut, a flowtable: less CPU a packet "
     "(loggia-gate(8)). Needs shaping = \"police\".", ONE_OF(offload, "no|yes")},
    {PLACE_ROOT, "uplinks", TYPE_INTERFACES, 0, CONFIG_MAX_UPLINKS, OPTIONAL, NULL,
     "With offload: the interfaces that lead to the internet. If it is not set, those of the default routes.",
     LIST(conf, uplinks)},
    {PLACE_ROOT, "silent_retry", TYPE_DURATION, 1, DAY, DEFAULT("60"), "s",
     "A device that the city does not know is asked about again after this time.", AT(conf, silent_retry_s)},

    {PLACE_ROOT, "log_level", TYPE_CHOICE, 0, 0, DEFAULT("info"), NULL,
     "Least important lines that are logged.", ONE_OF(log_level, LEVELS)},
    {PLACE_ROOT, "last_password", TYPE_CHOICE, 0, 0, DEFAULT("no"), NULL,
     "Offer people with an old account to type it one last time (needs tls and radius).",
     ONE_OF(last_password, "no|yes")},

    {PLACE_ZONE, "title", TYPE_TEXT, 1, 64, OPTIONAL, NULL,
     "What citizens read; if it is not set, the zone's name.", AT(conf_zone, title)},
    {PLACE_ZONE, "interfaces", TYPE_INTERFACES, 1, CONFIG_MAX_INTERFACES, REQUIRED, NULL,
     "Interfaces or bridges to which the zone's access points are connected.", LIST(conf_zone, interfaces)},
    {PLACE_ZONE, "terms_id", TYPE_WORD, 1, 32, OPTIONAL, NULL,
     "Version of the terms of this zone; if it is not set, the router's.", AT(conf_zone, terms_id)},
    {PLACE_ZONE, "terms_directory", TYPE_PATH, 1, 255, OPTIONAL, NULL,
     "Where this zone's terms.LANGUAGE.md are; if it is not set, the router's.", AT(conf_zone, terms_directory)},
    {PLACE_ZONE, "session", TYPE_DURATION, 5, 30 * DAY, OPTIONAL, "s",
     "As in guest, for this zone; if it is not set, as there.", AT(conf_zone, guest.session_s)},
    {PLACE_ZONE, "idle", TYPE_DURATION, 5, DAY, OPTIONAL_OR_ZERO, "s",
     "As in guest, for this zone; if it is not set, as there.", AT(conf_zone, guest.idle_s)},
    {PLACE_ZONE, "up_kbps", TYPE_NUMBER, 8, 100000000, OPTIONAL_OR_ZERO, "kbit/s",
     "As in guest, for this zone; if it is not set, as there.", AT(conf_zone, guest.up_kbps)},
    {PLACE_ZONE, "down_kbps", TYPE_NUMBER, 8, 100000000, OPTIONAL_OR_ZERO, "kbit/s",
     "As in guest, for this zone; if it is not set, as there.", AT(conf_zone, guest.down_kbps)},
    {PLACE_ZONE, "quota_mb", TYPE_NUMBER, 1, 1000000000, OPTIONAL_OR_ZERO, "MB",
     "As in guest, for this zone; if it is not set, as there.", AT(conf_zone, guest.quota_mb)},

    {PLACE_GUEST, "session", TYPE_DURATION, 5, 30 * DAY, DEFAULT("2h"), "s",
     "Time online before the portal is met again.", AT(conf_profile, session_s)},
    {PLACE_GUEST, "idle", TYPE_DURATION, 5, DAY, OR_ZERO("10m"), "s",
     "A device that is silent for so long is closed; 0: never.", AT(conf_profile, idle_s)},
    {PLACE_GUEST, "up_kbps", TYPE_NUMBER, 8, 100000000, OR_ZERO("0"), "kbit/s",
     "Cap from the device; 0: none.", AT(conf_profile, up_kbps)},
    {PLACE_GUEST, "down_kbps", TYPE_NUMBER, 8, 100000000, OR_ZERO("0"), "kbit/s",
     "Cap to the device; 0: none.", AT(conf_profile, down_kbps)},
    {PLACE_GUEST, "quota_mb", TYPE_NUMBER, 1, 1000000000, OR_ZERO("0"), "MB",
     "Bytes of a session, both ways together; 0: no bound.", AT(conf_profile, quota_mb)},
    {PLACE_GUEST, "interim", TYPE_DURATION, 1, DAY, DEFAULT("5m"), "s",
     "Accounting is sent so often.", AT(conf_profile, interim_s)},

    {PLACE_GUEST, "pass", TYPE_DURATION, 60, 366 * DAY, DEFAULT("30d"), "s",
     "Without a radius section: a device is not asked to tap again for so long.",
     AT(conf_profile, pass_s)},

    {PLACE_TLS, "certificate", TYPE_PATH, 1, 255, REQUIRED, NULL,
     "PEM file: the certificate of portal_name and its whole chain.", TLS(certificate)},
    {PLACE_TLS, "key", TYPE_PATH, 1, 255, REQUIRED, NULL,
     "PEM file: the certificate's private key, not readable by others.", TLS(key)},

    {PLACE_PRIVACY, "controller", TYPE_TEXT, 1, 120, OPTIONAL, NULL,
     "Who decides what happens to the data: the controller (GDPR, article 4).", PRIVACY(controller)},
    {PLACE_PRIVACY, "contact", TYPE_TEXT, 1, 120, OPTIONAL, NULL,
     "Where citizens turn to: a mail address, or a telephone number.", PRIVACY(contact)},
    {PLACE_PRIVACY, "retention", TYPE_DURATION, DAY, 3660 * DAY, DEFAULT("180d"), "s",
     "How long the centre keeps accounting before it is erased.", PRIVACY(retention_s)},

    {PLACE_METRICS, "address", TYPE_ADDRESS, 0, 0, DEFAULT("127.0.0.1"), NULL,
     "Address of this router at which they are served.", METRICS(address)},
    {PLACE_METRICS, "port", TYPE_NUMBER, 1, 65535, DEFAULT("9273"), NULL,
     "TCP port at which they are served.", METRICS(port)},

    {PLACE_BOARD, "url", TYPE_TEXT, 9, 400, REQUIRED, NULL,
     "Where the board's files are published, http:// or https://; what is in them is believed for its signature alone.",
     BOARD(url)},
    {PLACE_BOARD, "keys", TYPE_PATHS, 1, CONFIG_MAX_KEYS, REQUIRED, NULL,
     "Files with the board's public keys; two while a key is replaced by the next.",
     offsetof(struct conf, board.keys), 0, offsetof(struct conf, board.n_keys), NULL},
    {PLACE_BOARD, "poll", TYPE_DURATION, 5, DAY, DEFAULT("60"), "s",
     "The board is asked so often whether there is news, where it does not say so by itself; five times less often while no phone asks this router for anything, and at once when one does.", BOARD(poll_s)},
    {PLACE_BOARD, "long_poll", TYPE_CHOICE, 0, 0, DEFAULT("yes"), NULL,
     "Offer the board to wait with its answer until there is news (RFC 7240), so that an emergency arrives in seconds.",
     ONE_OF(board.long_poll, "no|yes")},
    {PLACE_BOARD, "ca_file", TYPE_PATH, 1, 255, OPTIONAL, NULL,
     "PEM file of the authorities that the board's certificate is judged by; if it is not set, the system's.",
     BOARD(ca_file)},
    {PLACE_BOARD, "token_file", TYPE_SECRET, 1, 255, OPTIONAL, NULL,
     "File with this router's token in one line, not readable by others: with it, how often notices were shown and "
     "tapped is sent to the board as sums; without it nothing is.", BOARD(token_file)},
    {PLACE_BOARD, "report", TYPE_DURATION, 5, DAY, DEFAULT("1h"), "s",
     "Sums are sent so often.", BOARD(report_s)},

    {PLACE_RADIUS, "when_radius_down", TYPE_CHOICE, 0, 0, DEFAULT("guest"), NULL,
     "What a tap gets while no server answers: the guest profile for a short session, or nothing.",
     ONE_OF(radius.when_down, "guest|hold")},
    {PLACE_RADIUS, "disconnect_port", TYPE_NUMBER, 1, 65535, OR_ZERO("3799"), NULL,
     "UDP port at which the servers may end or change sessions (RFC 5176); 0: off.",
     RADIUS(disconnect_port)},
    {PLACE_RADIUS, "timeout_ms", TYPE_NUMBER, 100, 60000, DEFAULT("5000"), "ms",
     "Whole time for one question, retransmissions included.", RADIUS(timeout_ms)},
    {PLACE_RADIUS, "retry_ms", TYPE_NUMBER, 20, 30000, DEFAULT("1000"), "ms",
     "First retransmission; the next ones wait twice as long each (RFC 5080).", RADIUS(retry_ms)},
    {PLACE_RADIUS, "queue_mb", TYPE_NUMBER, 1, 1024, DEFAULT("16"), "MB",
     "Bound of the accounting that waits on disk while no server answers.", RADIUS(queue_mb)},

    {PLACE_SERVER, "address", TYPE_ADDRESS, 0, 0, REQUIRED, NULL,
     "IPv4 or IPv6 address (a name would need DNS before the network is there).",
     AT(conf_radius_server, address)},
    {PLACE_SERVER, "auth_port", TYPE_NUMBER, 1, 65535, DEFAULT("1812"), NULL,
     "UDP port of authentication.", AT(conf_radius_server, auth_port)},
    {PLACE_SERVER, "acct_port", TYPE_NUMBER, 1, 65535, DEFAULT("1813"), NULL,
     "UDP port of accounting.", AT(conf_radius_server, acct_port)},
    {PLACE_SERVER, "secret_file", TYPE_SECRET, 1, 255, REQUIRED, NULL,
     "File with the shared secret in one line, not readable by others.", AT(conf_radius_server, secret_file)},
};
/* clang-format on */

const struct config_schema config_router = {
    config_options, sizeof config_options / sizeof *config_options, config_places, PLACES};

void config_describe(FILE *out)
{
    config_describe_schema(&config_router, out);
}
