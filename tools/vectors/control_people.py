"""The part of `control.json` about who is who: people, rights, proposals, devices, the recovery phrase."""

from base64 import b64encode

from dusk.config.drift import Difference
from dusk.config.drift_told import encode_drift
from dusk.config.files_told import ToldFiles, encode_files, file_of
from dusk.control.names import device_id
from dusk.control.recovering import ARMOUR, edits_of
from dusk.effects import Told
from dusk.ids import DeviceId, Seq
from dusk.keys.armour import public_line
from tests.approving import approve_mode
from tests.desk import FakeDesk
from tests.world import sealed_key
from tools.vectors.case import key
from tools.vectors.talk import TOKEN, Elsewhere, Talk

PASSWORD = "a few good words"  # noqa: S105 - the stand-in's


def who_is_who(talk: Talk, desk: FakeDesk) -> None:
    """Go on with a conversation: all methods about people, devices and the cluster itself."""
    ben = _people(talk)
    _sessions(talk, ben)
    _cluster(talk)
    _drift(talk, desk)
    _files(talk, desk)
    _grants(talk)
    _sections(talk)
    _newcomers(talk, desk)
    _members(talk)
    _quorum(talk, ben)
    _ends(talk, ben)
    _recovery(talk, desk)


def _people(talk: Talk) -> Elsewhere:
    ben = key("ben, who signs elsewhere")
    line = public_line(ben.public)
    talk.call("user.list")
    talk.act("user.add", name="ben", public_key=line)
    talk.act("user.add", name="carol", password=PASSWORD)
    talk.call("user.list")
    talk.refuse("user-exists", "a user twice", "user.add", token=TOKEN, name="ben", public_key=line)
    talk.refuse(
        "bad-key", "a line that is not whole", "user.add", token=TOKEN, name="d", public_key=line[:-3]
    )
    talk.refuse("bad-params", "a user without a key", "user.add", token=TOKEN, name="d")
    talk.act("user.passwd", password="other good words")  # noqa: S106 - the stand-in's
    talk.act("user.passwd", name="carol", password=PASSWORD, new_key=True)
    talk.refuse(
        "not-yours",
        "a password of somebody else",
        "user.passwd",
        token=TOKEN,
        name="carol",
        password=PASSWORD,
    )
    talk.refuse("no-user", "no user", "user.passwd", token=TOKEN, name="nobody", password=PASSWORD)
    return Elsewhere(talk, "ben", ben)


def _sessions(talk: Talk, ben: Elsewhere) -> None:
    challenge, _ = ben.challenged()
    wrong = {"user": "ben", "challenge": challenge, "signature": "00" * 64}
    talk.refuse("wrong-key", "a challenge that nobody signed", "session.open", **wrong)
    ben.log_in()
    again, signature = ben.challenged()
    opening = {"user": "ben", "challenge": again, "signature": signature}
    talk.call("session.open", **opening)
    talk.refuse("wrong-key", "a challenge again", "session.open", **opening)
    talk.refuse("bad-params", "a signature too short", "session.open", **{**opening, "signature": "00"})
    talk.call("session.whoami", token=ben.token)
    talk.act("session.list")
    talk.refuse(
        "missing-signatures", "the session of somebody else", "session.end", token=ben.token, user="alice"
    )
    talk.refuse(
        "no-key-here",
        "a password by a key elsewhere",
        "user.add",
        token=ben.token,
        name="d",
        password=PASSWORD,
    )
    talk.act("owner.add", name="ben")
    talk.act("owner.add", name="carol")
    talk.call("user.list")
    talk.refuse("no-user", "an owner who is no user", "owner.add", token=TOKEN, name="nobody")
    talk.act("owner.remove", name="carol")
    talk.call("user.list")
    talk.call("recovery.show")
    talk.refuse("no-owner", "an owner who is none", "owner.remove", token=TOKEN, name="carol")
    talk.refuse("too-few-owners", "more owners than there are", "owner.quorum", token=TOKEN, count=4)


def _drift(talk: Talk, desk: FakeDesk) -> None:
    keys = ("wireless.radio0.channel",)
    desk.changed = (
        Difference(*keys, "policy/wifi", "36", "11", keys),
        Difference("network.lan", "policy/lan", "interface", None, ("network.lan",)),
        Difference("wireless.a.key", "policy/wifi", None, None, ("wireless.a.key",), is_secret=True),
        Difference("firewall.@rule[7]", "policy/lan", None, None, (), trouble="there is no such section"),
    )
    talk.call("drift.show")
    talk.call("drift.show", device="ap-1")
    talk.refuse("no-device", "drift of no device", "drift.show", device="nobody")
    talk.refuse("elsewhere", "drift of another device", "drift.revert", device="ap-1")
    talk.refuse("elsewhere", "adopting of another device", "drift.adopt", token=TOKEN, device="ap-1")
    talk.act("drift.adopt", device="attic", keys=["wireless.radio0.channel"])
    told = encode_drift((Difference(*keys, "", "11", "6", keys),))
    desk.answers[device_id(desk.log.state, "ap-1")] = Told(data=told)
    talk.call("drift.ask", device="ap-1")
    talk.act("drift.adopt", device="ap-1", told=told.hex())
    talk.call("drift.revert", device="attic")
    talk.call("drift.revert", device="attic")
    talk.call("settings.reread")


def _files(talk: Talk, desk: FakeDesk) -> None:
    told = ToldFiles(Seq(1), (file_of("network", b"config interface 'wan'\n\toption proto 'dhcp'\n"),))
    desk.answers[device_id(desk.log.state, "ap-1")] = Told(data=encode_files(told))
    talk.call("effective.ask", device="ap-1", key="network")
    talk.call("settings.ask", device="ap-1", packages=["network"])
    talk.refuse("no-device", "settings of no device", "settings.ask", device="nobody")
    local = ["dusk"]
    talk.refuse("bad-params", "a device's local settings", "settings.ask", device="ap-1", packages=local)


def _cluster(talk: Talk) -> None:
    def values(name: str, value: str) -> list[dict[str, object]]:
        return [{"name": name, "values": [value]}]

    talk.call("cluster.show")
    talk.act("cluster.set", values=[*values("cycle", "2s"), *values("logins", "attic")])
    talk.act("cluster.set", values=values("cycle", "2s"))
    talk.refuse("bad-value", "a cycle too short", "cluster.set", token=TOKEN, values=values("cycle", "1ms"))
    talk.refuse("bad-params", "no such setting", "cluster.set", token=TOKEN, values=values("colour", "red"))


def _grants(talk: Talk) -> None:
    limits = {"packages": ["wireless"], "groups": ["aps"], "max_priority": 300}
    talk.act("grant.set", prefix="policy/wifi", users=["ben", "carol"], threshold=2, **limits)
    talk.act("grant.set", prefix="device/attic", users=["carol"])
    talk.call("grant.list")
    talk.act("grant.remove", prefix="device/attic")
    talk.call("grant.list")
    talk.refuse("no-grant", "no grant", "grant.remove", token=TOKEN, prefix="device/attic")
    talk.refuse("bad-target", "a grant of nothing", "grant.set", token=TOKEN, prefix="cabbage", users=["ben"])
    talk.refuse("no-user", "a grant to nobody", "grant.set", token=TOKEN, prefix="policy", users=["nobody"])
    talk.refuse(
        "bad-threshold",
        "a grant that nobody can use",
        "grant.set",
        token=TOKEN,
        prefix="policy",
        users=["ben"],
        threshold=5,
    )


def _sections(talk: Talk) -> None:
    talk.call("section.list")
    talk.call("section.list", prefix="user", after="user/alice")
    talk.refuse("bad-target", "sections of no kind", "section.list", prefix="cabbage")
    talk.call("section.show", path="policy/wifi")
    talk.call("section.show", path="trust", after="owner/alice")
    talk.refuse("no-section", "no section", "section.show", path="policy/nothing")
    for target in ("policy/wifi", "device/attic", "trust"):
        talk.call("log.blame", target=target)
    talk.refuse("bad-target", "a target that is none", "log.blame", target="policy")
    talk.refuse("no-section", "a target of which nothing is said", "log.blame", target="policy/nothing")


def _listed(talk: Talk) -> None:
    for method in ("device.list", "device.pending", "device.expected"):
        talk.call(method)


def _newcomers(talk: Talk, desk: FakeDesk) -> None:
    _wait(desk)
    row = {
        "label": "02:bb",
        "name": "porch",
        "groups": ["aps"],
        "variables": {"floor": "1", "dns": ["a", "b"]},
    }
    talk.act("device.expect", devices=[row])
    talk.refuse(
        "bad-params",
        "an expected device without a name",
        "device.expect",
        token=TOKEN,
        devices=[{"label": "x"}],
    )
    talk.refuse(
        "no-group",
        "an expected device in no group",
        "device.expect",
        token=TOKEN,
        devices=[{**row, "groups": ["nothing"]}],
    )
    _listed(talk)
    talk.call("joinkey.list")
    talk.refuse("not-pending", "nobody who waits", "device.approve", token=TOKEN, names=["nobody"])
    talk.refuse("bad-params", "some and all", "device.approve", token=TOKEN, names=["02:bb"], all=True)
    talk.act("device.approve", names=["02:bb"])
    _listed(talk)
    talk.refuse("name-taken", "a name twice", "device.approve", token=TOKEN, names=["02:cc"], name="porch")
    talk.act("device.reject", names=["02:cc"])
    talk.refuse("not-pending", "nobody to turn away", "device.reject", token=TOKEN, names=["nobody"])
    talk.act("device.approve", names=["02:dd"], name="shed", groups=["aps"])
    line = talk.call("join.contact")["line"]
    request = talk.call("join.request", line=line)["request"]
    talk.refuse("bad-join-key", "a line that is none", "join.request", line="dusk-join-")
    talk.act("device.admit", request=request, name="cellar")
    talk.refuse("bad-request", "no request", "device.admit", token=TOKEN, request="AAAA")
    _listed(talk)


def _wait(desk: FakeDesk) -> None:
    """Let five devices wait, by another join key than the one that lets in by itself."""
    world = desk.world
    world.joinkey = key("a join key by which people decide")
    approve_mode(world, uses=9)
    for label in ("02:bb", "02:cc", "02:dd", "02:ee", "02:ff"):
        request = world.request(key(f"the device {label}"), label=label)
        desk.waits.put(request, "approval-needed", 0.0)


def _members(talk: Talk) -> None:
    talk.call("role.show")
    talk.act("device.rename", name="shed", new_name="barn")
    talk.call("device.list")
    talk.act("device.rename", name="barn", new_name="barn")
    talk.refuse("no-device", "no device to rename", "device.rename", token=TOKEN, name="nobody", new_name="a")
    talk.refuse(
        "name-taken", "a name of another", "device.rename", token=TOKEN, name="barn", new_name="porch"
    )
    talk.act("device.replace", old="barn", new="02:ee")
    talk.refuse("no-device", "no device to replace", "device.replace", token=TOKEN, old="nobody", new="porch")
    talk.refuse("bad-target", "a device by itself", "device.replace", token=TOKEN, old="porch", new="porch")
    talk.act("device.remove", names=["barn"], wipe_managed=True)
    talk.refuse("in-succession", "who may lead", "device.remove", token=TOKEN, names=["attic"])
    revoked = key("a join key by which people decide").key_id.hex()
    talk.call("device.show", name="porch")
    talk.act("joinkey.revoke", id=revoked, with_devices=True)
    talk.call("role.show")
    talk.act("role.backups", devices=["ap-1"])
    talk.call("role.show")
    talk.act("joinkey.revoke", id=revoked, with_devices=True)
    talk.refuse("no-joinkey", "no join key", "joinkey.revoke", token=TOKEN, id="00000000")


def _quorum(talk: Talk, ben: Elsewhere) -> None:
    """Let two owners sign: what one does is proposed, and the other signs it elsewhere."""
    talk.act("owner.quorum", count=2)
    talk.call("user.list")
    talk.act("cluster.set", values=[{"name": "name", "values": ["house"]}])
    talk.act("user.disable", name="carol")
    proposals = talk.call("proposal.list")["proposals"]
    named = {proposal["message"]: proposal["id"] for proposal in proposals}
    house, carol = named["cluster: name house"], named["user carol disabled"]
    talk.call("proposal.show", id=house)
    talk.refuse("no-proposal", "no proposal", "proposal.show", id="00000000")
    talk.refuse("signed-already", "a signature twice", "proposal.sign", token=TOKEN, id=house)
    ben.act("proposal.sign", id=house)
    talk.act("proposal.withdraw", id=carol)
    talk.call("proposal.list")
    talk.refuse("no-proposal", "a proposal taken back", "proposal.sign", token=TOKEN, id=carol)
    ben.act("owner.quorum", count=1)
    (alone,) = talk.call("proposal.list")["proposals"]
    talk.act("proposal.sign", id=alone["id"])
    talk.call("user.list")


def _ends(talk: Talk, ben: Elsewhere) -> None:
    wanted = {"token": ben.token, "name": "carol"}
    request = talk.asked_to_sign("user.disable", wanted)["error"]["data"]["to_sign"]
    other = ben.signed(request, key("somebody else"))
    talk.refuse("bad-signature", "signed by somebody else", "user.disable", **wanted, signed=[other])
    talk.refuse("bad-params", "signed is no change", "user.disable", **wanted, signed=["AAAA"])
    talk.refuse("bad-params", "signed beside a key that is here", "session.list", token=TOKEN, signed=[other])
    ben.act("user.disable", name="carol")
    talk.call("user.list")
    since = talk.call("log.list", count=1)["head"]
    plan = talk.act("void.plan", user="carol", since=since)
    told = talk.call("ticket.poll", ticket=plan["ticket"])["result"]
    talk.act("void.submit", plan=told["plan"])
    talk.refuse("still-active", "a void of who may sign", "void.plan", token=TOKEN, user="alice", since=1)
    talk.refuse("bad-params", "a void of nobody", "void.plan", token=TOKEN, since=1)
    talk.refuse(
        "bad-params", "a void of no key", "void.plan", token=TOKEN, user="carol", old_key="00", since=1
    )
    talk.refuse("no-user", "no user to disable", "user.disable", token=TOKEN, name="nobody")
    talk.act("session.end", user="ben")
    talk.act("session.list")
    talk.refuse("no-session", "a session that was ended", "session.list", token=ben.token)


def _recovery(talk: Talk, desk: FakeDesk) -> None:
    world, dora = desk.world, key("dora, who recovers")
    talk.call("recovery.show")
    asked = {
        "public": dora.public.hex(),
        "sealed": b64encode(sealed_key(dora, "dora")).decode(),
        "following": key("the next phrase of control").public.hex(),
    }
    talk.refuse("user-exists", "a new owner who is not new", "recovery.prepare", user="ben", **asked)
    talk.refuse("no-device", "nobody to revoke", "recovery.prepare", user="dora", **asked, revoke=["nobody"])
    following, own = asked["following"], talk.call("log.show", seq=1)["chain"]
    talk.refuse("not-apart", "a version of the own history", "recovery.join", head=own, following=following)
    talk.call("recovery.join", head="00" * 32, following=following)
    prepared = talk.call("recovery.prepare", user="dora", **asked, revoke=["ben"], backups=["ap-1"])
    change = world.change(
        *edits_of(prepared["edits"]),
        signers=(world.recovery,),
        counter=prepared["counter"],
        message="recovered",
    )
    assert change.body.device == DeviceId(bytes.fromhex(prepared["device"]))
    line = ARMOUR + b64encode(change.encode()).decode()
    talk.refuse("bad-recovery", "a recovery that is none", "recovery.submit", line=line[:-4])
    talk.call("recovery.submit", line=line)
    talk.call("recovery.show")
