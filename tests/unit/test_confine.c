/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a daemon that somebody has taken over can still do: each case in a process of its own. */
#include "lib/confine.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* The status with which a confined process ends that does this. */
static int status_of(int (*deed)(void))
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        char err[128];
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
        _exit(confine(err, sizeof err) ? deed() : 99);
    }
    assert_true(pid > 0 && waitpid(pid, &status, 0) == pid);
    return status;
}

static int run_a_program(void)
{
    char *argv[] = {"/bin/true", NULL};
    return execv(argv[0], argv) ? 1 : 0;
}

static int copy_itself(void)
{
    return (int)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0) < 0 ? errno : 0;
}

static int trace(void)
{
    return (int)syscall(SYS_ptrace, 16, getppid(), 0, 0);
}

static int change_namespace(void)
{
    return (int)syscall(SYS_unshare, 0);
}

static int raw_packets(void)
{
    return socket(AF_PACKET, SOCK_RAW, 0) < 0 ? errno : 0;
}

static int writable_code(void)
{
    void *p = mmap(NULL, 4096, PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return p == MAP_FAILED ? errno : 0;
}

static int code_made_later(void)
{
    void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return mprotect(p, 4096, PROT_READ | PROT_EXEC) < 0 ? errno : 0;
}

/* What libc does for a daemon in its day's work. */
static int ordinary_work(void)
{
    struct addrinfo hint = {.ai_socktype = SOCK_DGRAM}, *found = NULL;
    if (getaddrinfo("localhost", "53", &hint, &found) != 0)
        return 1;
    freeaddrinfo(found);
    void *big = malloc(64 << 20);
    FILE *f = tmpfile();
    int fds[2];
    int r = !big ? 2 : !f || fputs("x", f) < 0 || fflush(f) != 0 ? 3 : pipe(fds) < 0 ? 4 : 0;
    free(big);
    return r;
}

static void what_takes_over_the_machine_ends_the_process(void **state)
{
    int (*const deeds[])(void) = {run_a_program, trace, change_namespace};
    (void)state;
    for (size_t i = 0; i < sizeof deeds / sizeof *deeds; i++) {
        int status = status_of(deeds[i]);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), SIGSYS);
    }
}

static void what_is_not_on_the_list_fails(void **state)
{
    int (*const deeds[])(void) = {copy_itself, raw_packets, writable_code, code_made_later};
    (void)state;
    for (size_t i = 0; i < sizeof deeds / sizeof *deeds; i++) {
        int status = status_of(deeds[i]);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), EPERM);
    }
}

static void a_day_s_work_goes_on(void **state)
{
    (void)state;
    assert_int_equal(status_of(ordinary_work), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_takes_over_the_machine_ends_the_process),
        cmocka_unit_test(what_is_not_on_the_list_fails), cmocka_unit_test(a_day_s_work_goes_on)};
#if defined(__SANITIZE_ADDRESS__)
    (void)tests;
    puts("1..0 # SKIP no filter under sanitizers");
    return 77;
#else
    return cmocka_run_group_tests(tests, NULL, NULL);
#endif
}
