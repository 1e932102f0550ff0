/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The list is what loggia-gate, loggiad and loggia-board, and libc, libev, GnuTLS, libcurl,
 * libmicrohttpd, libldap and SQLite for them, ask for after their start, on the C libraries of
 * Debian and OpenWrt: a call more than today's releases need does no harm, one too few would break
 * a router at its next upgrade. So what is merely unknown fails, and only what no release of ours
 * can ever want ends the process. */
#include "lib/confine.h"

#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1 /* the leak checker at the end starts a tracer */
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

static const char *const allowed[] = {
    /* descriptors */
    "read", "write", "readv", "writev", "pread64", "pwrite64", "close", "close_range", "dup",
    "dup2", "dup3", "fcntl", "fcntl64", "ioctl", "lseek", "_llseek", "sendfile", "sendfile64",
    "pipe2",
    /* waiting */
    "epoll_create1", "epoll_ctl", "epoll_ctl_old", "epoll_wait", "epoll_pwait", "epoll_pwait2",
    "poll", "ppoll", "ppoll_time64", "select", "pselect6", "pselect6_time64", "eventfd2",
    "signalfd4", "timerfd_create", "timerfd_settime", "timerfd_settime64", "timerfd_gettime",
    "inotify_init1", "inotify_add_watch", "inotify_rm_watch",
    /* sockets that are there */
    "bind", "connect", "listen", "accept", "accept4", "getsockname", "getpeername", "getsockopt",
    "setsockopt", "shutdown", "send", "sendto", "sendmsg", "sendmmsg", "recv", "recvfrom",
    "recvmsg", "recvmmsg", "recvmmsg_time64", "socketpair",
    /* files: which ones is the file system's to say */
    "open", "openat", "openat2", "stat", "stat64", "lstat", "lstat64", "fstat", "fstat64",
    "newfstatat", "fstatat64", "statx", "statfs", "statfs64", "fstatfs", "fstatfs64", "access",
    "faccessat", "faccessat2", "readlink", "readlinkat", "getdents64", "getcwd", "unlink",
    "unlinkat", "rename", "renameat", "renameat2", "link", "linkat", "mkdir", "mkdirat",
    "ftruncate", "ftruncate64", "fallocate", "fsync", "fdatasync", "fadvise64", "flock", "umask",
    "fchmod", "fchmodat", "fchown", "fchown32", "utimensat",
    /* memory; mmap and mprotect below */
    "brk", "munmap", "mremap", "madvise", "mlock", "mlock2", "munlock", "membarrier",
    /* time, chance, itself */
    "clock_gettime", "clock_gettime64", "clock_getres", "clock_nanosleep", "clock_nanosleep_time64",
    "nanosleep", "gettimeofday", "time", "getrandom", "getpid", "getppid", "gettid", "getuid",
    "geteuid", "getgid", "getegid", "getuid32", "geteuid32", "getgid32", "getegid32", "getresuid",
    "getresgid", "getgroups", "uname", "sysinfo", "getrusage", "getrlimit", "ugetrlimit",
    "prlimit64", "getpriority", "sched_yield", "sched_getaffinity", "getcpu", "prctl", "capget",
    "times",
    /* signals, threads (libcurl resolves names in one), the end */
    "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rt_sigtimedwait", "sigaltstack", "sigreturn",
    "tgkill", "kill", "restart_syscall", "futex", "futex_time64", "set_robust_list",
    "get_robust_list", "set_tid_address", "rseq", "exit", "exit_group"};

static const char *const deadly[] = {"execve",
                                     "execveat",
                                     "fork",
                                     "vfork",
                                     "ptrace",
                                     "process_vm_readv",
                                     "process_vm_writev",
                                     "mount",
                                     "umount2",
                                     "move_mount",
                                     "open_tree",
                                     "fsopen",
                                     "fsmount",
                                     "pivot_root",
                                     "chroot",
                                     "setns",
                                     "unshare",
                                     "init_module",
                                     "finit_module",
                                     "delete_module",
                                     "kexec_load",
                                     "kexec_file_load",
                                     "bpf",
                                     "perf_event_open",
                                     "open_by_handle_at",
                                     "name_to_handle_at",
                                     "userfaultfd",
                                     "io_uring_setup",
                                     "keyctl",
                                     "add_key",
                                     "request_key",
                                     "reboot",
                                     "swapon",
                                     "swapoff",
                                     "sethostname",
                                     "settimeofday",
                                     "clock_settime",
                                     "clock_adjtime",
                                     "personality",
                                     "setuid",
                                     "setgid",
                                     "setresuid",
                                     "setresgid",
                                     "setgroups",
                                     "mknod",
                                     "mknodat"};

/* A name that this architecture does not know needs no rule. */
static int each(scmp_filter_ctx f, uint32_t action, const char *const *names, size_t n)
{
    int r = 0;
    for (size_t i = 0; i < n && r == 0; i++) {
        int number = seccomp_syscall_resolve_name(names[i]);
        if (number != __NR_SCMP_ERROR && number >= 0)
            r = seccomp_rule_add(f, action, number, 0);
    }
    return r;
}

/* What an argument decides: no memory that can be written and run, threads but no processes,
 * sockets of these families alone. */
static int by_argument(scmp_filter_ctx f)
{
    static const int families[] = {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK};
    static const uint64_t harmless[] = {0, PROT_WRITE, PROT_EXEC};
    const uint64_t both = PROT_WRITE | PROT_EXEC;
    int r = 0;
    for (size_t i = 0; i < sizeof harmless / sizeof *harmless && r == 0; i++) {
        struct scmp_arg_cmp prot = SCMP_A2(SCMP_CMP_MASKED_EQ, both, harmless[i]);
        r = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, prot);
        if (r == 0)
            r = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(mmap2), 1, prot);
    }
    for (size_t i = 0; i < sizeof families / sizeof *families && r == 0; i++)
        r = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
                             SCMP_A0(SCMP_CMP_EQ, (uint64_t)families[i]));
    if (r == 0)
        r = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
                             SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    if (r == 0)
        r = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
                             SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
    if (r == 0) /* its flags are out of reach in memory; libc then takes clone */
        r = seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
    return r;
}

bool confine(char *err, size_t err_len)
{
    if (SANITIZED)
        return true;
    scmp_filter_ctx f = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    int r = f ? seccomp_attr_set(f, SCMP_FLTATR_CTL_OPTIMIZE, 2) : -ENOMEM; /* a tree, not a list */
    if (r == 0)
        r = each(f, SCMP_ACT_ALLOW, allowed, sizeof allowed / sizeof *allowed);
    if (r == 0)
        r = by_argument(f);
    if (r == 0)
        r = each(f, SCMP_ACT_KILL_PROCESS, deadly, sizeof deadly / sizeof *deadly);
    if (r == 0)
        r = seccomp_load(f);
    if (f)
        seccomp_release(f);
    if (r < 0)
        snprintf(err, err_len, "%s", strerror(-r));
    return r == 0;
}
