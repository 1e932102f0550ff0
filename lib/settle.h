/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A daemon that runs needs little of what its start took. */
#ifndef LOGGIA_LIB_SETTLE_H
#define LOGGIA_LIB_SETTLE_H

#include <link.h>
#include <stddef.h>
#include <stdint.h>

/* Gives back the heap's free pages, and unmaps what the kernel can bring unchanged: the pages of
 * the program and its libraries that nothing has written to. Those that are needed come again by
 * themselves at their next use, while they are in the page cache without reading. For the moment
 * when all is ready, and after other rare work. There is no error: what cannot go stays. A
 * debugger's breakpoints in code go, too. */
void settle(void);

struct settle_range {
    uintptr_t from, to; /* whole pages */
};

/* What settle unmaps of one object (dl_iterate_phdr(3)), at most room ranges: how many. page: the
 * size of one, a power of two. */
size_t settle_ranges(const struct dl_phdr_info *o, uintptr_t page, struct settle_range *out,
                     size_t room);

#endif
