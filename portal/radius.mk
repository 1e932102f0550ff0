# the RADIUS client's files
