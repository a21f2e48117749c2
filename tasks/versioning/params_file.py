"""Changes of params.yaml in place, comments kept, as `dvc exp run -S` makes them."""

from collections.abc import Callable, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

from tasks.config import PARAMS, Params, parse_params
from tasks.errors import ConfigError
from tasks.files import write_text
from tasks.text import storable
from tasks.workloads import find_workload


def set_params(
    changes: Sequence[str], path: Path = PARAMS, check: Callable[[Params], object] = lambda params: params
) -> None:
    """Apply ``key.path=value`` and ``~key.path`` changes; values are YAML. Nothing is written unless the result fits.

    Args:
        changes: what to change, and, with ``~`` before it, what to take out.
        path: of params.yaml.
        check: looks at the changed params and raises ConfigError where they do not fit, before they are written.

    Raises:
        ConfigError: a change is neither ``key=value`` nor ``~key``, or what comes out does not fit params.yaml.
    """
    params, before, after = _changed(changes, path)
    check(params)
    if after != before:
        write_text(path, after)


def with_changes(changes: Sequence[str], path: Path = PARAMS) -> Params:
    """Return params.yaml as :func:`set_params` would leave it, and leave the file as it is.

    Args:
        changes: as ``--set`` takes them, ``key=value`` each.
        path: of params.yaml.

    Raises:
        ConfigError: see :func:`set_params`.
    """
    return _changed(changes, path)[0]


def read_values(path: Path = PARAMS) -> dict[str, Any]:
    """Return the values of a params.yaml that was checked, as they are written there.

    Args:
        path: of params.yaml.
    """
    from ruamel.yaml import YAML

    values: dict[str, Any] = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    return values


def expect_options(workload: str, path: Path = PARAMS) -> None:
    """Refuse a params.yaml without the part of its workload, on which stages depend: DVC wants it to be there.

    Args:
        workload: as ``data.workload`` names it.
        path: of a params.yaml that was checked.

    Raises:
        ConfigError: it has no such part.
    """
    name = find_workload(workload).name
    if name not in read_values(path)["data"]:
        raise ConfigError(
            f"data.{name}: expected the settings of the workload {workload} in {path}, which stages depend on. "
            f"Received: none. Write `{name}: {{}}` under data."
        )


def _changed(changes: Sequence[str], path: Path) -> tuple[Params, str, str]:
    """Return the changed params, and the file's text before and after."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    if not path.exists():
        raise ConfigError(f"Expected {path} in {Path.cwd()}. Received: no such file.")
    yaml = _yaml()
    try:
        before = path.read_text(encoding="utf-8")
        document = yaml.load(before)
    except (YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"Expected {path} to be YAML in UTF-8. Received: {error}") from None
    for change in changes:
        _set(document, change)
    after = _dump(yaml, document)
    return parse_params(YAML(typ="safe").load(after), str(path)), before, after


def _yaml() -> Any:
    """A reader and writer that keeps a file as its author wrote it."""
    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 4096
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.representer.add_representer(
        type(None), lambda writer, _: writer.represent_scalar("tag:yaml.org,2002:null", "null")
    )
    return yaml


def _dump(yaml: Any, document: Any) -> str:
    text = StringIO()
    yaml.dump(document, text)
    return text.getvalue()


def _set(document: Any, change: str) -> None:
    if storable(change) != change:
        raise ConfigError(f"--set: expected text in UTF-8, as params.yaml is. Received: {change!r}.")
    key, equals, text = change.partition("=")
    removes = key.startswith("~") and not equals
    if not (equals or removes) or not key.strip("~"):
        raise ConfigError(f"--set: expected key=value, as training.epochs=20, or ~key to remove. Received: {change!r}.")
    *parents, last = key.removeprefix("~" if removes else "").split(".")
    current = document
    for parent in parents:
        current = _step(current, parent, change)
    if not isinstance(current, list | dict):
        raise ConfigError(f"--set {change}: expected {key} to be inside a mapping. Received: {current!r} above it.")
    if removes or isinstance(current, list):
        _step(current, last, change)
    at = int(last) if isinstance(current, list) else last
    if removes:
        del current[at]
    else:
        current[at] = _value(text)


def _value(text: str) -> Any:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        return YAML(typ="safe").load(text) if text else None
    except YAMLError:
        return text  # a plain string that YAML would read as something else, as an s3:// prefix with a colon


def _step(current: Any, part: str, change: str) -> Any:
    try:
        return current[int(part)] if isinstance(current, list) else current[part]
    except (KeyError, IndexError, ValueError, TypeError):
        raise ConfigError(f"--set {change}: expected a key of params.yaml. Received: {part!r}.") from None
