"""Whose X25519 key is it? The keys of all devices in the log, by the form that streams prove."""

from collections.abc import Iterator

from dusk.catchup.host import Standing
from dusk.changelog import views
from dusk.changelog.state import State
from dusk.ids import DeviceId
from dusk.keys.signing import x25519_public


class Peers:
    """An index over a log's devices, made again only when one came or changed; kept with the state."""

    def __init__(self) -> None:
        self._converted: dict[bytes, bytes] = {}

    def standing(self, state: State, static_public: bytes) -> Standing:
        """Tell who a static key is in this state."""
        found: dict[bytes, Standing] | None = state.of_members.get("standings")
        if found is None:
            found = state.of_members["standings"] = dict(self._rows(state))
        return found.get(static_public, Standing.STRANGER)

    def device(self, state: State, static_public: bytes) -> DeviceId | None:
        """Return the active device with a static key."""
        found: dict[bytes, DeviceId] | None = state.of_members.get("statics")
        if found is None:
            members = views.members(state)
            found = state.of_members["statics"] = {self._x25519(m.public): m.device_id for m in members}
        return found.get(static_public)

    def removed(self, state: State, static_public: bytes) -> DeviceId | None:
        """Return the device with a static key that was removed."""
        keys = ((m, self._x25519(m.public)) for m in views.devices(state) if m.retired)
        return next((member.device_id for member, static in keys if static == static_public), None)

    def _rows(self, state: State) -> Iterator[tuple[bytes, Standing]]:
        for section in state.sections("device/"):
            row = state.value(section, "key")
            if row is not None:  # facts and config have no key
                retired = state.value(section, "retired") is not None
                yield self._x25519(row[0]), Standing.REMOVED if retired else Standing.MEMBER

    def _x25519(self, public: bytes) -> bytes:
        """Convert once: it costs as much as a signature."""
        if public not in self._converted:
            self._converted[public] = x25519_public(public)
        return self._converted[public]
