# conf
include conf/router/local.mk
