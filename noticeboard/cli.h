/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the admin does at the terminal: the first admin of an administration, the keys. */
#ifndef LOGGIA_NOTICEBOARD_CLI_H
#define LOGGIA_NOTICEBOARD_CLI_H

#include <stdbool.h>

struct board_conf;

/* "key" needs no configuration. */
bool cli_needs_conf(const char *command);
/* argv[0] is the command. The exit status. */
int cli_run(const struct board_conf *conf, int argc, char **argv);

#endif
