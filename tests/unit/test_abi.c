/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The module's idea of FreeRADIUS against the server that is installed: the magic number, and where
 * in a REQUEST the lists are, as the server's own functions see them (and its headers, where they
 * are complete). Compiled with the module's
 * flags; skipped (77) where there is no server. */
#include "radius-module/freeradius_min.h"

#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

/* What freeradius_min.h says of the server against what the server's own headers say, where those
 * are complete; where they are not, the functions below have to do. */
#ifdef FREERADIUS_COMPLETE
#define HEADERS "the server's own headers"
#else
#define HEADERS "freeradius_min.h"
#endif
struct head {
    FREERADIUS_REQUEST_HEAD
};
#define SAME_PLACE(member)                                                                         \
    _Static_assert(offsetof(struct head, member) == offsetof(REQUEST, member) &&                   \
                       sizeof((struct head){0}.member) == sizeof(((REQUEST *)0)->member),          \
                   "REQUEST has " #member " elsewhere")
SAME_PLACE(number);
SAME_PLACE(timestamp);
SAME_PLACE(packet);
SAME_PLACE(username);
SAME_PLACE(password);
SAME_PLACE(reply);
SAME_PLACE(config);
_Static_assert(RLM_MODULE_REJECT == 0 && RLM_MODULE_FAIL == 1 && RLM_MODULE_OK == 2 &&
                   RLM_MODULE_INVALID == 4 && RLM_MODULE_NOOP == 7 && RLM_MODULE_UPDATED == 8,
               "results have other numbers");
_Static_assert(L_INFO == 3 && L_ERR == 4 && L_WARN == 5 && L_DBG == 16,
               "log levels have other numbers");

static void *radius, *server;

/* Two functions of the server's program that its library names; nothing here calls them. */
__attribute__((visibility("default"))) pid_t rad_fork(void);
__attribute__((visibility("default"))) pid_t rad_waitpid(pid_t pid, int *status);
pid_t rad_fork(void)
{
    return -1;
}
pid_t rad_waitpid(pid_t pid, int *status)
{
    *status = 0;
    return pid;
}

static void *symbol(void *library, const char *name)
{
    void *s = dlsym(library, name);
    if (!s)
        fail_msg("%s: %s", name, dlerror());
    return s;
}

static void the_module_has_the_installed_servers_magic(void **state)
{
    int (*check)(uint64_t) = symbol(server, "rad_check_lib_magic");
    (void)state;
    assert_int_equal(check(RLM_MODULE_INIT), 0);
}

static void lists_are_where_the_server_has_them(void **state)
{
    REQUEST *(*alloc)(TALLOC_CTX *) = symbol(server, "request_alloc");
    VALUE_PAIR **(*list)(REQUEST *, int) = symbol(server, "radius_list");
    RADIUS_PACKET *(*packet)(TALLOC_CTX *, bool) = symbol(radius, "rad_alloc");
    enum { LIST_REQUEST = 1, LIST_REPLY, LIST_CONTROL };
    (void)state;
    REQUEST *r = alloc(NULL);
    assert_non_null(r);
    r->packet = packet(r, true);
    r->reply = packet(r, false);
    assert_ptr_equal(list(r, LIST_REQUEST), &r->packet->vps);
    assert_ptr_equal(list(r, LIST_REPLY), &r->reply->vps);
    assert_ptr_equal(list(r, LIST_CONTROL), &r->config);
    talloc_free(r);
}

static void the_module_exports_nothing_but_itself(void **state)
{
    void *module = dlopen(MODULE, RTLD_LAZY | RTLD_LOCAL);
    (void)state;
    if (!module)
        fail_msg("%s", dlerror());
    const module_t *m = symbol(module, "rlm_loggia");
    assert_int_equal(m->magic, RLM_MODULE_INIT);
    assert_string_equal(m->name, "loggia");
    assert_non_null(m->methods[MOD_AUTHORIZE]);
    assert_non_null(m->methods[MOD_ACCOUNTING]);
    assert_null(dlsym(module, "decide"));
    assert_null(dlsym(module, "fed_new"));
    assert_null(dlsym(module, "log_msg"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_module_has_the_installed_servers_magic),
        cmocka_unit_test(lists_are_where_the_server_has_them),
        cmocka_unit_test(the_module_exports_nothing_but_itself),
    };
    radius = dlopen(FREERADIUS_LIBDIR "/libfreeradius-radius.so", RTLD_LAZY | RTLD_GLOBAL);
    server = dlopen(FREERADIUS_LIBDIR "/libfreeradius-server.so", RTLD_LAZY | RTLD_GLOBAL);
    if (!radius || !server) {
        printf("skipped: no FreeRADIUS in " FREERADIUS_LIBDIR ": %s\n", dlerror());
        return 77;
    }
    printf("compiled with " HEADERS "\n");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
