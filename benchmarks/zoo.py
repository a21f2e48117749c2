"""Every network of the zoo with every technique and mode: right, refused and why, or a fault.

Outcomes are kept in FOLDER, a file a network, so that a run goes on where it ended. Name networks or cases to run a
part. ``--docs`` writes the page of what there is.
"""

import argparse
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from tests.tasks.compression.zoo.networks import NETWORKS
from tests.tasks.compression.zoo.runs import Outcome, outcomes
from tests.tasks.compression.zoo.steps import ZOO_CASES

SIGNS = {"refused": "—", "fault": "**fault**"}
HEAD = """# The zoo

Networks that slimline was not written for, with every technique in every mode. `{command}` runs
them and `--docs` writes this page. Inputs have at most 96 pixels a side, a training is one step, weights are random.

A number is how near the deployed file is to the last Keras model of its recipe: the energy of the logits over that of
the error, in decibels. Float files compute the same but for the order of sums (100 and more); quantized ones differ by
their rounding. With `qat` the model that the file is made of is trained further, so that the number says little. — :
refused with the reason below. Networks by hand are in `tests/tasks/compression/zoo/handmade.py`, the others are those
of `tf_keras.applications`.
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
    known = {name: outcome for name, outcome in kept(folder, network).items() if outcome["verdict"] not in again}
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
    """The docs' page: a row a network and a column a case, then each refusal and fault in a sentence."""
    cases = [case for case in ZOO_CASES if any(case in found for found in zoo.values())]
    lines = [
        HEAD.format(command="python -m benchmarks.zoo FOLDER"),
        f"| network | {' | '.join(str(number) for number, _ in enumerate(cases, 1))} |",
        f"|---|{'---|' * len(cases)}",
        *(f"| {name} | {' | '.join(cell(found.get(case)) for case in cases)} |" for name, found in zoo.items()),
        "",
        *(f"{number}. {case}" for number, case in enumerate(cases, 1)),
        "",
        "## Refused, and why",
        "",
    ]
    reasons: dict[str, list[str]] = {}
    for network, found in zoo.items():
        for case, outcome in found.items():
            if outcome["verdict"] != "right":
                reasons.setdefault(one_line(outcome["why"]), []).append(f"{network} {case}")
    lines += [f"- {reason} *({', '.join(where)})*" for reason, where in sorted(reasons.items())]
    return "\n".join(lines) + "\n"


def cell(outcome: Outcome | None) -> str:
    if outcome is None:
        return ""
    if outcome["verdict"] != "right":
        return SIGNS[outcome["verdict"]]
    return f"{outcome['decibels']:.0f}"


def one_line(text: str) -> str:
    return " ".join(text.replace("|", "\\|").replace("<", "&lt;").split())


if __name__ == "__main__":
    main()
