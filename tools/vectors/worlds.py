"""The datastores of `merges.json`, each as far as it matters to one device."""

from collections.abc import Mapping
from typing import Any

from tools.vectors.settings import Row
from tools.vectors.show import Json

DEVICE = "0" * 31 + "1"
IP, DNS = "network.lan.ipaddr", "network.lan.dns"
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


def world(**changed: Any) -> Json:
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


def assigned(**policies: Mapping[str, Row]) -> Json:
    """Return policies assigned to all; `name_200` has priority 200, others have 100."""
    assignments = {}
    for name in policies:
        _, underscore, priority = name.partition("_")
        assignments[name] = ["all", [], int(priority) if underscore else 100]
    return {"policies": {name: dict(found) for name, found in policies.items()}, "assignments": assignments}


def having(**policies: Mapping[str, Row]) -> Json:
    """Return a datastore with nothing but these policies, assigned to all."""
    return world(**assigned(**policies))


Merge = tuple[str, str, Json]
"""Name, what it shows, datastore."""

Refused = tuple[str, str, str, Json]
"""Name, reason, what Dusk says, datastore."""


def good_merges() -> list[Merge]:
    """Return what can be merged."""
    return [
        *_of_one_layer(),
        *_of_layers(),
        *_of_sections(),
        *_of_deletions(),
        *_of_addresses(),
        *_of_order(),
        *_of_variables(),
        *_of_others(),
    ]


def _of_one_layer() -> list[Merge]:
    return [
        ("nothing managed", "The file stays what it is.", world()),
        (
            "one option",
            "Its line is written anew, its comment stays.",
            having(p={IP: [1, 0, ["192.0.2.9"], []]}),
        ),
        ("what is there already", "No byte changes.", having(p={IP: [1, 0, ["192.0.2.1"], []]})),
        (
            "given back, and managed",
            "Whoever manages it has his will, whatever the priorities.",
            having(
                high_200={IP: [8, 0, [], []]},
                low={IP: [1, 0, ["192.0.2.9"], []], "network.*": [8, 1, [], []]},
            ),
        ),
        (
            "the higher priority",
            "It wins.",
            having(p={IP: [1, 0, ["192.0.2.2"], []]}, q_200={IP: [1, 0, ["192.0.2.3"], []]}),
        ),
        (
            "the device's own",
            "Above all policies.",
            world(
                **assigned(q_999={IP: [1, 0, ["192.0.2.3"], []]}),
                device_settings={IP: [1, 0, ["192.0.2.4"], []]},
            ),
        ),
        (
            "two that agree",
            "Both are the origin.",
            having(p={IP: [1, 5, ["192.0.2.2"], []]}, q={IP: [1, 0, ["192.0.2.2"], []]}),
        ),
        ("absent", "The option goes.", having(p={IP: [3, 0, [], []]})),
        ("a list", "Whole.", having(p={DNS: [2, 0, ["192.0.2.53", "192.0.2.54"], []]})),
        (
            "a list edited",
            "What is not named stays.",
            having(p={DNS: [4, 0, ["192.0.2.54"], ["192.0.2.99"]]}),
        ),
        (
            "a list edited away",
            "Its last item goes, and the option with it.",
            having(p={DNS: [4, 0, [], ["192.0.2.53"]]}),
        ),
        ("a text becomes a list", "An item is added to a single value.", having(p={IP: [4, 0, ["x"], []]})),
    ]


def _of_layers() -> list[Merge]:
    return [
        (
            "edits combined",
            "Of two layers, the higher one last.",
            having(p={DNS: [4, 0, ["a"], ["b"]]}, q_200={DNS: [4, 0, ["b"], ["a"]]}),
        ),
        (
            "a list and an edit above",
            "A list that is edited.",
            having(p={DNS: [2, 0, ["a", "b"], []]}, q_200={DNS: [4, 0, ["c"], ["a"]]}),
        ),
        (
            "absent and an edit above",
            "A list of what is added.",
            having(p={DNS: [3, 0, [], []]}, q_200={DNS: [4, 0, ["c"], []]}),
        ),
        (
            "a text and an edit above that only removes",
            "A single value stays.",
            having(p={IP: [1, 0, ["a"], []]}, q_200={IP: [4, 0, [], ["a"]]}),
        ),
        (
            "a text and an edit above that adds",
            "Both.",
            having(p={IP: [1, 0, ["a"], []]}, q_200={IP: [4, 0, ["b"], []]}),
        ),
        (
            "all of a list removed above",
            "Absent.",
            having(p={DNS: [2, 0, ["a"], []]}, q_200={DNS: [4, 0, [], ["a"]]}),
        ),
        (
            "edits of equal priority",
            "Neither removes what the other adds.",
            having(p={DNS: [4, 0, ["a"], []]}, q={DNS: [4, 0, ["b"], []]}),
        ),
        (
            "a list and an edit that changes nothing",
            "Of equal priority.",
            having(p={DNS: [2, 0, ["a", "b"], []]}, q={DNS: [4, 0, ["a"], ["c"]]}),
        ),
    ]


def _of_sections() -> list[Merge]:
    return [
        (
            "a new section",
            "At the end, of the type.",
            having(p={"network.new": [5, 0, ["interface"], []], "network.new.proto": [1, 1, ["none"], []]}),
        ),
        (
            "new sections in order",
            "By priority, origin, position.",
            having(
                z={"network.n2": [5, 1, ["a"], []], "network.n1": [5, 0, ["a"], []]},
                y_50={"network.n3": [5, 9, ["a"], []]},
            ),
        ),
        (
            "another type",
            "The config line is written anew.",
            having(p={"network.guest": [5, 0, ["alias"], []]}),
        ),
        (
            "a section deleted",
            "With the options that lower layers set in it.",
            having(
                p={"network.guest.proto": [1, 0, ["static"], []]}, q_200={"network.guest": [3, 0, [], []]}
            ),
        ),
        (
            "absent where nothing is",
            "No section, no matter.",
            having(p={"network.gone": [3, 0, [], []], "network.gone2.x": [3, 1, [], []]}),
        ),
    ]


def _of_deletions() -> list[Merge]:
    gone, there = {"network.guest": [3, 0, [], []]}, {"network.guest": [5, 0, ["interface"], []]}
    one, none = {"network.guest.x": [1, 0, ["1"], []]}, {"network.guest.x": [3, 0, [], []]}
    return [
        (
            "a section deleted, and had again above",
            "The type has the last word: nothing is dropped.",
            having(a_50=one, b_100=gone, c_200=there),
        ),
        ("an absent option above a deletion", "It goes with the section.", having(p=gone, q_200=none)),
        (
            "an option above a deletion that is absent in the end",
            "What comes out counts.",
            having(p=gone, q_200=one, r_300=none),
        ),
        ("two deletions around an option", "The higher one counts.", having(p=gone, q_200=one, r_300=gone)),
    ]


def _of_order() -> list[Merge]:
    options = (
        *("network.rule[name=b].x", "network.lan.x", "network.rule[name=b].y", "network.new.proto"),
        *("network.lan.y", "network.guest.x"),
    )
    types = {"network.new": [5, 6, ["interface"], []], "network.guest": [5, 7, ["alias"], []]}
    nothing = ("network.rule[name=z].x", "network.@rule[9].x", "network.rule[name=y]")
    last = {"network.@rule[1].x": [3, 0, [], []], "network.rule[name=b]": [3, 1, [], []]}
    return [
        (
            "what changed, in order",
            "Sections by name first; in a section its type first.",
            having(p={**{key: [1, place, ["1"], []] for place, key in enumerate(options)}, **types}),
        ),
        (
            "addresses of nothing",
            "All that they say is absent, now and afterwards.",
            having(p={key: [3, place, [], []] for place, key in enumerate(nothing)}),
        ),
        ("an index behind a deletion", "It hits no section afterwards.", having(p=last)),
        (
            "an edit that variables empty",
            "It stays, and changes nothing.",
            world(
                **assigned(p={DNS: [4, 0, ["${l}"], []]}, q_200={DNS: [4, 0, ["${l}"], []]}),
                variables={"cluster": {"l": []}, "groups": {}, "device": {}},
            ),
        ),
    ]


def _of_addresses() -> list[Merge]:
    return [
        (
            "by index",
            "From either end.",
            having(
                p={
                    "network.@rule[0].target": [1, 0, ["ACCEPT"], []],
                    "network.@rule[-1].x": [1, 1, ["y"], []],
                }
            ),
        ),
        ("by match", "Exactly one.", having(p={"network.rule[name=b].target": [1, 0, ["ACCEPT"], []]})),
        (
            "by match on a list",
            "An item of it.",
            having(p={"network.interface[dns=192.0.2.53].x": [1, 0, ["y"], []]}),
        ),
        (
            "two addresses of one section",
            "They say the same.",
            having(p={"network.rule[name=b].x": [1, 0, ["y"], []], "network.@rule[1].x": [1, 1, ["y"], []]}),
        ),
        (
            "a match deleted",
            "The section and what is inside.",
            having(p={"network.rule[name=a]": [3, 0, [], []]}),
        ),
        ("no file", "It is made.", world(**assigned(p={"network.a": [5, 0, ["b"], []]}), file=None)),
    ]


def _of_variables() -> list[Merge]:
    return [
        (
            "variables",
            "Device before group before cluster; facts; defaults.",
            world(
                **assigned(
                    p={
                        IP: [1, 0, ["${dev}-${grp}-${clu}-${all}"], []],
                        DNS: [2, 1, ["${list}", "${fact.board}", "${mac6}", "${nope:-d}"], []],
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
            world(
                **assigned(p={IP: [1, 0, ["${e}"], []], DNS: [2, 1, ["${l}"], []]}),
                variables={"cluster": {"e": "", "l": []}, "groups": {}, "device": {}},
            ),
        ),
        (
            "groups that disagree, settled by the device",
            "Its own counts.",
            world(
                **assigned(p={IP: [1, 0, ["${v}"], []]}),
                groups_of_device=["g", "h"],
                variables={"cluster": {}, "groups": {"g": {"v": "1"}, "h": {"v": "2"}}, "device": {"v": "3"}},
            ),
        ),
    ]


def _of_others() -> list[Merge]:
    return [
        (
            "assignments",
            "To a group, to devices; one is for others.",
            world(
                groups_of_device=["g"],
                policies={
                    "a": {IP: [1, 0, ["a"], []]},
                    "b": {DNS: [3, 0, [], []]},
                    "c": {IP: [1, 0, ["c"], []]},
                    "d": {IP: [1, 0, ["d"], []]},
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
            having(p={"system.a": [5, 0, ["b"], []]}),
        ),
        (
            "values with everything",
            "Quotes, line ends, what a shell would run.",
            having(p={IP: [1, 0, ["a'b\"c\\d\n\t$(x)`y`;#€"], []]}),
        ),
    ]


def bad_merges() -> list[Refused]:
    """Return where nothing can be merged."""
    one, two = {IP: [1, 0, ["1"], []]}, {IP: [1, 0, ["2"], []]}
    added, taken = {DNS: [4, 0, ["a"], []]}, {DNS: [4, 0, [], ["a"]]}
    scopes = {"cluster": {}, "groups": {"g": {"v": "1"}, "h": {"v": "2"}}, "device": {}}
    return [
        ("two that disagree", "disagree", "disagree", having(p=one, q=two)),
        ("two that disagree below a higher one", "disagree", "disagree", having(p=one, q=two, r_200=one)),
        ("a value and absent", "disagree", "disagree", having(p=one, q={IP: [3, 0, [], []]})),
        ("a value and an edit", "disagree", "disagree", having(p=one, q={IP: [4, 0, ["1"], []]})),
        ("edits against each other", "disagree", "disagree", having(p=added, q=taken)),
        ("a list and an edit that adds", "disagree", "disagree", having(p={DNS: [2, 0, ["b"], []]}, q=added)),
        (
            "a list and an edit that removes",
            "disagree",
            "disagree",
            having(p={DNS: [2, 0, ["a"], []]}, q=taken),
        ),
        (
            "two types",
            "disagree",
            "disagree",
            having(p={"network.x": [5, 0, ["a"], []]}, q={"network.x": [5, 0, ["b"], []]}),
        ),
        (
            "an option in a deleted section",
            "section-deleted",
            "deletes the section",
            having(p={"network.x": [3, 0, [], []], "network.x.y": [1, 1, ["1"], []]}),
        ),
        (
            "an option above the deletion",
            "section-deleted",
            "deletes the section",
            having(p={"network.x": [3, 0, [], []]}, q_200={"network.x.y": [1, 1, ["1"], []]}),
        ),
        (
            "an edit above the deletion",
            "section-deleted",
            "deletes the section",
            having(p={"network.x": [3, 0, [], []]}, q_200={"network.x.y": [4, 1, [], ["1"]]}),
        ),
        ("an undefined variable", "undefined-variable", "not defined", having(p={IP: [1, 0, ["${v}"], []]})),
        (
            "a list variable in a text",
            "list-in-text",
            "is a list",
            world(
                **assigned(p={IP: [1, 0, ["${v}"], []]}),
                variables={"cluster": {"v": ["1"]}, "groups": {}, "device": {}},
            ),
        ),
        ("a use that is none", "bad-use", "without", having(p={IP: [1, 0, ["${v"], []]})),
        (
            "groups that disagree",
            "groups-disagree",
            "different values",
            world(groups_of_device=["g", "h"], variables=scopes),
        ),
        (
            "added and removed by variables",
            "adds-and-removes",
            "adds and removes",
            having(p={DNS: [4, 0, ["${v:-a}"], ["a"]]}),
        ),
    ]


def bad_results() -> list[Refused]:
    """Return where the file of this device cannot be made."""
    two = {"network.rule[name=b].x": [1, 0, ["1"], []], "network.@rule[1].x": [1, 1, ["2"], []]}
    gone = {"network.rule[name=a]": [3, 0, [], []], "network.@rule[0].x": [1, 1, ["1"], []]}
    return [
        (
            "no such section",
            "no-section",
            "there is no section",
            having(p={"network.x.y": [1, 0, ["1"], []]}),
        ),
        (
            "a match that hits none",
            "no-section",
            "hits no section",
            having(p={"network.rule[name=z].y": [1, 0, ["1"], []]}),
        ),
        (
            "an index out of range",
            "no-section",
            "hits no section",
            having(p={"network.@rule[2].y": [1, 0, ["1"], []]}),
        ),
        (
            "a type where an index hits none",
            "no-section",
            "hits no section",
            having(p={"network.@rule[2]": [5, 0, ["rule"], []]}),
        ),
        (
            "a match that hits two",
            "several-sections",
            "sections match",
            world(
                **assigned(p={"network.rule[target=DROP].x": [1, 0, ["1"], []]}),
                file=FILE + "\toption target 'DROP'\n",
            ),
        ),
        ("two addresses that disagree", "ambiguous", "ambiguous", having(p=two)),
        ("a deleted section with an option", "ambiguous", "ambiguous", having(p=gone)),
        (
            "a match on what is changed",
            "moves",
            "no longer",
            having(p={"network.rule[name=b].name": [1, 0, ["c"], []]}),
        ),
        (
            "an index that shifts",
            "moves",
            "no longer",
            having(p={"network.@rule[1].x": [1, 0, ["1"], []], "network.rule[name=a]": [3, 1, [], []]}),
        ),
        (
            "a file that cannot be read",
            "bad-file",
            "unterminated",
            world(**assigned(p={"network.lan.x": [1, 0, ["1"], []]}), file="config a 'b\n"),
        ),
    ]
