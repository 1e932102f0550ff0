# What an admin starts from: samples that the test city runs as they are.
routerexampledir = $(docdir)/examples/router
dist_routerexample_DATA = \
    %D%/dnsmasq.conf \
    %D%/loggia.conf \
    %D%/router.nft \
    %D%/sysctl.conf
