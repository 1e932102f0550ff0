/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What editors see. */
#ifndef LOGGIA_NOTICEBOARD_WEB_H
#define LOGGIA_NOTICEBOARD_WEB_H

#include "noticeboard/board.h"

enum { WEB_MAX_BODY = 128 * 1024 };

struct http_request;
/* Every request comes in here (lib/http.h). */
void web_handle(void *board, struct http_request *req);
/* Drops what points into the configuration, which is about to change. */
void web_forget(struct board *b);

#endif
