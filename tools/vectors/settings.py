"""`settings.json`: keys, edits, text, variables."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from dusk.config.names import parse_key
from dusk.config.settings import Edit, Setting, Verb, edit
from dusk.config.text import export_text, import_text
from dusk.config.variables import Expander, VariableValue
from tools.vectors.beside import BAD_TEXTS, KEYS, NO_KEYS, TEXTS
from tools.vectors.case import Case, invalid, valid
from tools.vectors.show import Json

Row = list[Any]


def show_setting(setting: Setting) -> Row:
    """Return a setting as its record has it."""
    return [int(setting.verb), setting.position, list(setting.values), list(setting.removed)]


def setting_of(row: Row) -> Setting:
    """Read what `show_setting` wrote."""
    verb, position, values, removed = row
    return Setting(Verb(verb), tuple(values), position, tuple(removed))


def settings() -> list[Case]:
    """Return the cases of `settings.json`."""
    return [*_keys(), *_edits(), *_imports(), *_expansions()]


_NO_KEYS = (
    "",
    "network",
    "network.",
    ".lan",
    "network.lan.",
    "network.lan.a.b",
    "net work.lan",
    "network.l-an",
    "network.lan.ip-addr",
    "firewall.@rule[00]",
    "firewall.@rule[-0]",
    "firewall.@rule[10000]",
    "firewall.@rule[]",
    "firewall.@[0]",
    "firewall.rule[]",
    "firewall.zone[name]",
    "firewall.zone[name=]",
    "firewall.zone[name=a b]",
    "firewall.zone[name=a,name=b]",
    "firewall.zone[name=lan",
    'firewall.zone[name="a\\b"]',
    "a.cfg012345.e",
    "a.each b[c=d].e",
    "a.*.b",
    "a.@b[*].c",
    "a.b[*]",
    "a.each b[] as r.e",
    "a.each  b as r.e",
    "a.each b as r_s.e",
    "a.each b as .e",
    "a.each b as abcdefghijklmnopq.e",
    "a.each b as mac6.e",
    "a.each @b[0] as r.e",
    "a.b as r.e",
    "a." + "b" * 511,
)


def _keys() -> list[Case]:
    good = (
        ("network.lan.ipaddr", "network.lan.ipaddr"),
        ("network.lan", "network.lan"),
        ("my-package.a_B.c_D", "my-package.a_B.c_D"),
        ("firewall.@rule[0].src", "firewall.@rule[0].src"),
        ("firewall.@rule[-1]", "firewall.@rule[-1]"),
        ("firewall.@rule[9999]", "firewall.@rule[9999]"),
        ("firewall.zone[name=lan].input", "firewall.zone[name=lan].input"),
        ('firewall.zone[name="lan"].input', "firewall.zone[name=lan].input"),
        ("a.b[d=1,c=2].e", "a.b[c=2,d=1].e"),
        ('a.b[c="x, y"].e', 'a.b[c="x, y"].e'),
        ('a.b[c="x\\"y\\\\"].e', 'a.b[c="x\\"y\\\\"].e'),
        ('a.b[c=""].e', 'a.b[c=""].e'),
        ("a.b[c=é].e", "a.b[c=é].e"),
        ("a.b[c=x=y].e", "a.b[c=x=y].e"),
        ("a.*", "a.*"),
        ("a.@b[*]", "a.@b[*]"),
        ("a.each b as r", "a.each b as r"),
        ("a.each b[c=d] as R2.e", "a.each b[c=d] as R2.e"),
        ('a.each b[d=1,c="2"] as r.e', "a.each b[c=2,d=1] as r.e"),
        ("a.cfg01234.e", "a.cfg01234.e"),
        ("a.cfg01234x.e", "a.cfg01234x.e"),
    )
    cases = []
    for text, canonical in (*good, *((text, text) for text in KEYS)):
        assert str(parse_key(text)) == canonical
        cases.append(
            valid(f"key {text}", "With its canonical text.", kind="key", key=text, canonical=canonical)
        )
    for text in (*_NO_KEYS, *NO_KEYS):
        wrong = partial(parse_key, text)
        name = f"key {text[:40]!r}"
        cases.append(invalid(name, "No key.", "bad-key", wrong, kind="key", key=text))
    return cases


def _edits() -> list[Case]:
    before: tuple[Row | None, ...] = (
        None,
        [1, 7, ["w"], []],
        [2, 7, ["v", "w"], []],
        [2, 7, ["v"], []],
        [3, 7, [], []],
        [4, 7, ["v"], ["w"]],
    )
    asked: tuple[tuple[Edit, Any], ...] = (
        (Edit.SET, "v"),
        (Edit.SET, ""),
        (Edit.SET, ("v", "w")),
        (Edit.SET, ()),
        (Edit.DELETE, ""),
        (Edit.UNSET, ""),
        (Edit.ADD_LIST, "v"),
        (Edit.ADD_LIST, "w"),
        (Edit.DEL_LIST, "v"),
        (Edit.DEL_LIST, "w"),
    )
    cases = []
    for row in before:
        for request, value in asked:
            after = edit(None if row is None else setting_of(row), request, value, position=3)
            cases.append(
                valid(
                    f"{row} {request.value} {value!r}",
                    "What a target says afterwards; null: nothing.",
                    kind="edit",
                    before=row,
                    edit=request.value,
                    value=list(value) if isinstance(value, tuple) else value,
                    position=3,
                    after=None if after is None else show_setting(after),
                )
            )
    return cases


_EXPORT = """\
package network

config interface 'lan'
\toption proto 'static'
\tlist dns '1'
\tlist dns '2'

config route
\toption target '192.0.2.0'

config route
\toption metric '5'
"""


def _imports() -> list[Case]:
    good = (
        (
            "batch",
            "set network.lan.ipaddr='192.0.2.1'\nadd_list dhcp.lan.dhcp_option=6,1\ndelete network.wan6\n",
        ),
        (
            "batch, adding up",
            "set a.b.c=1\nadd_list a.b.c=2\nadd_list a.b.d=x\ndel_list a.b.d=y\ndel a.b.e\ncommit a\n",
        ),
        ("batch, list anew", "delete a.b.c\nadd_list a.b.c=1\nadd_list a.b.c=2\n"),
        ("batch, section deleted and made", "set a.b.c=1\ndelete a.b\nset a.b=t\nset a.b.d=2\n"),
        ("batch, quotes", "set a.b.c=\"x 'y'\"' z' # comment\nset 'a.t[n=\"p q\"].c=v'\n"),
        ("batch, empty value", "set a.b.c=''\n"),
        ("batch, type", "set network.guest=interface\n"),
        ("batch, exclusive", "set a.b.c=1\nexclusive a.*\nexclusive a.@b[*]\n"),
        (
            "batch, given back",
            "set a.b.c=1\nrestore_local a.b.c\nrestore_local a.*\nrestore_local a.b.d\nset a.b.d=2\n",
        ),
        ("batch, a place", "set a.b=t\nset a.b.c=1\nbefore a.b='t[d=\"1\"]'\n"),
        (
            "batch, each",
            "set 'a.each b[c=d] as r'=t\nset 'a.each b[c=d] as r.e'='${r}'\ndelete 'a.each b as s'\n",
        ),
        ("nothing", ""),
        (
            "export",
            _EXPORT,
        ),
        ("export of two packages", "package a\nconfig s 'x'\n\toption o '1'\npackage b\nconfig s 'x'\n"),
    )
    bad = (
        ("a place of nothing", "before a.b=c\n"),
        ("a place by index", "set a.b=t\nbefore a.b=@t[0]\n"),
        ("an unknown verb", "rename a.b.c=d\n"),
        ("no value", "set a.b.c\n"),
        ("three words", "set a.b.c=1 2\n"),
        ("something behind ;", "set a.b.c=1 ; set a.b.d=2\n"),
        ("a bad key", "set a.b-c.d=1\n"),
        ("a secret", "set wireless.a.key=x\n"),
        ("the package dusk", "set dusk.main.name=x\n"),
        ("an option of a deleted section", "delete a.b\nset a.b.c=1\n"),
        ("an open quote", "set a.b.c='1\n"),
        ("a type for an index", "set a.@b[0]=c\n"),
        ("export without a package", "config a 'b'\n"),
        ("export with a package twice", "package a\nconfig s 'x'\npackage b\npackage a\n"),
        ("NUL", "set a.b.c=\0\n"),
    )
    cases = []
    for name, text in (*good, *TEXTS):
        found = import_text(text)
        again = export_text(found)
        assert import_text(again) == found, name
        cases.append(
            valid(
                f"import: {name}",
                "And how it is written.",
                kind="import",
                text=text,
                settings=[[key, show_setting(setting)] for key, setting in found],
                export=again,
            )
        )
    for name, text in (*bad, *BAD_TEXTS):
        wrong = partial(import_text, text)
        shows = "Nothing is imported."
        cases.append(invalid(f"import: {name}", shows, "bad-text", wrong, kind="import", text=text))
    return cases


def _expansions() -> list[Case]:
    variables: dict[str, VariableValue] = {"a": "1", "empty": "", "l": ("x", "y"), "none": (), "use": "${a}"}
    facts = {"board": "b", "mac6": "0a0b0c"}
    good: tuple[str | list[str], ...] = (
        "plain $ \\ # text",
        "${a}",
        "-${a}-${a}-",
        "$${a}",
        "$$${a}",
        "${use}",
        "${nope:-}",
        "${nope:-x y}",
        "${a:-x}",
        "${empty:-x}",
        "${fact.board}",
        "${mac6}",
        "${nope:-${a}",
        ["${l}", "z"],
        ["${none}"],
        ["${nope:-d}", "${a}"],
    )
    bad: tuple[tuple[str, str | list[str], str], ...] = (
        ("undefined-variable", "${nope}", "not defined"),
        ("undefined-variable", "${fact.nope}", "not defined"),
        ("undefined-variable", ["${nope}"], "not defined"),
        ("list-in-text", "${l}", "is a list"),
        ("list-in-text", ["a${l}"], "is a list"),
        ("bad-use", "${", "without"),
        ("bad-use", "${a", "without"),
        ("bad-use", "${a b}", "without"),
        ("bad-use", "${fact.}", "without"),
        ("bad-use", "${a:x}", "without"),
        ("bad-use", "$${ ${}", "without"),
    )
    expander = Expander(variables, facts)

    def expand(value: str | list[str]) -> Any:
        return expander.text(value, "k") if isinstance(value, str) else list(expander.items(value, "k"))

    world = {"variables": _show_variables(variables), "facts": facts}
    cases = [
        valid(f"variables in {value!r}", "Put in.", kind="expand", **world, value=value, result=expand(value))
        for value in good
    ]
    for reason, value, says in bad:
        wrong = partial(expand, value)
        shows = "Nothing is merged."
        name = f"variables in {value!r}"
        cases.append(invalid(name, shows, reason, wrong, says, kind="expand", **world, value=value))
    return cases


def _show_variables(variables: Mapping[str, VariableValue]) -> Json:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in variables.items()}
