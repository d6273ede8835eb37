"""Prints the moment of each packet on an interface that holds some bytes: ``INTERFACE HEX``."""

import select
import sys
import time

from tests.network.capture import listen


def main(interface: str, needle: bytes) -> None:
    """Listen until killed; moments are of the machine's monotonic clock, one a line."""
    with listen(interface) as listener:
        print("ready", flush=True)
        while True:
            select.select([listener], [], [])
            if needle in listener.recv(65_535):
                print(time.monotonic(), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], bytes.fromhex(sys.argv[2]))
