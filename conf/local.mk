# conf
include conf/router/local.mk
include conf/board/local.mk
include conf/notices/local.mk
include conf/centre/local.mk
include conf/systemd/local.mk
