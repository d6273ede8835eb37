"""Devices that a person lets in: changes of the log of all files, and such as the fold refuses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dusk import codec
from dusk.changelog.approval import request_row
from dusk.changelog.body import Change, Edit
from dusk.changelog.sections import device_path, expected_path
from dusk.keys.signing import SigningKey
from tools.vectors.case import key

if TYPE_CHECKING:
    from tools.vectors.chains import Forger
    from tools.vectors.cluster import Cluster, Row
    from tools.vectors.refusals import At

MASTER, ALICE = key("device"), key("owner")
JOIN, JOIN_ASK = key("join key open"), key("join key ask")


def approval(c: Cluster, request: Change, name: str, groups: Sequence[str] = ("aps",)) -> list[Edit]:
    """Return what an approval of a request writes."""
    section = device_path(request.body.device)
    edits = [
        Edit(section, operation.key, value.data, None, value.salt)
        for operation, value in zip(request.body.operations, request.values, strict=True)
        if value is not None
    ]
    rows: dict[str, Row] = {"name": [name], "groups": [list(groups)], "request": request_row(request)}
    return [*edits, *(c.edit(section, key_, row) for key_, row in rows.items())]


def asking(c: Cluster, device: str, label: str) -> Change:
    """Return the request of a device by the join key that asks."""
    return c.request(key(device), JOIN_ASK, wanted="ap", label=label)


def write(c: Cluster) -> None:
    """Write changes that let devices in, and one that turns one away."""
    both = (ALICE, key("carol anew"))
    label = "02:00:00:00:00:31"
    path = expected_path(label)
    c.write(
        "expected",
        "What is set aside for a hardware label.",
        c.change(c.edit(path, "as", [label, "porch", ["aps"], [["floor", "2"]]]), signers=both),
    )
    request = asking(c, "approved device", label)
    section = device_path(request.body.device)
    c.write(
        "an approval",
        "A person lets a device in: its own request comes along; what was set aside for it is used up.",
        c.change(
            *approval(c, request, "porch"),
            c.edit(f"{section}/config", "var/floor", ["2"]),
            c.edit(path, "as", None),
            signers=both,
        ),
    )
    again = asking(c, "reset device", label)
    c.write(
        "a device after a reset",
        "Another key with the label of a member, approved in its place; uses do not refuse it.",
        c.change(
            *approval(c, again, "porch"),
            c.edit(section, "retired", [True]),
            c.edit(section, "name", ["porch-old"]),
            c.edit(section, "wipe", [True]),
            signers=both,
        ),
    )
    c.write(
        "a device turned away",
        "The join key lets it in no more.",
        c.change(
            c.edit(f"joinkey/{JOIN_ASK.key_id.hex()}", f"rejected/{key('nobody').key_id.hex()}", [True]),
            signers=both,
        ),
    )
    c.mark("approvals")


def refused(f: Forger, at: At) -> None:
    """Add approvals that the fold refuses, behind the last of these changes."""
    w, both = at.world, (ALICE, key("carol anew"))
    request = asking(w, "asking device", "02:00:00:00:00:32")
    edits = approval(w, request, "shed")

    def bad(name: str, shows: str, reason: str, *changed: Edit, signers: Sequence[SigningKey] = both) -> None:
        f.refuse(name, shows, reason, at.after, w.change(*changed, signers=signers))

    def other(record: str, row: object) -> list[Edit]:
        data = None if row is None else codec.pack(row)  # type: ignore[arg-type]  # rows are arrays
        return [Edit(e.section, e.key, data, e.base) if e.key == record else e for e in edits]

    body, signatures = request_row(request)
    bad("an approval by a device", "No role lets in.", "missing-signatures", *edits, signers=(MASTER,))
    bad("an approval without a name", "All six.", "bad-request", *(e for e in edits if e.key != "name"))
    bad("an approval without groups", "None is deleted.", "bad-request", *other("groups", None))
    bad("a device without a request", "An approval alone.", "bad-value", *edits[:-1])
    bad("another label than was asked with", "It is the device's.", "bad-request", *other("label", ["x"]))
    bad("a request that is no body", "It is none.", "bad-request", *other("request", [b"x", signatures]))
    device = [s for s in signatures if s[0] == request.body.device]
    bad("a request without its join key", "Both.", "missing-signatures", *other("request", [body, device]))
    torn = [[signer, bytes(64)] for signer, _ in signatures]
    bad("a request that nobody signed", "Both verify.", "bad-signature", *other("request", [body, torn]))
    stranger = w.request(key("asking device"), key("no join key"), label="02:00:00:00:00:33")
    bad("approval by no join key", "Known.", "unknown-joinkey", *approval(w, stranger, "shed"))
    gone = w.request(key("asking device"), JOIN, label="02:00:00:00:00:34")
    bad("approval by a revoked key", "It ended.", "joinkey-revoked", *approval(w, gone, "shed"))
    there = asking(w, "reset device", "02:00:00:00:00:35")
    bad("approval of a member", "Never again.", "device-exists", *approval(w, there, "shed"))
    bad("approval with a member's name", "One each.", "name-taken", *approval(w, request, "porch"))
    wiped = w.edit(device_path(key("reset device").key_id), "wipe", [True])
    bad("a member wiped", "Only who leaves.", "bad-value", wiped)
    turned = w.request(key("nobody"), JOIN_ASK, label="02:00:00:00:00:36")
    f.refuse("a device that was turned away", "By that key.", "join-rejected", at.after, turned)
