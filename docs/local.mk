# docs/: man pages (installed), the decision table and what else explains
EXTRA_DIST += %D%/decision.md %D%/rlm_loggia.md %D%/metrics.md %D%/network.md %D%/splash.png %D%/man/options.py
if ROUTER
dist_man_MANS += %D%/man/loggiactl.1 %D%/man/loggia-gate.8 %D%/man/loggiad.8 %D%/man/loggia.conf.5 %D%/man/loggia-notice.5 %D%/man/loggia-bundle.5
endif
if BOARD
dist_man_MANS += %D%/man/loggia-board.8 %D%/man/board.conf.5
endif
if CENTRE
dist_man_MANS += %D%/man/rlm_loggia.5 %D%/man/loggia-centre.8
endif
