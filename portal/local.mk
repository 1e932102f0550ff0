# portal/: loggiad and loggiactl
include portal/radius.mk
