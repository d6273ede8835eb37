"""The owner with the recovery phrase: recovers at whatever device is at hand, in partitions too (A37, A40).

One phrase is used once: the next recovery takes the phrase that the last one made, where a device has it
in force. It names as owner who owns the cluster; so what that one gave before is owed an outcome still.
"""

from collections.abc import Callable
from random import Random

from dusk import codec
from dusk.changelog.body import Change, Edit, build_change
from dusk.changelog.kinds import FROZEN, RECOVERED
from dusk.changelog.recovering import COUNTER, OWNER, RECOVERY, recovered_row
from dusk.changelog.roles import SUCCESSION
from dusk.changelog.sections import device_path
from dusk.changelog.state import State
from dusk.changelog.views import recovery_key
from dusk.ids import ClusterId, DeviceId
from dusk.keys.signing import SigningKey
from dusk.node import Node
from dusk.sim.device import Device
from dusk.sim.keyring import Keyring

RECOVERY_S = 9.0
"""Between two recoveries, on average."""


class Rescuing:
    """Uses the phrase.

    Args:
        phrase: the first one's key.
        devices: all of them.
        keyring: knows each phrase.
        sound: gives the devices that may be told to lead, as a node sees them.
        count: notes what was done.
    """

    def __init__(
        self,
        phrase: SigningKey,
        devices: list[Device],
        keyring: Keyring,
        sound: Callable[[Node], list[DeviceId]],
        count: Callable[[str], None],
    ) -> None:
        self._phrase, self._devices, self._keyring = phrase, devices, keyring
        self._sound, self._count = sound, count

    def recover(self, random: Random) -> None:
        """Recover at a device that has the newest phrase in force, and may be told to lead."""
        ready = [device for device in self._devices if self._is_ready(device)]
        if not ready:
            return
        device, following = random.choice(ready), SigningKey.from_seed(random.randbytes(32))
        self._keyring.phrase(following)
        made = device.force(lambda node: self._made(device, node, following, random))
        if made is None:
            self._count("recovery refused")
            return
        self._phrase = following
        self._count("recovery")

    def _is_ready(self, device: Device) -> bool:
        node = device.member
        if node is None or recovery_key(node.log.state) != self._phrase.public:
            return False
        return device.device_id in self._sound(node)

    def _made(self, device: Device, node: Node, following: SigningKey, random: Random) -> Change:
        state, head = node.log.state, node.log.head
        others = [d for d in self._sound(node) if d != device.device_id]
        holders = [device.device_id, *random.sample(others, min(len(others), random.randint(0, 1)))]
        edits = [
            _edit(state, *RECOVERED, recovered_row(head)),
            _edit(state, *RECOVERY, codec.pack((following.public, head.generation + 1))),
            _edit(state, *SUCCESSION, codec.pack((holders,))),
            *(_edit(state, "trust", key, row.data) for key, row in state.records("trust", OWNER).items()),
        ]
        mark = (device_path(device.device_id), FROZEN)
        if state.value(*mark) is not None:
            edits.append(_edit(state, *mark, None))
        change = build_change(
            cluster=ClusterId(state.cluster),
            device=device.device_id,
            counter=COUNTER,
            message="recovered",
            edits=edits,
            signers=(self._phrase,),
            random_bytes=random.randbytes,
        )
        self._keyring.changes[change.id] = change
        return change


def _edit(state: State, section: str, key: str, data: bytes | None) -> Edit:
    record = state.record(section, key)
    return Edit(section, key, data, None if record is None else record.base)
