"""The owner who lets devices in, and takes some out: by approval where a seed's join key asks for one.

A device with a new key and the label of a member waits for them in any seed, and comes back as that
member. Who was taken out is reset, as somebody does who wants the box back.
"""

from collections.abc import Callable
from random import Random

from dusk import codec
from dusk.changelog import views
from dusk.changelog.body import Change, Edit
from dusk.changelog.returning import AUTO, REBOUND, returns_as
from dusk.changelog.sections import device_path
from dusk.control.approving import Approval, Wish
from dusk.errors import Refused
from dusk.keys.signing import SigningKey
from dusk.membership.pending import Pending
from dusk.node import Node
from dusk.sim.device import Device

ADMIT_S = 2.0
"""How often the owner looks who waits."""
CONFIRM_SHARE = 0.2
"""Of these looks, those in which the owner confirms who came back without a word of his."""
REMOVAL_S = 8.0
"""Between two devices that the owner takes out, about."""

SignAt = Callable[[Device, Node, list[Edit]], Change]


class Admitting:
    """What the owner does about who comes and who goes.

    Args:
        devices: all of them.
        may_go: tells whether a device may be taken out now: nobody else has its key, and it does not lead.
        sign: makes a change of the owner's at a device.
        new_key: makes a key known that a device gets.
        count: counts what was done.
        random: decides.
        returns: whether who was reset comes back without the owner, who confirms that later.
    """

    def __init__(
        self,
        *,
        devices: list[Device],
        may_go: Callable[[Device], bool],
        sign: SignAt,
        new_key: Callable[[SigningKey], SigningKey],
        count: Callable[[str], None],
        random: Random,
        returns: bool = False,
    ) -> None:
        self._devices, self._may_go, self._sign = devices, may_go, sign
        self._new_key, self._count, self._random = new_key, count, random
        self._returns = returns

    def look(self) -> None:
        """Let in who waits at a device that leads, and reset who was taken out."""
        for leader in self._devices:
            node = leader.member
            if node is None or not node.leads:
                continue
            self._reset_removed(node)
            edits = self._approval(leader, node)
            if edits:
                self._submit(leader, edits)

    def _submit(self, at: Device, edits: list[Edit]) -> None:
        at.submit(lambda node: self._sign(at, node, edits))

    def _approval(self, leader: Device, node: Node) -> list[Edit]:
        approval = Approval(node.log.state, node.online(leader.now), makes_backup=False)
        waiting = node.pending(leader.now)
        for pending in [p for p in waiting if not self._comes_back(approval, p)]:
            try:
                approval.add(pending, Wish())
            except Refused as refusal:
                if refusal.code == "in-succession":
                    approval.add(pending, Wish(name=f"anew-{pending.device.hex()[:8]}"))
        for each in approval.approved:
            self._count("came back under a new key" if each.replaces else "approved")
        members = views.members(node.log.state)
        confirms = self._returns and self._random.random() < CONFIRM_SHARE
        for member in members if confirms else ():
            if node.log.state.value(device_path(member.device_id), REBOUND) is not None:
                self._count("came back by itself, and was confirmed")
                approval.confirm(member.device_id)
        return approval.edits.all

    def _comes_back(self, approval: Approval, pending: Pending) -> bool:
        """Tell whether a device gets its place without the owner, soon."""
        state = approval.edits.state
        twin = returns_as(state, pending.label, AUTO) if self._returns else None
        return twin is not None and approval.would_replace(pending) != ""

    def _reset_removed(self, node: Node) -> None:
        """Reset who was taken out; not one on which owners acted since: that history stands.

        What a device has that is off shows once it is on again.
        """
        ours = node.log.head
        for device in self._devices:
            head = ours if device.member is None else device.member.log.head
            is_raised = (head.generation, head.mandate) > (ours.generation, ours.mandate)
            is_retired = node.log.state.value(f"device/{device.device_id.hex()}", "retired") is not None
            if device.listens and is_retired and not is_raised:
                self.reset(device)

    def reset(self, device: Device) -> None:
        """Give a device an empty disk and a new key: it is let in as what it was, if it was not taken out."""
        self._count("reset")
        key = self._new_key(SigningKey.from_seed(self._random.randbytes(32)))
        device.lose_disk(self._random.uniform(0.2, 5), key)

    def leave(self, random: Random) -> None:
        """Let a device say itself that it leaves; it is reset once that stands in a log."""
        _, leaving = self._members()
        gone = random.choice(leaving) if leaving else None
        if gone is not None and gone.member is not None:
            try:
                change, effects = gone.member.leave(gone.now)
            except Refused:  # its outbox is full
                return
            gone.given.add(change)
            gone.add(effects)
            self._count("left by its own word")

    def _members(self) -> tuple[list[Device], list[Device]]:
        """Return the members that run, and those of them that may go; nobody while there are but two."""
        members = [device for device in self._devices if device.member is not None]
        return members, [d for d in members if self._may_go(d)] if len(members) > 2 else []

    def remove(self, random: Random) -> None:
        """Take a device out, wherever the owner is; it is reset once that stands in a log."""
        members, leaving = self._members()
        if not leaving:
            return
        gone = random.choice(leaving)
        at = random.choice([device for device in members if device is not gone])
        section = f"device/{gone.device_id.hex()}"
        node = at.member
        assert node is not None, "it was chosen for that"
        record = node.log.state.record(section, "retired")
        base = None if record is None else record.base
        self._submit(at, [Edit(section, "retired", codec.pack([True]), base)])
        self._count("removed")
