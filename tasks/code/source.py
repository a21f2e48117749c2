"""One file: the digest of what it does, what it imports, and which other files it names."""

import ast
import hashlib
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

DOTTED = "."
FILE = r"[\w-]+(?:/\w[\w.-]*)+\.\w+"  # a path with a folder and a suffix, as in "tasks/templates/page.css"
NAMED = re.compile(rf"""(?P<quote>["'])({FILE})(?P=quote)""".encode())
LOOKERS = frozenset({"import_module", "find_spec", "__import__"})  # functions that take the name of a module


@dataclass(frozen=True)
class Import:
    """An import: ``from <level dots><module> import <names>``, or ``import <module>`` where there are no names."""

    level: int
    module: str
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Source:
    """The content of a file and what it leads to.

    ``digest``: SHA-256 of its syntax tree without comments, docstrings, line breaks and quotes; of its bytes where it
    is no Python that can be read. ``mentions``: strings that may name a module, as in ``python -m package.module``.
    ``files``: strings that may name a file, as in ``package/templates/page.html.j2``. ``lazy``: of a module that
    imports its names when they are first used (PEP 562), each name with the module that it comes from.
    """

    digest: str
    imports: tuple[Import, ...] = ()
    mentions: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    lazy: tuple[tuple[str, str], ...] = ()


def read_source(content: bytes) -> Source:
    """Digest a file and list what it imports, inside functions too.

    The digest is the same for all patch versions of one Python 3.x, whose syntax trees are the same.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the user's own code, said when it runs
            tree = ast.parse(content)
        table = _lazy_table(tree)
        lazy = _lazy_names(table) if table else ()
        imports, texts = tuple(_imports(tree)), _texts(tree, table)
        mentions, files = sorted(filter(_is_dotted, texts)), sorted(filter(re.compile(FILE).fullmatch, texts))
        _drop_docstrings(tree)
        written = ast.dump(tree).encode("utf-8", "backslashreplace")
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # the stage itself says what is wrong with it
        return Source(hashlib.sha256(content).hexdigest())
    return Source(hashlib.sha256(written).hexdigest(), imports, tuple(mentions), tuple(files), lazy)


def read_template(content: bytes) -> Source:
    """Digest a template of Jinja and list the files that it may name between quotes, as in ``{% extends "…" %}``."""
    files = {found[2].decode("utf-8", "replace") for found in NAMED.finditer(content)}
    return Source(hashlib.sha256(content).hexdigest(), files=tuple(sorted(files)))


def _drop_docstrings(tree: ast.Module) -> None:
    """Take out each statement that is nothing but a string, unless the file reads docstrings."""
    nodes = list(ast.walk(tree))
    if any(getattr(node, "id", getattr(node, "attr", None)) == "__doc__" for node in nodes):
        return
    for node in nodes:
        for field in ("body", "orelse", "finalbody"):
            statements = getattr(node, field, None)
            if isinstance(statements, list):
                statements[:] = [statement for statement in statements if not _is_text(statement)]


def _is_text(statement: ast.AST) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


def _imports(tree: ast.Module) -> Iterator[Import]:
    for node in _run_nodes(tree):
        if isinstance(node, ast.Import):
            yield from (Import(0, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield Import(node.level, node.module or "", tuple(alias.name for alias in node.names))
        elif isinstance(node, ast.Call) and node.args and _called(node.func) in LOOKERS:
            name = node.args[0]
            if isinstance(name, ast.Constant) and isinstance(name.value, str) and not name.value.startswith(DOTTED):
                yield Import(0, name.value)


def _called(function: ast.expr) -> str:
    return str(getattr(function, "id", getattr(function, "attr", "")))


def _texts(tree: ast.Module, without: ast.Dict | None) -> set[str]:
    nodes = _run_nodes(tree, without)
    return {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def _lazy_table(tree: ast.Module) -> ast.Dict | None:
    """Find the table of modules by name that a module-level ``__getattr__`` imports from, if there is one."""
    if not any(isinstance(node, ast.FunctionDef) and node.name == "__getattr__" for node in tree.body):
        return None
    tables = (getattr(node, "value", None) for node in tree.body if isinstance(node, ast.Assign | ast.AnnAssign))
    return next((table for table in tables if isinstance(table, ast.Dict) and _lazy_names(table)), None)


def _lazy_names(table: ast.Dict) -> tuple[tuple[str, str], ...]:
    """List name and module; nothing where the table has other things in it."""
    rows = [tuple(getattr(part, "value", None) for part in row) for row in zip(table.keys, table.values, strict=True)]
    names = tuple((name, home) for name, home in rows if isinstance(name, str) and isinstance(home, str))
    return names if len(names) == len(rows) and all(_is_dotted(home) for _, home in names) else ()


def _is_dotted(text: str) -> bool:
    return DOTTED in text and all(part.isidentifier() for part in text.split(DOTTED))


def _run_nodes(tree: ast.Module, without: ast.AST | None = None) -> Iterator[ast.AST]:
    """Give all nodes but those that only a type checker sees, and those of one part."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if node is without:
            continue
        yield node
        if isinstance(node, ast.If) and _called(node.test) == "TYPE_CHECKING":
            waiting.extend(node.orelse)
        else:
            waiting.extend(ast.iter_child_nodes(node))
