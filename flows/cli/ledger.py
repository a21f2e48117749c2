"""``slimline ledger``: the decisions on sealed test samples, and what is left of the error that they share."""

from typing import TYPE_CHECKING, Any

from flows.cli.options import Json
from flows.cli.release import Store, deployment

if TYPE_CHECKING:
    from tasks.deployment.decisions.entries import Book, Entry, Set


def ledger(model: str | None = None, *, store: Store = None, json: Json = False) -> None:
    """List the decisions on sealed test samples, the newest first, and what each set of samples can still decide.

    Parameters
    ----------
    model
        The model's name; by default the one of params.yaml.
    """
    from flows.cli.summary import print_rows
    from flows.terminal import print_json, tell
    from tasks.deployment.decisions.ledger import folder, read
    from tasks.deployment.stores.opening import open_store

    settings = deployment(store, model)
    book = read(open_store(settings.store), settings.model)
    if json:
        decisions = [_record(entry) for entry in reversed(book.entries)]
        sets = [_left(book, number, of) for number, of in enumerate(book.sets, start=1)]
        print_json({"ledger": folder(settings.model), "decisions": decisions, "sets": sets})
        return
    print_rows(f"Decisions on sealed samples of {settings.model}", [_row(entry) for entry in reversed(book.entries)])
    for number, of in enumerate(book.sets, start=1):
        tell(_sentence(_left(book, number, of)))


def _record(entry: "Entry") -> dict[str, Any]:
    ended = entry.ended.model_dump(mode="json", exclude={"kind", "number"}) if entry.ended else None
    line = entry.reserved.model_dump(mode="json", exclude={"kind"})
    return {**line, "turn": entry.turn, "ended": ended, "sha256": entry.sha256}


def _row(entry: "Entry") -> dict[str, str]:
    from tasks.spending import two_sided
    from tasks.wording import confidence

    line = entry.reserved
    return {
        "Decision": str(line.number),
        "When": line.at,
        "Candidate": line.question.candidate[:12],
        "Samples": f"{line.samples:,}",
        "Of set": str(line.set or ""),
        "Turn": str(entry.turn or ""),
        "Confidence": confidence(two_sided(line.level)) if line.set else "",
        "Level": f"{line.level:.3g}" if line.set else "",
        "Outcome": entry.ended.outcome if entry.ended else "not ended",
    }


def _left(book: "Book", number: int, of: "Set") -> dict[str, Any]:
    """Return what a set of samples can still decide, on the terms of its last decision."""
    from tasks.spending import two_sided, worth

    last = next((entry.reserved for entry in reversed(book.entries) if entry.reserved.set == number), None)
    level = of.budget.level(last.error, last.ceiling) if last else None
    return {
        "set": number,
        "samples": of.opened.count,
        "decisions": of.turns,
        "passed": of.budget.passed,
        "error_left": of.budget.wealth * last.error if last else None,
        "next_confidence": two_sided(level) if level else None,
        "next_worth": worth(of.opened.count, level, last.ceiling) if last and level else None,
    }


def _sentence(left: dict[str, Any]) -> str:
    from tasks.wording import confidence

    counts = f"{left['samples']:,} samples, {left['decisions']:,} decisions, {left['passed']:,} passed"
    head, more = f"Set {left['set']}, {counts}: ", f"{left['samples']:,} test samples that no decision has seen"
    if left["next_confidence"] is None:
        return f"{head}worn out. {more} would be a set of their own."
    worth = f"as strong as a first one on {left['next_worth']:,} samples"
    return f"{head}the next is at {confidence(left['next_confidence'])}, {worth}. {more} would be a set of their own."
