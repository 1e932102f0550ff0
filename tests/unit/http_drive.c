/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Not a test: a server of lib/http with TLS, which tests/integration/test_http_tls.py talks to.
 * http_drive CERT KEY NEXT_CERT NEXT_KEY; says "port N"; on SIGHUP takes the next pair, says "new"
 * or why not; answers each request with its own number. */
#include "lib/http.h"
#include "lib/loop.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct http_server *server;
static char **paths;

static char *slurp(const char *path)
{
    static char text[2][65536];
    static int turn;
    char *out = text[turn++ % 2];
    FILE *f = fopen(path, "r");
    size_t len = f ? fread(out, 1, sizeof text[0] - 1, f) : 0;

    if (f)
        fclose(f);
    out[len] = '\0';
    return out;
}

static void handle(void *arg, struct http_request *req)
{
    static int number;
    char text[64];
    struct http_answer answer = {.status = 200, .content_type = "text/plain", .body = text};

    (void)arg;
    answer.len =
        (size_t)snprintf(text, sizeof text, "request %d tls %d\n", ++number, http_is_tls(req));
    http_reply(req, &answer);
}

static void on_hangup(void *arg, int signum)
{
    char err[200];

    (void)arg, (void)signum;
    puts(http_server_set_cert(server, slurp(paths[2]), slurp(paths[3]), err, sizeof err) ? "new"
                                                                                         : err);
    fflush(stdout);
}

static void on_term(void *arg, int signum)
{
    (void)signum;
    loop_stop(arg);
}

int main(int argc, char **argv)
{
    struct loop *loop = loop_new();
    struct http_config cfg = {.bind_address = "127.0.0.1", .timeout_s = 5};
    char err[200];

    if (argc != 5)
        return 2;
    paths = argv + 1;
    cfg.cert_pem = slurp(paths[0]);
    cfg.key_pem = slurp(paths[1]);
    server = http_server_new(loop, &cfg, handle, NULL, err, sizeof err);
    if (!server) {
        fprintf(stderr, "%s\n", err);
        return 1;
    }
    struct loop_signal *hangup = loop_signal_new(loop, SIGHUP, on_hangup, NULL);
    struct loop_signal *term = loop_signal_new(loop, SIGTERM, on_term, loop);
    printf("port %u\n", http_server_port(server));
    fflush(stdout);
    loop_run(loop);
    http_server_free(server);
    loop_signal_free(hangup);
    loop_signal_free(term);
    loop_free(loop);
    return 0;
}
