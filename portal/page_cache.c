/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A table of a few pages, looked through from end to end: there are as many as a router has zones
 * and languages that were asked for lately. */
#include "portal/page_cache.h"
#include "lib/crypto.h"
#include <stdlib.h>
#include <string.h>

enum { TOKEN_BYTES = TOKEN_LEN - 1 };

struct page_cache {
    char placeholder[TOKEN_LEN + 4];
    struct page_kept kept[PAGE_CACHE_ENTRIES];
    size_t next; /* to be thrown out */
};

struct page_cache *page_cache_new(void)
{
    struct page_cache *c = calloc(1, sizeof *c);
    uint8_t random[TOKEN_BYTES * 3 / 4];
    if (!c)
        return NULL;
    crypto_random(random, sizeof random);
    crypto_base64url(random, sizeof random, c->placeholder);
    return c;
}

void page_cache_free(struct page_cache *c)
{
    for (size_t i = 0; c && i < PAGE_CACHE_ENTRIES; i++)
        free(c->kept[i].html);
    free(c);
}

const char *page_cache_placeholder(const struct page_cache *c)
{
    return c->placeholder;
}

static bool same(const struct page_key *a, const struct page_key *b)
{
    return a->kind == b->kind && a->login == b->login && a->https == b->https &&
           a->clock_sane == b->clock_sane && a->lang == b->lang && a->zone == b->zone;
}

const struct page_kept *page_cache_find(const struct page_cache *c, const struct page_key *key,
                                        uint64_t generation, int64_t now_s)
{
    for (size_t i = 0; i < PAGE_CACHE_ENTRIES; i++) {
        const struct page_kept *k = &c->kept[i];
        if (k->html && k->generation == generation && same(&k->key, key))
            return k->made_s <= now_s && now_s < k->until_s ? k : NULL;
    }
    return NULL;
}

/* The place of the same page of another moment, else the next one in turn. */
static struct page_kept *place(struct page_cache *c, const struct page_key *key)
{
    for (size_t i = 0; i < PAGE_CACHE_ENTRIES; i++)
        if (c->kept[i].html && same(&c->kept[i].key, key))
            return &c->kept[i];
    struct page_kept *k = &c->kept[c->next];
    c->next = (c->next + 1) % PAGE_CACHE_ENTRIES;
    return k;
}

struct page_kept *page_cache_keep(struct page_cache *c, const struct page_key *key,
                                  uint64_t generation, int64_t now_s, int64_t until_s, char *html,
                                  size_t len)
{
    struct page_kept *k = place(c, key);
    const char *at = html, *found;
    free(k->html);
    *k = (struct page_kept){.key = *key,
                            .generation = generation,
                            .made_s = now_s,
                            .until_s = until_s,
                            .html = html,
                            .len = len};
    while ((found = memmem(at, len - (size_t)(at - html), c->placeholder, TOKEN_BYTES))) {
        if (k->n_tokens == sizeof k->tokens / sizeof *k->tokens) {
            free(html);
            *k = (struct page_kept){0};
            return NULL;
        }
        k->tokens[k->n_tokens++] = (size_t)(found - html);
        at = found + TOKEN_BYTES;
    }
    return k;
}

char *page_cache_page(const struct page_kept *kept, const char *token)
{
    char *page = malloc(kept->len);
    if (!page)
        return NULL;
    memcpy(page, kept->html, kept->len);
    for (size_t i = 0; i < kept->n_tokens; i++)
        memcpy(page + kept->tokens[i], token, TOKEN_BYTES);
    return page;
}
