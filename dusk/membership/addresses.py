"""Where members may be found, as a join key and a device's own settings write it."""

from collections.abc import Sequence

from dusk.effects import Address
from dusk.errors import UntrustedInput

PORT_DEFAULT = 3875


def parse_address(text: str) -> Address:
    """Read ``host``, ``host:port``, ``[host]:port`` or a bare IPv6 address; the port may be left out.

    Raises:
        UntrustedInput: not such a text.
    """
    host, port = text, str(PORT_DEFAULT)
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise UntrustedInput(f"address {text!r}: not [host]:port")
        port = rest[1:] or port
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
    if not host or not port.isascii() or not port.isdigit() or not 0 < int(port[:6]) < 65536:
        raise UntrustedInput(f"address {text!r}: not host:port")
    return Address(host, int(port))


def usable_addresses(texts: Sequence[str]) -> tuple[Address, ...]:
    """Return the join key's addresses that can be read; a bad hint is no reason not to join."""
    addresses = []
    for text in texts:
        try:
            addresses.append(parse_address(text))
        except UntrustedInput:
            continue
    return tuple(addresses)
