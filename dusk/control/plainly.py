"""What the bytes of a change say by themselves: for who signs them with no log at hand (A57).

Nothing is looked up and nothing left out: devices and keys are shown by their whole ids, as a name
would be a router's word. Whatever is not printable is escaped, so that no line is made up.
"""

import hashlib
from collections.abc import Iterator
from typing import Any

from dusk import codec, limits
from dusk.changelog.body import Body, Change
from dusk.changelog.proposals import CHANGE, about_proposals, read_proposal
from dusk.changelog.sections import check_record, parse_path
from dusk.config.settings import Setting, decode_setting
from dusk.control.words import quote, setting_words
from dusk.errors import UntrustedInput

BYTES_SHOWN_MAX = 64
"""Of one item; longer ones are shown by size and hash."""
_FIELDS = {
    ("assignment", "to"): ("to", "targets", "priority"),
    ("assignment", "local"): ("to", "targets", "priority"),
    ("joinkey", "rule"): ("key", "uses", "expires", "groups", "mode", "labels", "rebind", "name"),
}
"""What stands in records whose items say little alone; whatever is beyond these is shown without a name."""
_NO_ONES = "checkpoint"


def check_may_be_signed(change: Change) -> None:
    """Refuse what nobody may sign who has a router's word alone, or what no log takes.

    Raises:
        UntrustedInput: it is such a thing.
    """
    for operation, value in zip(change.body.operations, change.values, strict=True):
        if operation.section == _NO_ONES:
            raise UntrustedInput("it attests a state of the log, which only a router can check")
        check_record(parse_path(operation.section), operation.key, None if value is None else value.data)


def said(change: Change) -> str:
    """Return what a change says, as lines of text.

    Args:
        change: decoded, so that the hash of each value is the one that is signed.

    Raises:
        UntrustedInput: a value is not what stands there.
    """
    return "\n".join((*_heading(change.body), *_records(change)))


def _heading(body: Body) -> Iterator[str]:
    yield f"message: {quote(body.message)}"
    yield f"cluster: {body.cluster.hex()}"
    yield f"author: {body.author.hex()}"
    number = f"number {body.counter}" if body.counter else "without a number: others may sign it, too"
    yield f"made at the device: {body.device.hex()}, {number}"
    yield f"records: {len(body.operations)}"


def _records(change: Change) -> Iterator[str]:
    where = None
    for operation, value in zip(change.body.operations, change.values, strict=True):
        if operation.section != where:
            where = operation.section
            yield _escaped(where)
        key = _escaped(operation.key)
        if value is None:
            yield f"  - {key}: removed"
        elif operation.section.startswith("proposal/") and operation.key == CHANGE:
            row = codec.unpack(value.data, size_max=limits.VALUE_BYTES_MAX)
            yield f"  {key}: kept until {row[1] or 'for ever'} (seconds since 1970), for others to sign:"
            yield from (f"    {line}" for line in said(_proposed(row)).split("\n"))
        else:
            yield f"  {key}: {_says(operation.section, operation.key, value.data)}"


def _proposed(row: list[Any]) -> Change:
    """Return the change that a proposal keeps; no log takes a proposal of a proposal, however deep."""
    change = read_proposal(row)
    if about_proposals(change):
        raise UntrustedInput("it proposes a proposal")
    return change


def _says(section: str, key: str, data: bytes) -> str:
    if key.startswith("set/"):
        return _setting(decode_setting(data))
    row = codec.unpack(data, size_max=limits.VALUE_BYTES_MAX)
    fields = _FIELDS.get((section.split("/", 1)[0], key), ())
    names = [f"{name} " for name in fields] + [""] * (len(row) - len(fields))
    return ", ".join(f"{name}{_item(item)}" for name, item in zip(names, row, strict=False))


def _setting(setting: Setting) -> str:
    """Return what a setting says; of a secret the sealed bytes, as there is nothing here to open them."""
    if setting.sealed is not None:
        return f"a secret, sealed: {_item(list(setting.sealed[:2]))}"
    return setting_words(setting)


def _item(item: object) -> str:
    """Return an item of a record, whole."""
    if isinstance(item, bytes):
        if len(item) <= BYTES_SHOWN_MAX:
            return item.hex() or "no bytes"
        return f"{len(item)} bytes with the BLAKE2b {hashlib.blake2b(item, digest_size=16).hexdigest()}"
    if isinstance(item, list):
        return "[" + " ".join(_item(one) for one in item) + "]"
    return quote(item) if isinstance(item, str) else str(item)


def _escaped(text: str) -> str:
    return quote(text)[1:-1]
