"""A cluster whose succession has several devices: who leads changes, and certificates settle."""

from collections.abc import Sequence

from dusk.changelog.body import Change, Edit
from dusk.changelog.certificate import Certificate, sign_ack
from dusk.changelog.entry import Entry, SignedHead
from dusk.changelog.freezing import proof_row
from dusk.changelog.log import unpack_entry_item
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

    def freeze(self, culprit: SigningKey, one: SignedHead, other: SignedHead, by: SigningKey) -> Change:
        """Return the change of a device that freezes another for two signed heads."""
        section = device_path(culprit.key_id)
        edit = Edit(section, "frozen", proof_row(one, other), self.base(section, "frozen"))
        return self.change(edit, signers=(by,), device=by)
