"""The difference between two states of a source: what was added, removed and changed, for each class."""

from collections import Counter
from collections.abc import Mapping

from tasks.config import Data
from tasks.data_loading.kept_listings import read_kept
from tasks.records import Record
from tasks.text import visible
from tasks.watching.looking import class_of
from tasks.watching.records import Count, SourceState

MOST_NAMED = 50  # classes of each kind in a difference: it travels in an event
MOST_LETTERS = 100  # of a name
NAMED = 5  # in a sentence


class ClassDifference(Record):
    """Files of one class."""

    added: Count = 0
    removed: Count = 0
    changed: Count = 0

    @property
    def total(self) -> int:
        """Return how many files differ."""
        return self.added + self.removed + self.changed


class Difference(Record):
    """The difference between two states of a source. Names are those of at most 50 classes, cut to 100 letters.

    ``exact``: files were compared by name; else only their numbers are known, and what was changed is not. ``classes``
    are those that differ most. ``more_classes`` counts those that differ and are not named.
    """

    exact: bool
    files: Count
    added: Count
    removed: Count
    changed: Count
    classes: dict[str, ClassDifference]
    more_classes: Count
    new_classes: tuple[str, ...]
    new_count: Count
    vanished_classes: tuple[str, ...]
    vanished_count: Count

    @property
    def sentence(self) -> str:
        """Say it in a sentence."""
        if not self.exact and not (self.added or self.removed):
            return "The source changed."
        counts = {"added": self.added, "removed": self.removed, "changed": self.changed}
        words = [f"{count:,} {'file' if count == 1 else 'files'} {what}" for what, count in counts.items() if count]
        text = f"{', '.join(words) or 'No file differs'}."
        if self.new_count:
            text += f" New: {listed(self.new_classes, self.new_count)}."
        if self.vanished_count:
            text += f" Gone: {listed(self.vanished_classes, self.vanished_count)}."
        return text


def compare(before: SourceState | None, now: SourceState, data: Data) -> Difference:
    """Return how two states differ, file by file where the listings of both are kept, else by their numbers.

    Args:
        before: what was trained on; None where nothing was.
        now: what is there.
        data: the part of params.yaml.
    """
    old = {} if before is None else read_kept(before.digest)
    new = read_kept(now.digest)
    exact = old is not None and new is not None
    of_class = by_file(old or {}, new or {}, data) if exact else by_number(before, now)
    totals = {what: sum(getattr(each, what) for each in of_class.values()) for what in ("added", "removed", "changed")}
    new_classes, vanished = changed_classes(before.classes if before else None, now.classes)
    named = sorted((name for name in of_class if name), key=lambda name: (-of_class[name].total, name))
    return Difference(
        exact=exact,
        files=now.listing.files,
        **totals,
        classes={cut(name): of_class[name] for name in named[:MOST_NAMED]},
        more_classes=len(named[MOST_NAMED:]),
        new_classes=tuple(map(cut, new_classes[:MOST_NAMED])),
        new_count=len(new_classes),
        vanished_classes=tuple(map(cut, vanished[:MOST_NAMED])),
        vanished_count=len(vanished),
    )


def by_file(old: Mapping[str, str], new: Mapping[str, str], data: Data) -> dict[str, ClassDifference]:
    """Return how many files differ, by class; those of none go by the name ``""``.

    Args:
        old: what is known of each file, by path.
        new: the same of the later state.
        data: the part of params.yaml.
    """
    class_name = class_of(data)

    def count(paths: set[str]) -> Counter[str]:
        return Counter(class_name(path, 0) or "" for path in paths)

    added, removed = count(new.keys() - old.keys()), count(old.keys() - new.keys())
    changed = count({path for path in old.keys() & new.keys() if old[path] != new[path]})
    return {
        name: ClassDifference(added=added[name], removed=removed[name], changed=changed[name])
        for name in added | removed | changed
    }


def by_number(before: SourceState | None, now: SourceState) -> dict[str, ClassDifference]:
    """Return the least that must have been added and removed, by the numbers of files alone.

    Args:
        before: the state before; None where there was none.
        now: the state now.
    """
    if before is None or before.classes is None or now.classes is None:
        grown = now.listing.files - (before.listing.files if before else 0)
        return {"": ClassDifference(added=max(0, grown), removed=max(0, -grown))}
    grown_by = {name: now.classes.get(name, 0) - before.classes.get(name, 0) for name in before.classes | now.classes}
    return {
        name: ClassDifference(added=max(0, grown), removed=max(0, -grown)) for name, grown in grown_by.items() if grown
    }


def changed_classes(
    before: Mapping[str, int] | None, now: Mapping[str, int] | None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the classes that are new and those that are gone; none where either is not known.

    Args:
        before: files of each class; None where names do not tell classes.
        now: the same of the later state.
    """
    if before is None or now is None:
        return (), ()
    return tuple(sorted(now.keys() - before.keys())), tuple(sorted(before.keys() - now.keys()))


def cut(name: str) -> str:
    """Return a name as it is shown, at most so long.

    Args:
        name: of a class.
    """
    shown = visible(name)
    return shown if len(shown) <= MOST_LETTERS else f"{shown[: MOST_LETTERS - 1]}…"


def listed(names: tuple[str, ...], count: int) -> str:
    """Return some names, and how many more there are.

    Args:
        names: some of them.
        count: of all.
    """
    more = f" and {count - NAMED:,} more" if count > NAMED else ""
    return ", ".join(map(cut, names[:NAMED])) + more
