"""`control.json`: lines of the control socket with their answers, in one conversation."""

import json
from typing import Any

from dusk.changelog.body import Edit
from dusk.changelog.roles import mandate_row
from dusk.changelog.sections import device_path
from dusk.control.forced import line_of
from dusk.control.methods import METHODS
from dusk.effects import Told
from dusk.ids import DeviceId
from dusk.keys.signing import SigningKey
from tests.desk import FakeDesk
from tests.world import World
from tools.vectors.case import Case
from tools.vectors.control_people import who_is_who
from tools.vectors.talk import TOKEN, Talk, line_of_call


def control() -> list[Case]:
    """Return the cases of `control.json`: one conversation with a daemon of one device."""
    world = World()
    world.allow_joining(groups=("aps",), template="ap-{n}")
    kitchen = world.join("kitchen")
    late, role = _late_change(world), _role(world)
    desk = FakeDesk(world)
    talk = Talk(desk)
    for name, shows, line in _refused_lines():
        talk.say(name, shows, line)
    for method, params in _calls(late, role):
        talk.call(method, **params)
    for name, shows, line in _refused_calls():
        talk.say(name, shows, line)
    talk.call("log.revert", token=TOKEN, seq=desk.log.head.seq)
    _roll_out(talk)
    _propose(talk)
    _let_read(talk, world, kitchen)
    _joining(talk)
    _at_home(talk, desk)
    _order(talk, desk, DeviceId(kitchen.key_id))
    who_is_who(talk, desk)
    talk.call("session.logout", token=TOKEN)
    talk.cases += _founded()
    talk.cases += _left()
    asked = {json.loads(case["line"])["method"] for case in talk.cases if "invalid" not in case}
    assert asked == {*METHODS, "events.subscribe"}, sorted({*METHODS} - asked)
    return talk.cases


def _founded() -> list[Case]:
    """Return how a cluster is made at the socket of a router that is in none."""
    talk = Talk(FakeDesk(World()))
    phrase = talk.call("cluster.phrase")["phrase"]
    owner = {"user": "ann", "password": "a few words of hers"}
    ticket = talk.call("cluster.found", cluster="home", phrase=phrase, **owner)["ticket"]
    talk.call("ticket.poll", ticket=ticket)
    return talk.cases


def _left() -> list[Case]:
    """Return how a member is asked to leave, at its own socket."""
    world = World()
    world.allow_joining()
    desk = FakeDesk(world)
    desk.stands_at = DeviceId(world.join("shed").key_id)
    talk = Talk(desk)
    talk.call("device.leave", "At the socket of a device that may not lead.", timeout_s=5)
    return talk.cases


def _propose(talk: Talk) -> None:
    """Find out what two devices say alike."""
    for device in ("attic", "ap-1"):
        edits = [{"key": "network.wan.proto", "values": ["dhcp"]}]
        talk.call("draft.edit", token=TOKEN, target=f"device/{device}", verb="set", edits=edits)
    talk.call("policy.propose", token=TOKEN, name="uplinks", devices=["attic", "ap-1"])
    talk.call("draft.discard", token=TOKEN)


def _roll_out(talk: Talk) -> None:
    """Send a change in waves, hold it back, and let it go."""
    edits = [{"key": "system.ntp.enabled", "values": ["1"]}]
    talk.call("draft.edit", token=TOKEN, target="policy/time", verb="set", edits=edits)
    talk.call("policy.assign", token=TOKEN, name="time", to="all")
    how = {"rollout": "canary", "waves": ["attic"], "failures": 1, "hold": True}
    talk.call("draft.commit", token=TOKEN, message="time for all", **how)
    (rollout,) = talk.call("rollout.list")["rollouts"]
    talk.call("rollout.order", token=TOKEN, id=rollout["id"], what="start", at_s=1_900_000_000)
    talk.call("rollout.show", id=rollout["id"])
    talk.call("rollout.order", token=TOKEN, id=rollout["id"], what="abort")
    params = {"token": TOKEN, "id": rollout["id"], "what": "resume", "failures": 2}
    talk.refuse("rollout-over", "a rollout that has ended", "rollout.order", **params)


def _let_read(talk: Talk, world: World, device: SigningKey) -> None:
    """Let a device read the secrets of a group that takes it in by its facts."""
    fact = world.edit(f"{device_path(device.key_id)}/facts", "board", ["example,one"])
    world.write(world.change(fact, signers=[device], device=device))
    who: dict[str, Any] = {"token": TOKEN, "name": "aps", "devices": ["ap-1"]}
    talk.call("group.allow", **who)
    talk.call("group.deny", **who)
    talk.call("group.allow", **who)
    talk.call("draft.commit", token=TOKEN, message="it is one of these")
    talk.call("group.readers", name="aps")
    other: dict[str, Any] = {"token": TOKEN, "name": "aps", "devices": ["attic"]}
    talk.refuse("not-selected", "whom no facts take in", "group.allow", **other)
    talk.refuse("nobody-waits", "all that wait, where nobody does", "group.allow", token=TOKEN, name="aps")
    talk.refuse("not-allowed", "what nobody said", "group.deny", **other)


def _joining(talk: Talk) -> None:
    """Begin a join, and take it back."""
    talk.call("join", line="dusk-join-2:…")
    talk.call("join.cancel")


def _at_home(talk: Talk, desk: FakeDesk) -> None:
    """Ask for what somebody needs who keeps his key outside the cluster."""
    talk.call("log.copy", first=desk.log.head.seq)
    talk.call("log.foundation", floor=256, piece=0)
    loaded = talk.call("draft.load", token=TOKEN)
    talk.call("draft.store", token=TOKEN, draft=loaded["draft"], mark=loaded["mark"])


def _order(talk: Talk, desk: FakeDesk, device: DeviceId) -> None:
    """Collect an order to a device on a line, and give it."""
    talk.call("user.list")
    desk.answers[device] = Told(data=bytes(32))
    ticket = talk.act("order.prepare", name="ap-1", order="hold", for_s=600)["ticket"]
    line = talk.call("ticket.poll", ticket=ticket)["result"]["line"]
    talk.call("order.read", line=line)
    missing = {"token": TOKEN, "line": line}
    talk.refuse("missing-signatures", "an order that nobody has signed", "order.submit", **missing)
    signed = talk.act("order.sign", line=line)["line"]
    talk.refuse("signed-already", "a second signature", "order.sign", token=TOKEN, line=signed)
    talk.refuse("bad-order", "half of an order", "order.read", line=line[:-8])
    talk.act("order.submit", line=signed)
    del desk.answers[device]


def _refused_lines() -> list[tuple[str, str, bytes]]:
    rows: tuple[tuple[str, bytes], ...] = (
        ("not JSON", b"{"),
        ("nothing", b""),
        ("not UTF-8", b'{"jsonrpc":"2.0","id":1,"method":"\xff"}'),
        ("nested too deeply", b"[" * 100_000),
        ("a batch", b'[{"jsonrpc":"2.0","id":1,"method":"status"}]'),
        ("a number", b"7"),
        ("no version", b'{"id":1,"method":"status"}'),
        ("version 1.0", b'{"jsonrpc":"1.0","id":1,"method":"status"}'),
        ("no id", b'{"jsonrpc":"2.0","method":"status"}'),
        ("id null", b'{"jsonrpc":"2.0","id":null,"method":"status"}'),
        ("an id that is an array", b'{"jsonrpc":"2.0","id":[],"method":"status"}'),
        ("an id that is true", b'{"jsonrpc":"2.0","id":true,"method":"status"}'),
        ("an id with a fraction", b'{"jsonrpc":"2.0","id":1.5,"method":"status"}'),
        ("no method", b'{"jsonrpc":"2.0","id":1}'),
        ("a method that is a number", b'{"jsonrpc":"2.0","id":1,"method":1}'),
        ("params that are an array", b'{"jsonrpc":"2.0","id":1,"method":"status","params":[]}'),
        ("an unknown method", b'{"jsonrpc":"2.0","id":1,"method":"reboot"}'),
    )
    return [(f"line: {name}", "Refused before any method.", line) for name, line in rows if len(line) < 1000]


def _late_change(world: World) -> str:
    """Let a change come too late, and return its id."""
    late = world.change(world.set("late", "system.ntp.enabled", "0"), message="from a cut side", counter=9)
    world.commit(world.set("late", "system.ntp.enabled", "1"))
    world.strand(late)
    return late.id.hex()


def _role(world: World) -> str:
    """Return a role of this device that another owner has made and signed, as its line."""
    bob = world.key()
    world.write(world.change(world.edit("trust", "owner/bob", [bob.public]), counter=10))
    succession = world.edit("cluster", "succession", [[world.device_id]])
    mandate = Edit("cluster", "mandate", mandate_row(world.log.head), None)
    return line_of(world.change(succession, mandate, signers=(bob,), message="forced: attic leads"))


def _calls(late: str, role: str) -> list[tuple[str, dict[str, Any]]]:
    edits = [
        {"key": "network.lan.ipaddr", "values": ["192.0.2.1"]},
        {"key": "network.lan.dns", "values": ["1", "2"]},
    ]
    settings: list[tuple[str, dict[str, Any]]] = [
        ("draft.edit", {"target": "policy/lan", "verb": "set", "edits": edits}),
        (
            "draft.import",
            {"target": "policy/wifi", "text": "set wireless.radio0.channel=36\n", "replace": True},
        ),
        ("policy.assign", {"name": "lan", "to": "all"}),
        ("group.create", {"name": "aps"}),
        ("group.add", {"name": "aps", "devices": ["attic"]}),
        (
            "group.select",
            {"name": "aps", "facts": [{"fact": "board", "values": ["example,two", "example,one"]}]},
        ),
        ("policy.assign", {"name": "wifi", "to": "groups", "names": ["aps"], "priority": 200}),
        ("var.set", {"scope": "cluster", "variables": [{"name": "dns", "values": ["192.0.2.53"]}]}),
        ("draft.show", {}),
        ("draft.commit", {"message": "first settings", "yes": True, "timeout_s": 5}),
        ("policy.rename", {"name": "wifi", "new_name": "radio"}),
        ("draft.text", {"target": "policy/lan"}),
        ("policy.unassign", {"name": "lan", "restore_local": True}),
        ("policy.delete", {"name": "lan"}),
        ("group.remove", {"name": "aps", "devices": ["attic"]}),
        ("draft.discard", {}),
        ("var.unset", {"scope": "cluster", "names": ["dns"]}),
        ("group.create", {"name": "guests"}),
        ("draft.commit", {"message": "without dns"}),
        ("device.order", {"name": "attic", "order": "locate"}),
        ("device.order", {"name": "attic", "order": "hold", "for_s": 7200}),
        ("group.delete", {"name": "guests"}),
        ("joinkey.create", {"uses": 3, "groups": ["aps"], "auto": True, "name": "ap-{n}"}),
    ]
    queries: list[tuple[str, dict[str, Any]]] = [
        ("status", {}),
        ("session.login", {"user": "alice", "password": "password"}),
        ("device.refresh", {}),
        ("ticket.poll", {"ticket": "refresh"}),
        ("device.list", {}),
        ("device.show", {"name": "attic"}),
        ("device.health", {"name": "attic"}),
        ("device.packages", {"name": "attic"}),
        ("joinkey.list", {}),
        ("policy.list", {}),
        ("policy.show", {"name": "wifi"}),
        ("group.list", {}),
        ("group.show", {"name": "aps"}),
        ("var.list", {}),
        ("var.list", {"scope": "cluster"}),
        ("settings.export", {"target": "policy/lan"}),
        ("effective", {"device": "attic"}),
        ("effective", {"device": "attic", "key": "network.lan"}),
        ("log.list", {"count": 2}),
        ("log.list", {"since": 3}),
        ("log.show", {"seq": 4}),
        ("events.subscribe", {}),
    ]
    assert len([s for s in settings if s[0] == "draft.commit"]) == 2
    count = [method for method, _ in settings].index("draft.commit") + 1
    lines: list[tuple[str, dict[str, Any]]] = [
        ("session.whoami", {"token": TOKEN}),
        *((m, {"token": TOKEN, **p}) for m, p in settings[:count]),
    ]
    lines += queries
    lines += [(m, {"token": TOKEN, **p}) for m, p in settings[count:]]
    return [*lines, *_pages(), *_roles(late, role)]


def _pages() -> list[tuple[str, dict[str, Any]]]:
    return [
        ("log.list", {"count": 1, "before": 3}),
        ("device.history", {"name": "attic", "count": 2}),
        ("settings.list", {"target": "policy/wifi"}),
        ("draft.settings", {"token": TOKEN, "target": "policy/lan"}),
        ("draft.settings", {"token": TOKEN, "target": "policy/lan", "skip": 1}),
    ]


def _roles(late: str, role: str) -> list[tuple[str, dict[str, Any]]]:
    return [
        ("role.show", {}),
        ("role.read", {"line": role}),
        ("role.sign", {"token": TOKEN, "line": role}),
        ("role.submit", {"line": role}),
        ("role.backups", {"token": TOKEN, "devices": ["ap-1"]}),
        ("role.master", {"token": TOKEN, "device": "ap-1"}),
        ("role.force", {"token": TOKEN, "backups": ["ap-1"], "collect": True}),
        ("role.force", {"token": TOKEN}),
        ("conflict.list", {}),
        ("conflict.resolve", {"token": TOKEN, "id": late[:12], "take": "B"}),
    ]


def _refused_calls() -> list[tuple[str, str, bytes]]:
    rows: tuple[tuple[str, str, dict[str, Any]], ...] = (
        ("an unknown parameter", "status", {"loud": True}),
        ("a parameter left out", "log.show", {}),
        ("null where something must be", "log.show", {"seq": None}),
        ("a number as text", "log.show", {"seq": "1"}),
        ("true for a number", "log.show", {"seq": True}),
        ("below its bound", "log.list", {"count": 0}),
        ("above its bound", "log.list", {"count": 201}),
        ("a text too long", "device.show", {"name": "a" * 256}),
        ("another word", "policy.assign", {"token": TOKEN, "name": "lan", "to": "everybody"}),
        (
            "rows with other fields",
            "draft.edit",
            {"token": TOKEN, "target": "policy/a", "verb": "set", "edits": [{"key": "a.b.c"}]},
        ),
        ("no rows", "draft.edit", {"token": TOKEN, "target": "policy/a", "verb": "set", "edits": []}),
        ("a side that is none", "conflict.resolve", {"token": TOKEN, "id": "0" * 12, "take": "C"}),
        ("a role longer than any", "role.read", {"line": "a" * 16_385}),
        ("no session", "session.whoami", {"token": "gone"}),
        ("no device", "device.show", {"name": "nobody"}),
        ("no ticket", "ticket.poll", {"ticket": "none"}),
        ("no policy", "policy.show", {"name": "nothing"}),
        ("no group", "group.show", {"name": "nothing"}),
        ("no such position", "log.show", {"seq": 999}),
        ("a scope that is none", "var.list", {"scope": "policy/lan"}),
    )
    return [
        (f"call: {name}", "Refused by the method.", line_of_call(method, **params))
        for name, method, params in rows
    ]
