/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What makes a loadable module of fetch.c: the one name that it shows. */
#include "lib/fetch_calls.h"
#include <config.h>

extern const struct fetch_calls loggia_fetch;
__attribute__((visibility("default")))
const struct fetch_calls loggia_fetch = {.version = PACKAGE_VERSION,
                                         .sizeof_request = sizeof(struct fetch_request),
                                         .sizeof_answer = sizeof(struct fetch_answer),
                                         .fetcher_new = fetcher_new,
                                         .fetcher_free = fetcher_free,
                                         .start = fetch_start,
                                         .begun = fetch_begun,
                                         .cancel = fetch_cancel};
