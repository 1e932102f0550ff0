# Unit tests: one cmocka program a room, each room's list in a file of its own.
UNIT_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS) -DTEST_SRCDIR='"$(abs_top_srcdir)"'
if UNIT_TESTS
include tests/unit/lib.mk
if ROUTER
include tests/unit/admin.mk
include tests/unit/netfilter.mk
include tests/unit/pages.mk
include tests/unit/policy.mk
include tests/unit/portal.mk
include tests/unit/radius.mk
endif
if CENTRE
include tests/unit/radius-module.mk
endif
endif
include tests/fuzz/local.mk
