/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Relocation and symbol lookup read most of each library's tables, constructors and the reading of
 * the configuration much of the code, and around each page that is touched the kernel maps up to
 * fifteen more. Hardly anybody asks for these again, yet mapped they are the last that a kernel
 * short of memory takes; unmapped they are plain page cache, which it takes at once.
 *
 * Only what the file can give again is touched: of a writable segment nothing (RELRO, which is not
 * writable any more, is a part of one), nor a page that reaches into one, nor an object whose text
 * the loader had to write to.
 *
 * The ranges are noted first and unmapped when the loader's lists have been walked: each object's
 * headers are in its own first page, and reading them would bring that, and fifteen more, back. */
#include "lib/settle.h"

#include <malloc.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <unistd.h>

enum { RANGES = 256 /* two or three an object, and loggiad has twenty; those beyond stay */ };

struct noted {
    uintptr_t page;
    size_t n;
    struct settle_range ranges[RANGES];
};

static bool text_was_written(const struct dl_phdr_info *o)
{
    for (size_t i = 0; i < o->dlpi_phnum; i++) {
        if (o->dlpi_phdr[i].p_type != PT_DYNAMIC)
            continue;
        const ElfW(Dyn) *d = (const ElfW(Dyn) *)(o->dlpi_addr + o->dlpi_phdr[i].p_vaddr);
        for (; d->d_tag != DT_NULL; d++)
            if (d->d_tag == DT_TEXTREL || (d->d_tag == DT_FLAGS && (d->d_un.d_val & DF_TEXTREL)))
                return true;
    }
    return false;
}

static struct settle_range pages_of(const struct dl_phdr_info *o, const ElfW(Phdr) * h,
                                    uintptr_t page)
{
    uintptr_t at = o->dlpi_addr + h->p_vaddr;
    return (struct settle_range){at & ~(page - 1), (at + h->p_memsz + page - 1) & ~(page - 1)};
}

static bool has_writable(const struct dl_phdr_info *o, uintptr_t page, struct settle_range r)
{
    for (size_t i = 0; i < o->dlpi_phnum; i++) {
        const ElfW(Phdr) *h = &o->dlpi_phdr[i];
        struct settle_range w = pages_of(o, h, page);
        if (h->p_type == PT_LOAD && (h->p_flags & PF_W) && w.from < r.to && r.from < w.to)
            return true;
    }
    return false;
}

size_t settle_ranges(const struct dl_phdr_info *o, uintptr_t page, struct settle_range *out,
                     size_t room)
{
    size_t n = 0;
    if (text_was_written(o))
        return 0;
    for (size_t i = 0; i < o->dlpi_phnum && n < room; i++) {
        struct settle_range r = pages_of(o, &o->dlpi_phdr[i], page);
        if (o->dlpi_phdr[i].p_type == PT_LOAD && !has_writable(o, page, r))
            out[n++] = r;
    }
    return n;
}

static int each_object(struct dl_phdr_info *o, size_t size, void *arg)
{
    struct noted *noted = arg;
    (void)size;
    noted->n += settle_ranges(o, noted->page, noted->ranges + noted->n, RANGES - noted->n);
    return 0;
}

void settle(void)
{
    struct noted noted = {.page = (uintptr_t)sysconf(_SC_PAGESIZE)};
#ifdef __GLIBC__
    malloc_trim(0);
#endif
    dl_iterate_phdr(each_object, &noted);
    for (size_t i = 0; i < noted.n; i++) {
        const struct settle_range *r = &noted.ranges[i];
        madvise((void *)r->from, r->to - r->from, MADV_DONTNEED);
    }
}
