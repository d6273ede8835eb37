"""What people sign and decide by: proposals, requests that wait, and what a router asks to be signed."""

import json
from base64 import b64encode
from collections.abc import Callable
from typing import Any

from dusk.changelog.body import Change, Edit, decode_change
from dusk.changelog.proposals import proposal_row, read_proposal
from dusk.changelog.removal import check, prove, read
from dusk.changelog.sections import device_path
from dusk.codec import unpack
from dusk.control import outside, recovering
from dusk.control.plainly import check_may_be_signed, said
from dusk.errors import UntrustedInput
from dusk.ids import DeviceId
from dusk.limits import CHANGE_BYTES_MAX
from dusk.membership.pending import pending_of
from tests.fuzzing import Target
from tests.world import World

WORLD = World(13)
CHANGE = WORLD.change(WORLD.set("wifi", "wireless.radio0.channel", "6"))
REQUEST = WORLD.request(WORLD.key())


def _removed() -> tuple[DeviceId, bytes]:
    """Return a device that owners removed in a log that goes on, and the proof."""
    world = World(13)
    world.allow_joining()
    gone = DeviceId(world.join().key_id)
    section, at = device_path(gone), len(world.items)
    world.commit(world.edit(section, "retired", [True]), world.edit(section, "wipe", [True]))
    proof = prove(world.items[at:], gone)
    assert proof is not None
    return gone, proof


GONE, PROOF = _removed()


def _said(data: bytes) -> None:
    """Whatever may be signed is shown as lines without anything that moves a cursor (A33, A57)."""
    change = decode_change(data)
    check_may_be_signed(change)
    assert all(line.isprintable() for line in said(change).split("\n"))


def _waits(data: bytes) -> None:
    """Who waits is shown by what the request says, whole."""
    change = decode_change(data)
    pending = pending_of(change, "approval-needed", 0.0, 0.0)
    assert (pending.device, pending.request) == (change.body.device, change)


def _proposal(data: bytes) -> None:
    """A proposal is a change without signatures, and says so again in the same bytes."""
    row = unpack(data, size_max=CHANGE_BYTES_MAX)
    if len(row) != 2 or not isinstance(row[0], bytes) or type(row[1]) is not int:
        raise UntrustedInput("the table of records takes no such row")
    change: Change = read_proposal(row)
    assert proposal_row(change, row[1]) == data


def _edits(read: Callable[[Any], tuple[Edit, ...]]) -> Callable[[bytes], None]:
    def feed(data: bytes) -> None:
        try:
            found = json.loads(data)
        except (ValueError, RecursionError):
            raise UntrustedInput("no JSON") from None
        for edit in read(found):
            assert isinstance(edit.section, str)
            assert isinstance(edit.key, str)

    return feed


def _removal(data: bytes) -> None:
    """A proof that was made up is of no removal that a log believes, and is read whole."""
    removal = read(data)
    try:
        check(WORLD.log.state, WORLD.log.head, GONE, removal)
    except UntrustedInput:
        return
    assert data == PROOF


ROW = {"section": "cluster", "key": "name", "data": b64encode(b"\x91\xa1x").decode(), "base": "00" * 32}
TARGETS = [
    Target("what is signed", _said, UntrustedInput, [CHANGE.encode(), REQUEST.encode()]),
    Target("who waits", _waits, UntrustedInput, [REQUEST.encode()]),
    Target("proposal", _proposal, UntrustedInput, [proposal_row(CHANGE, 7)]),
    Target(
        "edits to sign", _edits(outside.edits_of), UntrustedInput, [json.dumps({"edits": [ROW]}).encode()]
    ),
    Target("removal", _removal, UntrustedInput, [PROOF]),
    Target("edits of a recovery", _edits(recovering.edits_of), UntrustedInput, [json.dumps([ROW]).encode()]),
]
