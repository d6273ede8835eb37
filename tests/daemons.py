"""What tests of running daemons share."""

import ipaddress
import os
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


def own_address(number: int) -> ipaddress.IPv4Address:
    """Return an address of the loopback that no other process takes, 1 to 15: tests run beside each other."""
    return ipaddress.IPv4Address(0x7F00_0000 | os.getpid() % 2**20 << 4 | number)
