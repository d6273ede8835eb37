"""What tests of running daemons share."""

from pathlib import Path

from dusk.cli.client import Client
from dusk.errors import Refused


def answers(root: Path) -> bool:
    """Tell whether the daemon of a root answers at its control socket."""
    client = Client(root)
    try:
        client.call("status")
    except Refused:
        return False
    finally:
        client.close()
    return True
