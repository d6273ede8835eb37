"""The demo: whole routers as daemons on this machine, driven by the command line alone.

A shell room: it starts processes, builds networks, reads the files that it checks with a
reader of its own. It may import nothing of the daemon's or the core's; what it shows must
come out of the same commands that a person types.
"""

from dusk.demo.show import run

__all__ = ["run"]
