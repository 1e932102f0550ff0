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
if BOARD
include tests/unit/feeds.mk
include tests/unit/noticeboard.mk
endif
endif
include tests/fuzz/local.mk

if ROUTER
# The gate's tests on Debian 12's own kernel, booted by qemu; as root.
check-kernel: netfilter/loggia-gate
	cd $(srcdir) && tests/kernel/check-kernel $(abs_builddir) $(KERNEL_TESTS)
# The same on the same kernel as a program of this machine; with all that offload needs.
check-kernel-uml: netfilter/loggia-gate
	cd $(srcdir) && tests/kernel/check-kernel-uml $(abs_builddir) $(KERNEL_TESTS)

# The long versions of what ./check does for a few seconds; as root, on a machine that does nothing else.
SOAK = cd $(srcdir) && LOGGIA_SOAK=1 LOGGIA_BUILD=$(abs_builddir) /usr/bin/python3 -m pytest -q -s -p no:cacheprovider
soak-rates: netfilter/loggia-gate
	$(SOAK) tests/integration/test_gate_rates.py
soak-accounting: netfilter/loggia-gate
	$(SOAK) tests/integration/test_gate_accounting.py
soak-restarts: netfilter/loggia-gate portal/loggiad portal/loggiactl
	$(SOAK) tests/integration/test_gate_restarts.py
soak-flush: netfilter/loggia-gate
	$(SOAK) tests/integration/test_gate_guard.py -k before_all
soak-tunnels: netfilter/loggia-gate
	$(SOAK) tests/integration/test_gate_tunnels.py
endif
.PHONY: check-kernel check-kernel-uml soak-rates soak-accounting soak-flush soak-restarts soak-tunnels
EXTRA_DIST += %D%/kernel
