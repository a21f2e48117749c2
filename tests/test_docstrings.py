"""Docstrings say what a thing does or is, from their first word; those of the public door say all of it.

The style is Google's (https://google.github.io/styleguide/pyguide.html#38-comments-and-docstrings): a docstring that
begins with Return or Yield needs no section for what comes back.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tasks.code.works import WORKS

REPOSITORY = Path(__file__).parents[1]
PACKAGES = ("flows", "tasks", "slimline")
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
FULL = (  # the public door, the ground floor, workloads, and the stages as far as they are described in full
    "slimline/*.py",
    "tasks/*.py",
    "tasks/code/*.py",
    "tasks/compression/technique.py",
    "tasks/config/*.py",
    "tasks/data_loading/**/*.py",
    "tasks/deployment/*.py",
    "tasks/deployment/approvals/*.py",
    "tasks/deployment/decisions/*.py",
    "tasks/deployment/device/*.py",
    "tasks/deployment/registry/*.py",
    "tasks/deployment/reviews/*.py",
    "tasks/deployment/stores/*.py",
    "tasks/deployment/trust/*.py",
    "tasks/drift/*.py",
    "tasks/learning/*.py",
    "tasks/litert/*.py",
    "tasks/s3/*.py",
    "tasks/statistics/*.py",
    "tasks/timing/*.py",
    "tasks/training/*.py",
    "tasks/watching/*.py",
    "tasks/web/*.py",
    "tasks/workloads/**/*.py",
)
OF_OTHERS = "tasks/keras_types.py"  # what is known of the classes of Keras, which describes them
PROTOCOLS = (  # what these say of a method is not said again where it is written
    "tasks/compression/technique.py",
    "tasks/data_loading/sources/protocol.py",
    "tasks/deployment/stores/protocol.py",
    "tasks/workloads/answering.py",
    "tasks/workloads/augmenting.py",
    "tasks/workloads/grouping.py",
    "tasks/workloads/measuring.py",
    "tasks/workloads/metric.py",
    "tasks/workloads/protocol.py",
)
Function = ast.FunctionDef | ast.AsyncFunctionDef


def nodes(node: ast.Module | ast.ClassDef | Function) -> Iterator[ast.Module | ast.ClassDef | Function]:
    """A module, class or function, and all classes and functions in it."""
    yield node
    for inner in node.body:
        if isinstance(inner, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield from nodes(inner)


def is_clause(line: str) -> bool:
    """Whether a docstring begins with a question or a clause."""
    return re.split(r"\W", line, maxsplit=1)[0].lower() in CLAUSES


def modules() -> dict[str, ast.Module]:
    found = (path for package in PACKAGES for path in sorted((REPOSITORY / package).rglob("*.py")))
    return {path.relative_to(REPOSITORY).as_posix(): ast.parse(path.read_text(encoding="utf-8")) for path in found}


def test_each_docstring_begins_with_a_verb_or_a_name() -> None:
    begun = []
    for path, tree in modules().items():
        for node in nodes(tree):
            line = (ast.get_docstring(node) or "").partition("\n")[0]
            if is_clause(line):
                begun.append(f"{path}:{getattr(node, 'lineno', 1)}: {line}")
    assert begun == []


@pytest.mark.parametrize(
    ("line", "clause"),
    [("What a model costs.", True), ("Whether it is", True), ("The cost", False), ("Return whether it is.", False)],
)
def test_a_clause_is_known_by_its_first_word(line: str, clause: bool) -> None:
    assert is_clause(line) is clause


def missing(function: Function) -> list[str]:
    """What the docstring of a public function or method leaves out."""
    text = ast.get_docstring(function) or ""
    arguments = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    names = [each.arg for each in arguments if each.arg not in ("self", "cls")]
    without = [name for name in names if not re.search(rf"^    {name}(?: \(.*\))?:", text, re.MULTILINE)]
    gives = function.returns is not None and ast.unparse(function.returns) != "None"
    decorated = {ast.unparse(each) for each in function.decorator_list}
    if gives and not decorated & {"property", "functools.cached_property"}:
        begins, section = re.match(r"(Return|Yield)\b", text), re.search(r"^(Returns|Yields):", text, re.MULTILINE)
        without += [] if begins or section else ["Returns"]
    raises = any(isinstance(each, ast.Raise) and each.exc is not None for each in ast.walk(function))
    abstract = any(
        "NotImplementedError" in ast.unparse(each) for each in ast.walk(function) if isinstance(each, ast.Raise)
    )
    if raises and not abstract and "Raises:" not in text:
        without.append("Raises")
    return without


def methods_of_protocols() -> set[str]:
    """The names of the methods that protocols describe."""
    trees = [ast.parse((REPOSITORY / path).read_text(encoding="utf-8")) for path in PROTOCOLS]
    classes = [node for tree in trees for node in tree.body if isinstance(node, ast.ClassDef)]
    return {node.name for each in classes for node in each.body if isinstance(node, ast.FunctionDef)}


def left_out(path: Path) -> dict[str, list[str]]:
    """What docstrings of a module's public functions and methods leave out, by their names."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
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
            if isinstance(holder, ast.ClassDef) and node.name in described:
                continue
            if left := missing(node):
                found[f"{getattr(holder, 'name', '')}.{node.name}".lstrip(".")] = left
    return found


@pytest.mark.parametrize("pattern", FULL)
def test_docstrings_that_others_rely_on_say_what_is_taken_given_and_raised(pattern: str) -> None:
    paths = [path for path in sorted(REPOSITORY.glob(pattern)) if path != REPOSITORY / OF_OTHERS]
    assert paths
    assert {str(path): left for path in paths if (left := left_out(path))} == {}


@pytest.mark.parametrize("work", WORKS)
def test_stages_say_what_they_take_and_raise(work: str) -> None:
    module, _, name = WORKS[work].entry.partition(":")
    tree = ast.parse((REPOSITORY / f"{module.replace('.', '/')}.py").read_text(encoding="utf-8"))
    (entry,) = (node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name)
    assert missing(entry) == []
    assert "Raises:" in (ast.get_docstring(entry) or "")
