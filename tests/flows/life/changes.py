"""Changes of a source of tiny images, dark ones and light ones: batches that are added, mended, damaged, lost."""

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.flows.life.rules import Answer, Facts
from tests.tasks.data_loading.material import Tree, picture, shaded

CLASSES = {"dark": 40, "light": 215}  # grey
SIZE = {"height": 2, "width": 2}
FIRST, BATCH = 90, 5  # images of a class at first, and in a batch
BAD: tuple[tuple[str, Answer | None], ...] = (  # kinds of bad changes and what the person says who is asked
    ("damaged", None),
    ("damaged", None),
    ("damaged", None),
    ("mixed up", None),
    ("mixed up", None),
    ("lost", None),
    ("lost", "approve"),
    ("lost", "reject"),
    ("new class", None),
    ("class gone", "reject"),
)


@dataclass(frozen=True)
class Change:
    """A state that the source comes to: its files, and what is known of them."""

    kind: str
    files: Tree
    facts: Facts


def changes(count: int, bad: int, dice: random.Random) -> Iterator[Change]:
    """Yield changes in a shuffled order, good ones first and last; a good one mends what the bad one before it did."""
    kinds: list[tuple[str, Answer | None]] = [("good", None)] * (count - bad - 2)
    kinds += dice.sample(BAD, k=bad)
    dice.shuffle(kinds)
    good = shaded(CLASSES, FIRST, **SIZE)
    for number, (kind, answer) in enumerate([("good", None), *kinds, ("good", None)]):
        good |= shaded(CLASSES, BATCH, first=FIRST + BATCH * number, **SIZE)
        files = good if kind == "good" else spoilt(kind, good, dice)
        damaged = sum(name.endswith("broken.png") for name in files)
        classes = Counter(name.partition("/")[0] for name in files if not name.endswith("broken.png"))
        yield Change(kind, dict(files), Facts(dict(classes), damaged, kind != "mixed up", answer))


def spoilt(kind: str, good: Tree, dice: random.Random) -> Tree:
    """Return files in which something has gone wrong."""
    names = sorted(good)
    if kind == "damaged":
        return good | {f"dark/{number}broken.png": picture(number)[:50] for number in range(len(good) // 10)}
    if kind == "mixed up":
        return dict(zip(names, dice.sample([good[name] for name in names], k=len(names)), strict=True))
    if kind == "lost":
        return {name: good[name] for name in dice.sample(names, k=int(0.6 * len(names)))}
    if kind == "new class":
        return good | shaded({"grey": 128}, 30, **SIZE)
    return {name: content for name, content in good.items() if name.startswith("dark/")}


def bring(folder: Path, files: Tree) -> None:
    """Let a folder hold these files and no others; what is the same already stays as it is."""
    for path in sorted(folder.rglob("*.png")):
        if str(path.relative_to(folder)) not in files:
            path.unlink()
    for name, content in files.items():
        path = folder / name
        if not path.exists() or path.read_bytes() != content:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    for path in sorted(folder.glob("*")):
        if not any(path.iterdir()):
            path.rmdir()
