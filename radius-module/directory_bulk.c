/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The buffer that waits to be written is bounded by what its user has under way: the pipeline of an
 * authority. What is read ahead fits one buffer; libldap asks for it before it looks at the socket
 * (LBER_SB_OPT_DATA_READY). */
#include "radius-module/directory_bulk.h"

#include <errno.h>
#include <lber.h>
#include <stdlib.h>
#include <string.h>

#define AHEAD 16384

struct bulk {
    Sockbuf_IO_Desc *layer;
    char *out; /* to be written */
    size_t out_len, out_room;
    size_t in_at, in_len; /* of in: read ahead */
    char in[AHEAD];
};

static int on_setup(Sockbuf_IO_Desc *layer, void *arg)
{
    struct bulk *b = arg;
    layer->sbiod_pvt = b;
    b->layer = layer;
    return 0;
}

static int on_remove(Sockbuf_IO_Desc *layer)
{
    struct bulk *b = layer->sbiod_pvt;
    free(b->out);
    free(b);
    return 0;
}

static int on_ctrl(Sockbuf_IO_Desc *layer, int what, void *arg)
{
    const struct bulk *b = layer->sbiod_pvt;
    if (what == LBER_SB_OPT_DATA_READY && b->in_at < b->in_len)
        return 1;
    return LBER_SBIOD_CTRL_NEXT(layer, what, arg);
}

static ber_slen_t on_read(Sockbuf_IO_Desc *layer, void *to, ber_len_t len)
{
    struct bulk *b = layer->sbiod_pvt;
    if (b->in_at == b->in_len) {
        ber_slen_t n = LBER_SBIOD_READ_NEXT(layer, b->in, sizeof b->in);
        if (n <= 0)
            return n;
        b->in_at = 0;
        b->in_len = (size_t)n;
    }
    size_t n = b->in_len - b->in_at < len ? b->in_len - b->in_at : len;
    memcpy(to, b->in + b->in_at, n);
    b->in_at += n;
    return (ber_slen_t)n;
}

static ber_slen_t on_write(Sockbuf_IO_Desc *layer, void *from, ber_len_t len)
{
    struct bulk *b = layer->sbiod_pvt;
    if (b->out_len + len > b->out_room) {
        size_t room = 2 * (b->out_len + len);
        char *out = realloc(b->out, room);
        if (!out) {
            errno = ENOMEM;
            return -1;
        }
        b->out = out;
        b->out_room = room;
    }
    memcpy(b->out + b->out_len, from, len);
    b->out_len += len;
    return (ber_slen_t)len;
}

static int on_close(Sockbuf_IO_Desc *layer)
{
    (void)layer;
    return 0;
}

static Sockbuf_IO layer = {on_setup, on_remove, on_ctrl, on_read, on_write, on_close};

struct bulk *bulk_new(LDAP *ld)
{
    struct bulk *b = calloc(1, sizeof *b);
    Sockbuf *socket = NULL;
    if (b && ldap_get_option(ld, LDAP_OPT_SOCKBUF, &socket) == 0 && socket &&
        ber_sockbuf_add_io(socket, &layer, LBER_SBIOD_LEVEL_APPLICATION, b) == 0)
        return b;
    free(b);
    return NULL;
}

bool bulk_flush(struct bulk *b)
{
    while (b->out_len) {
        ber_slen_t n = LBER_SBIOD_WRITE_NEXT(b->layer, b->out, b->out_len);
        if (n <= 0)
            return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR);
        b->out_len -= (size_t)n;
        memmove(b->out, b->out + n, b->out_len);
    }
    return false;
}
