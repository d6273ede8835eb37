"""Write every packet on one interface to a pcap file, until standard input ends.

Run as a program where the interface is: `python capture.py INTERFACE FILE`. It prints one
line when it listens; what arrived before the end of standard input is in the file at exit.
"""

import select
import socket
import struct
import sys
from pathlib import Path
from typing import BinaryIO

FILE_HEADER = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65_535, 1)
PACKET_HEADER = struct.Struct("<IIII")
EVERY_PROTOCOL = 0x0003
PROMISCUOUS = struct.Struct("@iHH8s")
_SOL_PACKET, _ADD_MEMBERSHIP, _MR_PROMISC = 263, 1, 1


def listen(interface: str) -> socket.socket:
    """Return a socket that sees all frames, also those that are only forwarded."""
    listener = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(EVERY_PROTOCOL))
    listener.bind((interface, EVERY_PROTOCOL))
    wish = PROMISCUOUS.pack(socket.if_nametoindex(interface), _MR_PROMISC, 0, bytes(8))
    listener.setsockopt(_SOL_PACKET, _ADD_MEMBERSHIP, wish)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 * 2**20)
    listener.setblocking(False)
    return listener


def take(listener: socket.socket, out: BinaryIO) -> None:
    """Write down all that has arrived."""
    while True:
        try:
            frame = listener.recv(65_535)
        except BlockingIOError:
            return
        out.write(PACKET_HEADER.pack(0, 0, len(frame), len(frame)) + frame)


def record(interface: str, file: Path) -> None:
    """Listen until standard input ends."""
    with listen(interface) as listener, file.open("wb") as out:
        out.write(FILE_HEADER)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        while True:
            ready, _, _ = select.select([listener, sys.stdin], [], [])
            take(listener, out)
            if sys.stdin in ready:
                return


def frames(file: Path) -> list[bytes]:
    """Return the packets of a file that ``record`` wrote, link-layer header included."""
    data = file.read_bytes()
    found, position = [], len(FILE_HEADER)
    while position < len(data):
        size = PACKET_HEADER.unpack_from(data, position)[2]
        position += PACKET_HEADER.size
        found.append(data[position : position + size])
        position += size
    return found


if __name__ == "__main__":
    record(sys.argv[1], Path(sys.argv[2]))
