"""Fewer ids: which stay known, the network that knows no others, and the file that is given their new numbers.

The network keeps its input, behind which a layer gives each id its new number (:mod:`tasks.learning.renumbering`). So
it trains and is compared on the prepared samples as they are. Its file does without that layer: a device reads with a
vocabulary of the candidate's own, which gives the new numbers at once.
"""
