/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pages that are the same for every device but for the form's token: rendered once and kept until
 * something in them could change, with the places of the token remembered. Markdown, notices and
 * services then cost nothing when a square full of people asks at once. */
#ifndef LOGGIA_PORTAL_PAGE_CACHE_H
#define LOGGIA_PORTAL_PAGE_CACHE_H

#include "lib/bundle.h"
#include "lib/page.h"
#include "portal/token.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGE_CACHE_ENTRIES 64
#define PAGE_CACHE_COUNTED (PAGE_MAX_NOTICES + PAGE_MAX_SERVICES)

struct page_cache;

struct page_key {
    enum page_kind kind;
    enum page_login login;
    bool https, clock_sane;
    const char *lang, *zone; /* compared as pointers: the catalogue's and the configuration's own */
};

struct page_counted { /* what a display of the page is a display of */
    enum bundle_kind kind;
    const char *id;
};

struct page_kept {
    struct page_key key;
    uint64_t generation;
    int64_t made_s, until_s; /* good for made_s <= now < until_s */
    char *html;
    size_t len;
    size_t tokens[8], n_tokens; /* where they stand */
    struct page_counted counted[PAGE_CACHE_COUNTED];
    size_t n_counted;
};

struct page_cache *page_cache_new(void);
void page_cache_free(struct page_cache *c); /* NULL is fine */
/* What to render in the token's place: as long as one, and nobody outside can know it. */
const char *page_cache_placeholder(const struct page_cache *c);
/* NULL: to be rendered. */
const struct page_kept *page_cache_find(const struct page_cache *c, const struct page_key *key,
                                        uint64_t generation, int64_t now_s);
/* Takes html over and finds the placeholders in it; the caller fills in counted. NULL (html is
 * freed) if there are more of them than there is room for. Lives until the next call. */
struct page_kept *page_cache_keep(struct page_cache *c, const struct page_key *key,
                                  uint64_t generation, int64_t now_s, int64_t until_s, char *html,
                                  size_t len);
/* The page with this token in it, malloc'ed; NULL without memory. token: TOKEN_LEN - 1 bytes. */
char *page_cache_page(const struct page_kept *kept, const char *token);

#endif
