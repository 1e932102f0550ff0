/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Making room in a full queue. The file is a log, so room is made by writing a shorter one beside
 * it and renaming that over it: a crash at any moment leaves one of the two, whole.
 *
 * What goes: first what a server has already, then the oldest Interim-Updates until a quarter of
 * the bound is free, because the counters in them are sums, which the session's next record says
 * again. Only if there are not enough of them, the oldest records of any kind: somebody's session
 * of weeks ago, rather than today's.
 *
 * It goes on in steps of at most STEP_BYTES, each synced, so that a router's flash never holds up
 * the loop for the whole 64 MiB. Meanwhile records are still appended to the old file (and copied
 * when their turn comes), and those that were read into memory before stay where they are relative
 * to each other. */
#include "lib/log.h"
#include "portal/acct_queue.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

enum { STEP_BYTES = 256 * 1024 };

bool acct_queue_compacting(const struct acct_queue *q)
{
    return q->new_fd >= 0;
}

void acct_queue_compact_abandon(struct acct_queue *q)
{
    if (q->new_fd < 0)
        return;
    close(q->new_fd);
    q->new_fd = -1;
    unlink(q->new_path);
}

static bool give_up(struct acct_queue *q)
{
    log_msg(LOG_ERR, "event=accounting-queue-compaction-failed error=\"%s\"", strerror(errno));
    acct_queue_compact_abandon(q);
    return false;
}

bool acct_queue_compact_begin(struct acct_queue *q)
{
    uint64_t live = q->end - q->released, keep = q->max - q->max / 4;
    uint64_t drop = live > keep ? live - keep : 0;

    if (q->fd < 0 || q->new_fd >= 0)
        return false;
    q->new_fd = open(q->new_path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (q->new_fd < 0)
        return give_up(q);
    if (flock(q->new_fd, LOCK_EX | LOCK_NB) != 0 ||
        !acct_queue_pwrite(q->new_fd, acct_queue_magic, ACCT_QUEUE_HEAD, 0))
        return give_up(q);
    q->copy_from = q->released;
    q->copy_to = ACCT_QUEUE_HEAD;
    q->moved = q->released - ACCT_QUEUE_HEAD;
    q->drop_droppable = drop;
    q->drop_any = drop > q->droppable_bytes ? drop - q->droppable_bytes : 0;
    q->dropped = 0;
    return true;
}

/* Whether the record stays; counts what goes. */
static bool keeps(struct acct_queue *q, enum acct_queue_found found,
                  const struct acct_queue_frame *f)
{
    uint64_t size = sizeof *f + f->len;
    uint64_t *budget = f->droppable ? &q->drop_droppable : &q->drop_any;

    if (q->copy_from < q->read) /* it is in memory, and its place must stay what it is */
        return true;
    if (found != ACCT_QUEUE_RECORD)
        return false;
    if (*budget == 0)
        return true;
    *budget = *budget > size ? *budget - size : 0;
    q->dropped++;
    return false;
}

static bool copy(struct acct_queue *q, const struct acct_queue_frame *f, const uint8_t *data)
{
    uint8_t frame[sizeof *f + RADIUS_MAX_PACKET];

    memcpy(frame, f, sizeof *f);
    memcpy(frame + sizeof *f, data, f->len);
    if (!acct_queue_pwrite(q->new_fd, frame, sizeof *f + f->len, q->copy_to))
        return false;
    q->copy_to += sizeof *f + f->len;
    return true;
}

static bool finish(struct acct_queue *q, uint64_t *moved, size_t *dropped)
{
    if (fdatasync(q->new_fd) != 0 || rename(q->new_path, q->path) != 0)
        return give_up(q);
    acct_queue_sync_directory(q);
    close(q->fd);
    q->fd = q->new_fd;
    q->new_fd = -1;
    *moved = q->moved;
    *dropped = q->dropped;
    q->read -= q->moved;
    q->released -= q->moved;
    q->end = q->copy_to;
    q->records = q->records > q->dropped ? q->records - q->dropped : 0;
    if (q->droppable_bytes > q->end)
        q->droppable_bytes = q->end;
    return false;
}

bool acct_queue_compact_step(struct acct_queue *q, uint64_t *moved, size_t *dropped)
{
    uint8_t data[RADIUS_MAX_PACKET];
    struct acct_queue_frame f;
    uint64_t until = q->copy_from + STEP_BYTES;

    *moved = 0;
    *dropped = 0;
    if (q->new_fd < 0)
        return false;
    while (q->copy_from < q->end && q->copy_from < until) {
        enum acct_queue_found found = acct_queue_look(q, q->copy_from, &f, data);
        if (found == ACCT_QUEUE_TORN || (keeps(q, found, &f) && !copy(q, &f, data)))
            return give_up(q);
        q->copy_from += sizeof f + f.len;
    }
    if (q->copy_from < q->end)
        return fdatasync(q->new_fd) == 0 ? true : give_up(q);
    return finish(q, moved, dropped);
}
