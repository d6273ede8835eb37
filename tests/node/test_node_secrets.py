"""Secrets on devices: opened where files are made, asked for, handed on, kept nowhere (R15, A47, A52)."""

from dataclasses import replace
from itertools import pairwise

import pytest

from dusk import codec
from dusk.catchup.messages import SecretName, Secrets
from dusk.changelog.body import Edit
from dusk.changelog.readers import wraps_in
from dusk.config.device import managed_config
from dusk.config.revealing import sealed_of
from dusk.config.settings import Setting, Verb, encode_setting
from dusk.cycle.peers import Peers, roster_of
from dusk.effects import Address, StoreFile, WriteFiles
from dusk.errors import ConfigError, UntrustedInput
from dusk.ids import DeviceId
from dusk.keys.secret import Scope, secret_key_id, unwrap
from dusk.limits import SECRETS_ELSEWHERE_MAX, SECRETS_KEPT_MAX
from dusk.node.secrets import FILE, GAP_S, GAP_S_MAX, NodeSecrets, decode_kept, kept_of
from tests.node.site import Box, Site
from tests.secrets import K, secret_setting, secret_variable, wraps
from tests.world import World

SECRET = "correct horse battery staple"
NAME = SecretName("policy/wifi", secret_key_id(K))


def submit(site: Site, *edits: Edit) -> None:
    """Have the owner sign edits at the master."""
    world, node = site.world, site.master.node
    change = world.change(*edits, counter=node.next_counter(world.owner.key_id))
    site.master.do(node.submit(change, site.now))


def wifi_site(readers: str, group: str) -> Site:
    """Return four devices; a policy with a secret is for the group, K is wrapped to the readers.

    Args:
        readers: digits of the boxes to which the log wraps K.
        group: digits of the boxes that the policy is assigned to.
    """
    site = Site(4)
    site.run(12)
    for box in site.all:
        box.files["wireless"] = b"config wifi-iface 'lan'\n\toption ssid 'x'\n"
    world = site.world
    world.log = site.master.node.log
    key = world.set("wifi", "wireless.lan.ssid", "Home")
    members = [
        world.edit("group/ap", f"member/{site.all[int(digit)].key.key_id.hex()}", [True]) for digit in group
    ]
    submit(
        site,
        key,
        secret_setting(world, "policy/wifi", "wireless.lan.key", SECRET),
        wraps(world, "policy/wifi", [world.owner, *(site.all[int(digit)].key for digit in readers)]),
        *members,
        world.edit("assignment/wifi", "to", ("groups", ["ap"], 100)),
    )
    return site


def has_it(box: Box) -> bool:
    return SECRET.encode() in (box.files["wireless"] or b"")


def disk(box: Box) -> bytes:
    """Return all that a device's folder has; `etc/config` is another matter."""
    return b"".join([*(item.data for item in box.items), *box.saved.values()])


def opened_by(box: Box) -> set[str]:
    """Return the sections of which a thief of this device opens a key: with its key, log and files."""
    world, state, found = box.site.world, box.node.log.state, set()
    for section in state.sections():
        boxes = [each for _, _, readers in wraps_in(state, section) for each in readers.values()]
        boxes += [each for name, each in kept_of(box.saved).items() if name.section == section]
        for each in boxes:
            try:
                unwrap(box.key, Scope(world.cluster, section), each)
            except UntrustedInput:
                continue
            found.add(section)
    return found


def test_a47_a_secret_is_in_the_files_of_those_it_is_for_and_in_nothing_else_of_anybody() -> None:
    site = wifi_site("12", "12")
    site.run(30)
    assert [has_it(box) for box in site.all] == [False, True, True, False]
    assert all(SECRET.encode() not in disk(box) for box in site.all)
    assert [opened_by(box) for box in site.all] == [set(), {"policy/wifi"}, {"policy/wifi"}, set()]
    told = [e for box in site.all for e in box.effects if not isinstance(e, WriteFiles)]
    assert all(SECRET not in repr(effect) for effect in told)


def test_a_device_that_came_later_is_handed_the_key_by_an_entitled_member_and_keeps_it() -> None:
    """The master is not entitled: it knows where somebody is who has the key."""
    site = wifi_site("1", "12")
    site.run(30)
    late = site.all[2]
    assert has_it(late)
    assert set(decode_kept(late.saved[FILE])) == {NAME}
    assert SECRET.encode() not in disk(late)
    assert opened_by(site.master) == opened_by(site.all[3]) == set()
    late.saved.pop("in-effect")  # so that it has to put the secret into its files again
    late.restart()
    late.files["wireless"] = b"config wifi-iface 'lan'\n"
    site.part([late, site.master], [site.all[1], site.all[3]])
    site.run(30)
    assert has_it(late)


def test_a_device_without_the_key_says_what_it_waits_for_and_applies_no_part_of_its_config() -> None:
    site = wifi_site("1", "12")
    site.part([site.master, site.all[2], site.all[3]], [site.all[1]])
    site.run(40)
    late = site.all[2]
    assert (late.node.applied.state, late.node.applied.reason) == (
        "waiting-for-secret",
        "waiting for secret: wireless.lan.key",
    )
    assert b"Home" not in (late.files["wireless"] or b"")
    site.heal()
    site.run(150)
    assert has_it(late)
    assert late.node.applied.state == "committed"


def test_r15_people_seal_and_read_at_a_device_with_what_that_device_may_open_and_no_more() -> None:
    site = wifi_site("1", "12")
    site.until(lambda: has_it(site.all[2]), 30.0, 1.0)
    opened = [box.node.secret_key(NAME.section, NAME.key_id) for box in site.all]
    assert opened == [None, K, K, None]
    assert site.all[1].node.secret_key("policy/other", NAME.key_id) is None


def test_a_leader_that_lacks_a_key_asks_who_has_it() -> None:
    site = wifi_site("1", "01")
    site.run(60)
    assert has_it(site.master)


def test_a_secret_variable_is_put_in_like_a_setting() -> None:
    site = wifi_site("1", "1")
    site.run(20)
    world = site.world
    world.log = site.master.node.log
    named = encode_setting(Setting(Verb.SET, ("${psk}",)))
    edit = replace(world.set("wifi", "wireless.lan.key", "x"), data=named)
    submit(
        site,
        edit,
        secret_variable(world, "cluster", "psk", "for all"),
        wraps(world, "cluster", [site.all[1].key]),
    )
    site.run(40)
    assert b"option key 'for all'" in (site.all[1].files["wireless"] or b"")


# --- one device's keys -----------------------------------------------------------------------------


class Lone:
    """Devices of a world, each with its keys of secrets; their addresses are their numbers."""

    def __init__(self) -> None:
        self.world = world = World()
        world.allow_joining()
        self.keys = [world.join(f"r{number}") for number in range(3)]
        groups = [world.edit("group/ap", f"member/{k.key_id.hex()}", [True]) for k in self.keys[:2]]
        world.commit(
            secret_setting(world, "policy/wifi", "wireless.lan.key", SECRET),
            wraps(world, "policy/wifi", [world.owner, self.keys[0]]),
            world.edit("assignment/wifi", "to", ("groups", ["ap"], 100)),
            *groups,
        )
        self.devices = [self.make(number) for number in range(3)]

    def make(self, number: int, kept: dict[SecretName, bytes] | None = None) -> NodeSecrets:
        world = self.world
        peers = Peers(self.keys[number], world.cluster)
        peers.take(roster_of(world.log.state))
        for other, key in enumerate(self.keys):
            peer = peers.get(DeviceId(key.key_id))
            if peer is not None:
                peer.address = Address(f"fe80::{other}%lan", 3875)
        return NodeSecrets(
            own=self.keys[number],
            cluster=world.cluster,
            counts=lambda _device: (world.log.state,),
            members=peers,
            kept=kept or {},
            random_bytes=world.random.randbytes,
        )

    def id(self, number: int) -> DeviceId:
        return DeviceId(self.keys[number].key_id)


@pytest.fixture
def lone() -> Lone:
    return Lone()


def test_a52_a_key_is_handed_to_whom_the_log_entitles_and_to_nobody_else(lone: Lone) -> None:
    giver = lone.devices[0]
    ((name, box),) = giver.hand_on(lone.id(1), [NAME]).wraps
    assert (name, unwrap(lone.keys[1], Scope(lone.world.cluster, "policy/wifi"), box)) == (NAME, K)
    facts = f"device/{lone.keys[2].key_id.hex()}/facts"
    lie = lone.world.change(
        lone.world.edit(facts, "group", ["ap"]), signers=[lone.keys[2]], device=lone.keys[2]
    )
    lone.world.write(lie)
    assert giver.hand_on(lone.id(2), [NAME]) == Secrets(())
    assert giver.hand_on(DeviceId(bytes(16)), [NAME]) == Secrets(())


@pytest.mark.parametrize(
    "name",
    [
        SecretName("policy/wifi", bytes(16)),
        SecretName("policy/none", NAME.key_id),
        SecretName("trust", NAME.key_id),
        SecretName("no such thing", NAME.key_id),
    ],
)
def test_a_key_that_is_not_is_not_handed_on(lone: Lone, name: SecretName) -> None:
    assert lone.devices[0].hand_on(lone.id(1), [name]) == Secrets(())


def test_who_lacks_a_key_names_who_has_it(lone: Lone) -> None:
    assert lone.devices[2].hand_on(lone.id(1), [NAME]) == Secrets((), (Address("fe80::0%lan", 3875),))


def test_a_key_that_is_no_longer_for_this_device_is_not_opened(lone: Lone) -> None:
    assert lone.devices[0].secret(NAME) == K
    lone.world.commit(lone.world.edit("group/ap", f"member/{lone.keys[0].key_id.hex()}", None))
    assert lone.devices[0].secret(NAME) is None


def test_a_wrap_of_another_key_than_its_record_says_is_not_taken(lone: Lone) -> None:
    lie = wraps(lone.world, "policy/wifi", [lone.keys[0]], secret=b"k" * 32)
    row = codec.unpack(lie.data or b"", size_max=4096)
    lone.world.commit(lone.world.edit("policy/wifi", "wrap/0", [NAME.key_id, row[1]]))
    assert lone.devices[0].secret(NAME) is None


def test_questions_go_to_who_has_it_then_to_the_master_and_become_rarer(lone: Lone) -> None:
    asker, master = lone.devices[1], Address("fe80::9%br-lan", 1)
    assert (asker.deadline, asker.ask_whom(master, 0.0)) == (None, None)
    assert asker.lacking(managed_config(lone.world.log.state, lone.id(1))) == ("wireless.lan.key",)
    assert asker.sought == (NAME,)
    assert asker.ask_whom(master, 0.0) == Address("fe80::0%lan", 3875)
    assert asker.ask_whom(master, GAP_S / 2) is None
    assert asker.ask_whom(master, GAP_S) == master
    elsewhere = (Address("fe80::5%lan", 3), Address("192.0.2.1", 4))
    assert asker.took_secrets(Secrets((), elsewhere), GAP_S) == []
    assert asker.ask_whom(master, GAP_S) == Address("fe80::5%br-lan", 3)
    asked, now = 0, GAP_S
    for _ in range(2000):
        now += 1.0
        asked += asker.ask_whom(None, now) is not None
    assert 2000 / GAP_S_MAX <= asked < 30


def test_a6_who_names_itself_each_time_is_asked_a_few_times_and_then_after_the_pause(lone: Lone) -> None:
    """It was asked again without any pause, for ever: a connection and a handshake each time."""
    asker, liar = lone.devices[1], Address("10.0.0.66", 3875)
    asker.lacking(managed_config(lone.world.log.state, lone.id(1)))
    asked_at = []
    for number in range(40_000):  # one exchange takes 5 ms
        now = number * 0.005
        if asker.ask_whom(liar, now) is not None:
            asked_at.append(now)
            asker.took_secrets(Secrets((), (liar,)), now)
    pauses = [later - at for at, later in pairwise(asked_at) if later - at > GAP_S]
    assert 1 <= len(pauses) <= 6
    assert len(asked_at) <= (1 + SECRETS_ELSEWHERE_MAX) * (1 + len(pauses))


def test_what_is_no_key_that_was_sought_is_not_kept(lone: Lone) -> None:
    asker = lone.devices[1]
    (good,) = lone.devices[0].hand_on(lone.id(1), [NAME]).wraps
    assert asker.took_secrets(Secrets((good,)), 0.0) == []
    asker.lacking(managed_config(lone.world.log.state, lone.id(1)))
    for bad in (
        (NAME, bytes(100)),
        (SecretName("policy/other", NAME.key_id), good[1]),
        (SecretName("policy/wifi", bytes(16)), good[1]),
    ):
        assert asker.took_secrets(Secrets((bad,)), 0.0) == []
    assert len(asker.took_secrets(Secrets((good,)), 0.0)) == 1
    assert asker.has_more
    assert asker.secret(NAME) == K
    assert asker.deadline is None


def test_a_kept_key_goes_once_the_log_has_it_or_it_is_for_others(lone: Lone) -> None:
    (good,) = lone.devices[0].hand_on(lone.id(1), [NAME]).wraps
    stale = {SecretName("policy/gone", n.to_bytes(16, "big")): b"x" * 60 for n in range(SECRETS_KEPT_MAX)}
    asker = lone.make(1, stale)
    asker.lacking(managed_config(lone.world.log.state, lone.id(1)))
    (store,) = asker.took_secrets(Secrets((good,)), 0.0)
    assert isinstance(store, StoreFile)
    assert set(decode_kept(store.data)) == {NAME}


def test_junk_in_the_log_takes_no_key_from_who_was_handed_it_and_hinders_no_handing_on(lone: Lone) -> None:
    (good,) = lone.devices[0].hand_on(lone.id(1), [NAME]).wraps
    junk = sorted((lone.keys[number].key_id, b"j" * 100) for number in (0, 1))
    lone.world.commit(lone.world.edit("policy/wifi", "wrap/9", [NAME.key_id, junk]))
    asker = lone.devices[1]
    asker.lacking(managed_config(lone.world.log.state, lone.id(1)))
    (store,) = asker.took_secrets(Secrets((good,)), 0.0)
    assert isinstance(store, StoreFile)
    assert set(decode_kept(store.data)) == {NAME}
    assert asker.secret(NAME) == K
    assert [name for name, _ in lone.devices[0].hand_on(lone.id(1), [NAME]).wraps] == [NAME]
    assert [name for name, _ in asker.hand_on(lone.id(0), [NAME]).wraps] == [NAME]


def test_a_secret_that_does_not_open_makes_no_file(lone: Lone) -> None:
    ((_, sealed),) = sealed_of(managed_config(lone.world.log.state, lone.id(0)))
    assert lone.devices[0].value(sealed) == SECRET
    with pytest.raises(ConfigError, match="does not open"):
        lone.devices[0].value(sealed._replace(record="set/wireless.b.key"))
    with pytest.raises(ConfigError, match="is not here"):
        lone.devices[1].value(sealed)


def test_a17_a_file_of_keys_that_is_damaged_is_refused() -> None:
    for data in (b"", b"\x91\x90", b"\x91\x93\xa1a\xc4\x01a\xc4\x00"):
        with pytest.raises(UntrustedInput):
            decode_kept(data)
    assert kept_of({}) == {}


def test_a_damaged_file_of_keys_is_named_and_not_used() -> None:
    site = Site(1)
    site.master.saved[FILE] = b"\x91\x90"
    site.master.restart()
    assert FILE in site.master.node.alarms["damaged"]
