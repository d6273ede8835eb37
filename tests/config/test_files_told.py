"""What a device tells of its files, and what of it is no answer (`specs/asking.md`, *files*)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dusk import codec
from dusk.config.files_told import (
    FileState,
    ToldFile,
    ToldFiles,
    ToldSection,
    decode_asked,
    decode_files,
    encode_asked,
    encode_files,
    file_of,
)
from dusk.errors import UntrustedInput
from dusk.ids import Seq
from dusk.limits import DRIFT_VALUES_MAX, FILES_TOLD_BYTES_MAX

WIRELESS = b"""# a comment
config wifi-device 'radio0'
\toption band '5g'
config wifi-iface
\toption ssid 'Caf\xe9'
\toption key 'hidden here'
\toption Community 'hidden by the cluster'
\tlist maclist 'a'
\tlist maclist ''
config a'b'c x
\toption y 'no KEY has such a type'
config "d;e" z
"""


def sections_of(content: bytes) -> tuple[ToldSection, ...]:
    return file_of("wireless", content).sections


def test_a_file_is_told_as_it_means_something_and_secrets_are_not() -> None:
    told = file_of("wireless", WIRELESS, ("community",), is_in_effect=True)
    assert told == ToldFile(
        "wireless",
        FileState.TOLD,
        is_in_effect=True,
        sections=(
            ToldSection("wifi-device", "radio0", (("band", "5g"),)),
            ToldSection(
                "wifi-iface",
                "",
                (("ssid", "Caf\udce9"), ("key", None), ("Community", None), ("maclist", ("a", ""))),
            ),
            ToldSection("abc", "x", (("y", "no KEY has such a type"),)),
        ),
    )
    data = encode_files(ToldFiles(Seq(7), (told,)))
    assert b"hidden" not in data
    assert decode_files(data) == ToldFiles(Seq(7), (told,))


def test_a_file_that_is_not_there_or_cannot_be_read_is_told_as_that() -> None:
    assert file_of("dhcp", None) == ToldFile("dhcp", FileState.NONE)
    assert file_of("dhcp", b"option key 'secret'\n", is_in_effect=True) == ToldFile(
        "dhcp", FileState.UNREADABLE
    )


def test_a_file_without_room_is_said_to_be_too_large_and_the_others_are_told() -> None:
    large = ToldFile("a", FileState.TOLD, False, (ToldSection("t", "", (("o", "x" * 40_000),)),))
    small = ToldFile("c", FileState.TOLD, False, (ToldSection("t", "n", (("o", "1"),)),))
    told = decode_files(encode_files(ToldFiles(Seq(1), (large, large._replace(package="b"), small))))
    assert [one.state for one in told.files] == [FileState.TOLD, FileState.TOO_LARGE, FileState.TOLD]
    assert len(encode_files(ToldFiles(Seq(1), (large, large)))) <= FILES_TOLD_BYTES_MAX


@pytest.mark.parametrize(
    "section",
    [
        ToldSection("t", "", tuple((f"o{i}", "1") for i in range(4097))),
        ToldSection("t", "", (("o", ("",) * (DRIFT_VALUES_MAX + 1)),)),
        ToldSection("t" * 256, "", ()),
        ToldSection("t", "n" * 256, ()),
        ToldSection("t", "", (("o" * 256, "1"),)),
    ],
)
def test_what_an_answer_cannot_hold_is_too_large(section: ToldSection) -> None:
    (told,) = decode_files(
        encode_files(ToldFiles(Seq(1), (ToldFile("a", FileState.TOLD, False, (section,)),)))
    ).files
    assert told.state is FileState.TOO_LARGE


NAMES = st.text("ab_1", min_size=1, max_size=4)
TEXTS = st.text(st.characters(min_codepoint=1, max_codepoint=0x2FF), min_size=1, max_size=6)
VALUES = st.one_of(
    st.none(), TEXTS, st.lists(st.one_of(TEXTS, st.just("")), min_size=1, max_size=3).map(tuple)
)
SECTIONS = st.builds(
    ToldSection,
    NAMES,
    st.one_of(st.just(""), NAMES),
    st.dictionaries(NAMES, VALUES, max_size=3).map(lambda found: tuple(found.items())),
)


@given(st.lists(SECTIONS, max_size=4, unique_by=lambda one: one.name or id(one)))
def test_what_is_told_comes_back(sections: list[ToldSection]) -> None:
    told = ToldFiles(Seq(3), (ToldFile("x-y", FileState.TOLD, len(sections) > 1, tuple(sections)),))
    assert decode_files(encode_files(told)) == told


GOOD = ["t", "n", [["o", b"1"]]]


@pytest.mark.parametrize(
    "files",
    [
        [["a", 1, False, [GOOD]], ["a", 0, False, []]],
        [["", 0, False, []]],
        [["a.b", 0, False, []]],
        [["a", 5, False, []]],
        [["a", 0, True, []]],
        [["a", 2, False, [GOOD]]],
        [["a", 1, 1, [GOOD]]],
        [["a", 1, False, [GOOD, GOOD]]],
        [["a", 1, False, [["t", "n", [["o", b"1"], ["o", b"2"]]]]]],
        [["a", 1, False, [["t t", "n", []]]]],
        [["a", 1, False, [["t", "n-n", []]]]],
        [["a", 1, False, [["t", "n", [["o-o", b"1"]]]]]],
        [["a", 1, False, [["t", "n", [["o", "1"]]]]]],
        [["a", 1, False, [["t", "n", [["o", b""]]]]]],
        [["a", 1, False, [["t", "n", [["o", []]]]]]],
        [["a", 1, False, [["t", "n", [["o", [None]]]]]]],
        [["a", 1, False, [["t", "n"]]]],
        [[f"p{i}", 0, False, []] for i in range(17)],
    ],
)
def test_what_no_file_could_say_is_no_answer(files: list[object]) -> None:
    with pytest.raises(UntrustedInput):
        decode_files(codec.pack([1, files]))


@pytest.mark.parametrize(
    "packages", [[], ["dusk"], ["a", "a"], ["a b"], [1], [f"p{i}" for i in range(17)], ["a", "-" * 256]]
)
def test_what_cannot_be_asked_for_is_no_question(packages: list[str]) -> None:
    with pytest.raises(UntrustedInput):
        decode_asked(encode_asked(packages))


def test_a_question_names_its_packages() -> None:
    assert decode_asked(encode_asked(["network", "wireless"])) == ("network", "wireless")


def test_of_a_file_beside_uci_it_is_told_whether_it_is_there_and_nothing_of_what_is_in_it() -> None:
    told = file_of("file:/etc/banner", b"-rw-r--r--\nunspeakable\n", is_in_effect=True)
    assert told == ToldFile("file:/etc/banner", FileState.TOLD, is_in_effect=True)
    data = encode_files(ToldFiles(Seq(7), (told, file_of("file:/etc/motd", None))))
    assert b"unspeakable" not in data
    assert decode_files(data).files == (told, ToldFile("file:/etc/motd", FileState.NONE))
    assert decode_asked(encode_asked(["file:/etc/banner"])) == ("file:/etc/banner",)
    section = ToldSection("a", "b", ())
    for wrong in (
        ToldFile("file:/a/../b", FileState.NONE),
        ToldFile("file:/a", FileState.TOLD, sections=(section,)),
    ):
        with pytest.raises(UntrustedInput):
            decode_files(encode_files(ToldFiles(Seq(7), (wrong,))))
