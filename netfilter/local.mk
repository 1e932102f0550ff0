# netfilter
