/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every option of board.conf, one row each; see lib/config_schema.c. */
#include "noticeboard/conf_internal.h"

#define DAY (24 * 60 * 60)

#define IN(type, field)              offsetof(struct type, field), sizeof(((struct type *)NULL)->field), 0
#define AT(type, field)              IN(type, field), NULL
#define ONE_OF(type, field, choices) IN(type, field), choices
#define LIST(type, field)            offsetof(struct type, field), 0, offsetof(struct type, n_##field), NULL
#define ROOT(field)                  AT(board_conf, field)
#define TLS(field)                   AT(board_conf, tls.field)
#define DIRECTORY(field)             AT(board_directory, field)
#define FEED(field)                  AT(board_feed, field)
#define LEVELS                       "emerg|alert|crit|err|warning|notice|info|debug"
#define REQUIRED                     false, true, NULL
#define OPTIONAL                     false, false, NULL
#define DEFAULT(text)                false, false, text
#define OR_ZERO(text)                true, false, text

/* clang-format off */
static const struct config_place_info places[BOARD_PLACES] = {
    [BOARD_PLACE_ROOT] = {NULL, NULL, 0, false, false},
    [BOARD_PLACE_TLS] = {"tls", "Secure pages by the board itself; without this section it belongs behind a reverse proxy.",
                      BOARD_PLACE_ROOT, false, false},
    [BOARD_PLACE_ZONE] = {"zone", "A place of the city, by the name that its routers have for it.",
                      BOARD_PLACE_ROOT, true, true},
    [BOARD_PLACE_ADMINISTRATION] = {"administration", "One of those that share the board; none can touch another's notices.",
                      BOARD_PLACE_ROOT, true, true},
    [BOARD_PLACE_PUBLISHER] = {"publisher", "Whose name stands on a notice, and in which zones it may.",
                      BOARD_PLACE_ADMINISTRATION, true, true},
    [BOARD_PLACE_DIRECTORY] = {"directory", "The LDAP directory in which the editors have their accounts.",
                      BOARD_PLACE_ADMINISTRATION, false, false},
    [BOARD_PLACE_ROLE] = {"role", "What the members of a group of the directory may do.",
                      BOARD_PLACE_ADMINISTRATION, true, true},
    [BOARD_PLACE_FEED] = {"feed", "A site that already publishes: RSS, Atom or CAP, fetched over HTTPS.",
                      BOARD_PLACE_ADMINISTRATION, true, true},
};

static const struct config_option board_options[] = {
    {BOARD_PLACE_ROOT, "name", TYPE_TEXT, 1, 64, DEFAULT("Wi-Fi"), NULL,
     "Name of the network, as citizens read it.", ROOT(name)},
    {BOARD_PLACE_ROOT, "url", TYPE_TEXT, 9, 200, REQUIRED, NULL,
     "Address of the board as editors type it, such as \"https://bacheca.prato.example\".", ROOT(url)},
    {BOARD_PLACE_ROOT, "address", TYPE_ADDRESS, 0, 0, OPTIONAL, NULL,
     "Address at which it listens; if it is not set, all there are.", ROOT(address)},
    {BOARD_PLACE_ROOT, "port", TYPE_NUMBER, 1, 65535, DEFAULT("8480"), NULL,
     "TCP port at which it listens.", ROOT(port)},
    {BOARD_PLACE_ROOT, "trusted_proxy", TYPE_ADDRESS, 0, 0, OPTIONAL, NULL,
     "Address of the reverse proxy; its X-Forwarded-For and X-Forwarded-Proto are believed, nobody else's.",
     ROOT(trusted_proxy)},
    {BOARD_PLACE_ROOT, "state_directory", TYPE_PATH, 1, 255, DEFAULT(LOGGIA_LOCALSTATEDIR "-board"), NULL,
     "Where the database and the key of the sign-ins are.", ROOT(state_directory)},
    {BOARD_PLACE_ROOT, "out_directory", TYPE_PATH, 1, 255, DEFAULT(LOGGIA_LOCALSTATEDIR "-board/out"), NULL,
     "Where what routers fetch is written; any web server may serve it.", ROOT(out_directory)},
    {BOARD_PLACE_ROOT, "locale_directory", TYPE_PATH, 1, 255, DEFAULT(LOGGIA_DATADIR "/locale"), NULL,
     "The translations of the pages.", ROOT(locale_directory)},
    {BOARD_PLACE_ROOT, "user", TYPE_WORD, 1, 32, DEFAULT("loggia-board"), NULL,
     "User that loggia-board becomes when it is started as root.", ROOT(user)},
    {BOARD_PLACE_ROOT, "language", TYPE_LANGUAGE, 2, 15, DEFAULT("it"), NULL,
     "Language of the pages where a browser asks for none that there is.", ROOT(language)},
    {BOARD_PLACE_ROOT, "languages", TYPE_LANGUAGES, 1, BOARD_MAX_LANGUAGES, OPTIONAL, NULL,
     "Languages in which a notice should be there; one that is missing is shown to its writer. If it is not set, it and en.",
     LIST(board_conf, languages)},
    {BOARD_PLACE_ROOT, "keys", TYPE_PATHS, 1, BOARD_MAX_KEYS, OPTIONAL, NULL,
     "Files of the keys that sign what routers fetch, the newest first; two while one replaces the other.",
     LIST(board_conf, keys)},
    {BOARD_PLACE_ROOT, "token_file", TYPE_SECRET, 1, 255, OPTIONAL, NULL,
     "File with the secret that routers show when they send their counts; without it none are taken.", ROOT(token_file)},
    {BOARD_PLACE_ROOT, "bundle_life", TYPE_DURATION, 60 * 60, 366 * DAY, DEFAULT("30d"), "s",
     "A router believes what it has fetched for so long, if the board stays away.", ROOT(bundle_life_s)},
    {BOARD_PLACE_ROOT, "keep", TYPE_DURATION, 60, 30 * DAY, DEFAULT("1d"), "s",
     "Old bundles stay in out_directory for so long, for routers that are just fetching one.", ROOT(keep_s)},
    {BOARD_PLACE_ROOT, "session", TYPE_DURATION, 60, 7 * DAY, DEFAULT("10h"), "s",
     "An editor signs in again after this time at the latest.", ROOT(session_s)},
    {BOARD_PLACE_ROOT, "idle", TYPE_DURATION, 1, DAY, DEFAULT("2h"), "s",
     "An editor who does nothing for so long signs in again.", ROOT(idle_s)},
    {BOARD_PLACE_ROOT, "recheck", TYPE_DURATION, 1, DAY, DEFAULT("5m"), "s",
     "What somebody who is signed in may do is read again from the directory after this time; who may nothing any more is signed out.",
     ROOT(recheck_s)},
    {BOARD_PLACE_ROOT, "recheck_keep", TYPE_DURATION, 1, 7 * DAY, DEFAULT("1h"), "s",
     "While the directory does not answer, what was known counts for so long; then one signs in again.", ROOT(recheck_keep_s)},
    {BOARD_PLACE_ROOT, "count_minimum", TYPE_NUMBER, 1, 1000, DEFAULT("10"), NULL,
     "Displays and taps are shown to editors from this number on.", ROOT(count_minimum)},
    {BOARD_PLACE_ROOT, "log_level", TYPE_CHOICE, 0, 0, DEFAULT("info"), NULL,
     "Least important lines that are logged.", ONE_OF(board_conf, log_level, LEVELS)},

    {BOARD_PLACE_TLS, "certificate", TYPE_PATH, 1, 255, REQUIRED, NULL,
     "PEM file: the board's certificate and its whole chain.", TLS(certificate)},
    {BOARD_PLACE_TLS, "key", TYPE_PATH, 1, 255, REQUIRED, NULL,
     "PEM file: the certificate's private key, not readable by others.", TLS(key)},

    {BOARD_PLACE_ZONE, "title", TYPE_TEXT, 1, 64, OPTIONAL, NULL,
     "What people read; if it is not set, the zone's name.", AT(board_zone, title)},

    {BOARD_PLACE_ADMINISTRATION, "name", TYPE_TEXT, 1, 80, REQUIRED, NULL,
     "What people read, such as \"Comune di Prato\".", AT(board_administration, name)},
    {BOARD_PLACE_ADMINISTRATION, "colour", TYPE_COLOUR, 7, 7, DEFAULT("#0066cc"), NULL,
     "Its colour; white text on it must be readable (WCAG 2.1: 4.5 to 1).", AT(board_administration, colour)},
    {BOARD_PLACE_ADMINISTRATION, "logo", TYPE_PATH, 1, 255, OPTIONAL, NULL,
     "Picture beside its publishers' names: PNG, JPEG or WebP, at most 16 KiB and 512 by 512 pixels.",
     AT(board_administration, logo)},
    {BOARD_PLACE_ADMINISTRATION, "logo_alt", TYPE_TEXT, 1, 160, OPTIONAL, NULL,
     "What the logo shows, for who cannot see it; if it is not set, the name beside it says enough.",
     AT(board_administration, logo_alt)},
    {BOARD_PLACE_ADMINISTRATION, "approval", TYPE_CHOICE, 0, 0, DEFAULT("no"), NULL,
     "Whether a second person has to agree before a notice appears.", ONE_OF(board_administration, approval, "no|yes")},
    {BOARD_PLACE_ADMINISTRATION, "max_notices", TYPE_NUMBER, 1, 20, DEFAULT("8"), NULL,
     "Whoever publishes one more than this in a zone is warned.", AT(board_administration, max_notices)},
    {BOARD_PLACE_ADMINISTRATION, "notices_directory", TYPE_PATH, 1, 255, OPTIONAL, NULL,
     "Files that are dropped there, one notice each, are published too.", AT(board_administration, notices_directory)},

    {BOARD_PLACE_PUBLISHER, "name", TYPE_TEXT, 1, 80, REQUIRED, NULL,
     "The name that stands on the notices.", AT(board_publisher, name)},
    {BOARD_PLACE_PUBLISHER, "colour", TYPE_COLOUR, 7, 7, OPTIONAL, NULL,
     "Its colour; if it is not set, the administration's.", AT(board_publisher, colour)},
    {BOARD_PLACE_PUBLISHER, "logo", TYPE_PATH, 1, 255, OPTIONAL, NULL,
     "Its logo; if it is not set, the administration's.", AT(board_publisher, logo)},
    {BOARD_PLACE_PUBLISHER, "logo_alt", TYPE_TEXT, 1, 160, OPTIONAL, NULL,
     "What its logo shows, for who cannot see it.", AT(board_publisher, logo_alt)},
    {BOARD_PLACE_PUBLISHER, "zones", TYPE_NAMES, 1, BOARD_MAX_ZONES, REQUIRED, NULL,
     "Zones that it may use; \"*\": all.", LIST(board_publisher, zones)},

    {BOARD_PLACE_DIRECTORY, "uri", TYPE_TEXT, 8, 255, REQUIRED, NULL,
     "The directory: \"ldaps://ldap.prato.example\"; ldap:// is used with StartTLS.", DIRECTORY(uri)},
    {BOARD_PLACE_DIRECTORY, "base", TYPE_TEXT, 3, 255, REQUIRED, NULL,
     "Where accounts are, such as \"ou=people,o=comune\".", DIRECTORY(base)},
    {BOARD_PLACE_DIRECTORY, "filter", TYPE_TEXT, 3, 255, DEFAULT("(uid=%{name})"), NULL,
     "Finds the account of whoever signs in; %{name} is what was typed.", DIRECTORY(filter)},
    {BOARD_PLACE_DIRECTORY, "group_base", TYPE_TEXT, 3, 255, OPTIONAL, NULL,
     "Where groups are; if it is not set, the memberOf values of the account count.", DIRECTORY(group_base)},
    {BOARD_PLACE_DIRECTORY, "group_filter", TYPE_TEXT, 3, 255, DEFAULT("(member=%{dn})"), NULL,
     "Finds the groups of an account; %{dn} is its DN, %{name} what was typed.", DIRECTORY(group_filter)},
    {BOARD_PLACE_DIRECTORY, "bind_dn", TYPE_TEXT, 3, 255, OPTIONAL, NULL,
     "Account that searches; if it is not set, nobody's (anonymous).", DIRECTORY(bind_dn)},
    {BOARD_PLACE_DIRECTORY, "password_file", TYPE_SECRET, 1, 255, OPTIONAL, NULL,
     "File with that account's password in one line.", DIRECTORY(password_file)},
    {BOARD_PLACE_DIRECTORY, "ca_file", TYPE_PATH, 1, 255, OPTIONAL, NULL,
     "PEM file of who signed the directory's certificate; if it is not set, the system's.", DIRECTORY(ca_file)},
    {BOARD_PLACE_DIRECTORY, "start_tls", TYPE_CHOICE, 0, 0, DEFAULT("yes"), NULL,
     "With an ldap:// address: passwords go only over TLS. no: only for a directory on this very machine.",
     ONE_OF(board_directory, start_tls, "no|yes")},
    {BOARD_PLACE_DIRECTORY, "timeout_ms", TYPE_NUMBER, 100, 30000, DEFAULT("5000"), "ms",
     "Whole time for one sign-in.", DIRECTORY(timeout_ms)},

    {BOARD_PLACE_ROLE, "group", TYPE_TEXT, 1, 255, REQUIRED, NULL,
     "The group: its DN, or its cn alone.", AT(board_grant, group)},
    {BOARD_PLACE_ROLE, "grants", TYPE_CHOICE, 0, 0, DEFAULT("writer"), NULL,
     "What its members are: a writer writes, an approver also agrees to what others wrote, an admin also manages templates and services.",
     ONE_OF(board_grant, role, "writer|approver|admin")},
    {BOARD_PLACE_ROLE, "publishers", TYPE_NAMES, 1, BOARD_MAX_PUBLISHERS, OPTIONAL, NULL,
     "Publishers for which they are; if it is not set, all of the administration.", LIST(board_grant, publishers)},

    {BOARD_PLACE_FEED, "url", TYPE_TEXT, 9, 400, REQUIRED, NULL,
     "Address of the feed.", FEED(url)},
    {BOARD_PLACE_FEED, "ca_file", TYPE_PATH, 1, 255, OPTIONAL, NULL,
     "PEM file of who signed the site's certificate, for one inside the administration; if it is not set, the system's.",
     FEED(ca_file)},
    {BOARD_PLACE_FEED, "publisher", TYPE_WORD, 1, 32, REQUIRED, NULL,
     "Publisher under whose name its items appear.", FEED(publisher)},
    {BOARD_PLACE_FEED, "zones", TYPE_NAMES, 1, BOARD_MAX_ZONES, REQUIRED, NULL,
     "Zones in which they appear; \"*\": all that the publisher may use.", LIST(board_feed, zones)},
    {BOARD_PLACE_FEED, "language", TYPE_LANGUAGE, 2, 15, DEFAULT("it"), NULL,
     "Language of items that do not say theirs.", FEED(language)},
    {BOARD_PLACE_FEED, "approval", TYPE_CHOICE, 0, 0, DEFAULT("yes"), NULL,
     "Whether items wait until somebody approves them.", ONE_OF(board_feed, approval, "no|yes")},
    {BOARD_PLACE_FEED, "poll", TYPE_DURATION, 1, DAY, DEFAULT("10m"), "s",
     "Asked again after this time, longer after failures.", FEED(poll_s)},
    {BOARD_PLACE_FEED, "days", TYPE_NUMBER, 1, 60, DEFAULT("7"), "days",
     "An item that names no end is shown for so long.", FEED(days)},
    {BOARD_PLACE_FEED, "areas", TYPE_TEXT, 1, 1000, OPTIONAL, NULL,
     "CAP: only alerts for one of these areas, by geocode or by name, with ; between them; if it is not set, all.",
     FEED(areas)},
};
/* clang-format on */

const struct config_schema board_schema = {
    board_options, sizeof board_options / sizeof *board_options, places, BOARD_PLACES};

void board_conf_describe(FILE *out)
{
    config_describe_schema(&board_schema, out);
}
