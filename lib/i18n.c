/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The set of languages: which catalogues there are, and which of them a text comes from. English
 * needs no file, it is the msgids; so a router whose catalogues are gone still speaks. */
#include "lib/i18n.h"
#include "lib/i18n_mo.h"
#include "lib/log.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_LANGUAGES 64
#define MAX_TAG       16

struct i18n {
    size_t n;
    const char *tags[MAX_LANGUAGES];      /* point into names */
    struct mo *catalogues[MAX_LANGUAGES]; /* NULL: the msgids */
    char names[MAX_LANGUAGES][MAX_TAG];
};

/* "it.mo" -> "it"; false if the name is no language's. */
static bool tag_of(const char *file, char tag[static MAX_TAG])
{
    size_t len = strspn(file, "abcdefghijklmnopqrstuvwxyz0123456789-");
    if (len < 2 || len >= MAX_TAG || strcmp(file + len, ".mo") != 0)
        return false;
    memcpy(tag, file, len);
    tag[len] = '\0';
    return true;
}

static char *read_all(int dir, const char *name, size_t *len, const char **why)
{
    struct stat st;
    char *data = NULL;
    size_t got = 0;
    ssize_t n = 0;
    int fd = openat(dir, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    *why = "cannot be read";
    if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        goto done;
    *why = "larger than 1 MiB";
    if (st.st_size > MO_MAX_BYTES)
        goto done;
    *why = "out of memory";
    data = malloc((size_t)st.st_size + 1);
    if (!data)
        goto done;
    while (got < (size_t)st.st_size && (n = read(fd, data + got, (size_t)st.st_size - got)) > 0)
        got += (size_t)n;
    *len = got;
done:
    if (fd >= 0)
        close(fd);
    return data;
}

/* it, en, then by tag. */
static int rank(const char *tag)
{
    return strcmp(tag, "it") == 0 ? 0 : strcmp(tag, "en") == 0 ? 1 : 2;
}

static bool goes_before(const char *a, const char *b)
{
    return rank(a) != rank(b) ? rank(a) < rank(b) : strcmp(a, b) < 0;
}

static void add(struct i18n *i, const char *tag, struct mo *catalogue)
{
    size_t at = i->n;
    strcpy(i->names[i->n], tag); /* tag_of keeps it below MAX_TAG */
    for (; at > 0 && goes_before(tag, i->tags[at - 1]); at--) {
        i->tags[at] = i->tags[at - 1];
        i->catalogues[at] = i->catalogues[at - 1];
    }
    i->tags[at] = i->names[i->n++];
    i->catalogues[at] = catalogue;
}

static void load_file(struct i18n *i, int dir, const char *file, const char *tag)
{
    size_t len = 0;
    const char *why = "more than 64 languages";
    char *data = i->n < MAX_LANGUAGES - 1 ? read_all(dir, file, &len, &why) : NULL;
    struct mo *mo = data ? mo_new(data, len, &why) : NULL;
    if (mo)
        add(i, tag, mo);
    else
        log_msg(LOG_WARNING, "event=catalogue-skipped file=%s reason=\"%s\"", file, why);
}

struct i18n *i18n_load(const char *dir)
{
    struct i18n *i = calloc(1, sizeof *i);
    if (!i)
        abort(); /* at start, before anybody is served */
    DIR *d = opendir(dir);
    if (!d)
        log_msg(LOG_WARNING, "event=catalogues-unreadable directory=\"%s\" reason=\"%s\"", dir,
                strerror(errno));
    for (const struct dirent *e; d && (e = readdir(d));) {
        char tag[MAX_TAG];
        if (tag_of(e->d_name, tag))
            load_file(i, dirfd(d), e->d_name, tag);
    }
    if (d)
        closedir(d);
    if (!i18n_has(i, "en"))
        add(i, "en", NULL);
    return i;
}

void i18n_free(struct i18n *i)
{
    if (!i)
        return;
    for (size_t k = 0; k < i->n; k++)
        mo_free(i->catalogues[k]);
    free(i);
}

static const struct mo *catalogue(const struct i18n *i, const char *lang)
{
    for (size_t k = 0; lang && k < i->n; k++)
        if (strcmp(i->tags[k], lang) == 0)
            return i->catalogues[k];
    return NULL;
}

const char *i18n_text(const struct i18n *i, const char *lang, const char *msgid)
{
    const struct mo *mo = catalogue(i, lang);
    const char *text = mo ? mo_text(mo, msgid) : NULL;
    return text ? text : msgid;
}

const char *i18n_plural(const struct i18n *i, const char *lang, const char *one, const char *many,
                        unsigned long n)
{
    const struct mo *mo = catalogue(i, lang);
    const char *text = mo ? mo_plural(mo, one, n) : NULL;
    return text ? text : n == 1 ? one : many;
}

size_t i18n_languages(const struct i18n *i, const char *const **tags)
{
    *tags = i->tags;
    return i->n;
}

bool i18n_has(const struct i18n *i, const char *tag)
{
    for (size_t k = 0; tag && k < i->n; k++)
        if (strcmp(i->tags[k], tag) == 0)
            return true;
    return false;
}

const char *i18n_language_name(const struct i18n *i, const char *tag)
{
    const struct mo *mo = catalogue(i, tag);
    const char *name = mo ? mo_text(mo, "language-name") : NULL;
    if (name)
        return name;
    return strcmp(tag, "en") == 0 ? "English" : tag;
}

bool i18n_rtl(const char *tag)
{
    static const char *const rtl[] = {"ar", "ur", "fa", "he", "ps", "ckb", "sd", "ug", "yi", "dv"};
    size_t base = strcspn(tag, "-");
    for (size_t k = 0; k < sizeof rtl / sizeof *rtl; k++)
        if (strlen(rtl[k]) == base && strncmp(tag, rtl[k], base) == 0)
            return true;
    return false;
}
