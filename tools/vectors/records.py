"""`records.json`: what may stand in each section, and what may not."""

from collections.abc import Sequence

from dusk import codec, limits
from dusk.changelog.entry import SignedHead
from dusk.changelog.sections import check_record, parse_path
from dusk.ids import EMPTY_HEAD
from tools.vectors import rollout_rows
from tools.vectors.beside import BAD_ROWS, GOOD_ROWS, NO_KEYS
from tools.vectors.case import Case, invalid, key, valid
from tools.vectors.cluster import sealed
from tools.vectors.curve import SMALL_ORDER
from tools.vectors.show import show_value

ID = key("device").key_id.hex()
PUBLIC = key("device").public
A, B = sorted((key("owner").key_id, key("bob").key_id))
RULE = (PUBLIC, 1, 0, ["aps"], "auto", ["02:*"], "ask", "ap-{n}")
VAGUE = ("*", "?2*", "0*", "0", "", ":02*", "\u0660\u0660*", "\n02")
"""Label patterns for any hardware."""
DEVICE, JOINKEY = f"device/{ID}", f"joinkey/{ID}"

SIGNED_HEAD = SignedHead(EMPTY_HEAD, bytes(32), bytes(64)).encode()

Row = Sequence[object]

GoodRow = tuple[str, str, Row]
"""Section, key, a value that may stand there."""

BadRow = tuple[str, str, Row, str]
"""Section, key, a value that may not stand there, what it should be."""


def records() -> list[Case]:
    """Return the cases of `records.json`."""
    found = [*_good(), *_bad_values(), *_bad_names(), *_of_rollouts()]
    return [{**case, "name": f"{place}: {case['name']}"} for place, case in enumerate(found)]


def _good() -> list[Case]:
    return _accepted((*_good_of_people_and_devices(), *_good_of_settings(), *GOOD_ROWS))


def _of_rollouts() -> list[Case]:
    cases = _accepted(rollout_rows.GOOD_ROWS)
    for section, name, row, shows in rollout_rows.BAD_ROWS:
        cases.append(_bad(section, name, codec.pack(row), shows, "bad-value"))
    for section, name in rollout_rows.NO_RECORDS:
        cases.append(_bad(section, name, None, "There is no such record.", "no-record"))
    return cases


def _accepted(rows: Sequence[GoodRow]) -> list[Case]:
    cases = []
    for section, name, row in rows:
        data = codec.pack(row)
        check_record(parse_path(section), name, data)
        cases.append(
            valid(
                f"{section} {name}",
                "May stand there.",
                section=section,
                key=name,
                data=data.hex(),
                value=show_value(data),
            )
        )
    return cases


def _good_of_people_and_devices() -> tuple[GoodRow, ...]:
    return (
        ("trust", "owner/alice", [PUBLIC]),
        ("trust", "quorum", [1]),
        ("trust", "quorum", [64]),
        ("trust", "joins", [bytes(32)]),
        ("trust", "recovery", [PUBLIC, 0]),
        ("trust", "grant/policy", [[], 1, None, None, None]),
        ("trust", "grant/policy/wifi", [[A, B], 2, ["wireless"], ["aps"], 999]),
        ("trust", f"grant/device/{ID}/config", [[A], 1, [], [], 0]),
        ("trust", "grant/group", [[A], 1, ["b", "a", "b"], ["no name!", ""], None]),
        ("passed", "grant/policy/wifi", [[A, B], 2, ["wireless"], ["aps"], 999, "policy", [A, B]]),
        ("passed", f"grant/device/{ID}/config", [[], 1, None, None, None, "device", [A]]),
        ("cluster", "logins", [[A, B]]),
        ("cluster", "secrets", [["a2_b", "pw"]]),
        ("cluster", "drift", ["enforce"]),
        ("cluster", "name", ['Häuschen "am" See']),
        ("cluster", "name", [""]),
        ("cluster", "name", ["é" * 31 + "a"]),
        ("cluster", "succession", [[A, B]]),
        ("cluster", "cycle", [200]),
        ("cluster", "cycle", [3_600_000]),
        ("cluster", "level", [1]),
        ("cluster", "manual-backup", [True]),
        ("cluster", "var/dns", ["192.0.2.1"]),
        ("cluster", "var/dns", [["192.0.2.1", ""]]),
        ("cluster", "var/dns", [[]]),
        ("user/alice", "key", [PUBLIC]),
        ("user/alice", "sealed", [sealed(key("owner"), "alice")]),
        ("user/alice", "disabled", [True]),
        ("user/a.b-c_0", "disabled", [True]),
        (JOINKEY, "rule", RULE),
        (JOINKEY, "rule", [PUBLIC, 10_000, 2**53 - 1, [], "approve", [], "never", ""]),
        (JOINKEY, "rule", [PUBLIC, 1, 0, ["b", "a", "b"], "auto", ["*", "*"], "never", "\n"]),
        (JOINKEY, "rule", [*RULE[:6], "auto", ""]),
        (JOINKEY, "rule", [*RULE[:5], ["02", "aZ*", "a1b?"], "auto", ""]),
        (JOINKEY, "rule", [*RULE[:5], ["*"], "ask", ""]),
        (f"device/{ID}", "rebound", [A]),
        (JOINKEY, "revoked", [True]),
        (DEVICE, "key", [PUBLIC]),
        (DEVICE, "name", ["attic-2"]),
        (DEVICE, "name", ["a--"]),
        (DEVICE, "label", ["02:00:00:00:00:01"]),
        (DEVICE, "groups", [["aps", "guests"]]),
        (DEVICE, "groups", [["guests", "aps", "aps"]]),
        (DEVICE, "origin", ["genesis", b"", "attic"]),
        (DEVICE, "origin", ["from a shop\n", b"", ""]),
        (DEVICE, "origin", [ID, bytes(32), ""]),
        (f"void/{ID}", "part/0", [1, bytes(32), []]),
        (f"void/{ID}", "part/999", [2**53 - 1, bytes(32), [bytes(32), bytes(range(32))]]),
        (DEVICE, "retired", [True]),
        (DEVICE, "frozen", [SIGNED_HEAD, SIGNED_HEAD]),
        ("cluster", "mandate", [1, 1, bytes(32)]),
        (f"{DEVICE}/facts", "board", ["example,router"]),
        (f"{DEVICE}/facts", "ports", [["lan1", "lan2"]]),
        (f"{DEVICE}/facts", "ports", [["a" * 512, "", "b" * 512]]),
        (f"{DEVICE}/facts", "ports", [[""] * 1024]),
    )


def _good_of_settings() -> tuple[GoodRow, ...]:
    return (
        (f"{DEVICE}/config", "set/system.@system[0].hostname", [1, 0, ["attic"], []]),
        (f"{DEVICE}/config", "var/room", ["attic"]),
        ("policy/wifi", "set/wireless.radio0.channel", [1, 0, ["36"], []]),
        ("policy/wifi", "set/wireless.radio0.channel", [1, 0, ["\t\r\n\x7f\x80\x9f\u2028"], []]),
        ("policy/wifi", "set/wireless.radio0", [5, 1, ["wifi-device"], []]),
        ("policy/wifi", "set/wireless.radio0.key", [3, 2, [], []]),
        ("policy/wifi", "set/dhcp.lan.dhcp_option", [2, 2**53 - 1, ["a", "a"], []]),
        ("policy/wifi", "set/dhcp.lan.dhcp_option", [4, 0, ["a"], ["b"]]),
        ("policy/wifi", "set/firewall.zone[name=lan,network=lan].input", [1, 0, ["ACCEPT"], []]),
        ("policy/wifi", "set/wireless.default_radio0.key", [6, 3, [bytes(16), bytes(168)], []]),
        ("policy/wifi", "set/wireless.default_radio0.key", [1, 0, ["${wpa}"], []]),
        ("policy/wifi", "wrap/0", [bytes(16), [[A, bytes(49)], [B, bytes(400)]]]),
        (f"{DEVICE}/config", "wrap/255", [bytes(16), [[A, bytes(49)]]]),
        ("group/aps", "wrap/10", [bytes(16), [[A, bytes(49)]]]),
        ("group/aps", "var/wpa", [bytes(16), bytes(296)]),
        ("cluster", "wrap/1", [bytes(16), [[A, bytes(49)]]]),
        ("assignment/wifi", "to", ["all", [], 0]),
        ("assignment/wifi", "to", ["groups", ["aps"], 100]),
        ("assignment/wifi", "to", ["devices", [ID], 999]),
        ("assignment/wifi", "local", ["devices", [ID], 999]),
        ("policy/wifi", "set/a.b.key", [8, 7, [], []]),
        ("policy/wifi", "set/a.@b[0]", [8, 0, [], []]),
        ("policy/wifi", "set/a.@b[*]", [8, 0, [], []]),
        ("assignment/wifi", "to", ["groups", ["b", "a", "b"], 1]),
        ("group/aps", "made", [True]),
        ("group/aps", f"member/{ID}", [True]),
        ("group/aps", "select", [[["bands", ["5g"]], ["board", ["a,b", "c"]]]]),
        ("group/aps", "var/x", ["1"]),
        (f"reader/{ID}", "group/aps", [True]),
    )


def _bad_values() -> list[Case]:
    rows = (*_of_keys_and_cluster(), *_of_devices(), *_of_settings(), *_of_secrets(), *BAD_ROWS)
    cases = [_bad(section, name, codec.pack(row), shows, "bad-value") for section, name, row, shows in rows]
    cases.append(_bad("cluster", "name", b"\xa1a", "An array.", "bad-value"))
    cases.append(_bad("cluster", "name", codec.pack(["x"]) + b"\0", "Nothing behind.", "bad-value"))
    long = codec.pack(["x" * (limits.VALUE_BYTES_MAX - 15)])
    cases.append(_bad("cluster", "var/x", long, "65,520 bytes at most.", "bad-value"))
    return cases


def _of_secrets() -> tuple[BadRow, ...]:
    secret, pair = "set/wireless.default_radio0.key", [bytes(16), bytes(168)]
    return (
        ("policy/wifi", secret, [1, 0, ["${wpa}x"], []], "A secret is a whole variable."),
        ("policy/wifi", secret, [1, 0, ["${wpa:-x}"], []], "A default would stand in the log."),
        ("policy/wifi", secret, [1, 0, ["${mac6}"], []], "A fact is no variable."),
        ("policy/wifi", secret, [6, 0, [bytes(15), bytes(168)], []], "An id of 16 bytes."),
        ("policy/wifi", secret, [6, 0, [bytes(16), bytes(167)], []], "Steps of 128 bytes."),
        ("policy/wifi", secret, [6, 0, [bytes(16), bytes(40)], []], "A step at least."),
        ("policy/wifi", secret, [6, 0, pair, ["x"]], "Nothing is removed."),
        ("policy/wifi", "set/wireless.default_radio0", [6, 0, pair, []], "A section is no secret."),
        ("cluster", "var/wpa", [*pair, b""], "Two items."),
        ("policy/wifi", "wrap/0", [bytes(16), []], "One reader at least."),
        ("policy/wifi", "wrap/0", [bytes(16), [[B, bytes(49)], [A, bytes(49)]]], "Sorted."),
        ("policy/wifi", "wrap/0", [bytes(16), [[A, bytes(49)]] * 2], "None twice."),
        ("policy/wifi", "wrap/0", [bytes(16), [[A, bytes(48)]]], "More than a key and a tag."),
        ("policy/wifi", "wrap/0", [bytes(16), [[A, bytes(401)]]], "400 bytes at most."),
        ("policy/wifi", "wrap/0", [bytes(15), [[A, bytes(49)]]], "An id of 16 bytes."),
    )


def _of_keys_and_cluster() -> tuple[BadRow, ...]:
    good = sealed(key("owner"), "alice")
    return (
        ("cluster", "mandate", [0, 1, bytes(32)], "Mandates count from 1."),
        ("cluster", "mandate", [1, 0, bytes(32)], "An entry's position."),
        ("cluster", "mandate", [1, 1, bytes(31)], "A chain hash."),
        ("cluster", "mandate", [1, 1], "Three items."),
        (DEVICE, "frozen", [SIGNED_HEAD], "Two heads."),
        (DEVICE, "frozen", [SIGNED_HEAD, SIGNED_HEAD[:-1]], "Each a signed head."),
        (DEVICE, "frozen", [SIGNED_HEAD, True], "Each a byte string."),
        ("trust", "owner/alice", [PUBLIC, 1], "One item."),
        ("trust", "owner/alice", [PUBLIC[:31]], "32 bytes."),
        ("trust", "owner/alice", [SMALL_ORDER[0]], "An acceptable key."),
        ("trust", "owner/alice", [(2).to_bytes(32, "little")], "An acceptable key."),
        ("trust", "quorum", [0], "From 1."),
        ("trust", "quorum", [65], "To 64."),
        ("trust", "joins", [bytes(31)], "32 bytes."),
        ("trust", "quorum", [True], "A number, no bool."),
        ("trust", "recovery", [PUBLIC], "Two items."),
        ("trust", "recovery", [PUBLIC, -1], "A number from 0."),
        ("trust", "grant/policy", [[B, A], 1, None, None, None], "Sorted."),
        ("trust", "grant/policy", [[A, A], 1, None, None, None], "None twice."),
        ("trust", "grant/policy", [[A], 2, None, None, None], "Not above the count."),
        ("trust", "grant/policy", [[A], 0, None, None, None], "From 1."),
        ("trust", "grant/policy", [[A], 1, "wireless", None, None], "An array or nil."),
        ("trust", "grant/policy", [[A], 1, None, None, 1000], "To 999."),
        ("passed", "grant/policy/wifi", [[A], 1, None, None, None], "It names what it hangs on."),
        ("passed", "grant/policy/wifi", [[A], 1, None, None, None, "pol", [A]], "Whole components."),
        (
            "passed",
            "grant/policy/wifi",
            [[A], 1, None, None, None, "policy/wifi", [A]],
            "Above, not the same.",
        ),
        ("passed", "grant/policy/wifi", [[A], 2, None, None, None, "policy", [A]], "Not above the count."),
        ("passed", "grant/policy/wifi", [[A], 1, None, None, None, "policy"], "It names who passes it on."),
        ("passed", "grant/policy/wifi", [[A], 1, None, None, None, "policy", []], "Somebody does."),
        ("passed", "grant/policy/wifi", [[A], 1, None, None, None, "policy", [B, A]], "Sorted."),
        ("cluster", "logins", [[]], "Somewhere."),
        ("cluster", "logins", [[B, A]], "Sorted."),
        ("cluster", "drift", ["ignore"], "report or enforce."),
        ("cluster", "secrets", [["A"]], "In lower case."),
        ("cluster", "secrets", [["b", "a"]], "Sorted."),
        ("cluster", "name", ["a\nb"], "A line."),
        ("cluster", "name", ["é" * 32], "64 bytes; at most 63."),
        ("cluster", "succession", [[]], "At least one."),
        ("cluster", "succession", [[A, A]], "None twice."),
        ("cluster", "succession", [[bytes((n,)) * 16 for n in range(17)]], "At most 16."),
        ("cluster", "cycle", [199], "From 200."),
        ("cluster", "cycle", [3_600_001], "To 3,600,000."),
        ("cluster", "level", [2], "1."),
        ("cluster", "manual-backup", [False], "Only true may stand there."),
        ("cluster", "var/dns", ["a\0b"], "No NUL."),
        ("cluster", "var/dns", [["a", "\0"]], "No NUL."),
        ("cluster", "var/dns", [7], "Text or texts."),
        ("cluster", "var/dns", [["a"] * 1025], "At most 1,024."),
        ("user/alice", "sealed", [good[:-1]], "A sealed key."),
        ("user/bob", "sealed", [good], "That of this user."),
        ("user/alice", "disabled", [False], "True or nothing."),
        (JOINKEY, "rule", [*RULE[:7]], "Eight items."),
        (JOINKEY, "rule", [PUBLIC, 0, *RULE[2:]], "From 1."),
        (JOINKEY, "rule", [PUBLIC, 10_001, *RULE[2:]], "To 10,000."),
        (JOINKEY, "rule", [PUBLIC, 1, 0, ["APs"], *RULE[4:]], "Names."),
        (JOINKEY, "rule", [*RULE[:4], "yes", *RULE[5:]], "auto or approve."),
        (JOINKEY, "rule", [*RULE[:6], "perhaps", ""], "ask, auto or never."),
        (JOINKEY, "rule", [*RULE[:5], [], "auto", ""], "For labels that are listed."),
        *((JOINKEY, "rule", [*RULE[:5], ["02:*", x], "auto", ""], "Each for some hardware.") for x in VAGUE),
        (f"device/{ID}", "rebound", [bytes(15)], "A device's id."),
        (JOINKEY, "rule", [*RULE[:7], "a" * 64], "At most 63."),
    )


def _of_devices() -> tuple[BadRow, ...]:
    return (
        (f"void/{ID}", "part/0", [0, bytes(32), []], "A position."),
        (f"void/{ID}", "part/0", [1, bytes(31), []], "32 bytes."),
        (f"void/{ID}", "part/0", [1, bytes(32), [bytes(32), bytes(32)]], "None twice."),
        (f"void/{ID}", "part/0", [1, bytes(32), [bytes(33)]], "32 bytes."),
        (f"void/{ID}", "part/0", [1, bytes(32), [n.to_bytes(32) for n in range(1801)]], "At most 1,800."),
        (DEVICE, "name", ["Attic"], "Lower case."),
        (DEVICE, "name", ["-attic"], "A letter or digit first."),
        (DEVICE, "name", [""], "At least one."),
        (DEVICE, "name", ["a" * 64], "At most 63."),
        (DEVICE, "label", ["a\x7f"], "A line."),
        (DEVICE, "label", ["a" * 256], "At most 255."),
        (DEVICE, "groups", [["a"] * 65], "At most 64."),
        (DEVICE, "groups", ["aps"], "An array."),
        (DEVICE, "origin", ["genesis", bytes(33), ""], "At most 32."),
        (DEVICE, "origin", ["genesis", b""], "Three items."),
        (DEVICE, "origin", ["a" * 64, b"", ""], "At most 63."),
        (f"{DEVICE}/facts", "board", ["a" * 1025], "At most 1,024."),
        (f"{DEVICE}/facts", "ports", [["a" * 512, "b" * 513]], "At most 1,024 in all."),
    )


def _of_settings() -> tuple[BadRow, ...]:
    return (
        ("policy/wifi", "set/a.b.c", [1, 0, ["x"]], "Four items."),
        ("policy/wifi", "set/a.b.c", [0, 0, ["x"], []], "Verbs begin at 1."),
        ("policy/wifi", "set/a.b.c", [6, 0, ["x"], []], "Verbs end at 5."),
        ("policy/wifi", "set/a.b.c", [1, -1, ["x"], []], "Positions begin at 0."),
        ("policy/wifi", "set/a.b.c", [1, 0, [""], []], "Not empty."),
        ("policy/wifi", "set/a.b.c", [1, 0, ["x", "y"], []], "One value."),
        ("policy/wifi", "set/a.b.c", [1, 0, ["x"], ["y"]], "Nothing removed."),
        ("policy/wifi", "set/a.b.c", [2, 0, [], []], "An item at least."),
        ("policy/wifi", "set/a.b.c", [3, 0, ["x"], []], "No values."),
        ("policy/wifi", "set/a.b.c", [4, 0, [], []], "Something at least."),
        ("policy/wifi", "set/a.b.c", [4, 0, ["x"], ["x"]], "No text twice."),
        ("policy/wifi", "set/a.b.c", [5, 0, ["x"], []], "TYPE is for sections."),
        ("policy/wifi", "set/a.b", [1, 0, ["x"], []], "A section has TYPE or ABSENT."),
        ("policy/wifi", "set/a.b", [5, 0, ["x y"], []], "A type."),
        ("policy/wifi", "set/a.b", [5, 0, ["x", "@y[0]"], []], "A place by index."),
        ("policy/wifi", "set/a.b", [7, 0, [], []], "One section is not exclusive."),
        ("policy/wifi", "set/a.b.c", [7, 0, [], []], "Nor is an option."),
        ("policy/wifi", "set/a.*", [3, 0, [], []], "All sections are exclusive, not absent."),
        ("policy/wifi", "set/a.@b[*]", [5, 0, ["b"], []], "Nor do all have a type."),
        ("policy/wifi", "set/a.*", [7, 0, ["b"], []], "No values."),
        ("policy/wifi", "set/a.*", [10, 0, [], []], "An unknown verb."),
        ("policy/wifi", "set/a.b", [8, 0, ["x"], []], "Given back is no value."),
        ("policy/wifi", "set/dusk-local.a.b", [8, 0, [], []], "The memory is not managed."),
        ("policy/wifi", "set/a.b", [5, 0, ["x", "each y as r"], []], "A place before several."),
        ("policy/wifi", "set/a.b", [5, 0, ["x", 'y[z="1"]'], []], "Not canonical."),
        ("policy/wifi", "set/a.b", [5, 0, ["x", "c.d"], []], "An option."),
        ("policy/wifi", "set/a.b", [5, 0, ["x", "b"], []], "Before itself."),
        ("policy/wifi", "set/a.b", [5, 0, ["x", "c", "d"], []], "Three values."),
        ("policy/wifi", "set/a.b[c=d]", [5, 0, ["b", "e"], []], "A place for a match."),
        ("policy/wifi", "set/a.@b[0]", [3, 0, [], []], "Deleting by index."),
        ("policy/wifi", "set/a.@b[0]", [5, 0, ["c"], []], "Another type than the address's."),
        ("policy/wifi", "set/a.b.c", [1, 0, ["x\x07"], []], "A control character."),
        ("policy/wifi", "set/a.b.c", [1, 0, ["x\0"], []], "NUL."),
        ("policy/wifi", "set/dusk.main.name", [1, 0, ["x"], []], "The package dusk."),
        ("policy/wifi", "set/a.b.Key", [1, 0, ["x"], []], "On the secret list, whatever the case."),
        ("policy/wifi", "set/a.b.my_token", [2, 0, ["x"], []], "Ends as a secret does."),
        ("assignment/wifi", "to", ["everybody", [], 1], "all, groups or devices."),
        ("assignment/wifi", "to", ["all", ["aps"], 1], "No names for all."),
        ("assignment/wifi", "to", ["groups", [], 1], "Names for groups."),
        ("assignment/wifi", "to", ["groups", ["A"], 1], "Names of groups."),
        ("assignment/wifi", "to", ["devices", ["attic"], 1], "Ids of devices."),
        ("assignment/wifi", "to", ["all", [], 1000], "To 999."),
        ("group/aps", "made", [1], "True, no number."),
        ("group/aps", "select", [[]], "No fact."),
        ("group/aps", "select", [[["board", []]]], "No value."),
        ("group/aps", "select", [[["board", ["b", "a"]]]], "Values not sorted."),
        ("group/aps", "select", [[["b", ["x"]], ["a", ["x"]]]], "Facts not sorted."),
        ("group/aps", "select", [[["Board", ["x"]]]], "No name of a fact."),
        ("group/aps", f"member/{ID}", [None], "True."),
        (f"reader/{ID}", "group/aps", [False], "True."),
    )


def _bad_names() -> list[Case]:
    yes = codec.pack([True])
    no_section = (
        "",
        "trust/x",
        "cluster/",
        "user",
        "user/alice/x",
        "user/Alice",
        "user/" + "a" * 64,
        "policy/.",
        "policy/..",
        "policy/a b",
        "device/attic",
        f"device/{ID.upper()}",
        f"device/{ID}/status",
        f"device/{ID}/config/x",
        "joinkey/" + "0" * 31,
        "group//x",
        "/trust",
        "rollout/x",
    )
    no_record = (
        ("trust", "owner"),
        ("trust", "owner/"),
        ("trust", "owner/a/b"),
        ("trust", "grant/a/b/c/d"),
        ("trust", "grant/"),
        ("trust", "name"),
        ("cluster", "var/"),
        ("cluster", "var/A"),
        ("cluster", "var/a/b"),
        ("user/alice", "made"),
        (DEVICE, "board"),
        (f"{DEVICE}/facts", "Board"),
        (f"{DEVICE}/facts", "a/b"),
        (f"{DEVICE}/facts", ""),
        (f"{DEVICE}/config", "name"),
        ("policy/wifi", "set/"),
        ("policy/wifi", "set/wireless"),
        ("policy/wifi", "set/a.b.c.d"),
        ("policy/wifi", "set/a.cfg012345.c"),
        ("policy/wifi", "set/a.@b[00].c"),
        ("policy/wifi", "set/a.@b[10000].c"),
        ("policy/wifi", "set/a.b[d=1,c=2].e"),
        ("policy/wifi", 'set/a.b[c="1"].e'),
        ("policy/wifi", "set/a.b[c=1,c=2].e"),
        ("policy/wifi", "var/x"),
        ("assignment/wifi", "from"),
        ("group/aps", "member/attic"),
        (f"reader/{ID}", "policy/wifi"),
        (f"reader/{ID}", "group/a/b"),
        *(("policy/wifi", f"set/{key}") for key in NO_KEYS),
    )
    cases = [_bad(section, "made", yes, "There is no such section.", "no-section") for section in no_section]
    for section, name in no_record:
        cases.append(
            _bad(section, name, None, "There is no such record, not even to be deleted.", "no-record")
        )
    return cases


def _bad(section: str, name: str, data: bytes | None, shows: str, reason: str) -> Case:
    return invalid(
        f"{section} {name}",
        shows,
        reason,
        lambda: check_record(parse_path(section), name, data),
        section=section,
        key=name,
        data=None if data is None else data.hex(),
    )
