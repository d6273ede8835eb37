"""``dusk verify``: the whole log of this router's disk, from its first entry, without a daemon."""

import os
from dataclasses import dataclass
from pathlib import Path

from dusk.changelog.foundation import read
from dusk.changelog.log import Log
from dusk.cli.command import Context
from dusk.counting import counted
from dusk.daemon.frames import Contents
from dusk.daemon.logfiles import NAME
from dusk.daemon.opening import read_log
from dusk.effects import ItemKind, LogItem
from dusk.errors import Refused, StorageError, UntrustedInput

_BATCH = 256
"""Items verified at once: bounded memory, and the first fault is found inside one batch."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check of a log found; ``fault`` is empty if nothing is wrong."""

    entries: int
    uncovered: int
    """Entries behind the last signed head: written, never promised."""
    head: str
    cluster: str
    fault: str
    position: int
    compacted: int = 0
    """Up to here entries were checked when they came; now only that owners attested the sum of them."""


def log_here(root: Path) -> tuple[Contents, Path]:
    """Return what the log below a root has, and its folder.

    Raises:
        Refused: there is none, or it may not be read.
        StorageError: it cannot be read.
    """
    folder = root / "etc/dusk/node"
    try:
        os.lstat(folder / NAME)
    except PermissionError:
        reason = f"no permission to read {folder / NAME}; run this as root or as the daemon's user"
        raise Refused("no-permission", reason) from None
    except OSError:
        raise Refused("no-cluster", f"this router is in no cluster: there is no {folder / NAME}") from None
    return read_log(folder), folder


def run(context: Context) -> int:
    """Check the log below the root, print what was found, and return the exit code."""
    contents, folder = log_here(context.root)
    found = check(contents, folder)
    document = {
        "ok": not found.fault,
        "cluster": found.cluster,
        "entries": found.entries,
        "head": {"seq": found.entries, "hash": found.head},
        "uncovered": found.uncovered,
        "compacted": found.compacted,
        "fault": found.fault or None,
        "position": found.position if found.fault else None,
    }
    if found.fault:
        if context.json:
            context.say("", document)
        raise StorageError(f"the log is not sound at version {found.position}: {found.fault}")
    rows: list[tuple[str, object]] = [
        ("cluster", found.cluster),
        ("entries", found.entries),
        ("head", found.head),
        ("log", "sound: every hash, signature and right was checked"),
    ]
    if found.compacted:
        checked = "its state and owners' chain were checked against the owners' signatures,"
        rows.append(("compacted", f"up to {found.compacted}: {checked} its single versions cannot be again"))
    context.fields(rows, document)
    if contents.cut_bytes:
        cut = counted(contents.cut_bytes, "byte")
        context.note(f"an unfinished write of {cut} at its end is cut at the next start")
    return 0


def check(contents: Contents, folder: Path) -> Finding:
    """Verify a log's contents from the first entry on."""
    log = Log(None)
    fault = ""
    if contents.foundation is not None:
        try:
            log = Log(None, ground=read(contents.foundation, None).ground)
        except UntrustedInput as error:
            fault = str(error)
    fault = fault or _verify(log, contents.items)
    if not fault and contents.damage_at is not None:
        fault = f"{folder / 'log'} is damaged at byte {contents.damage_at}"
    if not fault and log.head.seq == 0:
        fault = f"there is no entry in {folder / 'log'}; this router is in no cluster"
    entries = log.floor + sum(1 for item in contents.items if item.kind is ItemKind.ENTRY)
    return Finding(
        entries=log.head.seq,
        uncovered=max(0, entries - log.head.seq) if not fault else 0,
        head=log.head.chain.hex(),
        cluster=log.cluster.hex() if log.cluster is not None else "",
        fault=fault,
        position=log.head.seq + 1,
        compacted=log.floor,
    )


def _verify(log: Log, items: tuple[LogItem, ...]) -> str:
    """Extend a log by items, batch by batch; return the first fault, or nothing."""
    for batch in _batches(items):
        try:
            log.extend(batch)
        except UntrustedInput:
            return _first_fault(log, batch)
    return ""


def _first_fault(log: Log, batch: list[LogItem]) -> str:
    """Go through a bad batch head by head, so that the log ends just before the fault."""
    part: list[LogItem] = []
    for item in batch:
        part.append(item)
        if item.kind is ItemKind.HEAD or item is batch[-1]:
            try:
                log.extend(part)
            except UntrustedInput as error:
                return str(error)
            part = []
    return "it is sound in parts only"


def _batches(items: tuple[LogItem, ...]) -> list[list[LogItem]]:
    """Cut items behind signed heads."""
    batches: list[list[LogItem]] = [[]]
    for item in items:
        batches[-1].append(item)
        if item.kind is ItemKind.HEAD and len(batches[-1]) >= _BATCH:
            batches.append([])
    return batches
