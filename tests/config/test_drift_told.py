"""What a device tells of its drift, and what of it another one believes."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dusk import codec
from dusk.config.drift import Difference, differences
from dusk.config.drift_told import (
    NO_SECTION,
    NOT_SAID,
    UNREADABLE,
    ToldDrift,
    UnverifiedDifference,
    believed,
    decode_drift,
    encode_drift,
)
from dusk.config.merge import Layer, Managed, merge
from dusk.config.revealing import revealed
from dusk.config.sealing import Sealed
from dusk.config.settings import Setting, Verb
from dusk.errors import UntrustedInput
from dusk.limits import DRIFT_KEY_BYTES_MAX, DRIFT_MAX, DRIFT_ROWS_MAX, DRIFT_TOLD_BYTES_MAX, DRIFT_VALUES_MAX

SSID, HIDDEN, LIST, KEY = (f"wireless.home.{name}" for name in ("ssid", "hidden", "maclist", "key"))
EACH = "wireless.each wifi-device as r"
SETTINGS = {
    "wireless.home": Setting(Verb.TYPE, ("wifi-iface",)),
    SSID: Setting(Verb.SET, ("Home",)),
    HIDDEN: Setting(Verb.ABSENT),
    LIST: Setting(Verb.EDIT_LIST, ("m",), removed=("n",)),
    KEY: Setting(Verb.SEALED, sealed=Sealed(b"k" * 16, b"sealed")),
    "wireless.gone": Setting(Verb.ABSENT),
    EACH: Setting(Verb.TYPE, ("wifi-iface",)),
    f"{EACH}.device": Setting(Verb.SET, ("${r}",)),
    "network.@interface[7].mtu": Setting(Verb.SET, ("1400",)),
}
MADE = "wireless.dusk_r_radio0"
FILE = b"""config wifi-device 'radio0'

config wifi-iface 'home'
\toption ssid 'by hand'
\toption hidden '1'
\toption key 'a secret of the file'
\tlist maclist 'local'
\tlist maclist 'n'

config wifi-iface 'gone'

config wifi-iface 'dusk_r_radio0'
\toption device 'radio9'
"""


def managed() -> Managed:
    return merge([Layer("policy/wifi", 100, SETTINGS)], {}, {})


def opened() -> Managed:
    """Return it as the device has it, which can open its secrets."""
    return revealed(managed(), lambda _: "a secret of the log")


def row(
    key: str, found: str | tuple[str, ...] | None = None, *, setting: str = "", trouble: bool = False
) -> UnverifiedDifference:
    return UnverifiedDifference(key, setting or key, found, trouble)


def one_of(unverified: UnverifiedDifference, *further: str) -> Difference | None:
    found = believed(ToldDrift(1, (unverified,)), managed(), further)
    return found[0] if found else None


def test_what_a_device_finds_is_what_another_one_shows() -> None:
    files = {"wireless": FILE, "network": b""}
    found = differences(files, opened())
    shown = believed(decode_drift(encode_drift(found)), managed())
    assert {one.key for one in found} >= {SSID, HIDDEN, LIST, KEY, "wireless.gone", f"{MADE}.device"}
    assert shown == tuple(replace(one, trouble=one.trouble and NO_SECTION) for one in found)


def test_r15_an_answer_has_no_secret_nor_what_a_parser_quotes() -> None:
    broken = FILE + b"\noption key 'unclosed secret\n"
    whole, torn = (encode_drift(differences({"wireless": content}, opened())) for content in (FILE, broken))
    assert b"secret" not in whole + torn
    (unreadable,) = believed(decode_drift(torn), managed())
    assert (unreadable.key, unreadable.trouble) == ("wireless", UNREADABLE)


def test_bytes_of_a_file_that_are_no_text_come_back_as_they_were() -> None:
    odd = Difference(LIST, "", ("m",), ("Caf\udce9", "b"), (LIST,))
    assert decode_drift(encode_drift((odd,))).rows == (row(LIST, ("Caf\udce9", "b")),)


@given(
    st.lists(st.one_of(st.none(), st.text(max_size=9), st.lists(st.text(max_size=9)).map(tuple)), max_size=9)
)
def test_it_comes_back_as_it_was(values: list[str | tuple[str, ...] | None]) -> None:
    drift = tuple(Difference(SSID, "", None, value, (SSID,)) for value in values)
    told = decode_drift(encode_drift(drift))
    assert told == ToldDrift(len(values), tuple(row(SSID, value) for value in values))


def test_what_has_no_room_is_counted() -> None:
    small = Difference(SSID, "", "Home", "x", (SSID,))
    large = replace(small, found="x" * DRIFT_TOLD_BYTES_MAX)
    many = replace(small, found=("x",) * (DRIFT_VALUES_MAX + 1))
    long = replace(small, key="k" * (DRIFT_KEY_BYTES_MAX + 1))
    none = replace(small, keys=(), trouble="of no setting")
    told = decode_drift(encode_drift((large, small, many, long, none)))
    assert (told.count, told.rows) == (5, (row(SSID, "x"), UnverifiedDifference(SSID, "", "x", True)))


def test_so_many_are_told_and_no_more_than_a_status_counts() -> None:
    one = Difference(SSID, "", "Home", "x", (SSID,))
    told = decode_drift(encode_drift((one,) * (DRIFT_MAX + 1)))
    assert (told.count, len(told.rows)) == (DRIFT_MAX, DRIFT_ROWS_MAX)
    full = encode_drift((replace(one, found="x" * 1000),) * DRIFT_ROWS_MAX)
    assert len(full) <= DRIFT_TOLD_BYTES_MAX


@pytest.mark.parametrize(
    "answer",
    [
        (),
        (0, [["a", "a", None, True]]),
        (DRIFT_MAX + 1, []),
        (1, [["a", "a", None]]),
        (1, [["a", "a", "text", False]]),
        (1, [["a", "a", ["text"], False]]),
        (1, [["a", "a", [b"x"] * (DRIFT_VALUES_MAX + 1), False]]),
        (1, [["a", "a", None, 1]]),
        (1, [[b"a", "a", None, True]]),
        (1, [["a", "a" * (DRIFT_KEY_BYTES_MAX + 1), None, True]]),
        (201, [["a", "a", None, True]] * (DRIFT_ROWS_MAX + 1)),
    ],
)
def test_anything_else_is_refused(answer: tuple[object, ...]) -> None:
    with pytest.raises(UntrustedInput):
        decode_drift(codec.pack(answer))


def test_what_should_be_is_what_the_log_here_says_and_so_is_what_is_no_difference() -> None:
    assert one_of(row(SSID, "forged")) == Difference(SSID, "policy/wifi", "Home", "forged", (SSID,))
    assert one_of(row(SSID, "Home")) is None
    assert one_of(row(HIDDEN)) is None
    assert one_of(row(LIST, ("n", "x"))) == Difference(LIST, "policy/wifi", ("x", "m"), ("n", "x"), (LIST,))
    gone = one_of(row("wireless.gone", "wifi-iface"))
    assert gone == Difference("wireless.gone", "policy/wifi", None, "wifi-iface", ("wireless.gone",))


def test_a_value_that_is_told_of_a_secret_is_not_taken() -> None:
    secret = Difference(KEY, "policy/wifi", None, None, (KEY,), is_secret=True)
    assert one_of(row(KEY, "forged")) == secret
    by_the_cluster = one_of(row(SSID, "forged"), "ssid")
    assert by_the_cluster == replace(secret, key=SSID, keys=(SSID,))


def test_what_the_log_here_does_not_have_is_shown_without_values() -> None:
    unknown = Difference("dropbear.@dropbear[0].Port", "", None, None, (), trouble=NOT_SAID)
    assert one_of(row("dropbear.@dropbear[0].Port", "2222")) == unknown


def test_what_an_each_made_is_compared_with_what_it_makes() -> None:
    setting = f"{EACH}.device"
    told = one_of(row(f"{MADE}.device", "radio9", setting=setting))
    assert told == Difference(f"{MADE}.device", "policy/wifi", "radio0", "radio9", (setting,))
    section = one_of(row(MADE, None, setting=EACH))
    assert section == Difference(MADE, "policy/wifi", "wifi-iface", None, (EACH,))


def test_where_nothing_can_be_compared_it_is_said_in_our_words() -> None:
    setting = "network.@interface[7].mtu"
    place = one_of(row("network.@interface[7]", setting=setting, trouble=True))
    assert place == Difference(
        "network.@interface[7]", "policy/wifi", None, None, (setting,), trouble=NO_SECTION
    )


@pytest.mark.parametrize(
    "lie",
    [
        row(SSID, "x", setting=HIDDEN),
        row("firewall", setting=SSID, trouble=True),
        row("wireless.home", ("a", "b")),
        row("not a key", "x", setting=f"{EACH}.device"),
        row("wireless.home.device", "x", setting=f"{EACH}.device"),
        row(f"{MADE}.ssid", "x", setting=f"{EACH}.device"),
        row("network.dusk_r_radio0.device", "x", setting=f"{EACH}.device"),
        row("wireless.@x[0].device", "x", setting=f"{EACH}.device"),
        row("x" * 600 + ".a.b", "x", setting=f"{EACH}.device"),
    ],
)
def test_one_setting_told_as_another_makes_the_answer_a_lie(lie: UnverifiedDifference) -> None:
    with pytest.raises(UntrustedInput):
        one_of(lie)
