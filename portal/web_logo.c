/* SPDX-License-Identifier: GPL-2.0-or-later */
/* GET /logo/NAME: a publisher's picture out of the bundle. Its name is what it holds, so that a
 * phone asks for it once; it was looked at when the bundle was loaded (lib/logo.h). Whose device
 * asks is of no interest here. */
#include "portal/board.h"
#include "portal/web.h"
#include <string.h>

void show_logo(struct visit *v)
{
    const struct board_edition *e = board_edition(v->p->board);
    const char *name = http_path(v->req) + strlen(LOGO_PATH);
    for (size_t i = 0; e && i < e->n_logos; i++)
        if (strcmp(e->logos[i].name, name) == 0) {
            visit_picture(v, logo_type(e->logos[i].kind), e->logos[i].data, e->logos[i].len);
            return;
        }
    visit_error(v, 404, PAGE_E_NOT_FOUND);
}
