/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/unprivileged.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static bool fail(char *err, size_t err_len, const char *what)
{
    snprintf(err, err_len, "%s: %s", what, strerror(errno));
    return false;
}

static bool change_user(const char *user, char *err, size_t err_len)
{
    errno = 0;
    const struct passwd *pw = getpwnam(user);
    if (!pw) {
        snprintf(err, err_len, "user %s does not exist", user);
        return false;
    }
    if (pw->pw_uid == 0)
        return true;
    if (initgroups(pw->pw_name, pw->pw_gid) != 0)
        return fail(err, err_len, "initgroups");
    if (setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid) != 0)
        return fail(err, err_len, "setresgid");
    if (setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid) != 0)
        return fail(err, err_len, "setresuid");
    return true;
}

bool unprivileged_become(const char *user, char *err, size_t err_len)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[2] = {{0}};

    if (geteuid() == 0) {
        for (int cap = 0; prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == 0; cap++)
            ;
        if (!change_user(user, err, err_len))
            return false;
    }
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0 && errno != EINVAL)
        return fail(err, err_len, "ambient capabilities");
    if (syscall(SYS_capset, &head, none) != 0)
        return fail(err, err_len, "capset");
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return fail(err, err_len, "no_new_privs");
    return true;
}
