"""The history of a model across runs: what each one came to, over time.

::

    models/<model>/runs/<UTC time>-<eight digits>.json    what a finished run measured and came to

Releases and decisions on sealed samples have records of their own in the store: a signed manifest, the ledger. They are
read each time, and count where a run's record says the same thing. It is there for what nothing else keeps: candidates
that were held back, intervals, latency, the cause.
"""
