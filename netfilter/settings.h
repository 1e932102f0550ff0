/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From the configuration to what the rules are made of. */
#ifndef LOGGIA_NETFILTER_SETTINGS_H
#define LOGGIA_NETFILTER_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

struct conf;
struct ruleset_config;

/* False with the reason in err: too many interfaces or ports, a port that is none. */
bool settings_rules(const struct conf *c, struct ruleset_config *out, char *err, size_t err_len);

#endif
