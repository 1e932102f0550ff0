/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fetch.h for a program that may never fetch anything. libcurl brings twenty libraries along
 * (OpenSSL, Kerberos, LDAP, SSH…): several megabytes of a small router's memory, and code in a
 * process that faces strangers. So it is in a module, and the module is loaded by the first
 * fetcher_new, which must come before confine(): afterwards no memory can be made executable.
 *
 * The module is taken from a directory fixed when it was built, or from the tree that built both:
 * next to the program itself, so that whoever could put another there could as well replace the
 * program. Neither an environment variable nor the configuration can name another. It is never
 * unloaded: libcurl's libraries leave threads' keys and exit handlers behind. */
#include "lib/fetch_calls.h"
#include "lib/log.h"
#include <config.h>

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct fetch_calls *calls; /* NULL: not loaded */

/* PROGRAM/../../lib/.libs/MODULE: where libtool builds it. False if that is not there. */
static bool in_build_tree(char out[static PATH_MAX])
{
    char exe[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", exe, sizeof exe - 1);

    if (len < 0)
        return false;
    exe[len] = '\0';
    for (int up = 0; up < 2; up++) {
        char *slash = strrchr(exe, '/');
        if (!slash)
            return false;
        *slash = '\0';
    }
    return snprintf(out, PATH_MAX, "%s/lib/.libs/%s", exe, FETCH_MODULE) < PATH_MAX &&
           access(out, R_OK) == 0;
}

static bool load(void)
{
    char path[PATH_MAX];
    const struct fetch_calls *found;

    if (calls)
        return true;
    if (!in_build_tree(path))
        snprintf(path, sizeof path, "%s/%s", LOGGIA_PKGLIBDIR, FETCH_MODULE);
    void *module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!module) {
        log_msg(LOG_ERR, "event=fetch_not_loaded why=\"%s\"", dlerror());
        return false;
    }
    found = dlsym(module, FETCH_SYMBOL);
    if (!found || strcmp(found->version, PACKAGE_VERSION) != 0 ||
        found->sizeof_request != sizeof(struct fetch_request) ||
        found->sizeof_answer != sizeof(struct fetch_answer)) {
        log_msg(LOG_ERR, "event=fetch_not_loaded file=%s why=\"it is of another version (%s)\"",
                path, found ? found->version : "none");
        dlclose(module);
        return false;
    }
    calls = found;
    return true;
}

struct fetcher *fetcher_new(struct loop *loop, const char *ca_file, const char *user_agent)
{
    return load() ? calls->fetcher_new(loop, ca_file, user_agent) : NULL;
}

/* Who has a fetcher has loaded the module. */

void fetcher_free(struct fetcher *f)
{
    if (f)
        calls->fetcher_free(f);
}

struct fetch *fetch_start(struct fetcher *f, const struct fetch_request *r, fetch_fn fn, void *arg)
{
    return calls->start(f, r, fn, arg);
}

bool fetch_begun(const struct fetch *c)
{
    return calls->begun(c);
}

void fetch_cancel(struct fetch *c)
{
    calls->cancel(c);
}
