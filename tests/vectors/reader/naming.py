"""Names of new devices, label patterns, addresses, and requests to join (joining.md)."""

import re
from collections.abc import Container
from itertools import count

from tests.vectors.reader import changes
from tests.vectors.reader.keys import JoinLine, key_id, public_of
from tests.vectors.reader.packing import Refused, need, unpack


def alphabet(text: str) -> str:
    """Put a text into the alphabet of names; nothing may be left."""
    text = "".join(one.lower() if one.isascii() else one for one in text)
    return re.sub(r"[^a-z0-9]+", "-", text).strip("-")[:63].strip("-")


def decide(wanted: str, template: str, taken: Container[str]) -> str:
    """Decide the name of a new device."""
    if "{n}" in template:
        before, behind = (part.replace("{name}", wanted) for part in template.split("{n}", 1))
        tries = (alphabet(f"{before[:24]}{n}{behind[:24]}") for n in count(1))
        return next(name for name in tries if name not in taken)
    name = alphabet(template.replace("{name}", wanted) if template else wanted) or "router"
    if name not in taken:
        return name
    return next(one for n in count(2) if (one := alphabet(f"{name[:48]}-{n}")) not in taken)


def fits(pattern: str, label: str) -> bool:
    """Whether a pattern fits a whole label."""
    parts = (".*" if one == "*" else "." if one == "?" else re.escape(one) for one in pattern)
    return re.fullmatch("".join(parts), label, re.DOTALL) is not None


def address(text: str) -> tuple[str, int]:
    """Read a hint where a member is."""
    if text.count(":") > 1 and not text.startswith("["):
        return text, 3875
    found = re.fullmatch(r"(?:\[([^\]]+)\]|([^:\[\]]+))(?::([0-9]{1,5}))?", text)
    if not found or not 1 <= int(found[3] or 3875) <= 65_535:
        raise Refused("bad-address")
    return found[1] or found[2], int(found[3] or 3875)


def request(data: bytes, stream: bytes) -> changes.Change:
    """Read a request to join that names the server's own stream."""
    change = changes.change(data)
    origin = [
        value for one, value in zip(change.body.operations, change.values, strict=True) if one.key == "origin"
    ]
    need(origin and origin[0], "bad-request")
    assert origin[0]
    need(unpack(origin[0].data, 3)[1] == stream, "other-stream")
    return change


def answers(
    change: changes.Change, line: JoinLine, seed: bytes, wish: tuple[str, str], stream: bytes
) -> bool:
    """Whether a request is what these inputs yield but for its salts."""
    label, wanted = wish
    device = key_id(public_of(seed))
    values = {
        one.key: list(value.value) if value else None
        for one, value in zip(change.body.operations, change.values, strict=True)
    }
    body = change.body
    return (
        (body.cluster, body.author, body.device, body.counter, body.message)
        == (line.cluster, device, device, 0, "")
        and {one.section for one in body.operations} == {f"device/{device.hex()}"}
        and all(one.base is None for one in body.operations)
        and values == {"key": [public_of(seed)], "label": [label], "origin": [line.id.hex(), stream, wanted]}
        and [signer for signer, _ in change.signatures] == sorted([device, line.id])
    )
