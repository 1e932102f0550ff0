/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A message of set elements as a kernel might send it: nothing outside it is read, and what is
 * found in it has room. */
#include "netfilter/ruleset_internal.h"

#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void on_element(void *arg, const struct element *e)
{
    size_t *n = arg;
    if (e->key_len == 0 || e->key_len > sizeof e->key ||
        strnlen(e->tag, sizeof e->tag) == sizeof e->tag || strlen(e->set) > UINT16_MAX)
        abort();
    ++*n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    size_t n = 0;
    if (len < sizeof(struct nlmsghdr) || len > UINT16_MAX)
        return 0;
    struct nlmsghdr *exact = malloc(len); /* so that a byte too many is seen */
    if (!exact)
        return 0;
    memcpy(exact, data, len);
    exact->nlmsg_len = (uint32_t)len;
    element_parse(exact, on_element, &n);
    free(exact);
    if (n > len / sizeof(struct nlattr))
        abort();
    return 0;
}
