/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Logos are files that board.conf names. They are read once, with the configuration, and looked at
 * as strangers' pictures are: what routers and phones get is what was read then. */
#include "noticeboard/logo.h"
#include "lib/sign.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* One byte more than there may be, so that a longer file is seen as one. */
static bool read_file(const char *path, struct board_logo *l, char *err, size_t err_len)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t n = -1;

    if (fd >= 0 && fstat(fd, &st) == 0 && !S_ISREG(st.st_mode))
        errno = EINVAL;
    else if (fd >= 0)
        n = read(fd, l->data, LOGO_MAX_BYTES + 1);
    if (n < 0)
        snprintf(err, err_len, "found %s, which cannot be read (%s), expected a picture", path,
                 strerror(errno));
    if (fd >= 0)
        close(fd);
    l->len = n < 0 ? 0 : (size_t)n;
    return n >= 0;
}

struct board_logo *board_logo_load(const char *path, char *err, size_t err_len)
{
    struct board_logo *l = calloc(1, sizeof *l);
    uint8_t sum[SIGN_KEY_LEN];

    if (l)
        l->data = malloc(LOGO_MAX_BYTES + 1);
    if (!l || !l->data) {
        snprintf(err, err_len, "found no memory, expected some");
        free(l);
        return NULL;
    }
    if (!read_file(path, l, err, err_len) || !logo_read(l->data, l->len, &l->frame, err, err_len)) {
        board_logo_free(l);
        return NULL;
    }
    sign_sha256(l->data, l->len, sum);
    logo_name(sum, l->frame.kind, l->name);
    return l;
}

void board_logo_free(struct board_logo *l)
{
    if (l)
        free(l->data);
    free(l);
}

/* A publisher's own, else its administration's. */
static const struct board_logo *logo_of(const struct board_administration *a,
                                        const struct board_publisher *v)
{
    return v->logo ? v->picture : a->picture;
}

const struct board_logo *board_logo_named(const struct board_conf *c, const char *name)
{
    for (size_t i = 0; i < c->n_administrations; i++)
        for (size_t k = 0; k < c->administrations[i].n_publishers; k++) {
            const struct board_administration *a = &c->administrations[i];
            const struct board_logo *l = logo_of(a, &a->publishers[k]);
            if (l && strcmp(l->name, name) == 0)
                return l;
        }
    return NULL;
}

struct publisher board_publisher_card(const struct board_administration *a,
                                      const struct board_publisher *v)
{
    const struct board_logo *l = logo_of(a, v);
    struct publisher card = {.id = v->id, .name = v->name};
    const char *colour = v->colour ? v->colour : a->colour;

    card.has_colour = colour && card_colour_parse(colour, &card.colour);
    if (l) {
        card.logo = (char *)(uintptr_t)l->name; /* lent, as name and id are */
        card.logo_alt = v->logo ? v->logo_alt : a->logo_alt;
        card.logo_width = l->frame.width;
        card.logo_height = l->frame.height;
    }
    return card;
}
