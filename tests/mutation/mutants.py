"""Every way in which a check can be taken out of a module, one at a time.

What counts as a check: a guard (an ``if`` that raises, returns, or goes on with the next), each
operand of its condition, its limits, each member of a list that it looks up; a call whose only
effect is that it may raise; a `dusk.codec` function around a value; a condition within a
comprehension; an assertion; the answer of a function that says yes or no.
"""

import ast
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

CODEC_CHECKS = frozenset({"fields", "items", "integer", "boolean", "exactly", "blob", "text"})
NUMBER_CHECKS = frozenset({"_number", "_texts", "_texts_of"})
MAXIMUM_AT = {"integer": 2, "blob": 1, "text": 1, "items": 1}
"""Where the checks of `dusk.codec` have their largest accepted number."""
PLACES: dict[str, tuple[tuple[int, int], ...]] = {
    "number": ((0, -1), (1, 1)),
    "size": ((0, 1),),
    "blob_to": ((0, 1),),
    "text_to": ((0, 1),),
    "rows_to": ((0, 1), (2, -1)),
    "texts_to": ((0, 1), (1, 1)),
}
"""Place of a row → its arguments that are bounds, and which way they give way."""
BOUNDARIES: dict[type[ast.cmpop], str] = {ast.Lt: "<=", ast.LtE: "<", ast.Gt: ">=", ast.GtE: ">"}
SYMBOLS: dict[type[ast.cmpop], str] = {
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.In: "in",
    ast.NotIn: "not in",
    ast.Is: "is",
    ast.IsNot: "is not",
}


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change of a module's text.

    Attributes:
        path: of the module, below the project.
        function: qualified name of the innermost function around it.
        what: what is done, with the text that it is done to; unique within the function.
        line: of the first changed character.
        start, end: bytes of the text that is replaced.
        replacement: what stands there instead, with as many line ends.
    """

    path: str
    function: str
    what: str
    line: int
    start: int
    end: int
    replacement: bytes

    @property
    def id(self) -> str:
        """Names it through changes elsewhere in the module."""
        return f"{self.path}::{self.function}::{self.what}"

    def apply(self, source: bytes) -> bytes:
        """Return the module's text with the check taken out; lines keep their numbers."""
        return source[: self.start] + self.replacement + source[self.end :]


class _Finder(ast.NodeVisitor):
    """Walks one module and collects mutants."""

    def __init__(self, path: str, source: bytes) -> None:
        self._path = path
        self._source = source
        self._line_starts = [0]
        for line in source.splitlines(keepends=True):
            self._line_starts.append(self._line_starts[-1] + len(line))
        self._names: list[str] = []
        self._functions = 0
        self._alike: Counter[tuple[str, str]] = Counter()
        self.found: list[Mutant] = []

    # --- where we are ------------------------------------------------------------------------

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        """Go into a class."""
        self._names.append(node.name)
        self.generic_visit(node)
        self._names.pop()

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        """Go into a function's body; its defaults and annotations are no checks."""
        self._names += [node.name, "<locals>"]
        self._functions += 1
        for statement in node.body:
            self.visit(statement)
        if isinstance(node.returns, ast.Name) and node.returns.id == "bool":
            self._answers(node)
        self._functions -= 1
        del self._names[-2:]

    def _replace(self, node: ast.expr | ast.stmt, new: str, what: str, *, in_table: bool = False) -> None:
        if not (self._functions or in_table):
            return  # what runs at import is no check, but for the forms of rows
        start = self._line_starts[node.lineno - 1] + node.col_offset
        end = self._line_starts[(node.end_lineno or 0) - 1] + (node.end_col_offset or 0)
        ends = b"\n" * ((node.end_lineno or 0) - node.lineno)
        text = new.encode()
        replacement = text + ends if isinstance(node, ast.stmt) else b"(" + text + ends + b")"
        function = ".".join(self._names[:-1])  # empty for a table of the module
        self._alike[function, what] += 1
        count = self._alike[function, what]
        numbered = f"{what} #{count}" if count > 1 else what
        self.found.append(Mutant(self._path, function, numbered, node.lineno, start, end, replacement))

    # --- what is taken out -------------------------------------------------------------------

    def visit_If(self, node: ast.If) -> None:
        """A guard is never true."""
        if isinstance(node.body[-1], ast.Raise | ast.Return | ast.Continue | ast.Break):
            self._replace(node.test, "False", f"no guard: if {ast.unparse(node.test)}")
        self.generic_visit(node)

    def visit_IfExp(self, node: ast.IfExp) -> None:
        """No operand of a choice is a check of its own; what is inside may be."""
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        """One operand is missing."""
        named = any(isinstance(part, ast.NamedExpr) for value in node.values for part in ast.walk(value))
        default = isinstance(node.values[-1], ast.Constant | ast.Tuple | ast.List | ast.Dict)
        if not named and not default:  # ``x or ()`` is a value, not a condition
            for at, value in enumerate(node.values):
                rest = [other for place, other in enumerate(node.values) if place != at]
                new = rest[0] if len(rest) == 1 else ast.BoolOp(node.op, rest)
                word = "and" if isinstance(node.op, ast.And) else "or"
                self._replace(node, ast.unparse(new), f"operand of {word} left out: {ast.unparse(value)}")
        self.generic_visit(node)

    def visit_Compare(self, node: ast.Compare) -> None:
        """A limit is off by one; a member of a list is missing."""
        for at, operator in enumerate(node.ops):
            if type(operator) in BOUNDARIES:
                symbols = [SYMBOLS[type(op)] for op in node.ops]
                symbols[at] = BOUNDARIES[type(operator)]
                parts = [ast.unparse(node.left)]
                for symbol, value in zip(symbols, node.comparators, strict=True):
                    parts += [symbol, ast.unparse(value)]
                self._replace(node, " ".join(parts), f"limit moved: {ast.unparse(node)}")
        last = node.comparators[-1]
        listed = isinstance(last, ast.Tuple | ast.Set | ast.List) and len(last.elts) > 1
        if isinstance(node.ops[-1], ast.In | ast.NotIn) and listed:
            self._members(last)
        self.generic_visit(node)

    def _members(self, listed: ast.expr) -> None:
        assert isinstance(listed, ast.Tuple | ast.Set | ast.List)
        for at, element in enumerate(listed.elts):
            rest = ", ".join(ast.unparse(e) for place, e in enumerate(listed.elts) if place != at)
            self._replace(listed, f"({rest},)", f"not listed: {ast.unparse(element)}")

    def visit_Expr(self, node: ast.Expr) -> None:
        """A call whose result nobody takes is left out."""
        if isinstance(node.value, ast.Call):
            self._replace(node, "pass", f"not called: {ast.unparse(node)}")
        self.generic_visit(node)

    def visit_Assert(self, node: ast.Assert) -> None:
        """An assertion is left out, unless it is there for the type checker."""
        text = ast.unparse(node.test)
        if not text.startswith("isinstance(") and "is not None" not in text:
            self._replace(node, "pass", f"not asserted: {text}")
        self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> None:
        """Nothing is raised."""
        self._replace(node, "pass", f"not raised: {ast.unparse(node)}")

    def visit_Call(self, node: ast.Call) -> None:
        """A value is taken unchecked, or a largest value is one more."""
        if ast.unparse(node.func) == "codec.Row":
            self._form(node)
        name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        owner = ast.unparse(node.func.value) if isinstance(node.func, ast.Attribute) else ""
        helper = ast.unparse(node.func) if isinstance(node.func, ast.Name) else ""
        if (owner == "codec" and name in CODEC_CHECKS) or helper in NUMBER_CHECKS:
            self._replace(node, ast.unparse(node.args[0]), f"unchecked: {ast.unparse(node)}")
        at = MAXIMUM_AT.get(name) if owner == "codec" else None
        if at is not None and len(node.args) > at:
            more = f"{ast.unparse(node.args[at])} + 1"
            self._replace(node.args[at], more, f"one more: {ast.unparse(node)}")
        if owner == "codec" and name == "integer":
            less = f"({ast.unparse(node.args[1])}) - 1"
            self._replace(node.args[1], less, f"one less: {ast.unparse(node)}")
        self.generic_visit(node)

    def _form(self, node: ast.Call) -> None:
        """A place of a `dusk.codec.Row` takes one more, or one less, than it should."""
        for keyword in node.keywords:
            place = keyword.value
            if isinstance(place, ast.Call) and isinstance(place.func, ast.Attribute):
                for at, more in PLACES.get(place.func.attr, ()):
                    if at < len(place.args):
                        bound = ast.unparse(place.args[at])
                        name = f"{'one more' if more > 0 else 'one less'}: {keyword.arg}={ast.unparse(place)}"
                        self._replace(place.args[at], f"({bound}) + {more}", name, in_table=True)

    def visit_comprehension(self, node: ast.comprehension) -> None:
        """A condition within a comprehension is always true."""
        for test in node.ifs:
            self._replace(test, "True", f"no condition: {ast.unparse(test)}")
        self.generic_visit(node)

    def _answers(self, function: ast.FunctionDef) -> None:
        for node in ast.walk(function):
            if isinstance(node, ast.Return) and node.value and not isinstance(node.value, ast.Constant):
                for answer in ("True", "False"):
                    self._replace(node.value, answer, f"always {answer}: {ast.unparse(node)}")


def mutants_of(path: str, source: bytes) -> list[Mutant]:
    """Return every mutant of a module, in the order of its lines.

    Args:
        path: of the module, below the project.
        source: its text in UTF-8.
    """
    finder = _Finder(path, source)
    finder.visit(ast.parse(source))
    return sorted(finder.found, key=lambda mutant: mutant.start)


def codes(
    source: bytes, filename: str, closures: Mapping[int, Sequence[str]] = MappingProxyType({})
) -> Iterator[tuple[tuple[str, int], object]]:
    """Yield ((qualified name, first line), code object) of every function in a module's text.

    A living closure takes only code with the free variables that it has (first line → names): where a
    check is taken out that used one, it is still named, in a branch that is never gone.
    """
    tree = ast.parse(source, filename)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            line = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            named = "; ".join(closures.get(line, ()))
            if named:
                node.body[:0] = [ast.If(ast.Constant(value=False), ast.parse(named).body, [])]
    waiting = [compile(ast.fix_missing_locations(tree), filename, "exec", dont_inherit=True)]
    while waiting:
        code = waiting.pop()
        yield (code.co_qualname, code.co_firstlineno), code
        waiting += [constant for constant in code.co_consts if hasattr(constant, "co_qualname")]
