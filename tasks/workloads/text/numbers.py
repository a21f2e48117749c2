"""Numbers of tokens that mean something by themselves."""

PADDING = 0  # no token, before the first one of a text that is shorter than the network takes
UNKNOWN_ID = 1  # a token that is not known
FIRST = 2  # of those that are
