/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The file where accounting records wait while no server answers: STATE_DIRECTORY/accounting.queue.
 *
 * It is a log: a head of 16 bytes, then one record behind the other, each with its length, a CRC
 * and a word that says whether a server has it. Records are only ever added at the end; that one
 * word is changed in place when the record is acknowledged; when the last one is, the file is cut
 * back to its head. So whatever moment the power fails at, what was written before stays readable:
 * only the record that was just being written can be torn, and it is the last. Opening cuts it off
 * and says so. A record with a wrong CRC in the middle (worn flash) is passed over, the others are
 * kept.
 *
 * Disk on the event loop: appending is a write of some 300 bytes into the page cache, and only
 * while no server answers; the loop can bear that. What can take long is fdatasync, and so the
 * caller does it at most once a second (a power cut may cost that second; a crash of the daemon
 * costs nothing). Making room in a full file is the one large piece of work; it goes on in steps
 * (acct_compact.c). */
#include "portal/acct_queue.h"
#include "lib/log.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

const char acct_queue_magic[ACCT_QUEUE_HEAD] = "loggia-acct-1\n";

/* CRC-32 (IEEE 802.3), four bits at a time. */
static uint32_t crc32_of(const uint8_t *data, size_t len)
{
    static const uint32_t table[16] = {
        0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
        0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
        0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
    };
    uint32_t crc = 0xffffffff;

    for (size_t i = 0; i < len; i++) {
        crc = crc >> 4 ^ table[(crc ^ data[i]) & 15];
        crc = crc >> 4 ^ table[(crc ^ (uint32_t)(data[i] >> 4)) & 15];
    }
    return ~crc;
}

static bool pread_all(int fd, void *buf, size_t len, uint64_t at)
{
    return pread(fd, buf, len, (off_t)at) == (ssize_t)len;
}

bool acct_queue_pwrite(int fd, const void *buf, size_t len, uint64_t at)
{
    return pwrite(fd, buf, len, (off_t)at) == (ssize_t)len;
}

/* --- reading -----------------------------------------------------------------------------------
 */

enum acct_queue_found acct_queue_look(const struct acct_queue *q, uint64_t at,
                                      struct acct_queue_frame *f, uint8_t *data)
{
    if (q->end - at < sizeof *f || !pread_all(q->fd, f, sizeof *f, at))
        return ACCT_QUEUE_TORN;
    if (f->mark != ACCT_QUEUE_MARK || f->len == 0 || f->len > RADIUS_MAX_PACKET ||
        f->len > q->end - at - sizeof *f || !pread_all(q->fd, data, f->len, at + sizeof *f))
        return ACCT_QUEUE_TORN;
    if (crc32_of(data, f->len) != f->crc)
        return ACCT_QUEUE_DAMAGED;
    return f->state == ACCT_QUEUE_WAITING ? ACCT_QUEUE_RECORD : ACCT_QUEUE_SENT;
}

bool acct_queue_read(struct acct_queue *q, struct acct_queue_record *out)
{
    struct acct_queue_frame f;

    while (q->fd >= 0 && !acct_queue_compacting(q) && q->read < q->end) {
        enum acct_queue_found found = acct_queue_look(q, q->read, &f, out->data);
        if (found ==
            ACCT_QUEUE_TORN) { /* cannot be: opening has walked over it; then the disk lies */
            log_msg(LOG_ERR, "event=accounting-queue-unreadable lost_bytes=%llu",
                    (unsigned long long)(q->end - q->read));
            q->read = q->end;
            return false;
        }
        out->place = q->read;
        out->len = f.len;
        q->read += sizeof f + f.len;
        if (found == ACCT_QUEUE_RECORD)
            return true;
    }
    return false;
}

bool acct_queue_all_read(const struct acct_queue *q)
{
    return q->fd < 0 || q->read >= q->end;
}

/* --- opening -----------------------------------------------------------------------------------
 */

static void cut_at(struct acct_queue *q, uint64_t at)
{
    if (ftruncate(q->fd, (off_t)at) == 0)
        q->end = at;
    else
        log_msg(LOG_ERR, "event=accounting-queue-cut-failed error=\"%s\"", strerror(errno));
    q->dirty = true;
}

/* Walks over the whole file once: where it ends, how many records wait. */
static void walk(struct acct_queue *q)
{
    uint8_t data[RADIUS_MAX_PACKET];
    struct acct_queue_frame f;
    size_t damaged = 0;

    for (uint64_t at = ACCT_QUEUE_HEAD; at < q->end; at += sizeof f + f.len) {
        enum acct_queue_found found = acct_queue_look(q, at, &f, data);
        if (found == ACCT_QUEUE_TORN) {
            log_msg(LOG_WARNING, "event=accounting-queue-torn at=%llu cut_bytes=%llu",
                    (unsigned long long)at, (unsigned long long)(q->end - at));
            cut_at(q, at);
            q->end = at;
            break;
        }
        damaged += found == ACCT_QUEUE_DAMAGED;
        q->records += found == ACCT_QUEUE_RECORD;
        if (found == ACCT_QUEUE_RECORD && f.droppable)
            q->droppable_bytes += sizeof f + f.len;
    }
    if (damaged > 0)
        log_msg(LOG_WARNING, "event=accounting-queue-damaged records=%zu", damaged);
    if (q->records == 0 && q->end > ACCT_QUEUE_HEAD)
        cut_at(q, ACCT_QUEUE_HEAD);
    q->read = q->released = ACCT_QUEUE_HEAD;
}

static bool take_over(struct acct_queue *q)
{
    char head[ACCT_QUEUE_HEAD];
    struct stat st;

    if (flock(q->fd, LOCK_EX | LOCK_NB) != 0 || fstat(q->fd, &st) != 0)
        return false;
    q->end = (uint64_t)st.st_size;
    if (q->end >= sizeof head && pread_all(q->fd, head, sizeof head, 0) &&
        memcmp(head, acct_queue_magic, sizeof head) == 0) {
        walk(q);
        return true;
    }
    if (q->end > 0)
        log_msg(LOG_WARNING, "event=accounting-queue-foreign cut_bytes=%llu path=%s",
                (unsigned long long)q->end, q->path);
    if (ftruncate(q->fd, 0) != 0 || !acct_queue_pwrite(q->fd, acct_queue_magic, ACCT_QUEUE_HEAD, 0))
        return false;
    q->end = q->read = q->released = ACCT_QUEUE_HEAD;
    return true;
}

/* The file's name is in its directory for good only when that is synced too. */
void acct_queue_sync_directory(const struct acct_queue *q)
{
    int fd = open(q->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return;
    fsync(fd);
    close(fd);
}

static bool open_file(struct acct_queue *q, int flags)
{
    if (q->fd >= 0)
        return true;
    q->fd = open(q->path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | flags, 0600);
    if (q->fd < 0)
        return false;
    if (!take_over(q)) {
        int error = errno;
        close(q->fd);
        q->fd = -1;
        errno = error;
        return false;
    }
    if (flags & O_CREAT)
        acct_queue_sync_directory(q);
    return true;
}

struct acct_queue *acct_queue_new(const char *directory, uint64_t max_bytes)
{
    struct acct_queue *q = calloc(1, sizeof *q);

    if (q == NULL)
        return NULL;
    q->fd = q->new_fd = -1;
    q->max = max_bytes;
    q->directory = strdup(directory);
    if (q->directory == NULL || asprintf(&q->path, "%s/accounting.queue", directory) < 0 ||
        asprintf(&q->new_path, "%s/accounting.queue.new", directory) < 0) {
        acct_queue_free(q);
        return NULL;
    }
    unlink(q->new_path); /* of a compaction that a crash ended */
    if (!open_file(q, 0) && errno != ENOENT)
        log_msg(LOG_ERR, "event=accounting-queue-open-failed path=%s error=\"%s\"", q->path,
                strerror(errno));
    return q;
}

void acct_queue_free(struct acct_queue *q)
{
    if (q == NULL)
        return;
    acct_queue_compact_abandon(q);
    acct_queue_sync(q);
    if (q->fd >= 0)
        close(q->fd);
    free(q->directory);
    free(q->path);
    free(q->new_path);
    free(q);
}

/* --- writing -----------------------------------------------------------------------------------
 */

bool acct_queue_full(const struct acct_queue *q)
{
    return q->end > q->max;
}

bool acct_queue_append(struct acct_queue *q, const uint8_t *data, size_t len, bool droppable,
                       uint64_t *place)
{
    uint8_t frame[sizeof(struct acct_queue_frame) + RADIUS_MAX_PACKET];
    struct acct_queue_frame f = {ACCT_QUEUE_MARK, (uint16_t)len, crc32_of(data, len),
                                 ACCT_QUEUE_WAITING, droppable};

    if (len == 0 || len > RADIUS_MAX_PACKET || !open_file(q, O_CREAT))
        return false;
    if (q->end + sizeof f + len > q->max + q->max / 8) { /* no room could be made */
        errno = EFBIG;
        return false;
    }
    memcpy(frame, &f, sizeof f);
    memcpy(frame + sizeof f, data, len);
    errno = 0;
    if (!acct_queue_pwrite(q->fd, frame, sizeof f + len, q->end)) {
        int error = errno != 0 ? errno : ENOSPC; /* a short write says nothing */
        if (ftruncate(q->fd, (off_t)q->end) != 0)
            error = errno;
        errno = error;
        return false;
    }
    *place = q->end;
    q->end += sizeof f + len;
    q->records++;
    q->droppable_bytes += droppable ? sizeof f + len : 0;
    q->dirty = true;
    return true;
}

void acct_queue_skip(struct acct_queue *q)
{
    q->read = q->end;
}

static bool mark_done(int fd, uint64_t place)
{
    uint32_t state = ACCT_QUEUE_ACKNOWLEDGED;

    return acct_queue_pwrite(fd, &state, sizeof state,
                             place + offsetof(struct acct_queue_frame, state));
}

void acct_queue_done(struct acct_queue *q, uint64_t place)
{
    bool marked = mark_done(q->fd, place);

    if (acct_queue_compacting(q) && place < q->copy_from)
        marked = mark_done(q->new_fd, place - q->moved) && marked;
    if (!marked)
        log_msg(LOG_WARNING, "event=accounting-queue-mark-failed error=\"%s\"", strerror(errno));
    if (q->records > 0)
        q->records--;
    q->dirty = true;
}

void acct_queue_release(struct acct_queue *q, uint64_t place)
{
    struct acct_queue_frame f;

    if (pread_all(q->fd, &f, sizeof f, place))
        q->released = place + sizeof f + f.len;
}

void acct_queue_empty(struct acct_queue *q)
{
    if (q->fd < 0 || q->end == ACCT_QUEUE_HEAD || acct_queue_compacting(q))
        return;
    cut_at(q, ACCT_QUEUE_HEAD);
    q->read = q->released = q->end;
    q->records = 0;
    q->droppable_bytes = 0;
}

bool acct_queue_sync(struct acct_queue *q)
{
    if (q->fd < 0 || !q->dirty)
        return true;
    q->dirty = false;
    return fdatasync(q->fd) == 0;
}

bool acct_queue_dirty(const struct acct_queue *q)
{
    return q->dirty;
}

uint64_t acct_queue_bytes(const struct acct_queue *q)
{
    return q->fd >= 0 && q->end > ACCT_QUEUE_HEAD ? q->end : 0;
}

size_t acct_queue_records(const struct acct_queue *q)
{
    return q->records;
}
