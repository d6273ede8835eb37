"""The datastore with somebody's draft on top, as the methods of the control socket read it."""

from dusk.changelog.overlay import Overlay

__all__ = ["Overlay"]
