"""Every network of the zoo with every technique and mode: right, refused and why, or a fault.

Outcomes are kept in FOLDER, a file a network, so that a run goes on where it ended. Name networks or cases to run a
part. ``--docs`` writes the page of what there is.
"""

import argparse
import json
import signal
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from tasks.litert import cpu_name
from tests.tasks.compression.zoo.networks import NETWORKS
from tests.tasks.compression.zoo.runs import Outcome, outcomes
from tests.tasks.compression.zoo.steps import ZOO_CASES
from tests.tasks.compression.zoo.worker import DEEP

SHORT, LONGEST = 30, 240  # letters of a reason
VERDICTS = {"right": "right", "refused": "refused", "fault": "faults"}
HEAD = """# The zoo

Networks that slimline was not written for, with every technique in every mode: right, or refused with a reason.

```sh
python -m benchmarks.zoo FOLDER                                  # all; a run goes on where it ended
python -m benchmarks.zoo FOLDER --networks siamese --cases int4  # a part
python -m benchmarks.zoo FOLDER --docs docs/compression/zoo.md   # this page
```

Inputs have at most 96 pixels a side, a training is one step, weights are random. Networks made by hand are in
`tests/tasks/compression/zoo/handmade.py`, the others are those of `tf_keras.applications`, as they are published; of
more than {deep} layers, they are trained without tracing the step. `make test` runs a few cases, `make test-all` all of
them, `pytest tests/tasks/compression/zoo -m slow -k siamese` a part.

**How to read it.** A number is how near the file is to the last Keras model of its recipe, on 64 pictures: the
energy of the logits over that of the error, in decibels, the least of the technique's modes. Float files compute
the same but for the order of sums (100 and more); those of fewer bits differ by their rounding. With `qat` the
model that the file is made of is trained further, so that the number says little. `3 of 4`: so many modes were done
right, the others are refused. **—**: all are refused, for the reasons below. An empty cell was not run.
{cpu}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where outcomes are kept")
    parser.add_argument("--networks", nargs="+", default=list(NETWORKS), choices=list(NETWORKS), metavar="NETWORK")
    parser.add_argument("--cases", nargs="+", default=list(ZOO_CASES), choices=list(ZOO_CASES), metavar="CASE")
    parser.add_argument("--again", choices=("fault", "refused", "right"), nargs="*", default=[], help="run these anew")
    parser.add_argument("--docs", type=Path, help="run nothing and write this page, docs/compression/zoo.md")
    options = parser.parse_args()
    if options.docs:
        options.docs.write_text(page(read(options.folder, NETWORKS)), encoding="utf-8")
        return
    for network in options.networks:
        run(options.folder, network, options.cases, options.again)


def run(folder: Path, network: str, cases: Sequence[str], again: Sequence[str]) -> None:
    """Carry out what is not there yet."""
    folder.mkdir(parents=True, exist_ok=True)
    known = {
        case: outcome
        for case, outcome in kept(folder, network).items()
        if case not in cases or outcome["verdict"] not in again
    }
    for outcome in outcomes(network, [case for case in cases if case not in known]):
        known[outcome["case"]] = outcome
        (folder / f"{network}.json").write_text(json.dumps(known, indent=1), encoding="utf-8")
        print(f"{network}: {outcome['case']}: {outcome['verdict']} {outcome.get('why', '')[:200]}", flush=True)


def kept(folder: Path, network: str) -> dict[str, Outcome]:
    file = folder / f"{network}.json"
    outcomes: dict[str, Outcome] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    return outcomes


def read(folder: Path, networks: Iterable[str]) -> dict[str, dict[str, Outcome]]:
    return {network: found for network in networks if (found := kept(folder, network))}


def page(zoo: dict[str, dict[str, Outcome]]) -> str:
    """The docs' page: a row for each network and a column for each technique, then the reasons of each refusal."""
    columns: dict[str, list[str]] = {}
    for case in ZOO_CASES:
        columns.setdefault(column(case), []).append(case)
    lines = [
        HEAD.format(deep=DEEP, cpu=f"Run on {cpu_name()}, float32 of TensorFlow on CPU."),
        f"| network | {' | '.join(columns)} |",
        f"|---|{'---|' * len(columns)}",
    ]
    for name, found in zoo.items():
        cells = [cell([found[case] for case in cases if case in found]) for cases in columns.values()]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    lines += ["", "Modes: " + "; ".join(f"{name}: {', '.join(cases)}" for name, cases in columns.items()) + "."]
    return "\n".join([*lines, "", *counts(zoo), "", "## Refused, and why", "", *reasons(zoo)]) + "\n"


def column(case: str) -> str:
    """The technique of a case, or the mode in which it quantizes."""
    first, *others = ZOO_CASES[case]
    if any(step["technique"] == "pack" for step in others):
        return "pack"
    if first["technique"] != "quantize":
        return str(first["technique"])
    return "qat" if first.get("training") == "qat" else str(first["mode"])


def cell(found: Sequence[Outcome]) -> str:
    """The results of a technique in its modes."""
    if not found:
        return ""
    if any(outcome["verdict"] == "fault" for outcome in found):
        return "**fault**"
    right = [outcome["decibels"] for outcome in found if outcome["verdict"] == "right"]
    if not right:
        return "—"
    least = f"{min(right):.0f}"
    return least if len(right) == len(found) else f"{least} ({len(right)} of {len(found)})"


def counts(zoo: dict[str, dict[str, Outcome]]) -> Iterator[str]:
    """The number of cases by their end, and those that were not run."""
    every = [outcome["verdict"] for found in zoo.values() for outcome in found.values()]
    told = [f"{every.count(verdict)} {name}" for verdict, name in VERDICTS.items()]
    yield f"{len(every):,} of {len(NETWORKS) * len(ZOO_CASES):,} cases: {', '.join(told)}."
    missing = {name: len(ZOO_CASES) - len(zoo.get(name, {})) for name in NETWORKS}
    if parts := [f"{name} {count}" for name, count in missing.items() if count]:
        yield ""
        yield f"Not run, of {len(ZOO_CASES)} cases each: {', '.join(parts)}."


def reasons(zoo: dict[str, dict[str, Outcome]]) -> Iterator[str]:
    """For each network its refusals and faults, cases of one reason together."""
    for name, found in zoo.items():
        cases: dict[str, list[str]] = {}
        for case, outcome in found.items():
            if outcome["verdict"] != "right":
                mark = "**fault**: " if outcome["verdict"] == "fault" else ""
                cases.setdefault(mark + received(outcome["why"]), []).append(case)
        if cases:
            yield f"- **{name}**"
            yield from (f"  - {', '.join(where)}: {reason}" for reason, where in cases.items())


def received(why: str) -> str:
    """The fault that an error names, with what was expected where that alone says little; without what to do."""
    expected, _, there = " ".join(why.split()).partition("Received: ")
    there = there.partition(". ")[0]
    text = there if len(there) > SHORT else f"{expected}Received: {there}" if there else expected
    text = text.replace("|", "\\|").replace("<", "&lt;").rstrip(". ")
    return text if len(text) <= LONGEST else f"{text[:LONGEST].rstrip()} …"


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # the process that does the work ends, too
    main()
