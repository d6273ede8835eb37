"""Drift: what in a file is other than the managed config says."""

import pytest

from dusk.config.drift import Difference, differences, without
from dusk.config.merge import DEVICE_PRIORITY, Layer, Managed, merge
from dusk.config.sealing import Sealed
from dusk.config.settings import Setting, Verb

FILE = b"""config wifi-device 'radio0'
\toption channel '36'

config wifi-iface 'home'
\toption device 'radio0'
\toption ssid 'Home'
\toption key 'hidden value'
\tlist maclist 'a'
\tlist maclist 'local'
"""


def managed(**said: Setting) -> Managed:
    """Return a managed config of `wireless`; ``__`` in a name stands for a dot."""
    settings = {f"wireless.{name.replace('__', '.')}": setting for name, setting in said.items()}
    return merge([Layer("policy/wifi", 100, settings)], {}, {})


def found(config: Managed, content: bytes | None = FILE) -> tuple[Difference, ...]:
    return differences({"wireless": content}, config)


def test_a_file_that_says_what_is_managed_has_no_drift() -> None:
    config = managed(
        home__ssid=Setting(Verb.SET, ("Home",)),
        home=Setting(Verb.TYPE, ("wifi-iface",)),
        home__maclist=Setting(Verb.EDIT_LIST, ("a",), removed=("b",)),
        home__hidden=Setting(Verb.ABSENT),
        guest=Setting(Verb.ABSENT),
    )
    assert found(config) == ()
    assert without(config, ()) is config


def test_an_option_that_is_other_is_shown_with_both_values() -> None:
    config = managed(
        home__ssid=Setting(Verb.SET, ("Cellar",)),
        home__hidden=Setting(Verb.SET, ("1",)),
        home__device=Setting(Verb.ABSENT),
        home__maclist=Setting(Verb.EDIT_LIST, ("b",), removed=("local",)),
    )
    by_key = {one.key: (one.wanted, one.found) for one in found(config)}
    assert by_key == {
        "wireless.home.ssid": ("Cellar", "Home"),
        "wireless.home.hidden": ("1", None),
        "wireless.home.device": (None, "radio0"),
        "wireless.home.maclist": (("a", "b"), ("a", "local")),
    }
    assert {one.origin for one in found(config)} == {"policy/wifi"}
    assert all(one.can_be_put_back for one in found(config))


def test_a_secret_that_is_other_is_told_and_never_shown() -> None:
    config = managed(home__key=Setting(Verb.ABSENT), home__ssid=Setting(Verb.SET, ("Cellar",)))
    (secret,) = (one for one in found(config) if one.is_secret)
    assert secret == Difference(
        "wireless.home.key", "policy/wifi", None, None, ("wireless.home.key",), is_secret=True
    )
    assert "hidden value" not in repr(found(config))
    (named,) = differences({"wireless": FILE}, managed(home__ssid=Setting(Verb.ABSENT)), {"ssid"})
    assert (named.is_secret, named.found) == (True, None)


def test_a_secret_that_is_still_sealed_is_not_compared() -> None:
    sealed = Setting(Verb.SEALED, sealed=Sealed(b"k" * 16, b"sealed"))
    assert found(managed(home__key=sealed)) == ()


def test_a_section_of_another_type_or_that_should_not_be_there_is_drift() -> None:
    (retyped,) = found(managed(home=Setting(Verb.TYPE, ("wifi-vlan",))))
    assert (retyped.wanted, retyped.found) == ("wifi-vlan", "wifi-iface")
    (made,) = found(managed(home=Setting(Verb.ABSENT)))
    assert (made.wanted, made.found, made.key) == (None, "wifi-iface", "wireless.home")


def test_a_section_that_is_gone_is_one_difference_for_all_that_is_said_of_it() -> None:
    config = managed(guest=Setting(Verb.TYPE, ("wifi-iface",)), guest__ssid=Setting(Verb.SET, ("G",)))
    (gone,) = found(config)
    assert (gone.key, gone.wanted, gone.found) == ("wireless.guest", "wifi-iface", None)
    assert gone.keys == ("wireless.guest", "wireless.guest.ssid")
    assert gone.can_be_put_back
    assert found(config, None) == (gone,)
    assert without(config, (gone,)) == {"wireless": ()}


@pytest.mark.parametrize(
    ("key", "trouble"),
    [
        ("guest.ssid", "there is no such section"),
        ("@wifi-iface[3].ssid", "there is no such section"),
        ("wifi-iface[device=radio1].ssid", "there is no such section"),
        ("wifi-iface[mode=ap].ssid", "2 sections match"),
    ],
)
def test_an_address_that_hits_no_section_is_drift_that_nobody_can_put_back(key: str, trouble: str) -> None:
    file = FILE + b"config wifi-iface\n\toption mode 'ap'\nconfig wifi-iface\n\toption mode 'ap'\n"
    (one,) = found(managed(**{key.replace(".", "__"): Setting(Verb.SET, ("x",))}), file)
    assert (one.trouble, one.can_be_put_back) == (trouble, False)
    assert one.keys == (f"wireless.{key}",)


def test_a_file_that_cannot_be_read_is_one_difference() -> None:
    (one,) = found(managed(home__ssid=Setting(Verb.SET, ("Home",))), b"option lost 'x'\n")
    assert (one.key, one.keys) == ("wireless", ("wireless.home.ssid",))
    assert one.trouble.startswith("wireless:1:")


def test_a_package_that_was_not_read_is_passed_over() -> None:
    assert differences({}, managed(home__ssid=Setting(Verb.SET, ("x",)))) == ()


def test_what_is_left_out_takes_only_itself_away() -> None:
    config = managed(
        home=Setting(Verb.TYPE, ("wifi-vlan",)),
        home__ssid=Setting(Verb.SET, ("Cellar",)),
        home__hidden=Setting(Verb.SET, ("1",)),
    )
    (section,) = without(config, [one for one in found(config) if one.key != "wireless.home.ssid"])[
        "wireless"
    ]
    assert section.existence is None
    assert list(section.options) == ["ssid"]


def test_a_setting_of_several_layers_names_them() -> None:
    layers = [
        Layer(name, 100, {"wireless.guest.ssid": Setting(Verb.SET, ("x",))})
        for name in ("policy/a", "policy/b")
    ]
    own = Layer("device/1", DEVICE_PRIORITY, {"wireless.guest.mode": Setting(Verb.SET, ("ap",))})
    (one,) = found(merge([*layers, own], {}, {}))
    assert one.origin == "policy/a, policy/b, device/1"


EACH = "wireless.each wifi-device as r"


def each() -> Managed:
    settings = {
        EACH: Setting(Verb.TYPE, ("wifi-iface",)),
        f"{EACH}.device": Setting(Verb.SET, ("${r}",)),
        f"{EACH}.ssid": Setting(Verb.SET, ("Guest",)),
    }
    return merge([Layer("policy/guest", 100, settings)], {}, {})


def test_what_each_made_is_compared_under_its_own_name_and_left_out_by_its_setting() -> None:
    made = FILE + b"config wifi-iface 'dusk_r_radio0'\n\toption device 'radio0'\n\toption ssid 'Mine'\n"
    (one,) = found(each(), made)
    assert (one.key, one.wanted, one.found) == ("wireless.dusk_r_radio0.ssid", "Guest", "Mine")
    assert one.keys == (f"{EACH}.ssid",)
    (section,) = without(each(), [one])["wireless"]
    assert list(section.options) == ["device"]
    assert found(each(), made.replace(b"Mine", b"Guest")) == ()
    (gone,) = found(each())
    assert (gone.key, gone.can_be_put_back) == ("wireless.dusk_r_radio0", True)


def test_where_each_cannot_make_sections_nobody_can_put_them_back() -> None:
    (one,) = found(each(), b"config wifi-device\n")
    assert (one.key, one.can_be_put_back) == (EACH, False)
    assert one.keys == (EACH, f"{EACH}.device", f"{EACH}.ssid")


def test_what_nobody_may_add_is_no_drift_it_goes_with_the_next_apply() -> None:
    config = managed(**{"*": Setting(Verb.EXCLUSIVE), "home__ssid": Setting(Verb.SET, ("Home",))})
    assert found(config) == ()
