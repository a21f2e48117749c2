"""Docstrings say what a thing does or is, from their first word, and what it takes, gives and raises.

The style is Google's (https://google.github.io/styleguide/pyguide.html#38-comments-and-docstrings): a docstring that
begins with Return or Yield needs no section for what comes back. Commands are described by their help, in which every
argument has a sentence. What a Prefect flow gives back is a state, which its page shows.
"""

import ast
import inspect
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from cyclopts import App

from flows.cli import app as cli
from tasks.code.works import WORKS

REPOSITORY = Path(__file__).parents[1]
PACKAGES = ("flows", "tasks", "slimline")
FOLDERS = (*PACKAGES, "tests", "benchmarks", "examples")
CLAUSES = frozenset(
    [
        "what",
        "which",
        "who",
        "whose",
        "whom",
        "how",
        "why",
        "where",
        "when",
        "whether",
        "that",
        "if",
        "does",
        "is",
        "has",
        "are",
        "can",
    ]
)
OF_OTHERS = "tasks/keras_types.py"  # what is known of the classes of Keras, which describes them
PROTOCOLS = (  # what these say of a method is not said again where it is written
    "tasks/compression/lowrank/decomposition.py",
    "tasks/compression/technique.py",
    "tasks/compression/techniques/quantize/low_bits.py",
    "tasks/data_loading/sources/protocol.py",
    "tasks/deployment/stores/protocol.py",
    "tasks/workloads/answering.py",
    "tasks/workloads/augmenting.py",
    "tasks/workloads/grouping.py",
    "tasks/workloads/learning.py",
    "tasks/workloads/measuring.py",
    "tasks/workloads/metric.py",
    "tasks/workloads/protocol.py",
    "tasks/workloads/readers.py",
)
Function = ast.FunctionDef | ast.AsyncFunctionDef


def nodes(node: ast.Module | ast.ClassDef | Function) -> Iterator[ast.Module | ast.ClassDef | Function]:
    """A module, class or function, and all classes and functions in it."""
    yield node
    for inner in node.body:
        if isinstance(inner, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield from nodes(inner)


def is_clause(line: str) -> bool:
    """Tell whether a docstring begins with a question or a clause."""
    return re.split(r"\W", line, maxsplit=1)[0].lower() in CLAUSES


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def modules() -> dict[str, ast.Module]:
    found = (path for folder in FOLDERS for path in sorted((REPOSITORY / folder).rglob("*.py")))
    return {path.relative_to(REPOSITORY).as_posix(): parsed(path) for path in found}


def test_each_docstring_begins_with_a_line_whose_first_word_is_a_verb_or_a_name() -> None:
    begun = []
    for path, tree in modules().items():
        for node in nodes(tree):
            line, _, rest = (ast.get_docstring(node) or "").partition("\n")
            if is_clause(line) or rest[:1] not in ("", "\n"):
                begun.append(f"{path}:{getattr(node, 'lineno', 1)}: {line}")
    assert begun == []


@pytest.mark.parametrize(
    ("line", "clause"),
    [("What a model costs.", True), ("Whether it is", True), ("The cost", False), ("Return whether it is.", False)],
)
def test_a_clause_is_known_by_its_first_word(line: str, clause: bool) -> None:
    assert is_clause(line) is clause


def missing(function: Function) -> list[str]:
    """The parts that the docstring of a public function or method leaves out."""
    text = ast.get_docstring(function) or ""
    arguments = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    names = [each.arg for each in arguments if each.arg not in ("self", "cls")]
    without = [name for name in names if not re.search(rf"^    {name}(?: \(.*\))?:", text, re.MULTILINE)]
    gives = function.returns is not None and ast.unparse(function.returns) not in ("None", "Iterator[None]")
    decorated = {ast.unparse(each).partition("(")[0] for each in function.decorator_list}
    if gives and not decorated & {"property", "functools.cached_property", "cached_property", "flow"}:
        begins, section = re.match(r"(Return|Yield)\b", text), re.search(r"^(Returns|Yields):", text, re.MULTILINE)
        without += [] if begins or section else ["Returns"]
    raises = any(isinstance(each, ast.Raise) and each.exc is not None for each in ast.walk(function))
    abstract = any(
        "NotImplementedError" in ast.unparse(each) for each in ast.walk(function) if isinstance(each, ast.Raise)
    )
    if raises and not abstract and "Raises:" not in text:
        without.append("Raises")
    return without


@cache
def methods_of_protocols() -> set[str]:
    """The names of the methods that protocols describe."""
    trees = [parsed(REPOSITORY / path) for path in PROTOCOLS]
    classes = [node for tree in trees for node in tree.body if isinstance(node, ast.ClassDef)]
    return {node.name for each in classes for node in each.body if isinstance(node, ast.FunctionDef)}


@cache
def described_by_help() -> frozenset[tuple[Path, str]]:
    """The functions that are commands, by their modules."""
    functions = [app.default_command for _, app in commands(cli.app)]
    return frozenset((Path(inspect.getfile(each)), each.__name__) for each in functions if each)


def left_out(path: Path) -> dict[str, list[str]]:
    """The parts that docstrings of a module's public functions and methods leave out, by their names."""
    tree = parsed(path)
    is_protocol = path.relative_to(REPOSITORY).as_posix() in PROTOCOLS
    described = set() if is_protocol else methods_of_protocols()
    found = {}
    holders: list[ast.Module | ast.ClassDef] = [tree, *(node for node in tree.body if isinstance(node, ast.ClassDef))]
    for holder in holders:
        if isinstance(holder, ast.ClassDef) and holder.name.startswith("_"):
            continue
        for node in holder.body:
            if not isinstance(node, ast.FunctionDef) or node.name.startswith("_"):
                continue
            if (path, node.name) in described_by_help():
                continue
            if isinstance(holder, ast.ClassDef) and node.name in described:
                continue
            if left := missing(node):
                found[f"{getattr(holder, 'name', '')}.{node.name}".lstrip(".")] = left
    return found


def folders() -> list[str]:
    """The packages, the folders in them, and the modules that lie in none of these."""
    found = [REPOSITORY / package for package in PACKAGES]
    inner = [each for package in found for each in sorted(package.iterdir()) if list(each.glob("**/*.py"))]
    return [path.relative_to(REPOSITORY).as_posix() for path in (*found, *inner)]


@pytest.mark.parametrize("folder", folders())
def test_docstrings_say_what_is_taken_given_and_raised(folder: str) -> None:
    pattern = "*.py" if folder in PACKAGES else "**/*.py"
    paths = [path for path in sorted((REPOSITORY / folder).glob(pattern)) if path != REPOSITORY / OF_OTHERS]
    assert paths
    assert {str(path): left for path in paths if (left := left_out(path))} == {}


def commands(app: App, name: str = "slimline") -> Iterator[tuple[str, App]]:
    """All commands below an app, each with the words that call it."""
    for word in app:
        if not word.startswith("-"):
            yield from commands(app[word], f"{name} {word}")
    if app.default_command is not None:
        yield name, app


def test_every_argument_of_every_command_has_a_sentence_of_help() -> None:
    found = dict(commands(cli.app))
    assert {"slimline run", "slimline keys new"} <= set(found)
    silent = [
        f"{name} {argument.name}"
        for name, app in found.items()
        for argument in app.assemble_argument_collection(parse_docstring=True)
        if argument.show and not argument.parameter.help
    ]
    assert silent == []


@pytest.mark.parametrize("work", WORKS)
def test_stages_say_what_they_take_and_raise(work: str) -> None:
    module, _, name = WORKS[work].entry.partition(":")
    tree = parsed(REPOSITORY / f"{module.replace('.', '/')}.py")
    (entry,) = (node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name)
    assert missing(entry) == []
    assert "Raises:" in (ast.get_docstring(entry) or "")
