/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The passes of a router that decides alone (no radius section): which devices have tapped, and
 * until when they need not tap again. passes.c is the table and its text, pure; passes_file.c keeps
 * the text in STATE_DIRECTORY/passes. A device is named by a keyed hash of its address, never by
 * the address. */
#ifndef LOGGIA_PORTAL_PASSES_H
#define LOGGIA_PORTAL_PASSES_H

#include "lib/mac.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct passes;

struct pass_id {
    uint8_t b[16];
};

/* Wall-clock time, and whether it can be believed: a router without a battery wakes up in 1970. */
struct passes_clock {
    int64_t now_s;
    bool sane;
};

enum pass_found { PASS_NONE, PASS_GOOD, PASS_PAUSED };

/* At most max passes of life_s each. key names devices in the file. NULL if memory is out. */
struct passes *passes_new(size_t max, uint32_t life_s, const uint8_t *key, size_t key_len);
void passes_free(struct passes *t);                      /* NULL is fine */
void passes_set_life(struct passes *t, uint32_t life_s); /* of those that are yet to be given */

/* A pass that has run out is not found; while the clock is not sane none runs out. */
enum pass_found passes_find(struct passes *t, const struct mac *mac, struct passes_clock now);
/* Gives it anew. In a full table the one that was given longest ago goes. False: memory is out. */
bool passes_tap(struct passes *t, const struct mac *mac, struct passes_clock now);
/* Until the next tap. False if there is none, or it is paused already: nothing has changed. */
bool passes_pause(struct passes *t, const struct mac *mac);
bool passes_forget(struct passes *t, const struct mac *mac); /* the same */
/* Those that were given while the clock was wrong get their date, those that have run out go. True
 * if anything changed. */
bool passes_settle(struct passes *t, struct passes_clock now);
size_t passes_count(const struct passes *t);

/* Reads a whole text into an empty table. Lines that are damaged, torn or too many are left out and
 * each told to report. False, with nothing read, if the text is of another key. */
bool passes_read(struct passes *t, const char *text, size_t len,
                 void (*report)(void *arg, size_t line, const char *why), void *arg);
void passes_write(const struct passes *t, struct buf *out); /* the oldest first */
size_t passes_write_max(const struct passes *t);            /* bytes that it needs at most */

/* --- passes_file.c -----------------------------------------------------------------------------
 */
/* Reads directory/passes; what cannot be read is logged. No file: nothing to read. */
void passes_load(struct passes *t, const char *directory);
/* Replaces the file as a whole: a power cut leaves the old one or the new one. False with errno. */
bool passes_save(const struct passes *t, const char *directory);

#endif
