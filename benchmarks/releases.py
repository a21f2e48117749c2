"""Many processes release at once: exactly one wins a round, readers see only whole releases, no move is missing.

::

    python benchmarks/releases.py --rounds 200 --processes 8                          # the embedded store
    python benchmarks/releases.py --rounds 200 --processes 8 --store s3://bucket/prefix

The store must be empty; its settings are the standard AWS ones. ``python -m tests.radosgw`` starts a Ceph gateway.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.tasks.deployment.racing import check, race


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", help="by default a folder that is removed afterwards")
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--processes", type=int, default=8)
    parser.add_argument("--readers", type=int, default=2)
    given = parser.parse_args()

    def tell(turn: int, winners: tuple[int, ...]) -> None:
        print(f"round {turn + 1}: {', '.join(map(str, winners))}", file=sys.stderr, flush=True)

    with tempfile.TemporaryDirectory(prefix="slimline-race-") as folder:
        store = given.store or f"file://{folder}/store"
        (Path(folder) / "race").mkdir()
        began = time.monotonic()
        result = race(store, Path(folder) / "race", given.rounds, given.processes, given.readers, tell)
        seconds = time.monotonic() - began
    check(result)
    moves = {channel: len(trail) for channel, trail in result.trails.items()}
    print(
        f"{given.rounds} rounds of {given.processes} in {seconds:.0f} s: one winner each; moves {moves}, none missing; "
        f"{result.fetched} releases fetched meanwhile, all whole"
    )


if __name__ == "__main__":
    main()
