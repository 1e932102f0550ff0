/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is left of root: the one capability that netlink asks for. There is no way back. */
#include "netfilter/privileges.h"

#include <cap-ng.h>
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

static bool fail(char *err, size_t err_len, const char *what)
{
    snprintf(err, err_len, "%s", what);
    return false;
}

static bool become(const char *user, char *err, size_t err_len)
{
    errno = 0;
    const struct passwd *pw = getpwnam(user);
    if (!pw) {
        snprintf(err, err_len,
                 "gate_user: there is no user \"%s\" on this system (useradd --system %s, or name "
                 "another in the configuration)",
                 user, user);
        return false;
    }
    if (pw->pw_uid == 0)
        return capng_apply(CAPNG_SELECT_BOTH) == 0 ||
               fail(err, err_len, "the capabilities cannot be given up");
    int r = capng_change_id((int)pw->pw_uid, (int)pw->pw_gid,
                            CAPNG_DROP_SUPP_GRP | CAPNG_CLEAR_BOUNDING);
    if (r == 0)
        return true;
    snprintf(err, err_len, "cannot become user \"%s\" with CAP_NET_ADMIN (libcap-ng's error %d)",
             user, r);
    return false;
}

bool privileges_drop(const char *user, char *err, size_t err_len)
{
    if (!capng_have_capability(CAPNG_EFFECTIVE, CAP_NET_ADMIN))
        return fail(err, err_len, "needs CAP_NET_ADMIN: start it as root, or with that capability");
    bool root = geteuid() == 0;
    capng_clear(CAPNG_SELECT_BOTH);
    capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_NET_ADMIN);
    if (!(root ? become(user, err, err_len)
               : capng_apply(CAPNG_SELECT_CAPS) == 0 ||
                     fail(err, err_len, "the other capabilities cannot be given up")))
        return false;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return fail(err, err_len, "no_new_privs cannot be set");
    return true;
}
