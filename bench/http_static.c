/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For bench/board.py: one page from a file, served by the project's own HTTP library with a page's
 * usual headers. http_static ADDRESS PORT FILE */
#include "lib/http.h"
#include "lib/loop.h"
#include "lib/page.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static char page[PAGE_MAX_BYTES + 1];
static size_t len;

static void handle(void *arg, struct http_request *req)
{
    const struct http_field fields[] = {{"Cache-Control", "no-store"},
                                        {"Content-Security-Policy", page_csp()},
                                        {"X-Content-Type-Options", "nosniff"},
                                        {"Referrer-Policy", "no-referrer"},
                                        {NULL, NULL}};
    (void)arg;
    http_reply(req, &(struct http_answer){.status = 200,
                                          .content_type = "text/html; charset=utf-8",
                                          .body = page,
                                          .len = len,
                                          .fields = fields});
}

static void on_term(void *arg, int signum)
{
    (void)signum;
    loop_stop(arg);
}

int main(int argc, char **argv)
{
    char err[200];
    FILE *f = argc == 4 ? fopen(argv[3], "r") : NULL;
    if (!f)
        return 2;
    len = fread(page, 1, sizeof page - 1, f);
    fclose(f);
    struct loop *loop = loop_new();
    struct http_config cfg = {.bind_address = argv[1], .port = (uint16_t)atoi(argv[2])};
    struct http_server *s = http_server_new(loop, &cfg, handle, NULL, err, sizeof err);
    if (!s) {
        fprintf(stderr, "%s\n", err);
        return 1;
    }
    struct loop_signal *term = loop_signal_new(loop, SIGTERM, on_term, loop);
    puts("ready");
    fflush(stdout);
    loop_run(loop);
    http_server_free(s);
    loop_signal_free(term);
    loop_free(loop);
    return 0;
}
