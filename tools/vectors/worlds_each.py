"""The datastores of `merges.json` where an address has many hits, or others afterwards."""

from tools.vectors.show import Json
from tools.vectors.worlds import FILE, Merge, Refused, assigned, having, world

EACH = "network.each interface as i"
NAMED_EACH = {EACH: [5, 1, ["alias"], []], f"{EACH}.of": [1, 2, ["${i}"], []]}
LEFT = (
    FILE
    + "\nconfig alias 'dusk_i_lan'\n\toption x '1'\n"
    + "\nconfig alias 'dusk_i_gone'\n\nconfig alias 'dusk_j_gone'\n"
)


def good_each() -> list[Merge]:
    """Return what `each` addresses come to."""
    order = {"network.a": [5, 0, ["x"], []], **NAMED_EACH, "network.b": [5, 3, ["x"], []]}
    return [
        (
            "each",
            "A section for every hit, with its name in its settings, where the policy has it.",
            having(p=order),
        ),
        (
            "each, with conditions",
            "Of one hit.",
            having(p={"network.each interface[proto=dhcp] as i": [5, 0, ["alias"], []]}),
        ),
        (
            "each, and what a hit left behind",
            "That goes; a section of another name stays.",
            world(**assigned(p=NAMED_EACH), file=LEFT),
        ),
        (
            "each, nothing said of the sections' being there",
            "Nothing goes.",
            world(
                **assigned(p={"network.each interface[proto=static] as i.x": [1, 0, ["${i}"], []]}), file=LEFT
            ),
        ),
        (
            "each, kept by a name",
            "What a setting names is nothing left behind.",
            world(**assigned(p={**NAMED_EACH, "network.dusk_i_gone.x": [1, 0, ["1"], []]}), file=LEFT),
        ),
        (
            "each, deleted",
            "The section of every hit, and what one left behind.",
            world(**assigned(p={EACH: [3, 0, [], []]}), file=LEFT),
        ),
        *_around(),
    ]


def _around() -> list[Merge]:
    """Return what else is about the sections that `each` makes."""
    return [
        (
            "each, changed further by name",
            "The section is made before it is looked for again.",
            having(p=NAMED_EACH, q_200={"network.dusk_i_lan.x": [1, 0, ["1"], []]}),
        ),
        (
            "each, a match that hits what it made",
            "Exactly one.",
            having(p=NAMED_EACH, q_200={"network.alias[of=lan].x": [1, 0, ["1"], []]}),
        ),
        (
            "each, of one that each made",
            "No hit.",
            having(p={**NAMED_EACH, "network.each alias as j": [5, 9, ["x"], []]}),
        ),
        (
            "each, of another name too",
            "Two sections a hit.",
            having(p={**NAMED_EACH, "network.each interface as j": [5, 9, ["alias"], []]}),
        ),
        (
            "each, lists and what is quoted",
            "Read once more for each hit: the variable of that name is hidden, its like in a value is text.",
            world(
                **assigned(
                    p={
                        **NAMED_EACH,
                        f"{EACH}.l": [2, 3, ["${i}", "${list}", "${odd}", "$${i}", "${i:-x}"], []],
                        f"{EACH}.m": [4, 4, ["of_${i}", "of_lan"], ["not_${i}"]],
                    }
                ),
                variables={
                    "cluster": {"i": "hidden", "odd": "${i}-$${", "list": ["1", "${i}"]},
                    "groups": {},
                    "device": {},
                },
            ),
        ),
    ]


def good_orders() -> list[Merge]:
    """Return sections that stand before others."""
    place = "rule[name=b]"
    return [
        (
            "made before another",
            "In the order of the policy, above its comment.",
            having(
                p={"network.x": [5, 0, ["rule", "guest"], []], "network.y": [5, 1, ["rule", "guest"], []]}
            ),
        ),
        (
            "moved before another",
            "It stood behind.",
            having(p={"network.guest": [5, 0, ["interface", "lan"], []]}),
        ),
        (
            "before another already",
            "No byte changes.",
            having(p={"network.lan": [5, 0, ["interface", place], []]}),
        ),
        (
            "before one that is made later",
            "Moved there.",
            having(p={"network.x": [5, 0, ["rule", "y"], []], "network.y": [5, 1, ["rule"], []]}),
        ),
        (
            "each, before another",
            "Every one of them.",
            having(p={"network.each interface as i": [5, 0, ["alias", place], []]}),
        ),
        (
            "an index behind what was moved",
            "Looked up afterwards.",
            having(p={"network.x": [5, 0, ["rule", place], []], "network.@rule[1].z": [1, 1, ["1"], []]}),
        ),
    ]


WAY = """\
config interface 'loopback'
\toption device 'lo'

config device
\toption name 'br-lan'
\tlist ports 'lan1'

config device
\toption name 'lan1'

config device
\toption name 'lan2'

config bridge-vlan
\toption device 'br-lan'

config interface 'home'
\toption device 'br-lan'

config interface 'more'
\toption device '@home'

config interface 'wan'
\toption device 'eth0'

config route
\toption interface 'home'

config route
\toption interface 'wan'

config wireguard_wan

config switch
"""


def good_exclusive() -> list[Merge]:
    """Return what goes where nothing names it."""
    alone = {"network.*": [7, 9, [], []]}
    return [
        (
            "exclusive, a type",
            "What no address hits goes.",
            having(p={"network.@rule[*]": [7, 0, [], []], "network.rule[name=a].x": [1, 1, ["1"], []]}),
        ),
        ("exclusive, a package", "All but the way.", world(**assigned(p=alone), file=WAY)),
        (
            "exclusive, beside each and a place",
            "Hits are named, and so is the section of a second value.",
            having(
                p={
                    **alone,
                    "network.each interface[proto=dhcp] as i": [5, 0, ["alias", "rule[name=b]"], []],
                    "network.x": [5, 1, ["rule"], []],
                }
            ),
        ),
        (
            "exclusive, said twice",
            "By one who may add, and one who may not.",
            having(p={"network.@rule[*]": [7, 0, [], []]}, q={"network.@rule[*]": [7, 5, [], []]}),
        ),
    ]


def bad_orders() -> list[Refused]:
    """Return sections that cannot stand where they are to."""
    circle = {"network.x": [5, 0, ["rule", "y"], []], "network.y": [5, 1, ["rule", "x"], []]}
    return [
        (
            "before none",
            "no-section",
            "there are 0",
            having(p={"network.x": [5, 0, ["rule", "rule[name=z]"], []]}),
        ),
        (
            "before two",
            "several-sections",
            "there are 2",
            world(
                **assigned(p={"network.x": [5, 0, ["a", "rule[name=b]"], []]}),
                file=FILE.replace("'a'", "'b'"),
            ),
        ),
        (
            "before itself by a match",
            "no-section",
            "exactly one other section",
            having(p={"network.guest": [5, 0, ["interface", "interface[proto=dhcp]"], []]}),
        ),
        (
            "exclusive, and an index that shifts",
            "moves",
            "no longer",
            having(p={"network.@rule[*]": [7, 0, [], []], "network.@rule[1].x": [1, 1, ["1"], []]}),
        ),
        ("before each other", "order", "cannot stand before", having(p=circle)),
    ]


def too_much() -> list[Refused]:
    """Return where variables make more than a device may have."""
    empty = {"cluster": {"e": [""] * 256}, "groups": {}, "device": {}}

    def lists(count: int, uses: int) -> Json:
        settings = {f"network.x.l{n}": [2, n, ["${e}"] * uses, []] for n in range(count)}
        return world(**assigned(p=settings), variables=empty)

    return [
        ("a list variable too often in a list", "too-large", "network.x.l0: ", lists(1, 257)),
        ("a list variable too often in all lists", "too-large", "network.x.l2: ", lists(3, 88)),
    ]


def too_much_of_each() -> list[Refused]:
    """Return where hits make more than a file may have."""
    file = "".join(f"config interface 'i{n}'\n\n" for n in range(32))
    long = {EACH: [5, 1, ["alias"], []], f"{EACH}.note": [1, 2, ["x" * 33_000], []]}
    return [
        ("each, long texts", "too-large", f"{EACH}.note: ", world(**assigned(p=long), file=file)),
    ]


def bad_each() -> list[Refused]:
    """Return where the file of this device cannot be made."""
    named = {**NAMED_EACH, "network.dusk_i_lan.of": [1, 9, ["guest"], []]}
    return [
        ("each, and another value by name", "ambiguous", "ambiguous", having(p=named)),
        (
            "each, and another value of another each",
            "ambiguous",
            "ambiguous",
            having(p={**NAMED_EACH, "network.each interface[proto=dhcp] as i.of": [1, 9, ["x"], []]}),
        ),
        (
            "each, and absent by name",
            "ambiguous",
            "ambiguous",
            having(p={**NAMED_EACH, "network.dusk_i_lan": [3, 9, [], []]}),
        ),
        (
            "each, and absent by another each",
            "ambiguous",
            "ambiguous",
            having(p={**NAMED_EACH, "network.each interface[proto=dhcp] as i": [3, 9, [], []]}),
        ),
        (
            "a name that no each makes",
            "no-section",
            "there is no section",
            having(p={**NAMED_EACH, "network.dusk_i_wan.x": [1, 9, ["1"], []]}),
        ),
        (
            "each, a hit without a name",
            "no-name",
            "no name to give on",
            having(p={"network.each rule as r": [5, 0, ["alias"], []]}),
        ),
        (
            "each, hits that another change brings",
            "moves",
            "no longer",
            having(
                p={
                    "network.each interface[proto=dhcp] as i": [5, 0, ["alias"], []],
                    "network.@interface[0].proto": [1, 1, ["dhcp"], []],
                }
            ),
        ),
        (
            "each, a hit that is both added and removed",
            "adds-and-removes",
            "adds and removes",
            having(p={**NAMED_EACH, f"{EACH}.m": [4, 4, ["${i}"], ["lan"]]}),
        ),
        (
            "each, too many hits",
            "several-sections",
            "at most 256",
            world(
                **assigned(p={"network.each a as r": [5, 0, ["alias"], []]}),
                file="".join(f"config a 'n{number}'\n" for number in range(257)),
            ),
        ),
    ]


def bad_quoting() -> list[Refused]:
    """Return where an `each` address cannot be merged."""
    return [
        (
            "each, a dollar before the hit",
            "bad-use",
            "cannot stand before",
            having(p={**NAMED_EACH, f"{EACH}.l": [1, 3, ["${nope:-$}${i}"], []]}),
        )
    ]


def moving() -> list[Refused]:
    """Return what would hit a section only the next time."""
    gone = {"network.rule[name=a]": [3, 0, [], []]}
    absent, renamed = {"network.rule[name=z].x": [3, 0, [], []]}, {"network.@rule[1].name": [1, 1, ["z"], []]}
    again, behind = {"network.@rule[-1].name": [1, 1, ["a"], []]}, {"network.@rule[0].x": [3, 1, [], []]}
    return [
        ("an absent match that would hit", "moves", "no longer", having(p={**absent, **renamed})),
        ("a deleted match that would hit another", "moves", "no longer", having(p={**gone, **again})),
        ("an index of a deleted section", "moves", "no longer", having(p={**gone, **behind})),
    ]
