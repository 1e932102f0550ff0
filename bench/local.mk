# Benchmarks: nothing of it is built by `make` or `make check`. `make bench` runs them all, as root;
# each prints a table and writes bench/NAME.json in the build directory.
BENCHES =
if ROUTER
BENCH_GATE = %D%/bare_nft %D%/flood %D%/gate_client
EXTRA_PROGRAMS += $(BENCH_GATE)
CLEANFILES += $(BENCH_GATE) %D%/gate.json
%C%_bare_nft_SOURCES = %D%/bare_nft.c
%C%_bare_nft_CFLAGS = $(AM_CFLAGS) $(NFTNL_CFLAGS)
%C%_bare_nft_LDADD = $(NFTNL_LIBS)
%C%_flood_SOURCES = %D%/flood.c
%C%_gate_client_SOURCES = %D%/gate_client.c
BENCHES += bench-gate

bench-gate: $(BENCH_GATE) netfilter/loggia-gate portal/loggiad portal/loggiactl radius-module/rlm_loggia.la
	cd $(srcdir) && LOGGIA_BUILD=$(abs_builddir) /usr/bin/python3 %D%/gate.py
endif

if ROUTER
BENCH_BOARD = %D%/board_routers %D%/http_load %D%/http_static
EXTRA_PROGRAMS += $(BENCH_BOARD)
CLEANFILES += $(BENCH_BOARD) %D%/board.json
%C%_board_routers_SOURCES = %D%/board_routers.c portal/board.c portal/board_keep.c portal/board_load.c portal/board_report.c portal/board_begin.c
%C%_board_routers_LDADD = portal/libloggia-portal.la lib/libloggia-fetch.la lib/libloggia-bundle.la lib/libloggia-web.la \
    lib/libloggia-host.la lib/libloggia-core.la
%C%_http_load_SOURCES = %D%/http_load.c
%C%_http_static_SOURCES = %D%/http_static.c
%C%_http_static_LDADD = lib/libloggia-web.la lib/libloggia-host.la lib/libloggia-core.la
BENCHES += bench-board

bench-board: $(BENCH_BOARD) portal/loggiad netfilter/loggia-gate portal/loggiactl noticeboard/loggia-board
	cd $(srcdir) && LOGGIA_BUILD=$(abs_builddir) /usr/bin/python3 %D%/board.py
endif

if CENTRE
# The routers' side of it speaks with the router's own codec.
BENCH_FEDERATION = %D%/radius_load
EXTRA_PROGRAMS += $(BENCH_FEDERATION)
CLEANFILES += $(BENCH_FEDERATION) %D%/federation.json
%C%_radius_load_SOURCES = %D%/radius_load.c
%C%_radius_load_LDADD = portal/libloggia-radius.la lib/libloggia-host.la lib/libloggia-core.la
# The module with a memory that is full from the beginning.
EXTRA_LTLIBRARIES += %D%/remember/rlm_loggia.la
CLEANFILES += %D%/remember/rlm_loggia.la
%C%_remember_rlm_loggia_la_SOURCES = %D%/remember.c
%C%_remember_rlm_loggia_la_LDFLAGS = $(radius_module_rlm_loggia_la_LDFLAGS) -rpath $(frlibdir) -Wl,--wrap=fed_start
%C%_remember_rlm_loggia_la_LIBADD = $(radius_module_rlm_loggia_la_OBJECTS) $(radius_module_rlm_loggia_la_LIBADD)
BENCHES += bench-federation

bench-federation: $(BENCH_FEDERATION) %D%/remember/rlm_loggia.la radius-module/rlm_loggia.la tests/unit/memory_scale
	cd $(srcdir) && LOGGIA_BUILD=$(abs_builddir) /usr/bin/python3 %D%/federation.py
endif

if BOARD
CLEANFILES += %D%/board_list.json
BENCHES += bench-board-list

bench-board-list: noticeboard/loggia-board
	cd $(srcdir) && LOGGIA_BUILD=$(abs_builddir) /usr/bin/python3 %D%/board_list.py
endif

bench: $(BENCHES)
.PHONY: bench $(BENCHES)
EXTRA_DIST += %D%/gate.py %D%/gate_flush.py %D%/gate_offload.py %D%/gate_system.py %D%/click.py %D%/federation.py %D%/report.py %D%/stock.py %D%/board.py %D%/board_list.py %D%/opennds.py
