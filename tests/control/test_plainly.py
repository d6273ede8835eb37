"""What the bytes of a change say, without a log and without a router's word (A57)."""

import pytest

from dusk import codec
from dusk.changelog.body import Edit, build_change
from dusk.changelog.proposals import proposal_path, proposal_row
from dusk.config.sealing import Sealed
from dusk.config.settings import Setting, Verb, encode_setting
from dusk.control.plainly import check_may_be_signed, said
from dusk.errors import UntrustedInput
from tests.world import World


@pytest.fixture
def world() -> World:
    return World()


def edit(section: str, key: str, *row: object) -> Edit:
    return Edit(section, key, codec.pack(row), None)


def test_every_record_is_shown_under_its_section_with_its_whole_value(world: World) -> None:
    secret = encode_setting(Setting(Verb.SEALED, sealed=Sealed(b"k" * 16, b"n" * 168)))
    change = world.change(
        world.set("wifi", "wireless.x.ssid", "Home"),
        Edit("policy/wifi", "set/wireless.x.key", secret, None),
        Edit("policy/wifi", "set/wireless.x.old", None, None),
        edit("assignment/wifi", "to", "groups", ["aps"], 100),
        edit("user/bob", "key", b"\x01" * 32),
        edit("user/bob", "disabled", True),
        message="why\nnot",
    )
    lines = said(change).split("\n")
    assert lines[:5] == [
        "message: 'why\\nnot'",
        f"cluster: {world.cluster.hex()}",
        f"author: {world.owner.key_id.hex()}",
        f"made at the device: {world.device_id.hex()}, number {change.body.counter}",
        "records: 6",
    ]
    assert lines[5:9] == [
        "policy/wifi",
        "  set/wireless.x.ssid: 'Home'",
        f"  set/wireless.x.key: a secret, sealed: [{b'k'.hex() * 16} {lines[7].split(' ', 7)[7]}",
        "  - set/wireless.x.old: removed",
    ]
    assert "168 bytes with the BLAKE2b" in lines[7]
    assert lines[9:] == [
        "assignment/wifi",
        "  to: to 'groups', targets ['aps'], priority 100",
        "user/bob",
        f"  key: {'01' * 32}",
        "  disabled: True",
    ]


def test_a33_no_section_or_key_makes_up_a_line_or_moves_a_cursor(world: World) -> None:
    change = world.change(edit("policy/x\n  y\x1b[2J", "var/a\nb", "v\u202e"))
    text = said(change)
    assert all(c.isprintable() or c == "\n" for c in text)
    assert len(text.split("\n")) == 7


@pytest.mark.parametrize("expires_s", [0, 1_900_000_000])
def test_a_proposal_shows_what_it_proposes(world: World, expires_s: int) -> None:
    joint = world.change(world.set("wifi", "wireless.x.ssid", "Home"), counter=0)
    change = world.change(
        Edit(proposal_path(joint.id), "change", proposal_row(joint, expires_s), None),
        edit(proposal_path(joint.id), f"by/{world.owner.key_id.hex()}", joint.signatures[0].signature),
    )
    text = said(change)
    assert "    without a number" not in text
    assert "without a number: others may sign it, too" in text
    assert "      set/wireless.x.ssid: 'Home'" in text
    assert str(expires_s or "for ever") in text
    assert joint.signatures[0].signature.hex() in text


def test_a57_a_proposal_of_a_proposal_is_not_looked_into(world: World) -> None:
    joint = world.change(world.set("wifi", "wireless.x.ssid", "Home"), counter=0)
    for _ in range(2):
        row = proposal_row(joint, 0)
        joint = world.change(Edit(proposal_path(joint.id), "change", row, None), counter=0)
    with pytest.raises(UntrustedInput, match="proposes a proposal"):
        said(joint)


def test_nothing_and_no_bytes_have_a_word(world: World) -> None:
    text = said(world.change(edit("device/" + "00" * 16, "x", b"", [], None, 3)))
    assert "x: no bytes, [], None, 3" in text


def test_a57_a_state_is_not_attested_by_a_router_s_word_nor_what_no_log_takes(world: World) -> None:
    check_may_be_signed(world.change(world.set("wifi", "wireless.x.ssid", "Home")))
    check_may_be_signed(world.change(Edit("policy/wifi", "set/wireless.x.ssid", None, None)))
    for bad in (
        edit("checkpoint", f"by/{world.owner.key_id.hex()}", 256, bytes(32), bytes(32)),
        edit("policy/wifi", "what", 1),
        edit("nowhere", "what", 1),
    ):
        with pytest.raises(UntrustedInput):
            check_may_be_signed(world.change(bad))


def test_what_is_said_is_what_is_signed(world: World) -> None:
    change = build_change(
        cluster=world.cluster,
        device=world.device_id,
        counter=1,
        message="m",
        edits=[world.set("wifi", "wireless.x.ssid", "Home")],
        signers=(world.owner,),
        random_bytes=world.random.randbytes,
    )
    assert "'Home'" in said(change)
