/* SPDX-License-Identifier: GPL-2.0-or-later */
/* loggia-centre: what the city's administrators do to one device. The database knows devices by
 * their pseudonyms alone, so somebody has to compute one; and what is done has to be told to every
 * server, in the same transaction.
 *
 * It writes SQL, and lets the database's own program execute it: that one knows where the database
 * is, who may do this and what went wrong, and an administrator can read what is going to happen.
 * It runs nothing, opens nothing but the key file, and the key leaves it nowhere. Whatever text is
 * given ends up inside a quoted literal, on one line. */
#include "config.h"
#include "lib/crypto.h"
#include "lib/mac.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define DEFAULT_KEY "/etc/loggia/pseudonym.key"
#define KEY_LEAST   16 /* as the module wants it */
#define REASON_MOST 200
#define AUTHOR_MOST 64
#define FOR_MOST    (100LL * 366 * 86400)

static const char help[] =
    "usage: loggia-centre [-k FILE] COMMAND MAC\n\n"
    "Writes what the command does as SQL, for the centre's database:\n"
    "  loggia-centre ban MAC --for 7d --reason 'spam' |\n"
    "    sqlite3 -bail -cmd '.timeout 5000' /var/lib/loggia-centre/centre.sqlite\n"
    "  loggia-centre unban MAC | psql -v ON_ERROR_STOP=1 -d loggia\n\n"
    "  ban MAC      shut out, whatever a directory says; a session that is open is closed\n"
    "  unban MAC    no more; what its pass and the directories say counts again\n"
    "  forget MAC   erases its pass, and whom it is bound to\n"
    "  show MAC     its ban, its pass and its open sessions\n"
    "  device MAC   the pseudonym under which it is stored; no SQL\n\n"
    "  -k, --key FILE     the file of key_file (" DEFAULT_KEY ")\n"
    "  -f, --for TIME     with ban: 90s, 10m, 2h, 7d; for good, if left out\n"
    "  -r, --reason TEXT  with ban: for whoever looks at it later; no citizen sees it\n"
    "  -b, --by NAME      with ban: who says so; the user who runs this, if left out\n"
    "  -h, --help         this text\n"
    "  -V, --version      the version\n\n"
    "Exit status: 0 fine; 1 the key cannot be read, or the output not be written; 2 wrong usage.\n";

struct options {
    const char *key_file, *reason, *by;
    long long for_s; /* 0: for good */
    bool ban_only;   /* one that only a ban has was given */
};

struct command {
    const char *name;
    void (*write)(const struct options *o, const char *device);
};

/* --- SQL ----------------------------------------------------------------------------------------
 */

/* A literal of standard SQL; the text has no control characters. */
static void put_text(const char *text)
{
    putchar('\'');
    for (; *text; text++) {
        if (*text == '\'')
            putchar('\'');
        putchar(*text);
    }
    putchar('\'');
}

/* What every server looks for (pass.changes): numbers are the database's. */
static void put_change(const char *device)
{
    printf("INSERT INTO changes (device, at) VALUES ('%s', %lld);\nCOMMIT;\n", device,
           (long long)time(NULL));
}

static void ban(const struct options *o, const char *device)
{
    long long now = (long long)time(NULL);
    printf("BEGIN;\nINSERT INTO bans (device, expires, reason, author, created) VALUES ('%s', ",
           device);
    if (o->for_s)
        printf("%lld, ", now + o->for_s);
    else
        printf("NULL, ");
    put_text(o->reason);
    printf(", ");
    put_text(o->by);
    printf(", %lld) ON CONFLICT (device) DO UPDATE SET expires = excluded.expires, "
           "reason = excluded.reason, author = excluded.author, created = excluded.created;\n",
           now);
    put_change(device);
}

static void unban(const struct options *o, const char *device)
{
    (void)o;
    printf("BEGIN;\nDELETE FROM bans WHERE device = '%s';\n", device);
    put_change(device);
}

static void forget(const struct options *o, const char *device)
{
    (void)o;
    printf("BEGIN;\nDELETE FROM passes WHERE device = '%s';\n", device);
    put_change(device);
}

static void show(const struct options *o, const char *device)
{
    long long now = (long long)time(NULL);
    (void)o;
    printf("SELECT 'banned', CASE WHEN expires IS NULL THEN 'for good' ELSE CAST(expires - %lld AS "
           "TEXT) || ' s left' END, reason, author FROM bans WHERE device = '%s' AND (expires IS "
           "NULL OR expires > %lld);\n",
           now, device, now);
    printf("SELECT 'pass', CASE WHEN paused <> 0 THEN 'paused' ELSE CAST(expires - %lld AS TEXT) "
           "|| ' s left' END, CASE WHEN binding <> '' THEN 'bound' ELSE '' END, terms FROM passes "
           "WHERE device = '%s' AND expires > %lld;\n",
           now, device, now);
    printf("SELECT 'online', nasidentifier, zone, CAST(%lld - acctstarttime AS TEXT) || ' s' FROM "
           "radacct WHERE callingstationid = '%s' AND acctstoptime IS NULL;\n",
           now, device);
}

static void pseudonym(const struct options *o, const char *device)
{
    (void)o;
    puts(device);
}

static const struct command commands[] = {
    {"ban", ban}, {"unban", unban}, {"forget", forget}, {"show", show}, {"device", pseudonym},
};

/* --- what is asked for --------------------------------------------------------------------------
 */

__attribute__((format(printf, 1, 2))) static int wrong(const char *format, ...)
{
    va_list args;
    fputs("loggia-centre: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputs("\n", stderr);
    return 2;
}

/* Seconds, or -1. */
static long long read_time(const char *text)
{
    static const struct {
        char unit;
        long long s;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 7 * 86400}};
    char *end;
    errno = 0;
    long long n = isdigit((unsigned char)text[0]) ? strtoll(text, &end, 10) : 0;
    for (size_t i = 0; !errno && n > 0 && i < sizeof units / sizeof *units; i++)
        if (end[0] == units[i].unit && !end[1] && n <= FOR_MOST / units[i].s)
            return n * units[i].s;
    return -1;
}

/* One line, of characters that every database takes. */
static bool plain(const char *text, size_t most)
{
    if (strlen(text) > most)
        return false;
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f || *text == '\\')
            return false;
    return true;
}

static const char *whoever_runs_this(void)
{
    const char *sudo = getenv("SUDO_USER");
    const struct passwd *user = getpwuid(getuid());
    return sudo && *sudo ? sudo : user ? user->pw_name : "";
}

/* -1: go on; else the exit status. */
static int read_options(int argc, char **argv, struct options *o)
{
    static const struct option names[] = {{"key", required_argument, NULL, 'k'},
                                          {"for", required_argument, NULL, 'f'},
                                          {"reason", required_argument, NULL, 'r'},
                                          {"by", required_argument, NULL, 'b'},
                                          {"help", no_argument, NULL, 'h'},
                                          {"version", no_argument, NULL, 'V'},
                                          {NULL, 0, NULL, 0}};
    for (int c; (c = getopt_long(argc, argv, "k:f:r:b:hV", names, NULL)) != -1;) {
        o->ban_only = o->ban_only || strchr("frb", c);
        if (c == 'h' || c == 'V') {
            fputs(c == 'h' ? help : "loggia-centre " PACKAGE_VERSION "\n", stdout);
            return 0;
        }
        if (c == 'k')
            o->key_file = optarg;
        else if (c == 'r')
            o->reason = optarg;
        else if (c == 'b')
            o->by = optarg;
        else if (c != 'f')
            return wrong("see loggia-centre --help");
        else if ((o->for_s = read_time(optarg)) < 0)
            return wrong("--for: found \"%.64s\", expected a time like 90s, 10m, 2h or 7d, of 100 "
                         "years at most",
                         optarg);
    }
    if (!plain(o->reason, REASON_MOST))
        return wrong("--reason: expected one line of at most %d bytes without a backslash",
                     REASON_MOST);
    if (!plain(o->by, AUTHOR_MOST))
        return wrong("--by: expected one line of at most %d bytes without a backslash",
                     AUTHOR_MOST);
    return -1;
}

static const struct command *command_of(const char *name)
{
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

static int pseudonym_of(const struct options *o, const struct mac *mac,
                        char device[static DEVICE_HASH_LEN])
{
    char err[160];
    char *key = crypto_secret_read(o->key_file, err, sizeof err);
    if (!key || strlen(key) < KEY_LEAST) {
        wrong("%s: %s", o->key_file, key ? "expected a secret of at least 16 characters" : err);
        if (key)
            crypto_secret_free(key);
        return 1;
    }
    crypto_device_hash(key, strlen(key), mac, device);
    crypto_secret_free(key);
    return 0;
}

int main(int argc, char **argv)
{
    struct options o = {.key_file = DEFAULT_KEY, .reason = "", .by = whoever_runs_this()};
    char device[DEVICE_HASH_LEN];
    struct mac mac;
    int status = read_options(argc, argv, &o);
    if (status >= 0)
        return status;
    if (argc - optind != 2)
        return wrong("expected a command and a MAC address; see loggia-centre --help");
    const struct command *command = command_of(argv[optind]);
    if (!command)
        return wrong("found \"%.64s\", expected ban, unban, forget, show or device", argv[optind]);
    if (o.ban_only && command->write != ban)
        return wrong("--for, --reason and --by are for ban alone");
    if (!mac_parse(argv[optind + 1], &mac) || !mac_is_device(&mac))
        return wrong("found \"%.64s\", expected a device's address like 0a:1b:2c:3d:4e:5f",
                     argv[optind + 1]);
    if (pseudonym_of(&o, &mac, device))
        return 1;
    command->write(&o, device);
    if (fflush(stdout) || ferror(stdout)) {
        wrong("cannot write: %s", strerror(errno));
        return 1;
    }
    return 0;
}
