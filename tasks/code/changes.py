"""Differences between the code that a stage runs and the code that it last ran."""

from collections.abc import Mapping

from tasks.code.records import CodeRecord

SHOWN = 4  # modules named; the others are counted
UNKNOWN = "its code or a library changed (what it ran last is not in DVC's cache)"


def explain_code(now: bytes, before: bytes | None) -> list[str]:
    """Return what changed, in a few words each.

    Args:
        now: a file of ``data/code``.
        before: the same file when the stage last ran, None where it is not known any more.
    """
    try:
        old = CodeRecord.model_validate_json(before) if before is not None else None
    except ValueError:  # of another version of slimline
        old = None
    if old is None:
        return [UNKNOWN]
    new = CodeRecord.model_validate_json(now)
    python = [f"Python {old.python} → {new.python}"] if old.python != new.python else []
    settings = [
        f"outcome.{name} changed" for name in sorted({*old.settings, *new.settings}) if _differs(name, old, new)
    ]
    return [*_modules(old.modules, new.modules), *_libraries(old.libraries, new.libraries), *settings, *python]


def _differs(name: str, old: CodeRecord, new: CodeRecord) -> bool:
    return bool(old.settings.get(name) != new.settings.get(name))


def _modules(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    changed = [path for path in new if path in old and old[path] != new[path]]
    return [
        *_named("code of {} changed", changed),
        *_named("it runs {} now", [path for path in new if path not in old]),
        *_named("it does not run {} any more", [path for path in old if path not in new]),
    ]


def _named(sentence: str, paths: list[str]) -> list[str]:
    if not paths:
        return []
    more = len(paths) - SHOWN
    shown = ", ".join(paths[:SHOWN]) + (f" and {more} more" if more > 0 else "")
    return [sentence.format(shown)]


def _libraries(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    return [
        f"{name} {old.get(name, 'not used')} → {new.get(name, 'not used')}"
        for name in sorted({**old, **new})
        if old.get(name) != new.get(name)
    ]
