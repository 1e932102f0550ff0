/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What other programs have put in the way of the LAN's packets: GATE_FOREIGN's answer. */
#include "netfilter/gate.h"
#include "netfilter/neigh_fast.h"

#include <errno.h>
#include <stdlib.h>

#define MAX_FLOWTABLES 32

/* Those that the LAN's packets come by. */
static int flowtables(struct gate *g, ruleset_chain_fn fn, void *arg)
{
    struct ruleset_flowtable *all = calloc(MAX_FLOWTABLES, sizeof *all);
    int n = all ? ruleset_flowtables(g->rs, all, MAX_FLOWTABLES) : -ENOMEM;
    for (int i = 0; i < n; i++)
        if (neigh_fast_below(&g->rules, all[i].devices, all[i].n_devices))
            fn(arg, &all[i].chain);
    free(all);
    return n < 0 ? n : 0;
}

int foreign_others(struct gate *g, ruleset_chain_fn fn, void *arg)
{
    int r = ruleset_others(g->rs, fn, arg);
    if (r == 0)
        r = flowtables(g, fn, arg);
    if (r == 0)
        shaping_others(g, fn, arg);
    return r;
}
