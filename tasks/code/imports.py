"""The imports that a file's syntax tree tells: statements, and calls that name a module in so many words."""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

DOTTED = "."
# functions that take the name of a module, and the places of the package and the names that they may take too
LOOKERS: Mapping[str, Mapping[str, int]] = {
    "import_module": {"name": 0, "package": 1},
    "find_spec": {"name": 0, "package": 1},
    "__import__": {"name": 0, "fromlist": 3, "level": 4},
    "run_module": {"mod_name": 0},
}


@dataclass(frozen=True)
class Import:
    """An import: ``from <level dots><module> import <names>``, or ``import <module>`` where there are no names."""

    level: int
    module: str
    names: tuple[str, ...] = ()


def imports_of(tree: ast.Module) -> Iterator[Import]:
    """Yield all imports, inside functions too.

    Args:
        tree: of a file.
    """
    lookers, constants = _lookers(tree), _constants(tree)
    for node in run_nodes(tree):
        if isinstance(node, ast.Import):
            yield from (Import(0, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield Import(node.level, node.module or "", tuple(alias.name for alias in node.names))
        elif isinstance(node, ast.Call) and (looker := lookers.get(called(node.func))):
            yield from _looked_up(node, LOOKERS[looker], constants)


def _lookers(tree: ast.Module) -> dict[str, str]:
    """Functions that import, by what the file calls them: ``from importlib import import_module as load``."""
    found = {name: name for name in LOOKERS}
    for node in run_nodes(tree):
        if isinstance(node, ast.ImportFrom):
            found |= {alias.asname: alias.name for alias in node.names if alias.asname and alias.name in LOOKERS}
        elif isinstance(node, ast.Assign) and called(node.value) in LOOKERS:
            found |= {called(target): called(node.value) for target in node.targets if called(target)}
    return found


def _constants(tree: ast.Module) -> dict[str, str]:
    """Texts by the names that the module gives them, as in ``NAME = "nets"``."""
    return {
        called(target): node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def _looked_up(call: ast.Call, places: Mapping[str, int], constants: Mapping[str, str]) -> Iterator[Import]:
    """Give what a call imports, where it says so itself."""
    given = {key: call.args[place] for key, place in places.items() if place < len(call.args)}
    given |= {word.arg: word.value for word in call.keywords if word.arg}
    name = _text(next((given[key] for key in places if key in given), None), constants)
    if not name:
        return
    level = getattr(given.get("level"), "value", 0)
    inner = name.lstrip(DOTTED)
    package = _text(given.get("package"), constants)  # others are names of the module itself: __name__, __package__
    if level == 0 and name != inner and package:
        outer = package.split(DOTTED)
        yield Import(0, DOTTED.join([*outer[: len(outer) - (len(name) - len(inner)) + 1], inner]))
        return
    names = tuple(text for part in getattr(given.get("fromlist"), "elts", ()) if (text := _text(part, constants)))
    yield Import(level if isinstance(level, int) and level else len(name) - len(inner), inner, names)


def _text(node: ast.expr | None, constants: Mapping[str, str]) -> str:
    if isinstance(node, ast.Name):
        return constants.get(node.id, "")
    value = getattr(node, "value", None)
    return value if isinstance(node, ast.Constant) and isinstance(value, str) else ""


def called(function: ast.AST) -> str:
    """Return the last part of a name: of a function, or of what stands in its place.

    Args:
        function: of a call.
    """
    return str(getattr(function, "id", getattr(function, "attr", "")))


def run_nodes(tree: ast.Module, without: ast.AST | None = None) -> Iterator[ast.AST]:
    """Yield all nodes but those that only a type checker sees, and those of one part.

    Args:
        tree: of a file.
        without: the part that is left out; None: none is.
    """
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if node is without:
            continue
        yield node
        if isinstance(node, ast.If) and called(node.test) == "TYPE_CHECKING":
            waiting.extend(node.orelse)
        else:
            waiting.extend(ast.iter_child_nodes(node))
