"""Whose X25519 key is it? The keys of all devices in the log, by the form that streams prove."""

from dusk.catchup.host import Standing
from dusk.changelog.state import State
from dusk.ids import DeviceId
from dusk.keys.signing import x25519_public


class Peers:
    """An index over a log's devices, made again only when one came or changed."""

    def __init__(self) -> None:
        self._version: tuple[int, int] | None = None
        self._converted: dict[bytes, bytes] = {}
        self._devices: dict[bytes, tuple[DeviceId, Standing]] = {}

    def standing(self, state: State, static_public: bytes) -> Standing:
        """Tell who a static key is in this state."""
        return self._index(state).get(static_public, (None, Standing.STRANGER))[1]

    def device(self, state: State, static_public: bytes) -> DeviceId | None:
        """Return the device of a static key, removed ones too; None for a stranger."""
        return self._index(state).get(static_public, (None, Standing.STRANGER))[0]

    def _index(self, state: State) -> dict[bytes, tuple[DeviceId, Standing]]:
        version = (id(state), state.members_version)
        if version != self._version:
            self._devices = dict(self._rows(state))
            self._version = version
        return self._devices

    def _rows(self, state: State) -> list[tuple[bytes, tuple[DeviceId, Standing]]]:
        rows = []
        for section in state.sections("device/"):
            row = state.value(section, "key") if section.count("/") == 1 else None
            if row is not None:
                retired = state.value(section, "retired") is not None
                device = DeviceId(bytes.fromhex(section.removeprefix("device/")))
                rows.append(
                    (self._x25519(row[0]), (device, Standing.REMOVED if retired else Standing.MEMBER))
                )
        return rows

    def _x25519(self, public: bytes) -> bytes:
        """Convert once: it costs as much as a signature."""
        if public not in self._converted:
            self._converted[public] = x25519_public(public)
        return self._converted[public]
