/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keys as files. A private key is made with its mode, never widened afterwards, and is never
 * written over: whoever loses it loses every router that knows it. */
#include "lib/crypto.h"
#include "lib/sign.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PUBLIC  "loggia-ed25519"
#define PRIVATE "loggia-ed25519-private"
enum { DIGITS = 43 /* base64url of 32 bytes */ };

static void finish(struct sign_key *k)
{
    uint8_t sum[SIGN_KEY_LEN];
    if (k->has_seed)
        sign_public(k->seed, k->public);
    sign_sha256(k->public, sizeof k->public, sum);
    crypto_hex(sum, (SIGN_ID_LEN - 1) / 2, k->id);
}

void sign_key_new(struct sign_key *out)
{
    *out = (struct sign_key){.has_seed = true};
    crypto_random(out->seed, sizeof out->seed);
    finish(out);
}

void sign_key_wipe(struct sign_key *k)
{
    crypto_wipe(k, sizeof *k);
}

static void write_line(const char *kind, const char *id, const uint8_t *key, char *out)
{
    char digits[DIGITS + 1];
    crypto_base64url(key, SIGN_KEY_LEN, digits);
    snprintf(out, SIGN_LINE_MAX, "%s %s %s", kind, id, digits);
    crypto_wipe(digits, sizeof digits);
}

void sign_public_line(const struct sign_key *k, char out[static SIGN_LINE_MAX])
{
    write_line(PUBLIC, k->id, k->public, out);
}

/* The rest of line behind "WORD ", or NULL. */
static const char *behind(const char *line, const char *word)
{
    size_t len = strlen(word);
    return strncmp(line, word, len) == 0 && line[len] == ' ' ? line + len + 1 : NULL;
}

bool sign_key_parse(const char *line, struct sign_key *out, char *err, size_t err_len)
{
    const char *rest = behind(line, PRIVATE);
    struct sign_key k = {.has_seed = rest != NULL};
    if (!rest)
        rest = behind(line, PUBLIC);
    if (!rest) {
        snprintf(err, err_len, "found another kind of line, expected \"" PUBLIC " KEYID KEY\"");
        return false;
    }
    const char *digits = strnlen(rest, SIGN_ID_LEN) == SIGN_ID_LEN ? rest + SIGN_ID_LEN : "";
    if (strlen(digits) != DIGITS ||
        crypto_base64url_decode(digits, DIGITS, k.has_seed ? k.seed : k.public, SIGN_KEY_LEN) !=
            SIGN_KEY_LEN) {
        snprintf(err, err_len,
                 "found a key that is cut short or mistyped, expected KEYID and %d "
                 "characters of base64url",
                 DIGITS);
        crypto_wipe(&k, sizeof k);
        return false;
    }
    finish(&k);
    bool same = strncmp(rest, k.id, SIGN_ID_LEN - 1) == 0 && rest[SIGN_ID_LEN - 1] == ' ';
    if (same)
        *out = k;
    else
        snprintf(err, err_len, "found the name %.16s, expected %s, which is this key's", rest,
                 k.id);
    crypto_wipe(&k, sizeof k);
    return same;
}

static bool looks_private(const char *path)
{
    char head[sizeof PRIVATE] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return false;
    ssize_t n = read(fd, head, sizeof head - 1);
    close(fd);
    return n == (ssize_t)sizeof head - 1 && strcmp(head, PRIVATE) == 0;
}

static bool read_public_line(const char *path, char line[static SIGN_LINE_MAX], char *err,
                             size_t err_len)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    ssize_t n = fd < 0 ? -1 : read(fd, line, SIGN_LINE_MAX - 1);
    if (n < 0)
        snprintf(err, err_len, "cannot read: %s", strerror(errno));
    if (fd >= 0)
        close(fd);
    if (n < 0)
        return false;
    while (n > 0 && strchr(" \t\r\n", line[n - 1]))
        n--;
    line[n] = '\0';
    return true;
}

bool sign_key_read(const char *path, struct sign_key *out, char *err, size_t err_len)
{
    char line[SIGN_LINE_MAX] = "", why[200] = "";
    bool fine;
    if (looks_private(path)) {
        char *secret = crypto_secret_read(path, why, sizeof why);
        fine = secret && sign_key_parse(secret, out, why, sizeof why);
        crypto_secret_free(secret);
    } else {
        fine = read_public_line(path, line, why, sizeof why) &&
               sign_key_parse(line, out, why, sizeof why);
    }
    if (!fine)
        snprintf(err, err_len, "%s: %s", path, why);
    return fine;
}

static bool write_file(const char *path, mode_t mode, const char *line, char *err, size_t err_len)
{
    size_t len = strlen(line);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    bool fine = fd >= 0 && write(fd, line, len) == (ssize_t)len && write(fd, "\n", 1) == 1 &&
                fsync(fd) == 0;
    if (!fine)
        snprintf(err, err_len, "%s: cannot be made: %s", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    if (fd >= 0 && !fine)
        unlink(path);
    return fine;
}

bool sign_key_write(const struct sign_key *k, const char *name, char *err, size_t err_len)
{
    char path[2][512], line[SIGN_LINE_MAX];
    if (snprintf(path[0], sizeof path[0], "%s.key", name) >= (int)sizeof path[0]) {
        snprintf(err, err_len, "%.40s…: the name is too long", name);
        return false;
    }
    snprintf(path[1], sizeof path[1], "%s.pub", name);
    write_line(PRIVATE, k->id, k->seed, line);
    bool fine = write_file(path[0], 0600, line, err, err_len);
    crypto_wipe(line, sizeof line);
    if (!fine)
        return false;
    sign_public_line(k, line);
    fine = write_file(path[1], 0644, line, err, err_len);
    if (!fine)
        unlink(path[0]);
    return fine;
}
