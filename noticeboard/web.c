/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "noticeboard/web.h"
#include "lib/http.h"

void web_handle(void *board, struct http_request *req)
{
    (void)board;
    http_reply(req, &(struct http_answer){.status = 404});
}

void web_forget(struct board *b)
{
    (void)b;
}
