"""Output for people after recipes were tried: quality and bytes on the validation split."""

from collections.abc import Sequence
from pathlib import Path

from flows.cli.summary import print_rows
from flows.terminal import tell
from tasks.compression.records import NotMade, read_candidate
from tasks.config import Params
from tasks.errors import ConfigError
from tasks.evaluation.records import BASELINE, Quality, quality_file
from tasks.records import read_record
from tasks.samples import PREPARED, read_dataset
from tasks.wording import capitalized
from tasks.workloads import measuring_of
from tasks.workloads.metric import Metric


def check_recipes(params: Params, names: Sequence[str]) -> None:
    """Refuse names that no recipe has.

    Args:
        params: of the project.
        names: that a person gave.

    Raises:
        ConfigError: there is no such recipe.
    """
    for name in names:
        if name not in params.recipes:
            raise ConfigError(f"--only: expected one of {', '.join(params.recipes)}. Received: {name!r}.")


def print_trial(names: Sequence[str], root: Path = Path()) -> None:
    """Print a row for the baseline and each recipe that was made, and a sentence for each that was not.

    Args:
        names: of the recipes that were tried.
        root: the project's folder.
    """
    made = {name: read_candidate(name, root) for name in names}
    shown = [BASELINE, *(name for name, record in made.items() if not isinstance(record, NotMade))]
    main = measuring_of(read_dataset(root / PREPARED)).main
    print_rows("Tried, on the validation split", [_row(name, main, root) for name in shown])
    for name, record in made.items():
        if isinstance(record, NotMade):
            tell(f"{name} was not made: {record.not_made}")
    tell("Nothing was chosen, decided or released: the test split was not looked at.")


def _row(name: str, main: Metric, root: Path) -> dict[str, str]:
    quality = read_record(root / quality_file(name), Quality)
    cost = quality.cost
    return {
        "Candidate": name,
        capitalized(main.noun): main.shown(quality.splits["validation"].metrics[main.name]),
        "Loaded": f"{cost.loaded_bytes:,}" if cost else "",
        "Stored": f"{cost.stored_bytes:,}" if cost else "",
    }
