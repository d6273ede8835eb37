"""Who holds which key in a simulation, and who signed what with it: what no device can know better."""

from collections.abc import Container
from dataclasses import dataclass, field

from dusk.changelog.body import Change
from dusk.ids import ChangeId, KeyId, PublicKey
from dusk.keys.signing import SigningKey


@dataclass(slots=True)
class Keyring:
    """The keys as the simulation handed them out.

    Attributes:
        owner: key id of the one owner.
        joinkey: key id of the join key.
        publics: key id → public key, of all of them; a device's key id is its id.
        changes: what the owner has signed, or another person, by id.
        owed: those of them that may neither be refused nor lost (R3).
        spoiled: device id → counters up to this may be used twice there, as its disk was lost.
        twins: devices that run twice, where any counter may.
        phrases: keys of recovery phrases, used or not.
        person: key id of a second person, who may do what the owner grants; None: there is none.
    """

    owner: KeyId
    joinkey: KeyId
    publics: dict[KeyId, PublicKey] = field(default_factory=dict)
    changes: dict[ChangeId, Change] = field(default_factory=dict)
    owed: set[ChangeId] = field(default_factory=set)
    spoiled: dict[bytes, int] = field(default_factory=dict)
    twins: set[bytes] = field(default_factory=set)
    phrases: set[KeyId] = field(default_factory=set)
    person: KeyId | None = None
    _newest: dict[bytes, tuple[int, set[ChangeId]]] = field(default_factory=dict)

    @property
    def signed(self) -> Container[ChangeId]:
        """Changes that people have signed."""
        return self.changes

    def phrase(self, key: SigningKey) -> None:
        """Note that this is the key of a recovery phrase."""
        self.phrases.add(key.key_id)
        self.publics[key.key_id] = key.public

    def note(self, change: Change, *, owed: bool = True) -> None:
        """Note that a person has signed this, at the device that it names; if ``owed`` it stands."""
        device, counter = bytes(change.body.device), change.body.counter
        self.changes[change.id] = change
        highest, changes = self._newest.get(device, (0, set()))
        self._newest[device] = max(highest, counter), changes | {change.id}
        if owed and counter > self.spoiled.get(device, 0) and device not in self.twins:
            self.owed.add(change.id)

    def lost_disk(self, device: bytes, done: Container[ChangeId]) -> None:
        """Note that a device forgot its last changes: what had no outcome may be lost, or come twice."""
        highest, changes = self._newest.get(device, (0, set()))
        self.spoiled[device] = highest
        self.owed -= {change for change in changes if change not in done}

    def twin(self, device: bytes, done: Container[ChangeId]) -> None:
        """Note that a device runs twice from now on."""
        self.lost_disk(device, done)
        self.twins.add(device)
