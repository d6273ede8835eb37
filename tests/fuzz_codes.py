"""Which code each fuzz target is about: its parser, and all that this imports.

A record of inputs stands as long as that code does; a change elsewhere takes nothing from it. Names are
followed from what a target feeds, definition by definition through the modules of tests; of the product a
module counts whole, with all that it imports, wherever it does. Samples do not count: another sample makes
other inputs, and those that were fed were inputs, too.
"""

import ast
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from tests.records import PROJECT

INPUTS_FILE = "tests/fuzzing.py"
"""Makes the inputs, and bounds their time and memory: part of each target's code."""

Names = frozenset[str]
_MANY = ""
"""Stands for the targets that one call makes: it says none of their names."""


class Module(NamedTuple):
    """What a module of Python says at its top.

    Attributes:
        text: its source.
        defined: name → the statements that define it here.
        imported: name → the module that it comes from, and its name there; none if it is a module itself.
    """

    text: str
    defined: Mapping[str, tuple[ast.stmt, ...]]
    imported: Mapping[str, tuple[str, str]]


class Reached(NamedTuple):
    """What a target is about.

    Attributes:
        texts: definitions in modules of tests.
        product: modules of the product.
    """

    texts: frozenset[str]
    product: Names


class Codes:
    """The code of targets, as it is now.

    Args:
        project: root of the sources.
    """

    def __init__(self, project: Path = PROJECT) -> None:
        self._project = project
        self._read: dict[str, Module] = {}
        self._imports: dict[str, Names] = {}
        self._fed: dict[str, tuple[str, Names]] = {}
        for path in sorted((project / "tests" / "fuzz").glob("*.py")):
            for call in ast.walk(ast.parse(path.read_text())):
                match call:
                    case ast.Call(func=ast.Name(id="Target"), args=[name, feed, *_]):
                        key = str(name.value) if isinstance(name, ast.Constant) else _MANY
                        self._fed[key] = (f"tests.fuzz.{path.stem}", _names(feed))
                    case _:
                        pass

    def of(self, target: str) -> str:
        """Return a short name of the code that a target is about."""
        reached = self.reached(target)
        parts = [(self._project / INPUTS_FILE).read_text(), *sorted(reached.texts)]
        parts += [f"{module}\0{self._module(module).text}" for module in sorted(reached.product)]
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]

    def reached(self, target: str) -> Reached:
        """Follow the names of what a target feeds."""
        module, names = self._fed[target if target in self._fed else _MANY]
        texts, product, seen = set[str](), set[str](), set[tuple[str, str]]()
        to_follow = [(module, name) for name in names]
        while to_follow:
            at, name = found = to_follow.pop()
            if found in seen:
                continue
            seen.add(found)
            read = self._module(at)
            for statement in read.defined.get(name, ()):
                texts.add(ast.get_source_segment(read.text, statement) or "")
                to_follow += [(at, other) for other in _names(statement)]
            source, there = read.imported.get(name, ("", ""))
            if source.startswith("tests"):
                to_follow.append((source, there))
            elif source.startswith("dusk"):
                product |= self._imports_of(source) | self._imports_of(f"{source}.{there}")
        return Reached(frozenset(texts), frozenset(product))

    def _imports_of(self, module: str) -> Names:
        """Return a module of the product and all that it imports, and so on; nothing if it is none."""
        if module not in self._imports:
            seen, to_read = set[str](), [module]
            while to_read:
                name = to_read.pop()
                if name in seen or not name.startswith("dusk") or self._path(name) is None:
                    continue
                seen.add(name)
                to_read.append(name.rpartition(".")[0])
                for source, imported in self._module(name).imported.values():
                    to_read += [source, f"{source}.{imported}"]
            self._imports[module] = frozenset(seen)
        return self._imports[module]

    def _module(self, name: str) -> Module:
        """Return a module of the project; one that there is not, as of another package, says nothing."""
        if name not in self._read:
            path = self._path(name)
            self._read[name] = _read("" if path is None else path.read_text())
        return self._read[name]

    def _path(self, module: str) -> Path | None:
        base = self._project.joinpath(*module.split("."))
        return next(
            (path for path in (base.with_suffix(".py"), base / "__init__.py") if path.is_file()), None
        )


def _read(text: str) -> Module:
    defined: dict[str, tuple[ast.stmt, ...]] = {}
    imported: dict[str, tuple[str, str]] = {}
    for statement in ast.parse(text).body:
        for name in _made(statement):
            defined[name] = (*defined.get(name, ()), statement)
        for node in ast.walk(statement):
            match node:
                case ast.ImportFrom(module=str(source), names=names):
                    imported |= {name.asname or name.name: (source, name.name) for name in names}
                case ast.Import(names=names):
                    imported |= {name.asname or name.name: (name.name, "") for name in names}
                case _:
                    pass
    return Module(text, defined, imported)


def _made(statement: ast.stmt) -> Names:
    """Return the names that a statement defines; what a comprehension names lives in it alone."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return frozenset({statement.name})
    made: set[str] = set()
    for node in ast.walk(statement):
        match node:
            case ast.Assign(targets=targets):
                made.update(*map(_names, targets))
            case ast.AnnAssign(target=target) | ast.For(target=target):
                made |= _names(target)
            case _:
                pass
    return frozenset(made)


def _names(node: ast.AST) -> Names:
    return frozenset(found.id for found in ast.walk(node) if isinstance(found, ast.Name))
