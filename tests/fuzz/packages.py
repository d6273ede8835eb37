"""Which packages a device has: lists that others wrote, and answers of other members."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from dusk.control.asking import told_packages
from dusk.daemon.packages import LISTS, PackageList
from dusk.effects import Told
from dusk.errors import UntrustedInput
from dusk.membership.packages import (
    ROWS_MAX,
    TEXT_BYTES_MAX,
    Form,
    Package,
    decode_packages,
    encode_packages,
    read_list,
    told_of,
)
from tests.fuzz.local import lines_from
from tests.fuzzing import Feed, Rig, Target

TOLD = told_of([Package(f"kmod-{at:02}", "6.12.1-r1") for at in range(20)])
LINES = (
    *("P:musl\n", "V:1.2.5-r0\n", "F:lib\n", "R:ld.so:1\n", "\n", "\n", "P:kernel\n"),
    *("Package: libc\n", "Version: 1.2.5-r4\n", "Status: install user installed\n", " /etc/a 00\n"),
)
WORDS = ("P:", "V:", ":", "\n", "\n\n", " ", "\r", "\0", "\udcff", "é" * 70, "Status: a b unpacked\n", "<b>")


def _told(data: bytes) -> None:
    told_packages(Told(data=data))
    assert encode_packages(decode_packages(data)) == data


@contextmanager
def _lists() -> Iterator[Feed]:
    """Have a machine keep whatever comes as both lists, each by itself."""
    with TemporaryDirectory() as folder:
        kept = []
        for place, form in LISTS:
            path = Path(folder) / form.name.decode() / place
            path.parent.mkdir(parents=True)
            kept.append((path, form, PackageList(Path(folder) / form.name.decode())))
        times = iter(range(10**9))

        def taken(path: Path, form: Form, packages: PackageList, data: bytes) -> None:
            path.write_bytes(data)
            os.utime(path, (0, next(times)))  # written within one tick of the clock it may be as it was
            told = decode_packages(packages.answer())
            installed = read_list(data.split(b"\n"), form)
            assert (told, told.rows) == (told_of(installed), installed[: len(told.rows)])
            assert all(len(text.encode()) <= TEXT_BYTES_MAX for one in installed for text in one)

        def feed(data: bytes) -> None:
            try:
                taken(*kept[0], data)
            except UntrustedInput:
                taken(*kept[1], data)
            else:
                with suppress(UntrustedInput):
                    taken(*kept[1], data)

        yield feed


TARGETS = (
    Target(
        "packages told",
        _told,
        UntrustedInput,
        [encode_packages(TOLD), encode_packages(TOLD._replace(total=ROWS_MAX))],
    ),
    Target(
        "list of packages",
        Rig(_lists),
        UntrustedInput,
        ["".join(LINES[:6]).encode(), "".join(LINES[7:]).encode()],
        lines_from(*LINES, words=WORDS),
    ),
)
