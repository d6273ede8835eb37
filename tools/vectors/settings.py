"""`settings.json`, `merges.json` and `uci.json`: from records to files."""

from collections.abc import Mapping, Sequence
from typing import Any

from dusk.config.merge import Layer, Managed, merge
from dusk.config.names import parse_key
from dusk.config.parts import Section, generated_name
from dusk.config.result import resulting
from dusk.config.selection import Assignment, Scope, select_layers, select_variables
from dusk.config.settings import Edit, Setting, Verb, check_setting, edit
from dusk.config.text import export_text, import_text
from dusk.config.uci import parse
from dusk.config.variables import Expander, VariableValue
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
        ("a.cfg01234.e", "a.cfg01234.e"),
        ("a.cfg01234x.e", "a.cfg01234x.e"),
    )
    bad = (
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
        "a." + "b" * 511,
    )
    cases = []
    for text, canonical in good:
        assert str(parse_key(text)) == canonical
        cases.append(
            valid(f"key {text}", "With its canonical text.", kind="key", key=text, canonical=canonical)
        )
    for text in bad:
        wrong = lambda t=text: parse_key(t)  # noqa: E731 - said once
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
        ("nothing", ""),
        (
            "export",
            "package network\n\nconfig interface 'lan'\n\toption proto 'static'\n\tlist dns '1'\n\tlist dns '2'\n\n"
            "config route\n\toption target '192.0.2.0'\n\nconfig route\n\toption metric '5'\n",
        ),
        ("export of two packages", "package a\nconfig s 'x'\n\toption o '1'\npackage b\nconfig s 'x'\n"),
    )
    bad = (
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
    for name, text in good:
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
    for name, text in bad:
        wrong = lambda t=text: import_text(t)  # noqa: E731 - said once
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
        wrong = lambda v=value: expand(v)  # noqa: E731 - said once
        shows = "Nothing is merged."
        name = f"variables in {value!r}"
        cases.append(invalid(name, shows, reason, wrong, says, kind="expand", **world, value=value))
    return cases


def _show_variables(variables: Mapping[str, VariableValue]) -> Json:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in variables.items()}


# --- merges --------------------------------------------------------------------------------------

DEVICE = "0" * 31 + "1"
FILE = """\
config interface 'lan'
\toption proto 'static'
\toption ipaddr '192.0.2.1'  # ours
\tlist dns '192.0.2.53'

# guests below
config interface 'guest'
\toption proto 'dhcp'

config rule
\toption name 'a'
\toption target 'DROP'

config rule
\toption name 'b'
"""


def _world(**changed: Any) -> Json:
    """Return a datastore as far as one device's settings depend on it, and its file."""
    said: Json = {
        "device": DEVICE,
        "groups_of_device": [],
        "policies": {},
        "assignments": {},
        "device_settings": {},
        "variables": {"cluster": {}, "groups": {}, "device": {}},
        "facts": {},
        "package": "network",
        "file": FILE,
    }
    return {**said, **changed}


def _policies(**policies: Mapping[str, Row]) -> Json:
    """Return policies assigned to all; `name_200` has priority 200, others have 100."""
    assignments = {}
    for name in policies:
        _, underscore, priority = name.partition("_")
        assignments[name] = ["all", [], int(priority) if underscore else 100]
    return {"policies": {name: dict(found) for name, found in policies.items()}, "assignments": assignments}


def _managed(world: Json) -> Managed:
    policies = {
        name: {key: setting_of(row) for key, row in found.items()}
        for name, found in world["policies"].items()
    }
    for found in (
        *policies.values(),
        {key: setting_of(row) for key, row in world["device_settings"].items()},
    ):
        for key, setting in found.items():
            check_setting(key, setting)
    assignments = [
        Assignment(name, Scope(to), frozenset(names), priority)
        for name, (to, names, priority) in world["assignments"].items()
    ]
    own = {key: setting_of(row) for key, row in world["device_settings"].items()}
    groups = frozenset(world["groups_of_device"])
    layers: Sequence[Layer] = select_layers(world["device"], groups, assignments, policies, own)
    scopes = world["variables"]
    variables = select_variables(
        _variables(scopes["cluster"]),
        {group: _variables(found) for group, found in scopes["groups"].items() if group in groups},
        _variables(scopes["device"]),
    )
    return merge(layers, variables, world["facts"])


def _variables(found: Json) -> dict[str, VariableValue]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in found.items()}


def show_managed(managed: Managed) -> Json:
    """Return the managed config: package → sections with their options, in order."""
    return {
        package: [
            {
                "address": str(section.address),
                "existence": section.existence and _show_option(section.existence),
                "options": {name: _show_option(option) for name, option in section.options.items()},
            }
            for section in sections
        ]
        for package, sections in managed.items()
    }


def _show_option(option: Any) -> Json:
    return {
        "verb": int(option.verb),
        "values": list(option.values),
        "removed": list(option.removed),
        "origin": option.origin,
        "key": option.key,
    }


def merges() -> list[Case]:
    """Return the cases of `merges.json`."""
    cases = []
    for name, shows, world in _good_merges():
        managed = _managed(world)
        content = world["file"]
        package = world["package"]
        made = resulting(None if content is None else content.encode(), package, managed.get(package, ()))
        again = resulting(made.content, package, managed.get(package, ()))
        assert (again.content, again.changed) == (made.content, ()), name
        result = {"file": made.content.decode(), "changed": list(made.changed)}
        cases.append(valid(name, shows, **world, managed=show_managed(managed), result=result))
    for name, reason, says, world in _bad_merges():
        wrong = lambda w=world: _managed(w)  # noqa: E731 - said once
        cases.append(invalid(name, "There is no managed config.", reason, wrong, says, **world))
    for name, reason, says, world in _bad_results():
        managed = _managed(world)
        package = world["package"]
        content = world["file"].encode()
        wrong = lambda c=content, p=package, m=managed: resulting(c, p, m[p])  # noqa: E731 - said once
        shows = "There is a managed config, and no resulting file: the file stays as it is."
        cases.append(invalid(name, shows, reason, wrong, says, **world, managed=show_managed(managed)))
    return cases


def _good_merges() -> list[tuple[str, str, Json]]:
    ip, dns = "network.lan.ipaddr", "network.lan.dns"
    return [
        ("nothing managed", "The file stays what it is.", _world()),
        (
            "one option",
            "Its line is written anew, its comment stays.",
            _world(**_policies(p={ip: [1, 0, ["192.0.2.9"], []]})),
        ),
        ("what is there already", "No byte changes.", _world(**_policies(p={ip: [1, 0, ["192.0.2.1"], []]}))),
        (
            "the higher priority",
            "It wins.",
            _world(**_policies(p={ip: [1, 0, ["192.0.2.2"], []]}, q_200={ip: [1, 0, ["192.0.2.3"], []]})),
        ),
        (
            "the device's own",
            "Above all policies.",
            _world(
                **_policies(q_999={ip: [1, 0, ["192.0.2.3"], []]}),
                device_settings={ip: [1, 0, ["192.0.2.4"], []]},
            ),
        ),
        (
            "two that agree",
            "Both are the origin.",
            _world(**_policies(p={ip: [1, 5, ["192.0.2.2"], []]}, q={ip: [1, 0, ["192.0.2.2"], []]})),
        ),
        ("absent", "The option goes.", _world(**_policies(p={ip: [3, 0, [], []]}))),
        ("a list", "Whole.", _world(**_policies(p={dns: [2, 0, ["192.0.2.53", "192.0.2.54"], []]}))),
        (
            "a list edited",
            "What is not named stays.",
            _world(**_policies(p={dns: [4, 0, ["192.0.2.54"], ["192.0.2.99"]]})),
        ),
        (
            "a list edited away",
            "Its last item goes, and the option with it.",
            _world(**_policies(p={dns: [4, 0, [], ["192.0.2.53"]]})),
        ),
        (
            "a text becomes a list",
            "An item is added to a single value.",
            _world(**_policies(p={ip: [4, 0, ["x"], []]})),
        ),
        (
            "edits combined",
            "Of two layers, the higher one last.",
            _world(**_policies(p={dns: [4, 0, ["a"], ["b"]]}, q_200={dns: [4, 0, ["b"], ["a"]]})),
        ),
        (
            "a list and an edit above",
            "A list that is edited.",
            _world(**_policies(p={dns: [2, 0, ["a", "b"], []]}, q_200={dns: [4, 0, ["c"], ["a"]]})),
        ),
        (
            "absent and an edit above",
            "A list of what is added.",
            _world(**_policies(p={dns: [3, 0, [], []]}, q_200={dns: [4, 0, ["c"], []]})),
        ),
        (
            "a text and an edit above that only removes",
            "A single value stays.",
            _world(**_policies(p={ip: [1, 0, ["a"], []]}, q_200={ip: [4, 0, [], ["a"]]})),
        ),
        (
            "a text and an edit above that adds",
            "Both.",
            _world(**_policies(p={ip: [1, 0, ["a"], []]}, q_200={ip: [4, 0, ["b"], []]})),
        ),
        (
            "all of a list removed above",
            "Absent.",
            _world(**_policies(p={dns: [2, 0, ["a"], []]}, q_200={dns: [4, 0, [], ["a"]]})),
        ),
        (
            "edits of equal priority",
            "Neither removes what the other adds.",
            _world(**_policies(p={dns: [4, 0, ["a"], []]}, q={dns: [4, 0, ["b"], []]})),
        ),
        (
            "a list and an edit that changes nothing",
            "Of equal priority.",
            _world(**_policies(p={dns: [2, 0, ["a", "b"], []]}, q={dns: [4, 0, ["a"], ["c"]]})),
        ),
        (
            "a new section",
            "At the end, of the type.",
            _world(
                **_policies(
                    p={"network.new": [5, 0, ["interface"], []], "network.new.proto": [1, 1, ["none"], []]}
                )
            ),
        ),
        (
            "new sections in order",
            "By priority, origin, position.",
            _world(
                **_policies(
                    z={"network.n2": [5, 1, ["a"], []], "network.n1": [5, 0, ["a"], []]},
                    y_50={"network.n3": [5, 9, ["a"], []]},
                )
            ),
        ),
        (
            "another type",
            "The config line is written anew.",
            _world(**_policies(p={"network.guest": [5, 0, ["alias"], []]})),
        ),
        (
            "a section deleted",
            "With the options that lower layers set in it.",
            _world(
                **_policies(
                    p={"network.guest.proto": [1, 0, ["static"], []]}, q_200={"network.guest": [3, 0, [], []]}
                )
            ),
        ),
        (
            "absent where nothing is",
            "No section, no matter.",
            _world(**_policies(p={"network.gone": [3, 0, [], []], "network.gone2.x": [3, 1, [], []]})),
        ),
        (
            "by index",
            "From either end.",
            _world(
                **_policies(
                    p={
                        "network.@rule[0].target": [1, 0, ["ACCEPT"], []],
                        "network.@rule[-1].x": [1, 1, ["y"], []],
                    }
                )
            ),
        ),
        (
            "by match",
            "Exactly one.",
            _world(**_policies(p={"network.rule[name=b].target": [1, 0, ["ACCEPT"], []]})),
        ),
        (
            "by match on a list",
            "An item of it.",
            _world(**_policies(p={"network.interface[dns=192.0.2.53].x": [1, 0, ["y"], []]})),
        ),
        (
            "two addresses of one section",
            "They say the same.",
            _world(
                **_policies(
                    p={"network.rule[name=b].x": [1, 0, ["y"], []], "network.@rule[1].x": [1, 1, ["y"], []]}
                )
            ),
        ),
        (
            "a match deleted",
            "The section and what is inside.",
            _world(**_policies(p={"network.rule[name=a]": [3, 0, [], []]})),
        ),
        ("no file", "It is made.", _world(**_policies(p={"network.a": [5, 0, ["b"], []]}), file=None)),
        (
            "variables",
            "Device before group before cluster; facts; defaults.",
            _world(
                **_policies(
                    p={
                        ip: [1, 0, ["${dev}-${grp}-${clu}-${all}"], []],
                        dns: [2, 1, ["${list}", "${fact.board}", "${mac6}", "${nope:-d}"], []],
                    }
                ),
                groups_of_device=["g", "h"],
                variables={
                    "cluster": {"clu": "c", "grp": "c", "dev": "c", "all": "c", "list": ["1", "2"]},
                    "groups": {
                        "g": {"grp": "g", "dev": "g", "all": "same"},
                        "h": {"all": "same"},
                        "other": {"clu": "x"},
                    },
                    "device": {"dev": "d"},
                },
                facts={"board": "example", "mac6": "0a0b0c"},
            ),
        ),
        (
            "an empty variable",
            "Absent; so is an empty list.",
            _world(
                **_policies(p={ip: [1, 0, ["${e}"], []], dns: [2, 1, ["${l}"], []]}),
                variables={"cluster": {"e": "", "l": []}, "groups": {}, "device": {}},
            ),
        ),
        (
            "groups that disagree, settled by the device",
            "Its own counts.",
            _world(
                **_policies(p={ip: [1, 0, ["${v}"], []]}),
                groups_of_device=["g", "h"],
                variables={"cluster": {}, "groups": {"g": {"v": "1"}, "h": {"v": "2"}}, "device": {"v": "3"}},
            ),
        ),
        (
            "assignments",
            "To a group, to devices; one is for others.",
            _world(
                groups_of_device=["g"],
                policies={
                    "a": {ip: [1, 0, ["a"], []]},
                    "b": {dns: [3, 0, [], []]},
                    "c": {ip: [1, 0, ["c"], []]},
                    "d": {ip: [1, 0, ["d"], []]},
                },
                assignments={
                    "a": ["groups", ["f", "g"], 100],
                    "b": ["devices", [DEVICE], 0],
                    "c": ["groups", ["f"], 900],
                },
            ),
        ),
        (
            "another package",
            "Of the managed config; this file is not touched.",
            _world(**_policies(p={"system.a": [5, 0, ["b"], []]})),
        ),
        (
            "values with everything",
            "Quotes, line ends, what a shell would run.",
            _world(**_policies(p={ip: [1, 0, ["a'b\"c\\d\n\t$(x)`y`;#€"], []]})),
        ),
    ]


def _bad_merges() -> list[tuple[str, str, str, Json]]:
    ip, dns = "network.lan.ipaddr", "network.lan.dns"
    one, two = {ip: [1, 0, ["1"], []]}, {ip: [1, 0, ["2"], []]}
    added, taken = {dns: [4, 0, ["a"], []]}, {dns: [4, 0, [], ["a"]]}
    scopes = {"cluster": {}, "groups": {"g": {"v": "1"}, "h": {"v": "2"}}, "device": {}}
    return [
        ("two that disagree", "disagree", "disagree", _world(**_policies(p=one, q=two))),
        (
            "two that disagree below a higher one",
            "disagree",
            "disagree",
            _world(**_policies(p=one, q=two, r_200=one)),
        ),
        ("a value and absent", "disagree", "disagree", _world(**_policies(p=one, q={ip: [3, 0, [], []]}))),
        (
            "a value and an edit",
            "disagree",
            "disagree",
            _world(**_policies(p=one, q={ip: [4, 0, ["1"], []]})),
        ),
        ("edits against each other", "disagree", "disagree", _world(**_policies(p=added, q=taken))),
        (
            "a list and an edit that adds",
            "disagree",
            "disagree",
            _world(**_policies(p={dns: [2, 0, ["b"], []]}, q=added)),
        ),
        (
            "a list and an edit that removes",
            "disagree",
            "disagree",
            _world(**_policies(p={dns: [2, 0, ["a"], []]}, q=taken)),
        ),
        (
            "two types",
            "disagree",
            "disagree",
            _world(**_policies(p={"network.x": [5, 0, ["a"], []]}, q={"network.x": [5, 0, ["b"], []]})),
        ),
        (
            "an option in a deleted section",
            "section-deleted",
            "deletes the section",
            _world(**_policies(p={"network.x": [3, 0, [], []], "network.x.y": [1, 1, ["1"], []]})),
        ),
        (
            "an option above the deletion",
            "section-deleted",
            "deletes the section",
            _world(**_policies(p={"network.x": [3, 0, [], []]}, q_200={"network.x.y": [1, 1, ["1"], []]})),
        ),
        (
            "an undefined variable",
            "undefined-variable",
            "not defined",
            _world(**_policies(p={ip: [1, 0, ["${v}"], []]})),
        ),
        (
            "a list variable in a text",
            "list-in-text",
            "is a list",
            _world(
                **_policies(p={ip: [1, 0, ["${v}"], []]}),
                variables={"cluster": {"v": ["1"]}, "groups": {}, "device": {}},
            ),
        ),
        ("a use that is none", "bad-use", "without", _world(**_policies(p={ip: [1, 0, ["${v"], []]}))),
        (
            "groups that disagree",
            "groups-disagree",
            "different values",
            _world(groups_of_device=["g", "h"], variables=scopes),
        ),
        (
            "added and removed by variables",
            "adds-and-removes",
            "adds and removes",
            _world(**_policies(p={dns: [4, 0, ["${v:-a}"], ["a"]]})),
        ),
    ]


def _bad_results() -> list[tuple[str, str, str, Json]]:
    two = {"network.rule[name=b].x": [1, 0, ["1"], []], "network.@rule[1].x": [1, 1, ["2"], []]}
    gone = {"network.rule[name=a]": [3, 0, [], []], "network.@rule[0].x": [1, 1, ["1"], []]}
    return [
        (
            "no such section",
            "no-section",
            "there is no section",
            _world(**_policies(p={"network.x.y": [1, 0, ["1"], []]})),
        ),
        (
            "a match that hits none",
            "no-section",
            "hits no section",
            _world(**_policies(p={"network.rule[name=z].y": [1, 0, ["1"], []]})),
        ),
        (
            "an index out of range",
            "no-section",
            "hits no section",
            _world(**_policies(p={"network.@rule[2].y": [1, 0, ["1"], []]})),
        ),
        (
            "a type where an index hits none",
            "no-section",
            "hits no section",
            _world(**_policies(p={"network.@rule[2]": [5, 0, ["rule"], []]})),
        ),
        (
            "a match that hits two",
            "several-sections",
            "sections match",
            _world(
                **_policies(p={"network.rule[target=DROP].x": [1, 0, ["1"], []]}),
                file=FILE + "\toption target 'DROP'\n",
            ),
        ),
        ("two addresses that disagree", "ambiguous", "ambiguous", _world(**_policies(p=two))),
        ("a deleted section with an option", "ambiguous", "ambiguous", _world(**_policies(p=gone))),
        (
            "a match on what is changed",
            "moves",
            "no longer",
            _world(**_policies(p={"network.rule[name=b].name": [1, 0, ["c"], []]})),
        ),
        (
            "an index that shifts",
            "moves",
            "no longer",
            _world(
                **_policies(
                    p={"network.@rule[1].x": [1, 0, ["1"], []], "network.rule[name=a]": [3, 1, [], []]}
                )
            ),
        ),
        (
            "a file that cannot be read",
            "bad-file",
            "unterminated",
            _world(**_policies(p={"network.lan.x": [1, 0, ["1"], []]}), file="config a 'b\n"),
        ),
    ]


# --- UCI files -------------------------------------------------------------------------------------


def _show_section(section: Section, count: int) -> Json:
    return {
        "type": section.type,
        "name": section.name,
        "generated": None if section.name else generated_name(section.type, count),
        "options": {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in section.options.items()
        },
    }


def uci() -> list[Case]:
    """Return the cases of `uci.json`."""
    return [*_documents(), *_bad_documents(), *_edited()]


def _documents() -> list[Case]:
    rows = (
        ("empty", b""),
        ("nothing but space", b"\n \t\n\r\n"),
        ("comments", b"# one\n  # two\nconfig a 'b' # three\n\toption c 'd'# four\n"),
        ("the usual form", FILE.encode()),
        ("short keywords", b"p x\nc a b\no c d\nl e f\n"),
        ("no quotes", b"config a b\noption c d\nlist e f\n"),
        ("double quotes", b'config a "b"\noption "c" "d e"\n'),
        ("pieces of a word", b"config a b\noption c x'y z'\"w\"\\ v\n"),
        ("a quote over lines", b"config a b\noption c 'one\ntwo'\n"),
        ("double quotes over lines", b'config a b\noption c "one\ntwo\\\nthree"\n'),
        ("a line continued", b"config a b\noption c on\\\ne\n"),
        ("a line continued, CR LF", b"config a b\r\noption c on\\\r\ne\r\n"),
        ("backslashes", b"config a b\noption c \\a\\'\\\\\noption d \"\\a\\\"\\\\\"\noption e '\\a'\n"),
        ("a comment within a word", b"config a b\noption c x#y\noption d 'x#y'\n"),
        ("a semicolon after quotes", b"config a 'b'; option c 'd'; option e 'f'\n"),
        ("a semicolon after a plain word", b"config a b\noption c d; option e f\n"),
        ("a semicolon at the end of the file", b"config a 'b';"),
        ("no line end", b"config a b\n\toption c d"),
        ("CR LF", b"config a b\r\n\toption c d\r\n"),
        ("form feeds and vertical tabs", b"config a\x0bb\noption c\x0cd\n"),
        ("option again", b"config a b\noption c 1\noption c 2\n"),
        ("option over a list", b"config a b\nlist c 1\nlist c 2\noption c 3\n"),
        ("a list over an option", b"config a b\noption c 1\nlist c 2\n"),
        ("an empty option", b"config a b\noption c ''\n"),
        ("an empty option over a value", b"config a b\noption c 1\noption c ''\n"),
        ("an empty item", b"config a b\nlist c ''\nlist c 2\n"),
        ("an option without a value", b"config a b\noption c\nlist d\n"),
        ("a section again", b"config a b\noption c 1\nconfig x\nconfig a b\noption d 2\n"),
        ("anonymous sections", b"config rule\noption c 1\nconfig rule ''\nconfig x y\nconfig rule\n"),
        ("a section by its generated name", b"config rule\noption c 1\nconfig rule cfg0192bd\noption d 2\n"),
        ("bytes that are no UTF-8", b"config a b\noption c '\xff\xfe'\n"),
        ("a package line", b"package other\nconfig a b\n"),
        ("odd types", b"config a!b-c.d x\nconfig a/b\n"),
        ("blanks everywhere", b" \t config \t a \t b \t\n \t option \t c \t d \t\n"),
        ("order of options", b"config a b\noption c ''\noption d 1\noption c 2\n"),
    )
    cases = []
    for name, data in rows:
        document = parse(data, "file")
        assert document.render() == data, name
        cases.append(
            valid(
                f"document: {name}",
                "Read, and written back byte for byte.",
                kind="document",
                bytes=data.hex(),
                text=data.decode("utf-8", "backslashreplace"),
                sections=[
                    {**_show_section(section, place), "options": _options(section)}
                    for place, section in enumerate(document.sections, 1)
                ],
            )
        )
    return cases


def _options(section: Section) -> Json:
    """Return the options; a value that is no UTF-8 as its bytes."""

    def shown(value: str) -> Any:
        data = value.encode("utf-8", "surrogateescape")
        try:
            return data.decode()
        except UnicodeDecodeError:
            return {"hex": data.hex()}

    return {
        name: [shown(item) for item in value] if isinstance(value, tuple) else shown(value)
        for name, value in section.options.items()
    }


def _bad_documents() -> list[Case]:
    rows = (
        ("unknown-command", 1, "invalid command", b"konfig a b\n"),
        ("unknown-command", 2, "invalid command", b"config a b\noptions c d\n"),
        ("unknown-command", 1, "invalid command", b"config\n"),
        ("unknown-command", 1, "invalid command", b"config\x0ba\n"),
        ("missing-argument", 1, "insufficient", b"config \n"),
        ("missing-argument", 1, "insufficient", b"config ''\n"),
        ("missing-argument", 2, "insufficient", b"config a b\noption \n"),
        ("missing-argument", 1, "insufficient", b"package \n"),
        ("too-many-arguments", 1, "too many", b"config a b c\n"),
        ("too-many-arguments", 2, "too many", b"config a b\noption c d e\n"),
        ("bad-name", 1, "invalid character in the section name", b"config a b-c\n"),
        ("bad-name", 2, "invalid character in the option name", b"config a b\noption c.d e\n"),
        ("bad-name", 1, "invalid character in the section type", b"config 'a b' c\n"),
        ("bad-name", 1, "invalid character in the package name", b"package a.b\n"),
        ("open-quote", 1, "unterminated '", b"config a 'b\n"),
        ("open-quote", 3, 'unterminated "', b'config a b\noption c "d\ne\n'),
        ("before-section", 1, "before any section", b"option a b\n"),
        ("before-section", 1, "before any section", b"list a b\n"),
        ("other-type", 3, "is of type", b"config a b\nconfig a c\nconfig x b\n"),
        ("behind-semicolon", 1, "invalid command", b"config a 'b';\n"),
        ("nul", 2, "NUL", b"config a b\noption c d\0\n"),
    )
    cases = []
    for place, (reason, line, says, data) in enumerate(rows):
        wrong = lambda d=data: parse(d, "file")  # noqa: E731 - said once
        cases.append(
            invalid(
                f"document {place}: {reason}",
                "libuci refuses it, or would lose a part.",
                reason,
                wrong,
                says,
                kind="document",
                bytes=data.hex(),
                line=line,
            )
        )
    return cases


def _edited() -> list[Case]:
    document = (
        "# top\nconfig a 'one' # first\n\toption x '1' # ex\n\tlist l 'a'\n\tlist l 'b'\n\tlist l 'c'\n\n"
        "# heads two\nconfig a 'two'\n\toption y 2; option z 3\n\n# the end\n"
    )
    rows: tuple[tuple[str, list[list[Any]]], ...] = (
        ("set to what it is", [["set", "one", "x", "1"]]),
        ("set", [["set", "one", "x", "it's"]]),
        ("a new option", [["set", "one", "new", "v"]]),
        ("a new list", [["set", "two", "new", ["v", "w"]]]),
        ("a list with an item more", [["set", "one", "l", ["a", "b", "c", "d"]]]),
        ("a list with its middle changed", [["set", "one", "l", ["a", "x", "c"]]]),
        ("a list with its first item gone", [["set", "one", "l", ["b", "c"]]]),
        ("a list made a text", [["set", "one", "l", "a"]]),
        ("a text made a list", [["set", "one", "x", ["1"]]]),
        ("an option removed", [["remove", "one", "x"]]),
        ("an option that is not there removed", [["remove", "one", "nope"]]),
        ("set to nothing", [["set", "one", "x", ""]]),
        ("a statement beside another", [["set", "two", "y", "5"]]),
        ("a section at the end", [["add", "b", "three"], ["set", "three", "o", "p"]]),
        ("a section before another", [["add", "b", "three", "two"], ["set", "three", "o", "p"]]),
        ("a section without a name", [["add", "b", None]]),
        ("a section removed", [["delete", "one"]]),
        ("the last section removed", [["delete", "two"]]),
        ("another type", [["retype", "one", "b"]]),
    )
    cases = []
    for name, steps in rows:
        cases.append(_edit(name, document, steps))
    open_end = "config a 'one'\n\toption x '1'"
    cases.append(_edit("a last line without an end", open_end, [["set", "one", "y", "2"]]))
    cases.append(_edit("an empty file", "", [["add", "b", "one"]]))
    return cases


def _edit(name: str, text: str, steps: list[list[Any]]) -> Case:
    document = parse(text.encode(), "file")
    for step in steps:
        section = document.section(step[1]) if step[0] != "add" else None
        match step[0]:
            case "add":
                before = document.section(step[3]) if len(step) > 3 else None
                document.add_section(step[1], step[2], before)
            case "set":
                assert section is not None
                value = tuple(step[3]) if isinstance(step[3], list) else step[3]
                document.set(section, step[2], value)
            case "remove":
                assert section is not None
                document.remove(section, step[2])
            case "retype":
                assert section is not None
                document.retype(section, step[2])
            case _:
                assert section is not None
                document.remove_section(section)
    return valid(
        f"edit: {name}",
        "Lines that are not concerned keep their bytes.",
        kind="edit",
        before=text,
        steps=steps,
        after=document.render().decode(),
    )
