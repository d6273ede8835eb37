"""The table of sections: which records can be, and which values (A17)."""

import pytest

from dusk import codec
from dusk.changelog.sections import FACT_BYTES_MAX, SectionKind, check_record, expected_path, parse_path
from dusk.errors import UntrustedInput
from dusk.limits import EXPECTED_VARIABLES_MAX, MEMBERS_MAX, NUMBER_MAX, PROPOSAL_BYTES_MAX, VALUE_BYTES_MAX
from tests.changelog.test_rollout_records import GOOD_ROLLOUTS
from tests.world import World, sealed_key

WORLD = World()
PUBLIC = WORLD.owner.public
ID = "0f" * 16
SMALL_ORDER = bytes(32)
EXPECTED = expected_path("02:aa")


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("trust", SectionKind.TRUST),
        ("cluster", SectionKind.CLUSTER),
        ("user/alice", SectionKind.USER),
        (f"joinkey/{ID}", SectionKind.JOINKEY),
        (f"device/{ID}", SectionKind.DEVICE),
        (f"device/{ID}/facts", SectionKind.FACTS),
        (f"device/{ID}/config", SectionKind.DEVICE_CONFIG),
        ("policy/a.b_c-9", SectionKind.POLICY),
        ("policy/...", SectionKind.POLICY),
        (f"assignment/{'x' * 63}", SectionKind.ASSIGNMENT),
        ("group/g", SectionKind.GROUP),
        (f"expected/{ID}", SectionKind.EXPECTED),
    ],
)
def test_each_kind_of_section_has_its_path(path: str, kind: SectionKind) -> None:
    assert parse_path(path).kind is kind


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "nowhere",
        "trust/",
        "trust/x",
        "cluster/x",
        "user",
        "user/",
        "user/a/b",
        "user/A",
        "user/ä",
        "user/..",
        "policy/.",
        "policy/a\n",
        f"policy/{'x' * 64}",
        "device/short",
        f"device/{ID.upper()}",
        f"device/{ID}/status",
        f"device/{ID}/facts/x",
        f"group/{ID}/facts",
        "joinkey/short",
        "expected/short",
        "proposal/short",
        "void/short",
        "rollout/short",
        "former/short",
        f"joinkey/{ID}/config",
    ],
)
def test_a17_other_paths_are_refused(path: str) -> None:
    with pytest.raises(UntrustedInput, match="section"):
        parse_path(path)


RULE = [PUBLIC, 1, 0, ["ap"], "auto", ["02:*"], "never", "ap-{n}"]


def rule(**changed: object) -> list[object]:
    names = ("public", "uses", "expires", "groups", "mode", "labels", "rebind", "template")
    return [changed.get(name, value) for name, value in zip(names, RULE, strict=True)]


GOOD: list[tuple[str, str, list[object]]] = [
    ("trust", "owner/alice", [PUBLIC]),
    ("trust", "quorum", [1]),
    ("trust", "recovery", [PUBLIC, 0]),
    ("trust", "grant/policy/wifi", [[bytes(16), b"x" * 16], 2, ["wireless"], ["ap"], 999]),
    ("trust", "grant/policy", [[], 1, None, None, None]),
    ("trust", "grant/device/kitchen/config", [[], 1, None, None, None]),
    ("cluster", "name", ["My Home"]),
    ("cluster", "succession", [[bytes(16)]]),
    ("cluster", "cycle", [200]),
    ("cluster", "level", [1]),
    ("cluster", "manual-backup", [True]),
    ("cluster", "var/ssid", ["<b>'\"\n"]),
    ("cluster", "var/list", [["a", "b"]]),
    ("user/alice", "key", [PUBLIC]),
    ("user/alice", "sealed", [sealed_key(WORLD.owner, "alice")]),
    ("user/alice", "disabled", [True]),
    (f"joinkey/{ID}", "rule", RULE),
    (f"joinkey/{ID}", "rule", rule(mode="approve", rebind="ask", groups=[], labels=[])),
    (f"joinkey/{ID}", "rule", rule(rebind="ask")),
    (f"joinkey/{ID}", "rule", rule(rebind="auto")),
    (f"joinkey/{ID}", "rule", rule(rebind="auto", labels=["02", "Zy*"])),
    (f"joinkey/{ID}", "rule", rule(rebind="ask", labels=["*"])),
    (f"device/{ID}", "rebound", [bytes(16)]),
    (f"joinkey/{ID}", "revoked", [True]),
    (f"device/{ID}", "key", [PUBLIC]),
    (f"device/{ID}", "name", ["kitchen-2"]),
    (f"device/{ID}", "label", ["02:00:00:00:00:01"]),
    (f"device/{ID}", "groups", [["ap"]]),
    (f"device/{ID}", "origin", ["genesis", b"", "kitchen"]),
    (f"device/{ID}", "retired", [True]),
    (f"device/{ID}/facts", "board", ["x86"]),
    (f"device/{ID}/facts", "ports", [["lan1", "lan2"]]),
    (f"device/{ID}/facts", "sealed", ["a fact of that name"]),
    (f"device/{ID}/facts", "ports", [["x" * 512, "", "x" * 512]]),
    (f"device/{ID}/config", "set/network.lan.ipaddr", [1, 0, ["10.0.0.1"], []]),
    (f"device/{ID}/config", "var/x", [""]),
    ("policy/wifi", "set/wireless.radio0", [5, 1, ["wifi-device"], []]),
    ("policy/wifi", 'set/firewall.zone[name="a b"].input', [1, 0, ["ACCEPT"], []]),
    ("assignment/wifi", "to", ["all", [], 0]),
    ("assignment/wifi", "to", ["groups", ["ap"], 999]),
    ("assignment/wifi", "to", ["devices", [ID], 1]),
    ("group/ap", "made", [True]),
    ("group/ap", f"member/{ID}", [True]),
    ("group/ap", "var/x", ["y"]),
    (f"reader/{ID}", "group/ap", [True]),
]
GOOD += [
    (f"proposal/{ID}", "change", [b"a change", 0]),
    (f"proposal/{ID}", f"by/{ID}", [bytes(64)]),
]
GOOD += [
    ("trust", "joins", [bytes(32)]),
    ("trust", "recovered", [1, 1, bytes(32)]),
    ("cluster", "mandate", [1, 1, bytes(32)]),
]
GOOD.append(("checkpoint", f"by/{ID}", [256, bytes(32), bytes(32)]))
GOOD += [
    (f"void/{ID}", "part/0", [1, bytes(32), [bytes(32)]]),
    (f"void/{ID}", "part/999", [9, bytes(32), []]),
]
GOOD += GOOD_ROLLOUTS
SEALED: list[object] = [bytes(16), bytes(168)]
WRAPS: list[object] = [bytes(16), [[bytes(16), bytes(49)], [b"x" * 16, bytes(400)]]]
GOOD += [
    ("policy/wifi", "set/wireless.default_radio0.key", [6, 3, SEALED, []]),
    ("policy/wifi", "set/wireless.default_radio0.key", [1, 0, ["${wpa}"], []]),
    ("policy/wifi", "wrap/0", WRAPS),
    (f"device/{ID}/config", "wrap/255", WRAPS),
    ("group/ap", "wrap/10", WRAPS),
    ("cluster", "wrap/0", WRAPS),
    ("cluster", "var/wpa", SEALED),
    ("cluster", "logins", [[bytes(16), b"x" * 16]]),
    ("cluster", "secrets", [[]]),
    ("cluster", "secrets", [["ppp_pin", "pw2"]]),
    (f"joinkey/{ID}", f"rejected/{ID}", [True]),
    (f"device/{ID}", "request", [b"body", [[bytes(16), bytes(64)], [b"x" * 16, bytes(64)]]]),
    (f"device/{ID}", "wipe", [True]),
    (EXPECTED, "as", ["02:aa", "", [], []]),
    (EXPECTED, "as", ["02:aa", "porch", ["ap"], [["floor", "2"], ["ssids", ["a", "b"]]]]),
    ("passed", "grant/policy/wifi", [[bytes(16)], 1, ["wireless"], None, 5, "policy", [bytes(16)]]),
    ("passed", "grant/group/ap", [[], 1, None, ["ap"], None, "group", [bytes(16)]]),
    ("passed", f"grant/device/{ID}/config", [[], 1, None, None, None, f"device/{ID}", [bytes(16)]]),
]
BAD: list[tuple[str, str, list[object]]] = [
    ("trust", "owner/alice", [SMALL_ORDER]),
    ("trust", "owner/alice", [b"short"]),
    ("trust", "owner/alice", [PUBLIC, 1]),
    ("trust", "owner/a/b", [PUBLIC]),
    ("trust", "owner/", [PUBLIC]),
    ("trust", "owner", [PUBLIC]),
    ("trust", "", [1]),
    ("trust", "quorum", [0]),
    ("trust", "quorum", [65]),
    ("trust", "quorum", [True]),
    ("trust", "recovery", [PUBLIC, -1]),
    ("trust", "recovery", [SMALL_ORDER, 0]),
    ("trust", "grant/policy/a/b/c", [[], 1, None, None, None]),
    ("cluster", "logins", [[]]),
    ("cluster", "logins", [[b"x" * 16, bytes(16)]]),
    ("cluster", "logins", [[bytes(16), bytes(16)]]),
    ("cluster", "logins", [[bytes(15)]]),
    ("cluster", "secrets", [["b", "a"]]),
    ("cluster", "secrets", [["a", "a"]]),
    ("cluster", "secrets", [["A"]]),
    ("cluster", "secrets", [[""]]),
    ("cluster", "secrets", [["a\n"]]),
    (f"joinkey/{ID}", "rejected/kitchen", [True]),
    (f"device/{ID}", "request", [b"body", []]),
    (f"device/{ID}", "request", [b"body", [[b"x" * 16, bytes(64)], [bytes(16), bytes(64)]]]),
    (f"device/{ID}", "request", [b"body", [[bytes(16), bytes(64)]] * 2]),
    (f"device/{ID}", "request", [b"body", [[bytes(16), bytes(63)]]]),
    (f"device/{ID}", "request", [bytes(4097), [[bytes(16), bytes(64)]]]),
    (f"device/{ID}", "request", [b"body", [[bytes(15), bytes(64)]]]),
    ("trust", "joins", [bytes(31)]),
    (EXPECTED, "as", ["02:aa", "", [], [[1, "1"]]]),
    (EXPECTED, "as", ["02:bb", "", [], []]),
    (EXPECTED, "as", ["02:aa", "Porch", [], []]),
    (EXPECTED, "as", ["02:aa", "", ["a b"], []]),
    (EXPECTED, "as", ["02:aa", "", [], [["b", "1"], ["a", "1"]]]),
    (EXPECTED, "as", ["02:aa", "", [], [["a/b", "1"]]]),
    (EXPECTED, "as", ["02:aa", "", [], [["a", 1]]]),
    (expected_path("a\n"), "as", ["a\n", "", [], []]),
    (expected_path(""), "as", ["", "", [], []]),
    (expected_path("x" * 256), "as", ["x" * 256, "", [], []]),
    ("passed", "grant/policy/wifi", [[bytes(16)], 1, None, None, None]),
    ("passed", "grant/policy/wifi", [[bytes(16)], 1, None, None, None, "policy"]),
    ("passed", "grant/policy/wifi", [[bytes(16)], 2, None, None, None, "policy", [bytes(16)]]),
    ("passed", "grant/policy/wifi", [[bytes(16)], 1, None, None, None, "policy", []]),
    ("passed", "grant/policy/wifi", [[bytes(16)], 1, None, None, None, "policy", [bytes(16)] * 2]),
    ("passed", "grant/policy/wifi", [[bytes(16)], 1, None, None, None, "policy", [bytes(15)]]),
    ("passed", "grant/policy/wifi", [[bytes(16)], 1, None, None, None, "policy/wifi", [bytes(16)]]),
    ("passed", "grant/policy/wifi", [[bytes(16)], 1, None, None, None, "polic", [bytes(16)]]),
    ("passed", "grant/policy/wifi", [[bytes(16)], 1, None, None, None, "", [bytes(16)]]),
    ("passed", "grant/policy", [[bytes(16)], 1, None, None, None, "policy", [bytes(16)]]),
    ("passed", "owner/alice", [PUBLIC]),
    ("trust", "grant/..", [[], 1, None, None, None]),
    ("trust", "grant/policy", [[b"x" * 16, bytes(16)], 1, None, None, None]),
    ("trust", "grant/policy", [[bytes(16)] * 2, 1, None, None, None]),
    ("trust", "grant/policy", [[bytes(15)], 1, None, None, None]),
    ("trust", "grant/policy", [[bytes(16)], 0, None, None, None]),
    ("trust", "grant/policy", [[bytes(16)], 2, None, None, None]),
    ("trust", "grant/policy", [[], 2, None, None, None]),
    ("trust", "grant/policy", [[], 1, "wireless", None, None]),
    ("trust", "grant/policy", [[], 1, None, [1], None]),
    ("trust", "grant/policy", [[], 1, None, None, 1000]),
    ("cluster", "name", ["x" * 64]),
    ("cluster", "name", ["a\nb"]),
    ("cluster", "succession", [[]]),
    ("cluster", "succession", [[bytes(16)] * 2]),
    ("cluster", "succession", [[bytes([n]) * 16 for n in range(17)]]),
    ("cluster", "cycle", [199]),
    ("cluster", "level", [2]),
    ("cluster", "manual-backup", [False]),
    ("cluster", "var/a/b", ["x"]),
    ("cluster", "var/x", ["a\0b"]),
    ("cluster", "var/x", [["a", "\0"]]),
    (f"device/{ID}/facts", "ports", [["x" * 512, "x" * 513]]),
    ("cluster", "var/x", [1]),
    ("cluster", "var/x", [[1]]),
    ("cluster", "set/system.s.x", [1, 0, ["1"], []]),
    ("user/alice", "sealed", [b"sealed"]),
    ("user/bob", "sealed", [sealed_key(WORLD.owner, "alice")]),
    ("user/alice", "sealed", [bytes(257)]),
    ("user/alice", "disabled", [False]),
    ("user/alice", "disabled", [1]),
    (f"joinkey/{ID}", "rule", RULE[:7]),
    (f"joinkey/{ID}", "rule", rule(public=SMALL_ORDER)),
    (f"joinkey/{ID}", "rule", rule(uses=0)),
    (f"joinkey/{ID}", "rule", rule(expires=-1)),
    (f"joinkey/{ID}", "rule", rule(groups=["../x"])),
    (f"joinkey/{ID}", "rule", rule(groups="ap")),
    (f"joinkey/{ID}", "rule", rule(mode="maybe")),
    (f"joinkey/{ID}", "rule", rule(rebind="maybe")),
    (f"joinkey/{ID}", "rule", rule(rebind="auto", labels=[])),
    *((f"joinkey/{ID}", "rule", rule(rebind="auto", labels=["02:*", x])) for x in ("*", "?2", "0*", "é2")),
    (f"device/{ID}", "rebound", [bytes(15)]),
    (f"device/{ID}", "rebound", [bytes(16), True]),
    (f"joinkey/{ID}", "rule", rule(labels=["x" * 256])),
    (f"joinkey/{ID}", "rule", rule(template="x" * 64)),
    (f"device/{ID}", "name", ["-x"]),
    (f"device/{ID}", "name", ["Kitchen"]),
    (f"device/{ID}", "name", [""]),
    (f"device/{ID}", "label", ["x" * 256]),
    (f"device/{ID}", "label", ["a\x7f"]),
    (f"device/{ID}", "groups", [["a b"]]),
    (f"device/{ID}", "groups", [["x"] * 65]),
    (f"device/{ID}", "origin", ["genesis", bytes(33), ""]),
    (f"device/{ID}/facts", "a/b", ["x"]),
    (f"device/{ID}/facts", "", ["x"]),
    (f"device/{ID}/facts", "board", ["x" * (FACT_BYTES_MAX + 1)]),
    (f"device/{ID}/facts", "board", [{}]),
    (f"device/{ID}/config", "set/dusk.main.enabled", [1, 0, ["0"], []]),
    ("policy/wifi", "set/wireless.radio0", [1, 0, ["x"], []]),
    ("policy/wifi", "set/", [1, 0, ["x"], []]),
    ("policy/wifi", "set/no key", [1, 0, ["x"], []]),
    ("policy/wifi", "set/firewall.zone[b=1,a=1].x", [1, 0, ["x"], []]),
    ("policy/wifi", "set/wireless.default_radio0.key", [1, 0, ["password"], []]),
    ("policy/wifi", "set/system.s.x", [6, 0, ["x"], []]),
    ("policy/wifi", "set/system.s", [6, 0, SEALED, []]),
    ("policy/wifi", "set/system.s.key", [6, -1, SEALED, []]),
    ("policy/wifi", "set/system.s.key", [6, 0, SEALED, ["x"]]),
    ("policy/wifi", "set/system.s.key", [6, 0, [*SEALED, b""], []]),
    ("policy/wifi", "set/system.s.key", [6, 0, [bytes(15), bytes(168)], []]),
    ("policy/wifi", "set/system.s.key", [6, 0, [bytes(16), bytes(167)], []]),
    ("policy/wifi", "set/system.s.key", [6, 0, SEALED]),
    ("cluster", "var/wpa", [bytes(16), bytes(40)]),
    ("cluster", "var/wpa", [*SEALED, b""]),
    ("policy/wifi", "wrap/256", WRAPS),
    ("policy/wifi", "wrap/00", WRAPS),
    ("policy/wifi", "wrap/", WRAPS),
    ("policy/wifi", "wrap/0", [bytes(15), WRAPS[1]]),
    ("policy/wifi", "wrap/0", [bytes(16), []]),
    ("policy/wifi", "wrap/0", [bytes(16), [[bytes(15), bytes(49)]]]),
    ("policy/wifi", "wrap/0", [bytes(16), [[bytes(16), bytes(48)]]]),
    ("policy/wifi", "wrap/0", [bytes(16), [[bytes(16), bytes(49)]] * 2]),
    ("trust", "wrap/0", WRAPS),
    ("policy/wifi", "set/system.s.x", [1, 0, ["a\0b"], []]),
    ("policy/wifi", "var/x", ["x"]),
    ("assignment/wifi", "to", ["all", ["ap"], 0]),
    ("assignment/wifi", "to", ["groups", [], 0]),
    ("assignment/wifi", "to", ["groups", ["a/b"], 0]),
    ("assignment/wifi", "to", ["devices", ["kitchen"], 0]),
    ("assignment/wifi", "to", ["everyone", [], 0]),
    ("assignment/wifi", "to", [["all"], [], 0]),
    ("assignment/wifi", "to", ["all", [], 1000]),
    ("group/ap", "member/kitchen", [True]),
    ("group/ap", "made", [False]),
    (f"reader/{ID}", "group/ap", [False]),
    (f"reader/{ID}", "policy/ap", [True]),
    ("reader/kitchen", "group/ap", [True]),
    ("checkpoint", f"by/{ID}", [0, bytes(32), bytes(32)]),
    ("checkpoint", f"by/{ID}", [256, bytes(31), bytes(32)]),
    ("checkpoint", f"by/{ID}", [256, bytes(32), None]),
    ("checkpoint", f"by/{ID}", [256, bytes(32)]),
    ("checkpoint", "by/alice", [256, bytes(32), bytes(32)]),
    ("checkpoint", ID, [256, bytes(32), bytes(32)]),
]


@pytest.mark.parametrize(("section", "key", "row"), GOOD)
def test_a_record_that_can_be_is_taken_and_may_be_deleted(section: str, key: str, row: list[object]) -> None:
    check_record(parse_path(section), key, codec.pack(row))
    check_record(parse_path(section), key, None)


@pytest.mark.parametrize(("section", "key", "row"), BAD)
def test_a17_a_record_that_cannot_be_is_refused(section: str, key: str, row: list[object]) -> None:
    with pytest.raises(UntrustedInput):
        check_record(parse_path(section), key, codec.pack(row))


@pytest.mark.parametrize("key", ["firewall.zone[b=1,a=1].x", 'firewall.zone[name="lan"].x', "no key"])
def test_r6_a_setting_has_one_key_also_where_it_is_deleted(key: str) -> None:
    with pytest.raises(UntrustedInput, match="there is no record"):
        check_record(parse_path("policy/wifi"), f"set/{key}", None)


def test_a17_bytes_that_are_no_row_are_refused() -> None:
    for data in (b"", b"\x01", b"\x91\xcc\x01", b"\x91\xcb" + bytes(8)):
        with pytest.raises(UntrustedInput):
            check_record(parse_path("trust"), "quorum", data)


def test_the_examples_show_every_kind_of_section() -> None:
    assert {parse_path(section).kind for section, _, _ in GOOD} == set(SectionKind)


# --- each part of each row, and each bound ---------------------------------------------------------

MANY_KEYS = [n.to_bytes(16, "big") for n in range(64)]
NAMES = [f"{n}" for n in range(MEMBERS_MAX)]
LONG = "x" * 63
VARIABLES = [[f"{n:03}", ""] for n in range(EXPECTED_VARIABLES_MAX + 1)]
EDGES: list[tuple[str, str, list[object], list[object]]] = [
    ("trust", "quorum", [64], [65]),
    ("trust", "recovery", [PUBLIC, NUMBER_MAX], [PUBLIC, NUMBER_MAX + 1]),
    (
        "trust",
        "grant/policy",
        [MANY_KEYS, 64, None, None, None],
        [[*MANY_KEYS, b"x" * 16], 1, None, None, None],
    ),
    ("trust", "grant/policy", [MANY_KEYS, 64, None, None, None], [MANY_KEYS, 65, None, None, None]),
    ("trust", "grant/policy", [[], 1, ["x" * 255], None, None], [[], 1, ["x" * 256], None, None]),
    ("trust", "grant/policy", [[], 1, None, ["x"] * 64, None], [[], 1, None, ["x"] * 65, None]),
    ("trust", "grant/policy", [[], 1, None, None, 0], [[], 1, None, None, -1]),
    ("cluster", "name", [LONG], [LONG + "x"]),
    (
        "cluster",
        "logins",
        [[n.to_bytes(16, "big") for n in range(1024)]],
        [[n.to_bytes(16, "big") for n in range(1025)]],
    ),
    ("cluster", "secrets", [[f"{n:03}" for n in range(256)]], [[f"{n:03}" for n in range(257)]]),
    ("cluster", "secrets", [[LONG]], [[LONG + "x"]]),
    (
        "passed",
        "grant/a/b",
        [MANY_KEYS, 64, None, None, None, "a", [bytes(16)]],
        [MANY_KEYS, 65, None, None, None, "a", [bytes(16)]],
    ),
    (
        "passed",
        "grant/a/b",
        [[], 1, None, None, None, "a", MANY_KEYS],
        [[], 1, None, None, None, "a", [*MANY_KEYS, b"\xff" * 16]],
    ),
    ("cluster", "cycle", [3_600_000], [3_600_001]),
    (
        "cluster",
        "wrap/0",
        [bytes(16), [[key, bytes(400)] for key in MANY_KEYS]],
        [bytes(16), [[key, bytes(49)] for key in [*MANY_KEYS, b"x" * 16]]],
    ),
    ("cluster", "wrap/0", [bytes(16), [[bytes(16), bytes(400)]]], [bytes(16), [[bytes(16), bytes(401)]]]),
    ("cluster", "level", [1], [0]),
    ("cluster", "succession", [MANY_KEYS[:16]], [MANY_KEYS[:17]]),
    ("cluster", "var/x", [["x"] * 1024], [["x"] * 1025]),
    ("cluster", "var/x", ["x" * (VALUE_BYTES_MAX - 16)], ["x" * (VALUE_BYTES_MAX - 15)]),
    ("cluster", "var/x", [["x" * 9]], [["x" * (VALUE_BYTES_MAX - 15)]]),
    (f"joinkey/{ID}", "rule", rule(uses=MEMBERS_MAX), rule(uses=MEMBERS_MAX + 1)),
    (f"joinkey/{ID}", "rule", rule(expires=NUMBER_MAX), rule(expires=NUMBER_MAX + 1)),
    (f"joinkey/{ID}", "rule", rule(groups=[LONG] * 64), rule(groups=[LONG] * 65)),
    (f"joinkey/{ID}", "rule", rule(groups=[LONG]), rule(groups=[LONG + "x"])),
    (f"joinkey/{ID}", "rule", rule(labels=["x" * 255]), rule(labels=["x" * 256])),
    (f"joinkey/{ID}", "rule", rule(labels=["x"] * 1024), rule(labels=["x"] * 1025)),
    (f"joinkey/{ID}", "rule", rule(template=LONG), rule(template=LONG + "x")),
    (f"device/{ID}", "name", [LONG], [LONG + "x"]),
    (f"device/{ID}", "label", ["x" * 255], ["x" * 256]),
    (f"device/{ID}", "groups", [["x"] * 64], [["x"] * 65]),
    (f"device/{ID}", "origin", [LONG, b"", LONG], [LONG + "x", b"", LONG]),
    (f"device/{ID}", "origin", ["a", bytes(32), LONG], ["a", bytes(33), LONG]),
    (f"device/{ID}", "origin", ["a", b"", LONG], ["a", b"", LONG + "x"]),
    (f"device/{ID}/facts", "ports", [["x"] * 1024], [["x"] * 1025]),
    (f"device/{ID}/facts", "board", ["x" * FACT_BYTES_MAX], ["x" * (FACT_BYTES_MAX + 1)]),
    (f"device/{ID}/facts", "ports", [["x" * FACT_BYTES_MAX]], [["x" * (FACT_BYTES_MAX + 1)]]),
    ("assignment/wifi", "to", ["groups", NAMES, 0], ["groups", [*NAMES, "x"], 0]),
    ("assignment/wifi", "to", ["all", [], 0], ["all", [], -1]),
    ("cluster", "mandate", [NUMBER_MAX, 1, bytes(32)], [NUMBER_MAX + 1, 1, bytes(32)]),
    ("trust", "recovered", [1, NUMBER_MAX, bytes(32)], [1, NUMBER_MAX + 1, bytes(32)]),
    (
        "checkpoint",
        f"by/{ID}",
        [NUMBER_MAX, bytes(32), bytes(32)],
        [NUMBER_MAX + 1, bytes(32), bytes(32)],
    ),
    (f"proposal/{ID}", "change", [bytes(PROPOSAL_BYTES_MAX), 0], [bytes(PROPOSAL_BYTES_MAX + 1), 0]),
    (f"proposal/{ID}", "change", [b"x", NUMBER_MAX], [b"x", NUMBER_MAX + 1]),
    (f"proposal/{ID}", "change", [b"x", 0], [b"x", -1]),
    (f"void/{ID}", "part/0", [NUMBER_MAX, bytes(32), []], [NUMBER_MAX + 1, bytes(32), []]),
    (
        f"device/{ID}",
        "request",
        [b"x", [[key, bytes(64)] for key in MANY_KEYS[:2]]],
        [b"x", [[key, bytes(64)] for key in MANY_KEYS[:3]]],
    ),
    (EXPECTED, "as", ["02:aa", "", [], VARIABLES[:-1]], ["02:aa", "", [], VARIABLES]),
]


@pytest.mark.parametrize(("section", "key", "last", "beyond"), EDGES)
def test_a17_each_bound_is_where_it_is_said_to_be(
    section: str, key: str, last: list[object], beyond: list[object]
) -> None:
    check_record(parse_path(section), key, codec.pack(last))
    with pytest.raises(UntrustedInput):
        check_record(parse_path(section), key, codec.pack(beyond))


@pytest.mark.parametrize(("section", "key", "row"), GOOD)
def test_a17_a_row_has_all_its_parts_and_no_other(section: str, key: str, row: list[object]) -> None:
    for malformed in (row[:-1], [*row, 7], []):
        with pytest.raises(UntrustedInput):
            check_record(parse_path(section), key, codec.pack(malformed))


def kinds_at(section: str, key: str, place: int) -> set[type]:
    """Return the types that stand at a place of a row in any of the good examples."""
    kind, prefix = parse_path(section).kind, key.partition("/")[0]
    if kind is SectionKind.FACTS or prefix == "var":
        return {str, list}
    alike = [r for s, k, r in GOOD if parse_path(s).kind is kind and k.partition("/")[0] == prefix]
    return {type(r[place]) for r in alike}


@pytest.mark.parametrize(("section", "key", "row"), GOOD)
def test_a17_each_part_of_a_row_has_its_kind(section: str, key: str, row: list[object]) -> None:
    for place in range(len(row)):
        allowed = kinds_at(section, key, place)
        wrongs: list[object] = [7, True, "s", b"b", None, [], [7], [[]]]
        for wrong in wrongs:
            if type(wrong) not in allowed or wrong in ([7], [[]]):
                changed = codec.pack([*row[:place], wrong, *row[place + 1 :]])
                with pytest.raises(UntrustedInput):
                    check_record(parse_path(section), key, changed)
