"""One device of a cluster: inputs in, effects out.

Composes the rooms and judges no content itself. May import every pure room; knows nothing of
trio, sockets, files or clocks, so the daemon, the simulator and the tests run the same core.
"""

from dusk.node.member import Node
from dusk.node.settings import NodeSettings

__all__ = ["Node", "NodeSettings"]
