"""What the people of a device have seen of the log, and whoever writes it may lack (R3)."""

from typing import Protocol

from dusk.ids import ChangeId, DeviceId, KeyId


class Outlook(Protocol):
    """A device's own log, and the branches that it left; what stands there alone is stranded."""

    def newest(self) -> ChangeId | None:
        """Return the newest change in our log that is not final; None: all that is there is."""
        ...

    def left_before(self, data: bytes) -> ChangeId | None:
        """Return the stranded change before an encoded one, of the same author and device."""
        ...

    def left_number(self, author: KeyId, device: DeviceId) -> int:
        """Return the highest number of an author's stranded changes by a device; 0: there are none."""
        ...

    def is_offering(self) -> bool:
        """Tell whether there is any stranded change."""
        ...


class Blind:
    """An `Outlook` on nothing."""

    def newest(self) -> ChangeId | None:
        """Return nothing."""
        return None

    def left_before(self, _data: bytes) -> ChangeId | None:
        """Return nothing."""
        return None

    def left_number(self, _author: KeyId, _device: DeviceId) -> int:
        """Return that there are none."""
        return 0

    def is_offering(self) -> bool:
        """Tell that there is none."""
        return False
