/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The commands. There is no default account and no default password: the first admin is named here,
 * by whoever may write the database. A password comes from the terminal or from standard input,
 * never from the command line, where the whole machine could read it. */
#include "noticeboard/cli.h"
#include "lib/crypto.h"
#include "lib/crypto_password.h"
#include "lib/sign.h"
#include "lib/utf8.h"
#include "noticeboard/conf.h"
#include "noticeboard/publish.h"
#include "noticeboard/store.h"

#include <errno.h>
#include <getopt.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

enum { NAME_MAX_LEN = 64, PASSWORD_MIN = 12, PASSWORD_MAX = 256, MAX_PUBLISHERS = 16 };
static const char *const roles[] = {"writer", "approver", "admin"};

struct grant {
    const char *name, *administration, *publishers[MAX_PUBLISHERS];
    size_t n_publishers;
    int role;
    bool local;
};

bool cli_needs_conf(const char *command)
{
    return strcmp(command, "key") != 0;
}

static int usage(const char *why, const char *what)
{
    fprintf(stderr, "loggia-board: %s%s%s; try --help\n", why, what ? " " : "", what ? what : "");
    return 2;
}

/* --- passwords
 * -------------------------------------------------------------------------------------- */
/* One line, without its end; false if there is none or it is too long. */
static bool read_line(char out[static PASSWORD_MAX + 2])
{
    if (!fgets(out, PASSWORD_MAX + 2, stdin))
        return false;
    size_t len = strcspn(out, "\n");
    bool whole = out[len] == '\n' || feof(stdin);
    out[len] = '\0';
    return whole;
}

/* Asks at a terminal, unseen and twice; else takes a line of standard input. */
static bool ask(char out[static PASSWORD_MAX + 2])
{
    struct termios seen, unseen;
    char again[PASSWORD_MAX + 2];
    bool terminal = tcgetattr(STDIN_FILENO, &seen) == 0, fine;

    if (!terminal)
        return read_line(out);
    unseen = seen;
    unseen.c_lflag &= ~(tcflag_t)ECHO;
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &unseen);
    fputs("Password: ", stderr);
    fine = read_line(out);
    fputs("\nAgain: ", stderr);
    fine = fine && read_line(again) && strcmp(out, again) == 0;
    fputs("\n", stderr);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &seen);
    crypto_wipe(again, sizeof again);
    return fine;
}

static int new_password(char hash[static CRYPTO_PASSWORD_LEN])
{
    char password[PASSWORD_MAX + 2] = "";
    int status = 1;

    if (!ask(password))
        fputs("loggia-board: found no password, or two different ones, expected one line\n",
              stderr);
    else if (strlen(password) < PASSWORD_MIN)
        fprintf(stderr, "loggia-board: found %zu characters, expected at least %d\n",
                strlen(password), (int)PASSWORD_MIN);
    else
        status = 0;
    if (status == 0)
        crypto_password_hash(password, hash);
    crypto_wipe(password, sizeof password);
    return status;
}

/* --- the database
 * ------------------------------------------------------------------------------------- */
/* As the daemon's user, so that what is made belongs to it. */
static bool become(const struct board_conf *conf)
{
    const struct passwd *pw = geteuid() == 0 ? getpwnam(conf->user) : NULL;

    if (!pw || pw->pw_uid == 0)
        return true;
    return initgroups(pw->pw_name, pw->pw_gid) == 0 &&
           setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid) == 0 &&
           setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid) == 0;
}

static struct store *open_store(const struct board_conf *conf)
{
    char path[300], err[200];

    if (!become(conf)) {
        fprintf(stderr, "loggia-board: cannot become user %s: %s\n", conf->user, strerror(errno));
        return NULL;
    }
    umask(0027);
    if (mkdir(conf->state_directory, 0750) != 0 && errno != EEXIST) {
        fprintf(stderr, "loggia-board: state_directory %s cannot be made: %s\n",
                conf->state_directory, strerror(errno));
        return NULL;
    }
    snprintf(path, sizeof path, "%s/board.db", conf->state_directory);
    struct store *s = store_open(path, err, sizeof err);
    if (!s)
        fprintf(stderr, "loggia-board: %s: %s\n", path, err);
    return s;
}

/* --- admin
 * -------------------------------------------------------------------------------------------- */
static int find_role(const char *name)
{
    for (int i = 0; i < 3; i++)
        if (strcmp(roles[i], name) == 0)
            return i;
    return -1;
}

static bool name_ok(const char *name)
{
    if (!*name || strlen(name) > NAME_MAX_LEN || !utf8_valid(name, strlen(name)))
        return false;
    for (const char *p = name; *p; p++)
        if ((unsigned char)*p <= ' ' || *p == 0x7f || *p == ',')
            return false;
    return true;
}

/* -1: fine. */
static int parse_grant(const struct board_conf *conf, int argc, char **argv, struct grant *g)
{
    static const struct option longs[] = {{"administration", required_argument, NULL, 'a'},
                                          {"publisher", required_argument, NULL, 'p'},
                                          {"role", required_argument, NULL, 'r'},
                                          {"local", no_argument, NULL, 'l'},
                                          {NULL, 0, NULL, 0}};
    int c;

    optind = 0; /* begins anew: the options before the command were read already */
    while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
        if (c == 'a')
            g->administration = optarg;
        else if (c == 'p' && g->n_publishers < MAX_PUBLISHERS)
            g->publishers[g->n_publishers++] = optarg;
        else if (c == 'r' && (g->role = find_role(optarg)) < 0)
            return usage("found an unknown role, expected writer, approver or admin:", optarg);
        else if (c == 'l')
            g->local = true;
        else if (c == '?' || c == 'p')
            return usage("admin: found what is no option of it", NULL);
    }
    if (optind + 1 != argc || !name_ok(argv[optind]))
        return usage("admin: found no name, expected one of at most 64 bytes without blanks", NULL);
    g->name = argv[optind];
    const struct board_administration *a = board_conf_administration(conf, g->administration);
    if (!a)
        return usage("admin: found no such administration:",
                     g->administration ? g->administration : "(--administration is missing)");
    for (size_t i = 0; i < g->n_publishers; i++)
        if (!board_conf_publisher(a, g->publishers[i]))
            return usage("admin: found no such publisher of that administration:",
                         g->publishers[i]);
    if (!g->local && !a->has_directory)
        return usage("admin: that administration has no directory section: add one, or --local, "
                     "in",
                     g->administration);
    return -1;
}

static int add(const struct board_conf *conf, int argc, char **argv)
{
    struct grant g = {.role = BOARD_ADMIN};
    char hash[CRYPTO_PASSWORD_LEN] = "", publishers[1024] = ",";
    int status = parse_grant(conf, argc, argv, &g);

    if (status >= 0 || (g.local && (status = new_password(hash)) > 0))
        return status;
    for (size_t i = 0; i < g.n_publishers; i++) {
        strncat(publishers, g.publishers[i], 40);
        strcat(publishers, ",");
    }
    struct store *s = open_store(conf);
    if (!s)
        return 1;
    struct store_account a = {.administration = g.administration,
                              .name = g.name,
                              .role = g.role,
                              .publishers = g.n_publishers ? publishers : ",*,",
                              .password = g.local ? hash : NULL,
                              .made = (int64_t)time(NULL)};
    bool fine = store_account_put(s, &a);
    if (fine)
        printf("%s is %s of %s now%s\n", g.name, roles[g.role], g.administration,
               g.local ? "" : ", with the password of its directory");
    else
        fprintf(stderr, "loggia-board: %s\n", store_error(s));
    store_close(s);
    crypto_wipe(hash, sizeof hash);
    return fine ? 0 : 1;
}

static bool print_account(void *arg, const struct store_account *a)
{
    (void)arg;
    printf("%-24s %-16s %-9s %-6s %s\n", a->name, a->administration,
           a->role >= 0 && a->role < 3 ? roles[a->role] : "?", a->password ? "local" : "ldap",
           a->publishers);
    return true;
}

static int list(const struct board_conf *conf)
{
    struct store *s = open_store(conf);

    if (!s)
        return 1;
    for (size_t i = 0; i < conf->n_administrations; i++)
        store_accounts(s, conf->administrations[i].id, NULL, print_account, NULL);
    store_close(s);
    return 0;
}

static int take_away(const struct board_conf *conf, int argc, char **argv)
{
    struct grant g = {.local = true};
    int status = parse_grant(conf, argc, argv, &g);
    struct store *s = status < 0 ? open_store(conf) : NULL;

    if (status >= 0)
        return status;
    if (!s)
        return 1;
    bool fine = store_account_delete(s, g.administration, g.name);
    if (fine)
        printf("%s is nothing of %s any more\n", g.name, g.administration);
    else
        fprintf(stderr, "loggia-board: %s has no account %s of its own\n", g.administration,
                g.name);
    store_close(s);
    return fine ? 0 : 1;
}

static int admin(const struct board_conf *conf, int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "add") == 0)
        return add(conf, argc - 1, argv + 1);
    if (argc > 1 && strcmp(argv[1], "remove") == 0)
        return take_away(conf, argc - 1, argv + 1);
    if (argc == 2 && strcmp(argv[1], "list") == 0)
        return list(conf);
    return usage("admin: expected add, remove or list", NULL);
}

/* NAME.key for the board, NAME.pub for the routers. */
static int key(int argc, char **argv)
{
    struct sign_key k;
    char err[400];

    if (argc != 3 || strcmp(argv[1], "new") != 0)
        return usage("key: expected new NAME", NULL);
    sign_key_new(&k);
    bool fine = sign_key_write(&k, argv[2], err, sizeof err);
    if (fine)
        printf("%s.key is for the board alone; %s.pub (%s) is for every router\n", argv[2], argv[2],
               k.id);
    else
        fprintf(stderr, "loggia-board: %s\n", err);
    sign_key_wipe(&k);
    return fine ? 0 : 1;
}

/* What one router alone may send its counts with. */
static int token(const struct board_conf *conf, int argc, char **argv)
{
    char err[200] = "", out[PUBLISH_TOKEN_LEN];

    if (argc != 2)
        return usage("token: expected the name (nas_identifier) of a router", NULL);
    char *secret = conf->token_file ? crypto_secret_read(conf->token_file, err, sizeof err) : NULL;
    if (!secret) {
        fprintf(stderr, "loggia-board: token_file %s\n", conf->token_file ? err : "is not set");
        return 1;
    }
    publish_token(secret, argv[1], out);
    crypto_secret_free(secret);
    puts(out);
    crypto_wipe(out, sizeof out);
    return 0;
}

int cli_run(const struct board_conf *conf, int argc, char **argv)
{
    if (strcmp(argv[0], "admin") == 0)
        return admin(conf, argc, argv);
    if (strcmp(argv[0], "key") == 0)
        return key(argc, argv);
    if (strcmp(argv[0], "token") == 0)
        return token(conf, argc, argv);
    return usage("unexpected argument", argv[0]);
}
