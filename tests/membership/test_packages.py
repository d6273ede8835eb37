"""Which packages a device has: lists are read as they are kept, and answers as they were written (A33)."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dusk import codec
from dusk.errors import UntrustedInput
from dusk.membership.packages import (
    APK,
    INSTALLED_MAX,
    OPKG,
    ROWS_MAX,
    TEXT_BYTES_MAX,
    TOLD_BYTES_MAX,
    Form,
    Package,
    Packages,
    decode_packages,
    encode_packages,
    read_list,
    told_of,
)

HOSTILE = "<script>$(reboot)'\"`\x1b[2J\0"
APK_LIST = b"""C:Q1aa=
P:musl
V:1.2.5-r0
A:aarch64
F:lib
R:ld-musl.so:1
Z:Q1bb=


P:base-files
V:1694~abc
"""
OPKG_LIST = b"""Package: libc
Version: 1.2.5-r4
Depends: libgcc1
Status: install user installed
Conffiles:
 /etc/a: 0011
\t/etc/b 22
Installed-Time: 1700000000

Package: gone
Version: 1
Status: deinstall ok not-installed

Package: nothing-known
Version: 1

Package: fresh
Version: 2
Status: install ok unpacked

Package: kernel
Status: install hold installed
"""
ROW = Package("musl", "1")
TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
INSTALLED = st.dictionaries(TEXT, TEXT, max_size=9).map(lambda d: tuple(Package(n, d[n]) for n in sorted(d)))


def read(content: bytes, form: Form) -> dict[str, str]:
    return dict(read_list(content.splitlines(keepends=True), form))


def test_the_list_of_apk_is_read() -> None:
    assert read(APK_LIST, APK) == {"base-files": "1694~abc", "musl": "1.2.5-r0"}


def test_the_list_of_opkg_is_read_as_far_as_packages_are_there() -> None:
    assert read(OPKG_LIST, OPKG) == {"fresh": "2", "kernel": "", "libc": "1.2.5-r4"}


def test_packages_rise_by_name() -> None:
    assert [one.name for one in read_list(APK_LIST.splitlines(), APK)] == ["base-files", "musl"]


@pytest.mark.parametrize("content", [b"", b"\n \n\n", b"\r\n"])
def test_a_list_without_a_package_is_one(content: bytes) -> None:
    assert read(content, APK) == {}


@pytest.mark.parametrize("content", [b"junk", b"P:a\nV:1\n\xff\n", b"V:1\n", b"P: \nV:1\n", b"C:x\n\nP:a\n"])
def test_what_is_no_list_is_refused(content: bytes) -> None:
    with pytest.raises(UntrustedInput):
        read(content, APK)


def test_a_package_too_many_is_refused() -> None:
    lines = (line for at in range(INSTALLED_MAX + 1) for line in (b"P:%d" % at, b""))
    with pytest.raises(UntrustedInput, match="more than"):
        read_list(lines, APK)


def test_a33_names_and_versions_arrive_as_data_of_bounded_length() -> None:
    content = b"P:" + HOSTILE.encode() + b"\nV:" + "é".encode() * 99 + b"\n\nP:caf\xe9\nV:1"
    (plain, first), (hostile, second) = sorted(read(content, APK).items(), key=lambda one: one[0] == HOSTILE)
    assert (plain, first, hostile) == ("caf\ufffd", "1", HOSTILE)
    assert len(second.encode()) <= TEXT_BYTES_MAX
    assert second.endswith("é…")


@given(INSTALLED)
def test_an_answer_comes_back_as_it_was(installed: tuple[Package, ...]) -> None:
    told = told_of(installed)
    assert (told.total, told.rows) == (len(installed), installed)
    assert decode_packages(encode_packages(told)) == told


def test_the_hash_is_of_all_packages() -> None:
    data = hashlib.sha256(codec.pack((ROW,))).digest()
    assert told_of((ROW,)).digest == int.from_bytes(data[:6])
    assert told_of((ROW,)).digest != told_of((Package("musl", "2"),)).digest


@pytest.mark.parametrize(("count", "size_bytes"), [(ROWS_MAX + 1, 5), (2000, TEXT_BYTES_MAX)])
def test_what_has_no_room_is_counted(count: int, size_bytes: int) -> None:
    installed = tuple(Package(f"{at:0{size_bytes}}", "1") for at in range(count))
    told = told_of(installed)
    assert told.total == count > len(told.rows) > 400
    assert told.rows == installed[: len(told.rows)]
    assert len(encode_packages(told)) <= TOLD_BYTES_MAX
    assert decode_packages(encode_packages(told)) == told
    assert told.digest != told_of(told.rows).digest


def test_the_room_is_used() -> None:
    installed = tuple(Package(f"{at:0{TEXT_BYTES_MAX}}", "1") for at in range(INSTALLED_MAX))
    told = told_of(installed)
    assert TOLD_BYTES_MAX - 2 * TEXT_BYTES_MAX < len(encode_packages(told)) <= TOLD_BYTES_MAX


GOOD = told_of((ROW, Package("zlib", "2")))


@pytest.mark.parametrize(
    "row",
    [
        (),
        GOOD[:2],
        GOOD._replace(total=1),
        GOOD._replace(total=INSTALLED_MAX + 1),
        GOOD._replace(digest=GOOD.digest ^ 1),
        GOOD._replace(total=3, digest=2**48),
        GOOD._replace(total=3, digest=-1),
        GOOD._replace(total=9, rows=GOOD.rows[::-1]),
        GOOD._replace(total=9, rows=(ROW, ROW)),
        GOOD._replace(total=9, rows=(Package("", "1"),)),
        GOOD._replace(total=9, rows=(Package("a", "1" * (TEXT_BYTES_MAX + 1)),)),
        Packages(ROWS_MAX + 1, 0, tuple(Package(f"{at:05}", "") for at in range(ROWS_MAX + 1))),
    ],
)
def test_anything_else_is_refused(row: tuple[object, ...]) -> None:
    with pytest.raises(UntrustedInput):
        decode_packages(codec.pack(row))
