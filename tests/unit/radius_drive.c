/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Drives the RADIUS client and the accounting by lines on stdin, so that integration tests can put
 * them before a real server. Not installed. Answers are lines of JSON on stdout, the log is on
 * stderr.
 *
 *   radius_drive [-t TIMEOUT_MS] [-r RETRY_MS] [-q QUEUE_MB] -d STATE_DIR
 * NAME,ADDRESS,AUTH,ACCT,SECRET…
 *
 *   silent|tap|forget TAG MAC        password TAG MAC USER PASSWORD      flood TAG COUNT
 *   start|interim|stop SESSION MAC AT [UP DOWN]       on|off AT       stats       quit */
#include "lib/config.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "portal/accounting.h"
#include "portal/radius_client.h"
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_LINE = 1024, MAX_WORDS = 8 };

static struct loop *loop;
static struct radius_client *client;
static struct accounting *accounts;
static struct conf conf = {.nas_identifier = (char *)"drive"};
static struct conf_radius_server servers[CONFIG_MAX_SERVERS];

static const char *const result_names[] = {[RADIUS_ACCEPTED] = "accepted",
                                           [RADIUS_REJECTED] = "rejected",
                                           [RADIUS_NO_ANSWER] = "no-answer"};

static void answered(void *arg, const struct radius_grant *g)
{
    char *tag = arg;

    printf("{\"tag\": \"%s\", \"result\": \"%s\", \"reason\": \"%s\", \"session_s\": %" PRIu32
           ", \"up_Bps\": %" PRIu64 ", \"down_Bps\": %" PRIu64 ", \"quota\": %" PRIu64
           ", \"class_len\": %u, \"took_us\": %" PRIu32 "}\n",
           tag, result_names[g->result], g->reason, g->has_session ? g->session_s : 0, g->up_Bps,
           g->down_Bps, g->quota_bytes, g->class_len, g->took_us);
    free(tag);
}

static void ask(struct radius_ask *what, const char *tag)
{
    char *copy = strdup(tag);

    what->called_station = "02-00-00-00-00-01:piazza";
    what->zone = "piazza";
    what->terms_id = "2026-1";
    what->lang = "it";
    what->acct_session_id = tag;
    if (radius_ask(client, what, answered, copy) == NULL) {
        printf("{\"tag\": \"%s\", \"result\": \"refused\"}\n", tag);
        free(copy);
    }
}

static bool ask_command(char **w, int n)
{
    static const struct {
        const char *name;
        enum radius_kind kind;
        int words;
    } kinds[] = {{"silent", RADIUS_SILENT, 3},
                 {"tap", RADIUS_TAP, 3},
                 {"forget", RADIUS_FORGET, 3},
                 {"password", RADIUS_PASSWORD, 5}};
    struct radius_ask what = {0};

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(w[0], kinds[i].name) != 0 || n != kinds[i].words || !mac_parse(w[2], &what.mac))
            continue;
        what.kind = kinds[i].kind;
        what.user = n > 3 ? w[3] : NULL;
        what.password = n > 4 ? w[4] : NULL;
        ask(&what, w[1]);
        return true;
    }
    return false;
}

static bool flood_command(char **w, int n)
{
    struct radius_ask what = {.kind = RADIUS_SILENT};
    int count = n == 3 && strcmp(w[0], "flood") == 0 ? atoi(w[2]) : -1;

    for (int i = 0; i < count; i++) {
        char tag[64];
        snprintf(tag, sizeof tag, "%s-%d", w[1], i);
        what.mac = (struct mac){{2, 0, 0, 1, (uint8_t)(i >> 8), (uint8_t)i}};
        ask(&what, tag);
    }
    return count >= 0;
}

static bool acct_command(char **w, int n)
{
    static const struct {
        const char *name;
        enum acct_status status;
        int at;
    } kinds[] = {{"start", ACCT_START, 3},
                 {"interim", ACCT_INTERIM, 3},
                 {"stop", ACCT_STOP, 3},
                 {"on", ACCT_ON, 1},
                 {"off", ACCT_OFF, 1}};
    static const uint8_t class_value[] = {0xc1, 0x00, 0xa5};
    struct acct_record r = {.called_station = "02-00-00-00-00-01:piazza", .zone = "piazza"};

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(w[0], kinds[i].name) != 0 || n <= kinds[i].at)
            continue;
        r.status = kinds[i].status;
        r.at = atoll(w[kinds[i].at]);
        r.class_value = class_value;
        r.class_len = sizeof class_value;
        if (r.status == ACCT_STOP)
            r.cause = ACCT_CAUSE_USER_REQUEST;
        if (kinds[i].at == 3) {
            r.session_id = w[1];
            if (!mac_parse(w[2], &r.mac))
                return false;
        }
        r.up_bytes = n > 4 ? strtoull(w[4], NULL, 10) : 0;
        r.down_bytes = n > 5 ? strtoull(w[5], NULL, 10) : 0;
        accounting_send(accounts, &r);
        return true;
    }
    return false;
}

static void print_stats(void)
{
    struct radius_server_stats s[CONFIG_MAX_SERVERS];
    struct accounting_stats a;
    size_t n = radius_client_stats(client, s, CONFIG_MAX_SERVERS);

    accounting_stats(accounts, &a);
    printf("{\"waiting\": %zu, \"sent\": %" PRIu64 ", \"acknowledged\": %" PRIu64
           ", \"dropped\": %" PRIu64 ", \"disk_bytes\": %" PRIu64
           ", \"disk_failing\": %s, \"servers\": [",
           a.waiting, a.sent, a.acknowledged, a.dropped, a.disk_bytes,
           a.disk_failing ? "true" : "false");
    for (size_t i = 0; i < n; i++) {
        printf("%s{\"name\": \"%s\", \"alive\": %s, \"acct_alive\": %s, \"requests\": %" PRIu64
               ", \"retransmissions\": %" PRIu64 ", \"timeouts\": %" PRIu64,
               i == 0 ? "" : ", ", s[i].name, s[i].alive ? "true" : "false",
               s[i].acct_alive ? "true" : "false", s[i].requests, s[i].retransmissions,
               s[i].timeouts);
        for (int f = 1; f < RADIUS_FAULTS; f++)
            printf(", \"%s\": %" PRIu64, radius_fault_name((enum radius_fault)f), s[i].dropped[f]);
        printf("}");
    }
    printf("]}\n");
}

static void command(char *line)
{
    char *w[MAX_WORDS], *save = NULL;
    int n = 0;

    for (char *word = strtok_r(line, " ", &save); word != NULL && n < MAX_WORDS;
         word = strtok_r(NULL, " ", &save))
        w[n++] = word;
    if (n == 0)
        return;
    if (strcmp(w[0], "quit") == 0)
        loop_stop(loop);
    else if (strcmp(w[0], "stats") == 0)
        print_stats();
    else if (!ask_command(w, n) && !flood_command(w, n) && !acct_command(w, n))
        printf("{\"error\": \"%s\"}\n", w[0]);
}

static void on_stdin(void *arg, int fd, int events)
{
    static char buf[65536];
    static size_t len;
    char *line = buf, *end;

    (void)arg, (void)events;
    ssize_t n = read(fd, buf + len, sizeof buf - len);
    if (n == 0)
        loop_stop(loop);
    if (n <= 0)
        return;
    len += (size_t)n;
    while ((end = memchr(line, '\n', len - (size_t)(line - buf))) != NULL) {
        *end = '\0';
        command(line);
        line = end + 1;
    }
    len -= (size_t)(line - buf);
    memmove(buf, line, len);
}

static void add_server(char *spec)
{
    struct conf_radius_server *s = &servers[conf.radius.n_servers++];
    char *save = NULL;

    s->name = strtok_r(spec, ",", &save);
    s->address = strtok_r(NULL, ",", &save);
    s->auth_port = (uint16_t)atoi(strtok_r(NULL, ",", &save));
    s->acct_port = (uint16_t)atoi(strtok_r(NULL, ",", &save));
    s->secret = strtok_r(NULL, ",", &save);
}

static int usage(void)
{
    fprintf(stderr, "usage: radius_drive [-t MS] [-r MS] [-q MB] -d DIR "
                    "NAME,ADDRESS,AUTH,ACCT,SECRET...\n");
    return 2;
}

static bool options(int argc, char **argv)
{
    int o;

    conf.radius.timeout_ms = 3000;
    conf.radius.retry_ms = 500;
    conf.radius.queue_mb = 8;
    while ((o = getopt(argc, argv, "t:r:q:d:")) != -1) {
        if (o == 't')
            conf.radius.timeout_ms = (uint32_t)atoi(optarg);
        else if (o == 'r')
            conf.radius.retry_ms = (uint32_t)atoi(optarg);
        else if (o == 'q')
            conf.radius.queue_mb = (uint32_t)atoi(optarg);
        else if (o == 'd')
            conf.state_directory = optarg;
        else
            return false;
    }
    for (; optind < argc && conf.radius.n_servers < CONFIG_MAX_SERVERS; optind++)
        add_server(argv[optind]);
    return conf.state_directory != NULL;
}

int main(int argc, char **argv)
{
    char err[256] = "no loop";

    conf.radius.servers = servers;
    if (!options(argc, argv))
        return usage();
    setvbuf(stdout, NULL, _IOLBF, 0);
    log_open("radius_drive", LOG_DEBUG);
    fcntl(0, F_SETFL, fcntl(0, F_GETFL) | O_NONBLOCK);
    loop = loop_new();
    client = loop != NULL ? radius_client_new(loop, &conf, err, sizeof err) : NULL;
    accounts = client != NULL ? accounting_new(loop, &conf, client, err, sizeof err) : NULL;
    struct loop_io *in = accounts != NULL ? loop_io_new(loop, 0, LOOP_READ, on_stdin, NULL) : NULL;
    if (in == NULL) {
        fprintf(stderr, "radius_drive: %s\n", err);
        return 1;
    }
    printf("{\"ready\": true}\n");
    loop_run(loop);
    loop_io_free(in);
    accounting_free(accounts);
    radius_client_free(client);
    loop_free(loop);
    return 0;
}
