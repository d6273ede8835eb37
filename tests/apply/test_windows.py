"""How long a change may be unconfirmed: by what changes, and never less than three takeovers."""

import pytest

from dusk.apply.windows import WINDOWS, Windows, has_radar_uplink

RADIO = "config wifi-device 'radio1'\n\toption channel '{channel}'\n\toption band '{band}'\n{more}"
LINK = "config wifi-iface 'link'\n\toption device 'radio1'\n\toption {role}\n"


def wireless(channel: str = "100", band: str = "5g", role: str = "mode 'mesh'", more: str = "") -> bytes:
    return (RADIO.format(channel=channel, band=band, more=more) + LINK.format(role=role)).encode()


@pytest.mark.parametrize(
    ("changes", "window_s"),
    [
        (("system",), 90.0),
        (("firewall",), 90.0),
        (("wireless",), 90.0),
        (("network",), 180.0),
        (("network", "firewall", "wireless"), 180.0),
    ],
)
def test_r9_a_change_of_the_network_has_twice_the_window(changes: tuple[str, ...], window_s: float) -> None:
    assert WINDOWS.of(dict.fromkeys(changes, (b"a", b"b"))) == window_s


@pytest.mark.parametrize("changes", [("wireless",), ("network",), ("network", "wireless")])
@pytest.mark.parametrize("is_before", [False, True])
def test_r9_a_link_over_a_radio_that_listens_for_radar_has_eight_windows(
    changes: tuple[str, ...], *, is_before: bool
) -> None:
    plain, radar = wireless("36"), wireless("100")
    pairs = {"wireless": (radar, plain) if is_before else (plain, radar), "network": (b"a", b"b")}
    found = WINDOWS.of({name: pairs[name] for name in changes}, radar)
    assert found == 720.0
    assert WINDOWS.of({"system": (b"a", b"b")}, radar) == 90.0
    assert WINDOWS.of({"network": (b"a", b"b")}, None) == 180.0


@pytest.mark.parametrize(
    ("content", "waits"),
    [
        (wireless("52"), True),
        (wireless("144"), True),
        (wireless("149"), False),
        (wireless("48"), False),
        (wireless("auto"), True),
        (wireless("auto", "2g"), False),
        (wireless("100", "6g"), False),
        (wireless("36", more="\toption htmode 'HE160'\n"), True),
        (wireless("36", more="\toption htmode 'HE80'\n"), False),
        (wireless("100", more="\toption disabled '1'\n"), False),
        (wireless("100", role="mode 'ap'"), False),
        (wireless("100", role="mode 'sta'\n\toption disabled '1'"), False),
        (wireless("100", role="mode 'ap'\n\toption wds '1'"), True),
        (wireless("100", role="mode 'adhoc'"), True),
        (wireless("100").replace(b"option device 'radio1'", b"option device 'radio0'"), False),
        (wireless("auto").replace(b"\toption band '5g'\n", b""), False),
        (wireless("auto").replace(b"option band '5g'", b"option hwmode '11a'"), True),
        (wireless("100").replace(b"\toption band '5g'\n", b""), True),
        (wireless("x").replace(b"option channel 'x'", b"list channel '100'"), False),
        (b"config wifi-iface 'x", False),
        (b"", False),
    ],
)
def test_which_radio_makes_a_link_wait(content: bytes, *, waits: bool) -> None:
    assert has_radar_uplink(content) is waits


def test_a48_no_window_is_shorter_than_three_takeovers() -> None:
    windows = Windows(5.0, lambda: 20.0)
    assert windows.of({"system": (b"a", b"b")}) == 60.0
    assert windows.of({"wireless": (None, wireless())}) == 60.0
    assert Windows(50.0, lambda: 20.0).of({"network": (b"a", b"b")}) == 100.0


@pytest.mark.parametrize(
    ("takeover_s", "silence_s", "patience_s"), [(0.0, 90.0, 810.0), (302.0, 302.0, 1208.0)]
)
def test_others_are_waited_for_longer_than_any_window_of_theirs(
    takeover_s: float, silence_s: float, patience_s: float
) -> None:
    theirs = Windows(takeover_s=lambda: takeover_s)
    assert theirs.of({"wireless": (None, wireless())}) < patience_s
    for own_s in (1.0, 90.0, 3600.0):
        windows = Windows(own_s, lambda: takeover_s)
        assert (windows.silence(), windows.patience()) == (silence_s, patience_s)
