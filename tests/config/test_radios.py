"""What a radio does is judged in one place: what is shown, what is kept and what is waited for agree."""

import pytest

from dusk.apply.windows import has_radar_uplink
from dusk.config.lifeline import marks, restarts, uplinks_in
from dusk.config.merge import DEVICE_PRIORITY, Layer, Managed, merge
from dusk.config.radios import is_link, width_of
from dusk.config.text import import_text
from dusk.config.uci import parse
from dusk.config.way import FRESH

CHANNELS = (*range(36, 65, 4), *range(100, 145, 4), *range(149, 178, 4))
LINK = "config wifi-iface 'link'\n\toption device 'radio1'\n"


def _managed(text: str) -> Managed:
    return merge([Layer("policy/p", DEVICE_PRIORITY, dict(import_text(text)))], {}, {})


@pytest.mark.parametrize("htmode", ["", "HT20", "HT40+", "VHT80", "HE160", "EHT320"])
@pytest.mark.parametrize("channel", CHANNELS)
def test_as_long_as_is_shown_that_a_radio_listens_its_link_is_waited_for(channel: int, htmode: str) -> None:
    options = {"band": "5g", "channel": str(channel), **({"htmode": htmode} if htmode else {})}
    radio = "config wifi-device 'radio1'\n" + "".join(f"\toption {k} '{v}'\n" for k, v in options.items())
    settings = "set wireless.radio1=wifi-device\n" + "".join(
        f"set wireless.radio1.{k}={v}\n" for k, v in options.items()
    )
    (restart,) = restarts({}, _managed(settings))
    listens = restart.listens_s
    assert listens is not None
    assert has_radar_uplink(f"{radio}{LINK}\toption mode 'sta'\n".encode()) == (listens > 0)


@pytest.mark.parametrize(
    ("options", "is_one"),
    [
        ("mode 'sta'", True),
        ("mode 'mesh'", True),
        ("mode 'adhoc'", True),
        ("wds '1'", True),
        ("mode 'ap'\n\toption wds 'on'", True),
        ("mode 'ap'\n\toption wds '0'", False),
        ("mode 'ap'", False),
    ],
)
def test_a_link_to_another_router_is_one_for_all_who_ask(options: str, *, is_one: bool) -> None:
    text = f"config wifi-device 'radio1'\n\toption channel '100'\n{LINK}\toption {options}\n"
    document = parse(text.encode(), "wireless")
    assert is_link(document.sections[1]) is is_one
    assert has_radar_uplink(text.encode()) is is_one
    assert uplinks_in(document) == (["link:radio1"] if is_one else [])
    assert [one.name for one in FRESH.sections(document)] == (["link", "radio1"] if is_one else [])


def test_how_wide_a_radio_is_says_the_end_of_its_mode() -> None:
    modes = ["HT20", "HT40-", "VHT80", "HE160", "EHT320", "NOHT", "", "HE1600"]
    assert [width_of(mode) for mode in modes] == [20, 40, 80, 160, 160, 0, 0, 0]


def test_who_serves_a_link_of_four_addresses_is_marked() -> None:
    """The access point of such a link cuts off what is behind it, as its station would."""
    serving = "set wireless.back=wifi-iface\nset wireless.back.mode=ap\nset wireless.back.wds=1\n"
    before, after = (_managed(f"{serving}set wireless.back.ssid={name}\n") for name in ("a", "b"))
    assert set(marks(before, after, {"interfaces": "br-lan"})) == {"wireless.back.ssid"}


@pytest.mark.parametrize("channel", ["auto", "9999", "x"])
def test_a_channel_of_its_own_choice_may_be_one_with_radar(channel: str) -> None:
    radio = f"config wifi-device 'radio1'\n\toption band '5g'\n\toption channel '{channel}'\n"
    assert has_radar_uplink(f"{radio}{LINK}\toption mode 'sta'\n".encode())
