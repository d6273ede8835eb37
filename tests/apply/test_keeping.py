"""What is in effect, what somebody changed since, and what is left or put back."""

import pytest

from dusk import codec
from dusk.apply.hashes import MARK_BYTES
from dusk.apply.keeping import FIGHT_S, FILE, Keeping, Wanted, decode_marks
from dusk.config.merge import Layer, Managed, merge
from dusk.config.settings import Setting, Verb
from dusk.effects import StoreFile

TYPE = Setting(Verb.TYPE, ("wifi-iface",))


def managed(ssid: str = "Home", **more: str) -> Managed:
    settings = {"wireless.a": TYPE, "wireless.a.ssid": Setting(Verb.SET, (ssid,))}
    settings |= {f"wireless.a.{name}": Setting(Verb.SET, (value,)) for name, value in more.items()}
    return merge([Layer("policy/wifi", 100, settings)], {}, {})


def file(ssid: str = "Home", *more: str) -> dict[str, bytes | None]:
    lines = [f"\toption {name} '{value}'\n" for name, _, value in (one.partition("=") for one in more)]
    return {"wireless": f"config wifi-iface 'a'\n\toption ssid '{ssid}'\n{''.join(lines)}".encode()}


def wanted(config: Managed, *, enforces: bool = False) -> Wanted:
    return Wanted(config, config, (), lambda _: enforces)


def applied(config: Managed | None = None) -> Keeping:
    """Return a memory of an apply that has ended."""
    keeping = Keeping()
    keeping.kept(wanted(config or managed()), {"wireless": None}, 0.0)
    keeping.committed(0.0)
    return keeping


def keys(keeping: Keeping) -> list[str]:
    return [one.key for one in keeping.drift]


def test_what_was_never_applied_is_no_drift_and_is_written() -> None:
    keeping, config = Keeping(), managed()
    assert not keeping.looked(wanted(config, enforces=True), file("OpenWrt"), 0.0)
    assert keeping.drift == ()
    assert keeping.kept(wanted(config), file("OpenWrt"), 0.0) is config


def test_what_is_in_effect_is_stored_when_it_is_another_and_not_again() -> None:
    keeping, config = Keeping(), managed()
    assert keeping.committed(0.0) == []
    keeping.kept(wanted(config), file(), 0.0)
    (stored,) = keeping.committed(0.0)
    assert isinstance(stored, StoreFile)
    assert stored.name == FILE
    keeping.kept(wanted(config), file(), 0.0)
    assert keeping.committed(0.0) == []
    again = Keeping(stored.data)
    again.looked(wanted(config), file("Cellar"), 0.0)
    assert keys(again) == ["wireless.a.ssid"]


def test_r2_what_is_to_be_replaced_is_in_effect_no_more_and_no_drift_if_its_end_was_not_stored() -> None:
    keeping = applied(managed(key="x"))
    keeping.kept(wanted(managed("Office", key="x")), file("Home", "key=x"), 0.0)
    (stored,) = keeping.writing()
    assert keeping.writing() == []
    after_a_power_cut = Keeping(stored.data)
    assert not after_a_power_cut.looked(wanted(managed(key="x")), file("Office", "key=x"), 0.0)
    assert after_a_power_cut.drift == ()
    assert after_a_power_cut.kept(wanted(managed(key="x")), file("Office", "key=x"), 0.0) == managed(key="x")
    after_a_power_cut.looked(wanted(managed(key="x")), file("Office", "key=y"), 0.0)
    assert keys(after_a_power_cut) == ["wireless.a.key"]


def test_nothing_is_stored_before_settings_are_written_that_are_all_new() -> None:
    keeping = Keeping()
    keeping.kept(wanted(managed()), file("OpenWrt"), 0.0)
    assert keeping.writing() == []


@pytest.mark.parametrize(
    "data",
    [None, b"", b"junk", codec.pack((b"",)), codec.pack((1,)), codec.pack((bytes(2 * MARK_BYTES), 1))],
)
def test_a_file_that_is_missing_or_damaged_has_nothing_in_effect(data: bytes | None) -> None:
    assert decode_marks(data) == frozenset()
    keeping = Keeping(data)
    keeping.looked(wanted(managed()), file("Cellar"), 0.0)
    assert keeping.drift == ()


def test_what_somebody_changed_stays_through_an_apply_of_other_settings() -> None:
    keeping, config = applied(), managed(hidden="1")
    kept = keeping.kept(wanted(config), file("Cellar"), 0.0)
    (section,) = kept["wireless"]
    assert list(section.options) == ["hidden"]
    keeping.committed(0.0)
    assert keys(keeping) == ["wireless.a.ssid"]
    keeping.looked(wanted(config), file("Cellar", "hidden=1"), 0.0)
    assert keys(keeping) == ["wireless.a.ssid"]


def test_a_setting_that_says_something_new_is_written_over_what_somebody_changed() -> None:
    keeping, config = applied(), managed("Attic")
    assert keeping.kept(wanted(config), file("Cellar"), 0.0) is config
    keeping.committed(0.0)
    assert keeping.drift == ()


def test_what_is_new_in_a_section_that_is_gone_is_not_taken_for_being_in_effect() -> None:
    keeping, config = applied(), managed(hidden="1")
    assert keeping.kept(wanted(config), {"wireless": b""}, 0.0) == {"wireless": ()}
    keeping.committed(0.0)
    assert keys(keeping) == ["wireless.a"]
    kept = keeping.kept(wanted(config), file(), 0.0)
    assert kept is config
    keeping.committed(0.0)
    assert keeping.drift == ()


def test_where_the_cluster_says_so_it_is_put_back() -> None:
    keeping, config = applied(), managed()
    assert keeping.looked(wanted(config, enforces=True), file("Cellar"), 0.0)
    assert keeping.kept(wanted(config, enforces=True), file("Cellar"), 0.0) is config
    keeping.committed(0.0)
    assert keeping.drift == ()


def test_a_person_has_it_put_back_once() -> None:
    keeping, config = applied(), managed()
    assert not keeping.looked(wanted(config), file("Cellar"), 0.0)
    keeping.revert()
    assert keeping.kept(wanted(config), file("Cellar"), 0.0) is config
    keeping.committed(0.0)
    assert keeping.kept(wanted(config), file("Cellar"), 0.0) is not config


def test_what_no_address_hits_is_not_put_back_by_anybody() -> None:
    config = merge(
        [Layer("policy/wifi", 100, {"wireless.wifi-iface[mode=ap].ssid": Setting(Verb.SET, ("x",))})], {}, {}
    )
    keeping = applied(config)
    assert not keeping.looked(wanted(config, enforces=True), file(), 0.0)
    keeping.revert()
    assert keeping.kept(wanted(config, enforces=True), file(), 0.0) == {"wireless": ()}


def fight(keeping: Keeping, config: Managed, now: float) -> bool:
    """Change the option once more; tells whether it is put back."""
    is_put_back = keeping.looked(wanted(config, enforces=True), file("Cellar"), now)
    keeping.kept(wanted(config, enforces=True), file("Cellar"), now)
    keeping.committed(now)
    return is_put_back


def test_what_was_put_back_three_times_in_an_hour_is_left() -> None:
    keeping, config = applied(), managed()
    assert [fight(keeping, config, 60.0 * turn) for turn in range(5)] == [True, True, True, False, False]
    assert keeping.given_up == ("wireless.a.ssid",)
    assert keys(keeping) == ["wireless.a.ssid"]
    keeping.looked(wanted(managed("Attic"), enforces=True), file("Cellar"), 400.0)
    assert not keeping.given_up


def test_what_was_put_back_over_an_hour_ago_does_not_count() -> None:
    keeping, config = applied(), managed()
    assert all(fight(keeping, config, FIGHT_S / 2 * turn) for turn in range(8))


def test_a_person_ends_a_fight() -> None:
    keeping, config = applied(), managed()
    for turn in range(4):
        fight(keeping, config, turn)
    keeping.revert()
    assert keeping.given_up == ()
    assert fight(keeping, config, 10.0)


def test_one_change_that_is_looked_at_often_counts_once() -> None:
    keeping, config = applied(), managed()
    assert all(keeping.looked(wanted(config, enforces=True), file("Cellar"), turn) for turn in range(9))
    assert keeping.given_up == ()
