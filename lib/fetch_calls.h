/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between fetch_late.c, which is in a program, and fetch_module.c, which is what it loads. Nobody
 * else includes it. */
#ifndef LOGGIA_LIB_FETCH_CALLS_H
#define LOGGIA_LIB_FETCH_CALLS_H

#include "lib/fetch.h"

#define FETCH_MODULE "loggia-fetch.so"
#define FETCH_SYMBOL "loggia_fetch"

/* fetch.h as a table. Program and module are of one build or have nothing to say to each other:
 * these are ours alone, not an interface for others. */
struct fetch_calls {
    const char *version; /* PACKAGE_VERSION */
    size_t sizeof_request, sizeof_answer;
    struct fetcher *(*fetcher_new)(struct loop *, const char *, const char *);
    void (*fetcher_free)(struct fetcher *);
    struct fetch *(*start)(struct fetcher *, const struct fetch_request *, fetch_fn, void *);
    bool (*begun)(const struct fetch *);
    void (*cancel)(struct fetch *);
};

#endif
