"""``dusk import device/NAME --from-device``, ``dusk policy propose`` and the files in ``dusk effective``."""

from typing import TYPE_CHECKING

import pytest

from dusk.config.files_told import FileState, ToldFile, ToldFiles, encode_files, file_of
from dusk.control.desk import Peer
from dusk.control.names import device_id
from dusk.effects import Told
from dusk.ids import Seq
from tests.cli.test_commands import assert_refused
from tests.desk import FakeDesk

if TYPE_CHECKING:
    from tests.cli.conftest import Dusk

WIRELESS = b"""config wifi-iface 'a'
\toption ssid 'Home'
\toption key 'unspeakable'
\toption odd 'Caf\xe9'
"""


def answers(desk: FakeDesk, *files: ToldFile, name: str = "hall") -> None:
    told = ToldFiles(Seq(desk.log.head.seq), files)
    desk.answers[device_id(desk.log.state, name)] = Told(data=encode_files(told))


def test_what_a_router_has_is_drafted_and_shown_and_nothing_is_signed(
    dusk: "Dusk", logged_in: FakeDesk
) -> None:
    seq = logged_in.log.head.seq
    answers(logged_in, file_of("wireless", WIRELESS), ToldFile("dhcp", FileState.CLOSED))
    taken = dusk("import", "device/hall", "--from-device", "wireless", "dhcp")
    assert (taken.code, "wireless.a.ssid" in taken.out) == (0, True), taken
    assert "secrets stay there as they are, unmanaged: wireless.a.key" in taken.err
    assert "no setting can have such a value: wireless.a.odd" in taken.err
    assert "dhcp is not read there" in taken.err
    assert "nothing is signed yet" in taken.err
    assert "unspeakable" not in taken.out + taken.err
    assert logged_in.log.head.seq == seq
    assert dusk("commit", "-m", "what hall has").code == 0
    again = dusk("import", "device/hall", "--from-device", "wireless", "dhcp")
    assert "nothing to take over of hall" in again.out
    assert "managed already, and left out: 1" in again.err


def test_as_json_it_says_what_stays_behind(dusk: "Dusk", logged_in: FakeDesk) -> None:
    answers(logged_in, file_of("wireless", WIRELESS))
    taken = dusk("import", "device/hall", "--from-device", "wireless", "--json").json
    assert (taken["changed"], taken["secrets"], taken["left"]) == (2, ["wireless.a.key"], ["wireless.a.odd"])


def test_of_many_that_stay_behind_some_are_named(dusk: "Dusk", logged_in: FakeDesk) -> None:
    lines = "".join(f"config t 'n{i}'\n\toption key 'x'\n" for i in range(7))
    answers(logged_in, file_of("dhcp", lines.encode()))
    assert "dhcp.n4.key and 2 more" in dusk("import", "device/hall", "--from-device", "dhcp").err


@pytest.mark.usefixtures("logged_in")
@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("device/hall",), "say which text to read"),
        (("device/hall", "-", "--from-device"), "takes no file"),
        (("device/hall", "--from-device", "--replace"), "no --replace"),
        (("policy/wifi", "--from-device"), "write device/NAME"),
        (("device/", "--from-device"), "write device/NAME"),
    ],
)
def test_wrong_words_are_told_what_is_right(dusk: "Dusk", words: tuple[str, ...], reason: str) -> None:
    assert_refused(dusk("import", *words), reason, code=2)


@pytest.mark.usefixtures("logged_in")
def test_a_router_that_does_not_answer_has_nothing_taken_over(dusk: "Dusk") -> None:
    assert_refused(dusk("import", "device/hall", "--from-device"), "nobody knows where it is", code=1)


def test_what_two_routers_share_is_proposed_as_a_policy(dusk: "Dusk", logged_in: FakeDesk) -> None:
    for name in ("attic", "hall"):
        answers(logged_in, file_of("wireless", WIRELESS), name=name)
        assert dusk("import", f"device/{name}", "--from-device", "wireless").code == 0
    assert_refused(dusk("policy", "propose", "wifi", "hall"), "routers named: 1", code=1)
    proposed = dusk("policy", "propose", "wifi", "hall", "attic")
    assert (proposed.code, proposed.err) == (0, ""), proposed
    shown = dusk("draft").out
    assert "policy/wifi" in shown
    assert "device/hall" not in shown.replace("devices", "")


def test_the_files_of_a_router_stand_beside_what_is_managed(dusk: "Dusk", logged_in: FakeDesk) -> None:
    assert dusk("set", "policy/wifi", "wireless.a.ssid=Home").code == 0
    assert dusk("policy", "assign", "wifi", "--all").code == 0
    assert dusk("commit", "-m", "a policy").code == 0
    answers(logged_in, file_of("wireless", WIRELESS, is_in_effect=True))
    shown = dusk("effective", "hall")
    rows = [line.split() for line in shown.out.splitlines() if "wireless.a" in line]
    assert rows[1:] == [
        ["wireless.a", "wifi-iface", "-"],
        ["wireless.a.ssid", "Home", "policy/wifi"],
        ["wireless.a.key", "(secret)", "-"],
        ["wireless.a.odd", "Caf\N{REPLACEMENT CHARACTER}", "-"],
    ]
    assert f"wireless is there as version {logged_in.log.head.seq} made it" in shown.err
    as_json = dusk("effective", "hall", "--json").json
    assert as_json["files"][0]["in_effect"]
    answers(logged_in, file_of("wireless", WIRELESS))
    assert "somebody changed it since" in dusk("effective", "hall").err
    answers(logged_in, ToldFile("wireless", FileState.NONE))
    assert "there is no such file there" in dusk("effective", "hall").err
    answers(logged_in, ToldFile("wireless", FileState.UNREADABLE))
    assert "UCI would refuse it" in dusk("effective", "hall").err


def test_of_a_router_that_does_not_answer_its_last_word_is_shown(dusk: "Dusk", logged_in: FakeDesk) -> None:
    hall = device_id(logged_in.log.state, "hall")
    assert "nobody knows where it is; nothing was heard of it yet" in dusk("effective", "hall").err
    digest = bytes.fromhex("0123456789abcdef" * 2)
    said = Peer(False, Seq(2), Seq(2), "committed", "", (), 65.0, drift=3, files=(("wireless", digest),))
    logged_in.seen = {hall: said}
    told = "its last word, 1 min 5 s ago: version 2 in effect, as wireless 01234567, 3 changed by hand"
    assert told in dusk("effective", "hall").err
    assert dusk("effective", "hall", "--json").json["report"]["files"][0]["hash"] == digest.hex()
    logged_in.seen = {hall: Peer(False, Seq(2), Seq(2), "idle", "", (), 5.0)}
    assert "version 2 in effect, as no files" in dusk("effective", "hall").err
