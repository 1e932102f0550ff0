# What the admin of a noticeboard starts from.
if BOARD
boardexampledir = $(docdir)/examples/board
dist_boardexample_DATA = \
    %D%/board.conf \
    %D%/nginx.conf
else
EXTRA_DIST += %D%/board.conf %D%/nginx.conf
endif
