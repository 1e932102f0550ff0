/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The file where accounting records wait while no server answers. A record is bytes here;
 * acct_queue.c has the format, acct_compact.c makes room in a full file. One reader and writer
 * (locked). */
#ifndef LOGGIA_PORTAL_ACCT_QUEUE_H
#define LOGGIA_PORTAL_ACCT_QUEUE_H

#include "portal/radius_codec.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct acct_queue;
struct acct_queue_record {
    uint64_t place;
    size_t len;
    uint8_t data[RADIUS_MAX_PACKET];
};

/* Opens what is there; makes nothing. NULL only if out of memory. */
struct acct_queue *acct_queue_new(const char *directory, uint64_t max_bytes);
void acct_queue_free(struct acct_queue *q); /* syncs; NULL is fine */

/* Writes a record behind the others. False (errno) if the disk refuses or there is no room; nothing
 * is left half written. *place names it from then on. droppable: it may go first when room must be
 * made. */
bool acct_queue_append(struct acct_queue *q, const uint8_t *data, size_t len, bool droppable,
                       uint64_t *place);
/* The next waiting record that was not read yet. False at the end, and during a compaction. */
bool acct_queue_read(struct acct_queue *q, struct acct_queue_record *out);
bool acct_queue_all_read(const struct acct_queue *q);
void acct_queue_skip(
    struct acct_queue *q); /* what was appended so far is in memory: do not read it */
/* The record was acknowledged: it will not be read again, not even after a crash. */
void acct_queue_done(struct acct_queue *q, uint64_t place);
/* All up to and with this one are done. */
void acct_queue_release(struct acct_queue *q, uint64_t place);
void acct_queue_empty(struct acct_queue *q); /* all were read, and all are done */
bool acct_queue_sync(struct acct_queue *q);  /* to the platter */
bool acct_queue_dirty(const struct acct_queue *q);
uint64_t acct_queue_bytes(const struct acct_queue *q);
size_t acct_queue_records(const struct acct_queue *q); /* not done */
bool acct_queue_full(const struct acct_queue *q);

/* Making room, without holding up the loop: _begin, then _step from a timer until it returns false.
 * Then *moved is how much smaller the places of what was read before have become, *dropped how many
 * records had to go: the oldest droppable ones, and if those were not enough the oldest. */
bool acct_queue_compact_begin(struct acct_queue *q);
bool acct_queue_compacting(const struct acct_queue *q);
bool acct_queue_compact_step(struct acct_queue *q, uint64_t *moved, size_t *dropped);
void acct_queue_compact_abandon(struct acct_queue *q);

/* --- between acct_queue.c and acct_compact.c
 * ------------------------------------------------------ */
#define ACCT_QUEUE_HEAD 16
#define ACCT_QUEUE_MARK 0x514c

enum { ACCT_QUEUE_WAITING = 0, ACCT_QUEUE_ACKNOWLEDGED = 1 };

struct acct_queue_frame { /* host byte order: the file does not leave its router */
    uint16_t mark, len;
    uint32_t crc; /* of the data that follow */
    uint32_t state;
    uint32_t droppable;
};

enum acct_queue_found { ACCT_QUEUE_TORN, ACCT_QUEUE_DAMAGED, ACCT_QUEUE_RECORD, ACCT_QUEUE_SENT };

struct acct_queue {
    char *directory, *path, *new_path;
    int fd; /* -1: no file yet */
    uint64_t max;
    uint64_t end, read, released; /* offsets: behind the last, next to read, first not released */
    size_t records;
    uint64_t droppable_bytes; /* at most so many */
    bool dirty;
    int new_fd; /* -1: no compaction */
    uint64_t copy_from, copy_to, moved;
    uint64_t drop_droppable, drop_any; /* bytes that still have to go */
    size_t dropped;
};

enum acct_queue_found acct_queue_look(const struct acct_queue *q, uint64_t at,
                                      struct acct_queue_frame *f, uint8_t *data);
bool acct_queue_pwrite(int fd, const void *buf, size_t len, uint64_t at);
void acct_queue_sync_directory(const struct acct_queue *q);
extern const char acct_queue_magic[ACCT_QUEUE_HEAD];

#endif
