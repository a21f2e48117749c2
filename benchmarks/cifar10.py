"""The whole line on CIFAR-10 with the article's CNN, as a Markdown table: accuracy on the test split, bytes, latency.

Clones the repository, runs `slimline run` on the archive of class folders that is named, and prints what came out.
`--augmented` trains a second baseline with augmentation and dropout; `--project` prints what a folder already has.
The test figures of all candidates are printed for the record; the gate has looked at the chosen one's alone.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tasks.config import load_params
from tasks.evaluation.records import BASELINE
from tasks.evaluation.results import Results, load_results
from tasks.evaluation.rules import difference
from tasks.evaluation.wording import invert, percent, points, points_interval, times, times_interval

REPOSITORY = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
HELD_BACK = 3

PLAIN = ("data.split.validation=0.1", "deployment.model=cifar10", "gate.rules.0.margin=0.02")
AUGMENTED = (
    "training.augmentation.flip=true",
    "training.augmentation.shift=0.1",
    "training.dropout=0.2",
    "training.schedule=cosine",
    "training.learning_rate=0.002",
    "training.epochs=24",
)


def run_line(source: Path, changes: tuple[str, ...]) -> Path:
    """Run the line in a fresh clone; gives the clone."""
    folder = Path(tempfile.mkdtemp(prefix="slimline-cifar10-"))
    subprocess.run(["git", "clone", "--quiet", str(REPOSITORY), str(folder)], check=True)
    settings = [word for change in (f"data.source={source.resolve()}", *changes) for word in ("--set", change)]
    # the clone's own code, whatever happens to the repository meanwhile
    environment = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(folder)}
    done = subprocess.run([BIN / "slimline", "run", *settings], cwd=folder, env=environment, check=False)
    if done.returncode not in {0, HELD_BACK}:
        raise SystemExit(done.returncode)
    return folder


def row(results: Results, name: str) -> list[str]:
    """One model: on the sealed test split, in bytes, in time."""
    cost, base, speed = results.cost(name), results.cost(BASELINE), results.speed(name)
    cells = [name, percent(results.qualities[name].splits["test"].accuracy)]
    if name == BASELINE:
        return [*cells, "", f"{cost.loaded_bytes:,}", f"{cost.stored_bytes:,}", f"{speed.median_us:.1f} µs"]
    seen, faster = difference("accuracy", (name, BASELINE), "test", results), invert(speed.latency_ratio)
    return [
        *cells,
        f"{points(seen.value)} ({points_interval(seen)})",
        f"{cost.loaded_bytes:,} ({times(base.loaded_bytes / cost.loaded_bytes)})",
        f"{cost.stored_bytes:,} ({times(base.loaded_bytes / cost.stored_bytes)})",
        f"{times(faster.value)} ({times_interval(faster)})",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", type=Path, help="an archive or folder with train/<class>/ and test/<class>/")
    parser.add_argument("--augmented", action="store_true", help="with augmentation and dropout")
    parser.add_argument("--project", type=Path, help="a folder in which the line has run")
    options = parser.parse_args()
    if options.project is None and options.source is None:
        parser.error("expected --source or --project. Received: neither.")
    folder = options.project or run_line(options.source, (*PLAIN, *(AUGMENTED if options.augmented else ())))
    os.chdir(folder)
    results = load_results(load_params())
    training = results.training
    print(
        f"epoch {training.best_epoch} of {training.epochs} kept, validation accuracy "
        f"{percent(training.validation_accuracy)}; {results.benchmark.cpu}; {folder}"
    )
    head = ("model", "test accuracy", "difference, points", "bytes loaded", "bytes stored", "speed")
    print("| " + " | ".join(head) + " |\n|" + "---|" * len(head))
    for name in (BASELINE, *results.candidates):
        print("| " + " | ".join(row(results, name)) + " |")
    if results.gate:
        print(f"\nGate: {results.gate.sentence}")


if __name__ == "__main__":
    main()
