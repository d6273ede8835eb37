"""The shape of the code as rules over its source text; `test_architecture.py` applies them.

Each rule is a generator of findings, so that it can be shown a bad snippet and must object.
"""

import ast
import io
import re
import sys
import tokenize
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

MODULE_LINES_MAX = 500
FUNCTION_LINES_MAX = 70
HELPER_LINES_MAX = 300
HELPER_JUDGES = frozenset({"policy.py", "uci.py"})
"""They read what is wanted and say no; they are counted by themselves (decision 0004)."""
HELPER_JUDGES_LINES_MAX = 150
HELPER_RUNNERS = frozenset({"running.py", "notes.py", "neighbours.py"})
"""What it runs, and the word about it; they are counted by themselves, too (decision 0009)."""
HELPER_RUNNERS_LINES_MAX = 150
HELPER_BESIDE = frozenset({"places.py", "beside.py"})
"""Where files lie, and what root lets be managed beside UCI; counted by themselves, too (decision 0012)."""
HELPER_BESIDE_LINES_MAX = 120
HELPER_BY_VERSION = frozenset({"_sha2", "_sha256"})
"""One of them is in each version's library: hashlib would load OpenSSL."""

SHELL_ROOMS = frozenset({"daemon", "helper", "cli", "web", "demo", "__main__"})
"""Rooms that do. All others decide: they are pure, but for the runner of the simulator."""

PURE_STANDARD_LIBRARY = frozenset(
    [
        "abc",
        "base64",
        "binascii",
        "bisect",
        "collections",
        "contextlib",
        "copy",
        "dataclasses",
        "difflib",
        "enum",
        "fnmatch",
        "functools",
        "hashlib",
        "heapq",
        "hmac",
        "ipaddress",
        "itertools",
        "json",
        "math",
        "operator",
        "re",
        "string",
        "struct",
        "textwrap",
        "types",
        "typing",
        "unicodedata",
        "zlib",
    ]
)
"""What cannot look at a clock, a file, a network or a source of randomness."""

PURE_PACKAGES = {
    "nacl.bindings": None,
    "nacl.exceptions": None,
    "nacl.signing": None,
    "msgpack": frozenset({"codec"}),
    "argon2": frozenset({"keys"}),
    "mnemonic": frozenset({"keys"}),
}
"""Packages that pure rooms may import; None means every room."""

IMPURE_METHODS = frozenset(
    [
        "randombytes",
        "generate",
        "crypto_sign_keypair",
        "crypto_box_keypair",
        "crypto_kx_keypair",
        "crypto_secretstream_xchacha20poly1305_keygen",
    ]
)
"""Calls that bring in libsodium's own randomness."""

IMPURE_NAMES = IMPURE_METHODS | frozenset(
    ["open", "input", "print", "exec", "eval", "breakpoint", "__import__"]
)
"""The same and built-in functions that bring in the outside."""

HELPER_MAY_IMPORT = frozenset({"dusk.helper", "dusk.errors", "dusk.limits"})
"""Of Dusk; the last two import nothing themselves."""

RANKS: tuple[frozenset[str], ...] = (
    frozenset({"counting", "errors", "limits", "lazy", "listing"}),
    frozenset({"ids"}),
    frozenset({"codec"}),
    frozenset({"keys"}),
    frozenset({"links"}),
    frozenset({"effects"}),
    frozenset({"membership.names"}),  # the fold decides names
    frozenset({"changelog", "config"}),
    frozenset({"cycle", "catchup", "membership", "apply"}),
    frozenset({"node"}),
    frozenset({"control"}),
    frozenset({"sim", "daemon"}),
    frozenset({"cli", "demo", "web"}),
    frozenset({"__main__"}),
)
"""A room, or a module with a line of its own, imports what stands above or beside it in this list."""


@dataclass(frozen=True, slots=True)
class Source:
    """One module: its path below the project, and its text."""

    path: PurePosixPath
    text: str

    @property
    def tree(self) -> ast.Module:
        """The parsed module."""
        return ast.parse(self.text)

    @property
    def room(self) -> str:
        """The name below ``dusk/`` that it belongs to; empty for ``dusk/__init__.py``."""
        parts = self.path.parts
        if parts[0] != "dusk":
            return parts[0]
        name = parts[1].removesuffix(".py")
        return "" if name == "__init__" else name

    @property
    def module(self) -> str:
        """Its dotted name."""
        return ".".join(self.path.with_suffix("").parts).removesuffix(".__init__")

    @property
    def is_pure(self) -> bool:
        """Whether it only decides."""
        if self.path.parts[0] != "dusk" or self.room in SHELL_ROOMS:
            return False
        return not (self.room == "sim" and self.path.stem in {"runner", "__main__"})


Rule = Callable[[Source], Iterator[str]]


def imports(source: Source) -> Iterator[tuple[int, str]]:
    """Yield (line, dotted name) of everything imported, also inside functions."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                package = source.module.split(".")
                if source.path.stem != "__init__":
                    package = package[:-1]
                base = ".".join(package[: len(package) - node.level + 1] + ([base] if base else []))
            for alias in node.names:
                yield node.lineno, f"{base}.{alias.name}"


def _may_import(room: str, name: str) -> bool:
    first = name.split(".", maxsplit=1)[0]
    if first == "dusk":
        target = name.split(".")[1] if "." in name else ""
        return target not in SHELL_ROOMS
    if first in ("random", "weakref"):
        return room == "sim"  # seeded generators of its own; what many share is there while used
    if first in PURE_STANDARD_LIBRARY:
        return True
    for package, rooms in PURE_PACKAGES.items():
        if name == package or name.startswith(package + "."):
            return rooms is None or room in rooms
    return False


def pure_rooms_import_nothing_from_outside(source: Source) -> Iterator[str]:
    """Pure rooms see no clock, file, network, thread, log or randomness."""
    if source.is_pure:
        for line, name in imports(source):
            if not _may_import(source.room, name):
                yield f"{source.path}:{line}: a pure room imports {name}"


def pure_rooms_call_nothing_from_outside(source: Source) -> Iterator[str]:
    """Randomness is an argument, and nothing is opened or printed."""
    if not source.is_pure or source.room == "sim":
        return
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call):
            function = node.func
            name = function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")
            if name in (IMPURE_NAMES if isinstance(function, ast.Name) else IMPURE_METHODS):
                yield f"{source.path}:{node.lineno}: a pure room calls {name}"


def _rank(module: str) -> int | None:
    """Return the place of a dotted name: its own, else its room's; None if it has none."""
    parts = module.split(".")[1:]
    for name in (".".join(parts[:2]), parts[0] if parts else ""):
        for place, rooms in enumerate(RANKS):
            if name in rooms:
                return place
    return None


def rooms_import_downwards(source: Source) -> Iterator[str]:
    """The layering holds."""
    if source.path.parts[0] != "dusk" or source.room in {"", "helper"}:
        return
    own = _rank(source.module)
    if own is None:
        yield f"{source.path}: room {source.room} has no place in the layering"
        return
    for line, name in imports(source):
        if name.split(".")[0] == "dusk":
            other = _rank(name)
            if other is not None and other > own:
                yield f"{source.path}:{line}: {source.room} imports {name}, which stands above it"


def the_helper_needs_the_standard_library_only(source: Source) -> Iterator[str]:
    """What runs as root can be read in one sitting and loads nothing else (R14)."""
    if source.room != "helper":
        return
    for line, name in imports(source):
        parts = name.split(".")
        known = sys.stdlib_module_names | HELPER_BY_VERSION
        if parts[0] not in known and ".".join(parts[:2]) not in HELPER_MAY_IMPORT:
            yield f"{source.path}:{line}: the helper imports {name}"


def modules_are_short(source: Source) -> Iterator[str]:
    """A module is read in one sitting."""
    lines = source.text.count("\n")
    if lines >= MODULE_LINES_MAX:
        yield f"{source.path}: {lines} lines, fewer than {MODULE_LINES_MAX} wanted"


def functions_fit_on_a_screen(source: Source) -> Iterator[str]:
    """A function is seen at one glance."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION_LINES_MAX:
                yield f"{source.path}:{node.lineno}: {node.name} has {lines} lines"


def lines_of_code(source: Source) -> int:
    """Count lines that do something: no blank ones, comments or docstrings."""
    silent = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source.text).readline):
        if token.type not in silent | {tokenize.ENDMARKER}:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            lines.difference_update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return len(lines)


def a_name_stands_for_one_thing(source: Source) -> Iterator[str]:
    """The second of two constants of one name takes the place of the first, without a word."""
    names: set[str] = set()
    for node in source.tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else []
        for target in [*targets, *([node.target] if isinstance(node, ast.AnnAssign) else [])]:
            if isinstance(target, ast.Name):
                if target.id in names:
                    yield f"{source.path}:{node.lineno}: {target.id} was something else before"
                names.add(target.id)


def nothing_is_left_for_later(source: Source) -> Iterator[str]:
    """No notes to oneself in what is handed on."""
    words = ("TO" + "DO", "FIX" + "ME", "XX" + "X")
    for token in tokenize.generate_tokens(io.StringIO(source.text).readline):
        if token.type == tokenize.COMMENT and any(word in token.string for word in words):
            yield f"{source.path}:{token.start[0]}: {token.string}"


_IGNORED = re.compile(r"(type: ignore(\[[\w, -]+\])?|noqa(: *[A-Z]+[0-9]+(, *[A-Z]+[0-9]+)*)?)")


def what_is_ignored_has_a_reason(source: Source) -> Iterator[str]:
    """Whoever silences a checker says beside it why it is wrong there."""
    for token in tokenize.generate_tokens(io.StringIO(source.text).readline):
        is_ignoring = token.type == tokenize.COMMENT and _IGNORED.search(token.string)
        if is_ignoring and not _IGNORED.sub("", token.string).strip(" #-\N{EM DASH}"):
            yield f"{source.path}:{token.start[0]}: {token.string} without a reason"


def no_test_is_left_out(source: Source) -> Iterator[str]:
    """A test runs, or its need is named by the marker ``needs``."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Attribute) and node.attr in {"skip", "skipif", "xfail", "importorskip"}:
            owner = ast.unparse(node.value)
            if owner in {"pytest", "pytest.mark"}:
                yield f"{source.path}:{node.lineno}: {owner}.{node.attr}"


def no_error_is_swallowed(source: Source) -> Iterator[str]:
    """Every handler names what it expects, or cleans up and lets it pass on."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ExceptHandler):
            names = {ast.unparse(part) for part in _parts(node.type)}
            catches_all = node.type is None or names & {"Exception", "BaseException"}
            if catches_all and ast.unparse(node.body[-1]) != "raise":
                yield f"{source.path}:{node.lineno}: a handler that catches everything"


def _parts(expression: ast.expr | None) -> list[ast.expr]:
    if expression is None:
        return []
    return expression.elts if isinstance(expression, ast.Tuple) else [expression]


def modules_say_what_they_are(source: Source) -> Iterator[str]:
    """Who opens a module reads first what it is for."""
    if not ast.get_docstring(source.tree):
        yield f"{source.path}: no docstring"


EVERYWHERE: tuple[Rule, ...] = (
    modules_are_short,
    functions_fit_on_a_screen,
    a_name_stands_for_one_thing,
    nothing_is_left_for_later,
    what_is_ignored_has_a_reason,
    no_test_is_left_out,
    no_error_is_swallowed,
)
IN_DUSK: tuple[Rule, ...] = (
    pure_rooms_import_nothing_from_outside,
    pure_rooms_call_nothing_from_outside,
    rooms_import_downwards,
    the_helper_needs_the_standard_library_only,
    modules_say_what_they_are,
)


def pages(source: Source) -> Iterator[str]:
    """Yield the file names of the Markdown pages that a module names."""
    for path in re.findall(r"[\w/.-]*\w\.md\b", source.text):
        yield PurePosixPath(path).name


def import_cycle(sources: list[Source]) -> list[str]:
    """Return the modules of one import cycle in the order of importing, or nothing.

    Imports inside functions count too: a cycle that is hidden there is still one.
    """
    names = {source.module for source in sources}
    edges = {source.module: _targets(source, names) for source in sources}
    done: set[str] = set()

    def walk(module: str, path: list[str]) -> list[str]:
        if module in path:
            return [*path[path.index(module) :], module]
        if module in done:
            return []
        for target in sorted(edges[module]):
            if cycle := walk(target, [*path, module]):
                return cycle
        done.add(module)
        return []

    return next((cycle for module in sorted(names) if (cycle := walk(module, []))), [])


def _targets(source: Source, names: set[str]) -> set[str]:
    found = set()
    for _, name in imports(source):
        target = name if name in names else name.rpartition(".")[0]
        if target in names and target != source.module:
            found.add(target)
    return found
