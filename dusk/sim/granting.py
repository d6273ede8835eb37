"""A second person, whom the owner makes, grants policies, and shuts out; who commits all the time meanwhile.

What they sign may be refused: whether they may do it is decided where it stands, by the grants in force
there, in partitions too (R1, A39). No other rule is owed to them.
"""

from collections.abc import Callable
from random import Random

from dusk import codec
from dusk.changelog.body import Change, Edit
from dusk.changelog.state import State
from dusk.keys.signing import SigningKey
from dusk.node import Node
from dusk.sim.device import Device
from dusk.sim.granted import SECTION
from dusk.sim.keyring import Keyring
from dusk.sim.people import POLICIES, draw_policy

GRANT_S, GRANTED_S = 5.0, 2.5
"""Between two of the owner's changes about that person, and between two of theirs, on average."""
SCOPES = ("policy", *(f"policy/{name}" for name in POLICIES))
PACKAGES = (None, ["system", "wireless"], ["wireless"])
"""What a grant is for: any option, or those of some packages."""

SignAt = Callable[[Device, Node, list[Edit], SigningKey], Change]


class Granting:
    """What the owner does about one more person, and what that one does.

    Args:
        devices: all of them.
        owner: the owner's key.
        keyring: learns the other's.
        random: draws that.
        sign: makes a change at a device, signed by a key.
        count: counts what was done.
    """

    def __init__(
        self,
        *,
        devices: list[Device],
        owner: SigningKey,
        keyring: Keyring,
        random: Random,
        sign: SignAt,
        count: Callable[[str], None],
    ) -> None:
        self._devices, self._owner = devices, owner
        self._person = person = SigningKey.from_seed(random.randbytes(32))
        keyring.publics[person.key_id], keyring.person = person.public, person.key_id
        self._sign, self._count = sign, count

    def grant(self, random: Random) -> None:
        """Let the owner make the person, or give or take what they may do."""
        self._commit(random, self._owner, lambda state: self._about(state, random))
        self._count("grants changed")

    def use(self, random: Random) -> None:
        """Let the person set what they may set, or may not."""
        self._commit(random, self._person, lambda state: draw_policy(state, random))
        self._count("committed by a person who is granted")

    def _commit(self, random: Random, key: SigningKey, draw: Callable[[State], list[Edit]]) -> None:
        members = [device for device in self._devices if device.member is not None]
        if members:
            at = random.choice(members)
            at.submit(lambda node: self._sign(at, node, draw(node.log.state), key))

    def _about(self, state: State, random: Random) -> list[Edit]:
        if state.value(SECTION, "key") is None:
            rows = [_edit(state, SECTION, "key", [self._person.public])]
            return [*rows, self._grant(state, "policy", random)]
        if random.random() < 0.3:
            is_out = state.value(SECTION, "disabled") is not None
            return [_edit(state, SECTION, "disabled", None if is_out else [True])]
        scope = random.choice(SCOPES)
        if state.value("trust", f"grant/{scope}") is not None and random.random() < 0.6:
            return [_edit(state, "trust", f"grant/{scope}", None)]
        return [self._grant(state, scope, random)]

    def _grant(self, state: State, scope: str, random: Random) -> Edit:
        row = [[self._person.key_id], 1, random.choice(PACKAGES), None, None]
        return _edit(state, "trust", f"grant/{scope}", row)


def _edit(state: State, section: str, key: str, row: list[object] | None) -> Edit:
    record = state.record(section, key)
    return Edit(
        section, key, None if row is None else codec.pack(row), None if record is None else record.base
    )
