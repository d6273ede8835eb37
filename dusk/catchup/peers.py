"""Whose X25519 key is it? The keys of all devices in the log, by the form that streams prove."""

from collections.abc import Iterator

from dusk.catchup.host import Standing
from dusk.changelog.state import State
from dusk.keys.signing import x25519_public


class Peers:
    """An index over a log's devices, made again only when one came or changed."""

    def __init__(self) -> None:
        self._state: State | None = None
        self._version = -1
        self._converted: dict[bytes, bytes] = {}
        self._standings: dict[bytes, Standing] = {}

    def standing(self, state: State, static_public: bytes) -> Standing:
        """Tell who a static key is in this state."""
        if self._state is not state or self._version != state.members_version:
            self._standings = dict(self._rows(state))
            self._state, self._version = state, state.members_version
        return self._standings.get(static_public, Standing.STRANGER)

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
