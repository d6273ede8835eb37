"""``dusk draft`` shows what happens where; ``dusk commit`` asks for a yes where it may cut a router off."""

from typing import TYPE_CHECKING

from dusk.cli.effects import effects_text
from tests.desk import FakeDesk

if TYPE_CHECKING:
    from tests.cli.conftest import Dusk


def test_what_touches_the_way_to_routers_is_marked_and_sent_with_yes_alone(
    dusk: "Dusk", logged_in: FakeDesk
) -> None:
    dusk("set", "policy/lan", "network.lan.ipaddr=192.0.2.1", "system.s.hostname=x")
    dusk("policy", "assign", "lan", "--all")
    shown = dusk("draft")
    assert "\non attic, hall\n  ! network.lan.ipaddr: '192.0.2.1'\n  + system.s.hostname: 'x'\n" in shown.out
    assert "! network.lan.ipaddr touches an interface or address" in shown.err
    refused = dusk("commit", "-m", "move")
    assert (refused.code, refused.out, refused.err.count("\n")) == (1, "", 1)
    assert "--yes" in refused.err
    assert dusk("commit", "-m", "move", "--yes").code == 0
    assert dusk("set", "policy/lan", "network.lan.ipaddr=192.0.2.2").code == 0
    dusk("commit", "-m", "again", "--yes")
    seq = str(logged_in.log.head.seq)
    assert "--yes" in dusk("revert", seq).err
    assert dusk("revert", seq, "--yes").code == 0


def test_what_keeps_a_draft_from_being_committed_is_said_first_and_exits_1(
    dusk: "Dusk", logged_in: FakeDesk
) -> None:
    assert dusk("set", "policy/names", "system.s.hostname=a", "system.s.log=1").code == 0
    assert dusk("policy", "assign", "names", "--all").code == 0
    assert dusk("commit", "-m", "names").code == 0
    dusk("set", "policy/names", "system.s.hostname=${nmae}")
    shown = dusk("draft")
    (problem,) = dusk("--json", "draft").json["problems"]
    assert (shown.code, shown.err) == (1, f"dusk: cannot be committed: {problem}\n")
    assert "managed no more" not in shown.out
    assert "'a' → '${nmae}'" in shown.out
    refused = dusk("commit", "-m", "names")
    assert (refused.code, refused.err) == (1, f"dusk: {problem}\n")


def test_radios_and_what_is_left_out_are_said_in_words() -> None:
    radios = [("a", None), ("b", 0), ("c", 60), ("${r}", 0)]
    effect = {
        "devices": [f"r{number}" for number in range(10)],
        "changes": [
            {"key": "k", "before": "'1'", "after": "'2'", "mark": None},
            {"key": "l", "before": "'1'", "after": None, "mark": None},
        ],
        "more": 3,
        "restarts": [{"radio": name, "listens_s": listens_s} for name, listens_s in radios],
    }
    assert effects_text([effect], 2).splitlines() == [
        "on r0, r1, r2, r3, r4, r5, r6, r7 and 2 more",
        "  ~ k: '1' → '2'",
        "  - l: '1', managed no more",
        "  and 3 more",
        "  radio a restarts; where its channel is 52 to 144 it is silent first: 60 s, 120 to 128 600 s",
        "  radio b restarts",
        "  radio c restarts, after listening for radar for 60 s",
        "  each radio that matches restarts",
        "and 2 more routers or groups that differ",
    ]
