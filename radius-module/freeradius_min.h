/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the module uses of FreeRADIUS 3.2. Debian 12's libfreeradius-dev leaves out eight headers
 * that its own radiusd.h includes, so where they are missing this declares just what is used; where
 * they are there (3.2.9 and later) they are preferred.
 *
 * Compile with -DNDEBUG, as the server is: without it REQUEST has one more member, and nothing says
 * so. tests/unit/test_abi.c checks magic and offsets against the installed server. */
#ifndef LOGGIA_RADIUS_MODULE_FREERADIUS_MIN_H
#define LOGGIA_RADIUS_MODULE_FREERADIUS_MIN_H

#ifndef NDEBUG
#error "FreeRADIUS's structures have another layout without -DNDEBUG"
#endif

/* Nothing here matches expressions, and its header would want libpcre3-dev. No structure that is
 * used depends on it. */
#undef HAVE_PCRE
#undef HAVE_REGEX
#undef HAVE_REGEX_H
#include <freeradius/libradius.h>

/* The first members of a REQUEST; never made or copied here. In a macro, so that test_abi.c
 * compares them with the server's own declaration where that is installed. */
#define FREERADIUS_REQUEST_HEAD                                                                    \
    unsigned int number;                                                                           \
    time_t timestamp;                                                                              \
    void *data, *listener, *client;                                                                \
    RADIUS_PACKET *packet;                                                                         \
    VALUE_PAIR *username, *password;                                                               \
    RADIUS_PACKET *reply;                                                                          \
    VALUE_PAIR *config;

#if __has_include(<freeradius/log.h>) && __has_include(<freeradius/connection.h>) &&                \
    __has_include(<freeradius/xlat.h>) && __has_include(<freeradius/process.h>)

#define FREERADIUS_COMPLETE 1
/* In this order: modules.h takes radiusd.h's types for granted. */
#include <freeradius/radiusd.h>

#include <freeradius/modules.h>

#else

typedef struct rad_request REQUEST;
typedef struct main_config main_config_t;

#include <freeradius/conffile.h>

typedef enum rlm_rcodes {
    RLM_MODULE_REJECT = 0,
    RLM_MODULE_FAIL,
    RLM_MODULE_OK,
    RLM_MODULE_HANDLED,
    RLM_MODULE_INVALID,
    RLM_MODULE_USERLOCK,
    RLM_MODULE_NOTFOUND,
    RLM_MODULE_NOOP,
    RLM_MODULE_UPDATED,
    RLM_MODULE_NUMCODES
} rlm_rcode_t;

struct rad_request {
    FREERADIUS_REQUEST_HEAD
};

typedef enum log_type { L_INFO = 3, L_ERR = 4, L_WARN = 5, L_DBG = 16 } log_type_t;
int radlog(log_type_t lvl, char const *fmt, ...) CC_HINT(format(printf, 2, 3));

typedef struct xlat_exp xlat_exp_t;
typedef size_t (*xlat_escape_t)(REQUEST *, char *out, size_t outlen, char const *in, void *arg);
typedef ssize_t (*xlat_func_t)(void *instance, REQUEST *, char const *, char *, size_t);
int xlat_register(char const *module, xlat_func_t func, xlat_escape_t escape, void *instance);
void xlat_unregister(char const *module, xlat_func_t func, void *instance);
ssize_t xlat_tokenize(TALLOC_CTX *ctx, char *fmt, xlat_exp_t **head, char const **error);
ssize_t radius_axlat_struct(char **out, REQUEST *request, xlat_exp_t const *xlat,
                            xlat_escape_t escape, void *ctx);
REQUEST *request_alloc(TALLOC_CTX *ctx);
int request_data_add(REQUEST *request, void *unique_ptr, int unique_int, void *opaque,
                     bool free_opaque);
void *request_data_get(REQUEST *request, void *unique_ptr, int unique_int);
VALUE_PAIR *radius_pair_create(TALLOC_CTX *ctx, VALUE_PAIR **vps, unsigned int attribute,
                               unsigned int vendor);

#include <freeradius/modules.h>

#endif
#endif
