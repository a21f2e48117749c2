"""Measure what the line makes of CIFAR-10, as Markdown tables: accuracy on the test split, bytes, latency.

For each baseline and each seed a clone of the repository runs `slimline run` on the archive of class folders that is
named, with the recipes of params.yaml; then a table of that run is printed, and at the end one over all seeds.
`--project` prints what a folder already has. `--peers` makes the candidates of `peers.yaml` in place of those of
params.yaml and prints them beside what other tools reach; with `--project` in a folder where the line has run, whose
baseline stays.

Baselines: ``plain`` is the article's CNN as in the article, ``augmented`` the same with augmentation and dropout,
``resnet8`` MLPerf Tiny's network with augmentation. A candidate is non-inferior when the lower 95 % bound of its
paired difference to its baseline lies above −1 point. The test figures of all candidates are printed for the record:
that is research, and whoever has read them has worn this test split out. A line that releases keeps them sealed.
"""

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import peers
from tasks.compression.records import candidate_model
from tasks.config import load_params
from tasks.evaluation.decision import ask
from tasks.evaluation.records import BASELINE
from tasks.evaluation.results import Results, load_results
from tasks.evaluation.rules import difference
from tasks.training.records import BASELINE_TFLITE
from tasks.wording import invert, number, percent, points, points_interval, times, times_interval

REPOSITORY = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
HELD_BACK = 3
MARGIN = 0.01
HEAD = ("model", "test accuracy", "difference, points", "bytes loaded", "bytes stored", "speed", "non-inferior")

COMMON = (
    "data.split.validation=0.1",
    "deployment.model=cifar10_benchmark",
    "gate.rules.0.margin=0.01",
    "teachers.strong.augmentation.flip=true",
    "recipes.fast.1.augmentation.flip=true",  # the block that all recipes share
)
AUGMENTATION = (
    "training.augmentation.flip=true",
    "training.augmentation.shift=0.1",
    "training.schedule=cosine",
    "training.learning_rate=0.002",
)
TAUGHT_BY_RESNET8 = (
    "teachers={strong: {model: resnet8, epochs: 60, schedule: cosine, learning_rate: 0.002, "
    "precision: mixed_bfloat16, augmentation: {flip: true, shift: 0.1}}}",
)
WITH_RESNET8 = (
    "training.model=resnet8",
    "training.epochs=60",
    "training.precision=mixed_bfloat16",
    # nothing in the line knows more than the baseline does: it teaches its candidates itself
    "teachers={}",
    "recipes.fast.1.distillation.teacher=baseline",
    "recipes.pruned_int4.0.sparsity=0.51",
    "recipes.pruned_int4.0.precision=mixed_bfloat16",
    "recipes.pruned_int4.1.precision=mixed_bfloat16",
    "recipes.pruned_int4.1.epochs=60",
    "recipes.pruned_int4.1.learning_rate=0.002",
    "recipes.pruned_int4.2.epochs=10",
    "recipes.pruned_int4.2.learning_rate=0.0005",
)
WIDER = "{metric: macs, max_ratio: 0.42}"  # in sixteens: 16, 48 and 48 channels of 32, 64 and 64
BASELINES: dict[str, tuple[str, ...]] = {
    "plain": (),
    # a better baseline leaves less to spare: more channels and more weights stay, and who teaches has to know more
    "augmented": (
        *AUGMENTATION,
        "training.dropout=0.2",
        *TAUGHT_BY_RESNET8,
        f"recipes.fast.0={{technique: prune_channels, criterion: taylor, budget: {WIDER}, multiple_of: 16}}",
        f"recipes.balanced.0.budget={WIDER}",  # the block that balanced and tiny share
        "recipes.tiny.3.sparsity=0.75",
        "recipes.tiny.5.weight_bits=5",
        "~recipes.tiny.2",  # low rank, which was not tried with it
    ),
    "resnet8": (*AUGMENTATION, *WITH_RESNET8),
}


@dataclass(frozen=True)
class Row:
    """One model of one run."""

    name: str
    accuracy: float
    difference: float
    lowest: float  # lower bound of the difference
    loaded: float  # times smaller than the float file
    stored: float
    speed: float
    cells: tuple[str, ...]


def without_others(recipes: Sequence[str]) -> tuple[str, ...]:
    """Changes that leave no recipes of params.yaml but these; all if none is named."""
    known = load_params(REPOSITORY / "params.yaml").recipes
    check_names(recipes, known, "params.yaml")
    return tuple(f"~recipes.{name}" for name in known if recipes and name not in recipes)


def those_of_peers(recipes: Sequence[str]) -> tuple[str, ...]:
    """Changes that put these of the peers' recipes, or all, in place of any others, and no teacher but the baseline."""
    known = {name: peer.recipe for name, peer in peers.read_peers().items()}
    check_names(recipes, known, "peers.yaml")
    chosen = {name: recipe for name, recipe in known.items() if not recipes or name in recipes}
    return f"recipes={json.dumps(chosen)}", "teachers={}"


def check_names(recipes: Sequence[str], known: Collection[str], file: str) -> None:
    """End with an error if a recipe is none of the file's."""
    if unknown := set(recipes) - set(known):
        raise SystemExit(f"Expected recipes of {file}: {', '.join(known)}. Received: {', '.join(unknown)}.")


def clone() -> Path:
    """A fresh clone of the repository."""
    folder = Path(tempfile.mkdtemp(prefix="slimline-cifar10-"))
    subprocess.run(["git", "clone", "--quiet", str(REPOSITORY), str(folder)], check=True)
    return folder


def run_line(folder: Path, changes: Sequence[str]) -> Path:
    """Run the line in a clone; gives the clone."""
    settings = [word for change in changes for word in ("--set", change)]
    # the clone's own code, whatever happens to the repository meanwhile
    environment = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(folder)}
    done = subprocess.run([BIN / "slimline", "run", *settings], cwd=folder, env=environment, check=False)
    if done.returncode not in {0, HELD_BACK}:
        raise SystemExit(done.returncode)
    return folder


def row(results: Results, name: str) -> Row:
    """One model: on the sealed test split, in bytes, in time."""
    cost, base, speed = results.cost(name), results.cost(BASELINE), results.speed(name)
    accuracy = results.qualities[name].splits["test"].metrics["accuracy"]
    loaded, stored = base.loaded_bytes / cost.loaded_bytes, base.loaded_bytes / cost.stored_bytes
    if name == BASELINE:
        cells = ("", f"{cost.loaded_bytes:,}", f"{cost.stored_bytes:,}", f"{speed.median_us:.1f} µs", "")
        return Row(name, accuracy, 0.0, 0.0, loaded, stored, 1.0, cells)
    seen, faster = difference("accuracy", (name, BASELINE), "test", results), invert(speed.latency_ratio)
    cells = (
        f"{points(seen.value)} ({points_interval(seen)})",
        f"{cost.loaded_bytes:,} ({times(loaded)})",
        f"{cost.stored_bytes:,} ({times(stored)})",
        f"{times(faster.value)} ({times_interval(faster)})",
        "yes" if seen.low > -MARGIN else "no",
    )
    return Row(name, accuracy, seen.value, seen.low, loaded, stored, faster.value, cells)


def with_test_figures(results: Results) -> Results:
    """Results that know every candidate's answers to the test split."""
    return ask(results, {BASELINE: BASELINE_TFLITE} | {name: candidate_model(name) for name in results.candidates})


@contextlib.contextmanager
def inside(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def show(folder: Path, with_peers: bool) -> list[Row]:
    """Print what a project has, and beside it what peers have."""
    with inside(folder):
        results = with_test_figures(load_results(load_params()))
        rows = [row(results, name) for name in (BASELINE, *results.candidates)]
        beside = [
            peers.beside(
                peer, name, difference("accuracy", (name, BASELINE), "test", results), results.cost(name).stored_bytes
            )
            for name, peer in (peers.read_peers() if with_peers else {}).items()
            if name in results.candidates
        ]
    training = results.training
    print(
        f"\nepoch {training.best_epoch} of {training.epochs} kept, validation accuracy "
        f"{percent(training.metrics['accuracy'])}; {results.benchmark.cpu}; {folder}\n"
    )
    print_table(HEAD, [(each.name, percent(each.accuracy), *each.cells) for each in rows])
    if beside:
        print()
        print_table(peers.HEAD, beside)
    for verdict in (results.gate, results.decision):
        if verdict:
            print(f"\n{verdict.sentence}", flush=True)
    return rows


def print_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    print("| " + " | ".join(head) + " |\n|" + "---|" * len(head))
    for cells in rows:
        print("| " + " | ".join(cells) + " |")


def summarize(baseline: str, runs: Sequence[Sequence[Row]]) -> None:
    """A line for each model over all seeds: means, and in how many runs it was non-inferior."""
    print(f"\n{baseline}, {len(runs)} seeds: means\n")
    lines = []
    for same in zip(*runs, strict=True):
        good = sum(each.lowest > -MARGIN for each in same)
        lines.append(
            (
                same[0].name,
                percent(statistics.mean(each.accuracy for each in same)),
                f"{points(statistics.mean(each.difference for each in same))} "
                f"({points(min(each.difference for each in same))} … {points(max(each.difference for each in same))})",
                times(statistics.mean(each.loaded for each in same)),
                times(statistics.mean(each.stored for each in same)),
                times(statistics.mean(each.speed for each in same)),
                f"{number(good, 0)} of {len(same)}" if same[0].name != BASELINE else "",
            )
        )
    print_table((*HEAD[:2], "difference, points (least … most)", "loaded", "stored", *HEAD[5:]), lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", type=Path, help="an archive or folder with train/<class>/ and test/<class>/")
    parser.add_argument("--baseline", nargs="+", choices=BASELINES, default=["plain"], help="which baselines")
    parser.add_argument("--seeds", nargs="+", type=int, default=[1], help="one run of the whole line for each")
    parser.add_argument("--recipes", nargs="+", default=[], help="which recipes; all if none is named")
    parser.add_argument("--set", nargs="+", default=[], metavar="KEY=VALUE", help="further changes of params.yaml")
    parser.add_argument("--peers", action="store_true", help="the recipes of peers.yaml in place of params.yaml's")
    parser.add_argument("--project", nargs="+", type=Path, help="folders in which the line has run")
    options = parser.parse_args()
    if options.project is None and options.source is None:
        parser.error("expected --source or --project. Received: neither.")
    if options.project:
        runs = [
            show(run_line(folder, those_of_peers(options.recipes)) if options.peers else folder, options.peers)
            for folder in options.project
        ]
        if len(runs) > 1:
            summarize("projects", runs)
        return
    chosen = those_of_peers(options.recipes) if options.peers else without_others(options.recipes)
    for baseline in options.baseline:
        # what is taken out goes last: a block that recipes share may be changed through any of them
        source = f"data.source={options.source.resolve()}"
        changes = (source, *COMMON, *BASELINES[baseline], *options.set, *chosen)
        runs = [show(run_line(clone(), (*changes, f"training.seed={seed}")), options.peers) for seed in options.seeds]
        if len(runs) > 1:
            summarize(baseline, runs)


if __name__ == "__main__":
    main()
