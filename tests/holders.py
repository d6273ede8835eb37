"""A cluster whose succession has several devices: who leads changes, and certificates settle."""

from collections.abc import Sequence

from dusk import codec
from dusk.changelog.body import Change, Edit
from dusk.changelog.certificate import Certificate, sign_ack
from dusk.changelog.entry import Entry, SignedHead
from dusk.changelog.freezing import proof_row
from dusk.changelog.log import unpack_entry_item
from dusk.changelog.recovering import recovered_row
from dusk.changelog.roles import mandate_row
from dusk.changelog.sections import device_path
from dusk.ids import DeviceId, Head
from dusk.keys.signing import SigningKey
from tests.world import World


def id_of(key: SigningKey) -> DeviceId:
    """Return the id of a device by its key."""
    return DeviceId(key.key_id)


class Holders(World):
    """A world with three devices, of which the first leads alone until told otherwise."""

    def __init__(self, seed: int = 1) -> None:
        super().__init__(seed)
        self.allow_joining()
        self.kitchen = self.join("kitchen")
        self.garage = self.join("garage")

    def succeed(self, *keys: SigningKey) -> Entry:
        """Write another succession, by an ordinary change."""
        return self.commit(self.edit("cluster", "succession", [[key.key_id for key in keys]]))

    def lead(self, key: SigningKey, role: Change | None = None) -> Entry:
        """Have a device open the next epoch."""
        former, self.leading = self.leading, key
        try:
            item = self.log.write_open(self.stamp(), role)
        except BaseException:
            self.leading = former
            raise
        self._keep(item)
        return unpack_entry_item(item.data)[0]

    def hand_over(self) -> None:
        """Have who leads end the epoch."""
        self._keep(self.log.write_handover(self.stamp()))

    def certificate(self, *keys: SigningKey, head: Head | None = None) -> Certificate:
        """Return a certificate for the head, or another, by these devices."""
        head = head or self.log.head
        return Certificate.of(head, {id_of(key): sign_ack(key, self.cluster, head) for key in keys})

    def settle(self, *keys: SigningKey) -> bool:
        """Take a certificate for the head, and keep it with the log."""
        certificate = self.certificate(*keys)
        rose = self.log.take_certificate(certificate)
        self.items.append(certificate.item())
        return rose

    def role(
        self, *keys: SigningKey, more: Sequence[Edit] = (), head: Head | None = None, **how: object
    ) -> Change:
        """Return the owner's word that these devices succeed, signed at the head or another."""
        edits = (
            self.edit("cluster", "succession", [[key.key_id for key in keys]]),
            Edit("cluster", "mandate", mandate_row(head or self.log.head), self.base("cluster", "mandate")),
            *more,
        )
        return self.change(*edits, **how)  # type: ignore[arg-type]  # passed on as they are

    def recovering(
        self,
        phrase: SigningKey,
        *keys: SigningKey,
        owner: SigningKey | None,
        following: SigningKey,
        more: Sequence[Edit] = (),
        head: Head | None = None,
    ) -> Change:
        """Return a RECOVER as `dusk recover` makes it: another owner, called rescuer, and no former one.

        Args:
            phrase: key of the phrase that signs.
            keys: of the devices that succeed; it is made on the first.
            owner: the new owner's key; None leaves the owners as they are.
            following: key of the next phrase.
            more: what it does besides.
            head: at which it is signed; the log's.
        """
        head = head or self.log.head
        former = [name for name in self.log.state.owners().values() if name != "rescuer"]
        edits = [
            self.edit("trust", "recovered", list(codec.unpack(recovered_row(head), size_max=99))),
            self.edit("trust", "recovery", [following.public, head.generation + 1]),
            self.edit("cluster", "succession", [[key.key_id for key in keys]]),
            *more,
        ]
        if owner is not None:
            edits += (
                self.edit("trust", "owner/rescuer", [owner.public]),
                self.edit("trust", "quorum", [1]),
                self.edit("user/rescuer", "key", [owner.public]),
                *(self.edit("trust", f"owner/{name}", None) for name in former),
                *(self.edit(f"user/{name}", "disabled", [True]) for name in former),
            )
        return self.change(*edits, signers=(phrase,), device=keys[0], counter=1, message="recovered")

    def recover(self, *keys: SigningKey) -> Entry:
        """Recover the cluster: these devices lead, and owner and phrase are others from then on."""
        owner, following = self.key(), self.key()
        change = self.recovering(self.recovery, *keys, owner=owner, following=following)
        entry = self.lead(keys[0], change)
        self.owner, self.recovery = owner, following
        return entry

    def freeze(self, culprit: SigningKey, one: SignedHead, other: SignedHead, by: SigningKey) -> Change:
        """Return the change of a device that freezes another for two signed heads."""
        section = device_path(culprit.key_id)
        edit = Edit(section, "frozen", proof_row(one, other), self.base(section, "frozen"))
        return self.change(edit, signers=(by,), device=by)
