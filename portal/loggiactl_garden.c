/* SPDX-License-Identifier: GPL-2.0-or-later */
/* loggiactl garden: the walled garden of the configuration, as dnsmasq wants it. dnsmasq writes the
 * addresses that it finds into the gate's sets; nobody else can know them when they change. */
#include "lib/config.h"
#include "portal/loggiactl.h"
#include <stdio.h>

static void report(void *arg, const char *line)
{
    (void)arg;
    fprintf(stderr, "%s\n", line);
}

int ctl_garden(const struct ctl_options *o, int fd, const char *arg)
{
    struct conf *c = config_load(o->file, 0, report, NULL);
    (void)fd, (void)arg;

    if (!c)
        return CTL_USAGE;
    puts("# The walled garden of loggia.conf, made by: loggiactl garden\n"
         "# Names are asked again before the gate forgets their addresses.\n"
         "max-cache-ttl=300");
    for (size_t i = 0; i < c->n_walled_garden; i++)
        printf("nftset=/%s/4#inet#%s#garden4,6#inet#%s#garden6\n",
               config_garden_domain(c->walled_garden[i]), c->table, c->table);
    config_free(c);
    return CTL_FINE;
}
