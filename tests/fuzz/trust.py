"""What people sign and decide by: proposals, requests that wait, and what a router asks to be signed."""

import json
from base64 import b64encode
from collections.abc import Callable
from typing import Any

from dusk.changelog.body import Change, Edit, decode_change
from dusk.changelog.proposals import proposal_row, read_proposal
from dusk.codec import unpack
from dusk.control import outside, recovering
from dusk.control.plainly import check_may_be_signed, said
from dusk.errors import UntrustedInput
from dusk.limits import CHANGE_BYTES_MAX
from dusk.membership.pending import pending_of
from tests.fuzzing import Target
from tests.world import World

WORLD = World(13)
CHANGE = WORLD.change(WORLD.set("wifi", "wireless.radio0.channel", "6"))
REQUEST = WORLD.request(WORLD.key())


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


ROW = {"section": "cluster", "key": "name", "data": b64encode(b"\x91\xa1x").decode(), "base": "00" * 32}
TARGETS = [
    Target("what is signed", _said, UntrustedInput, [CHANGE.encode(), REQUEST.encode()]),
    Target("who waits", _waits, UntrustedInput, [REQUEST.encode()]),
    Target("proposal", _proposal, UntrustedInput, [proposal_row(CHANGE, 7)]),
    Target(
        "edits to sign", _edits(outside.edits_of), UntrustedInput, [json.dumps({"edits": [ROW]}).encode()]
    ),
    Target("edits of a recovery", _edits(recovering.edits_of), UntrustedInput, [json.dumps([ROW]).encode()]),
]
