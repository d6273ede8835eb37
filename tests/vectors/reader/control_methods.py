"""What each method of the control socket takes and answers (control-api.md)."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.vectors.reader.packing import NUMBER_MAX

LINE_MAX = 524_288
LONG = {
    "line": 4_096,
    "request": 8_192,
    "password": 1_024,
    "text": 262_144,
    "former": 262_144,
    "later": 262_144,
    "told": 131_072,
    "message": 1_024,
    "key": 512,
    "public_key": 255,
    "sealed": 512,
    "signed": 349_528,
    "draft": LINE_MAX,
}
SPECIAL = {
    ("joinkey.create", "name"): 63,
    ("device.approve", "name"): 63,
    ("recovery.submit", "line"): 65_536,
    ("section.show", "after"): 512,
    ("void.plan", "user"): 63,
    ("void.plan", "device"): 63,
} | {(f"role.{verb}", "line"): 16_384 for verb in ("read", "sign", "submit")}
HEX = {"mark": 64, "challenge": 64, "signature": 128, "public": 64, "following": 64, "old_key": 32}
NUMBERS: Mapping[tuple[str, str] | str, tuple[int, int]] = {
    "uses": (1, 10_000),
    "expires_s": (0, 316_224_000),
    "priority": (0, 999),
    "max_priority": (0, 999),
    "for_s": (0, 31_536_000),
    "count": (1, 200),
    ("owner.quorum", "count"): (1, 64),
    "threshold": (1, 64),
    "since": (0, NUMBER_MAX),
    ("log.list", "before"): (0, NUMBER_MAX),
    ("device.history", "before"): (0, NUMBER_MAX),
    "seq": (1, NUMBER_MAX),
    "since_time": (0, NUMBER_MAX),
    "failures": (0, 10_000),
    "at_s": (0, NUMBER_MAX),
    "first": (1, NUMBER_MAX),
    "skip": (0, NUMBER_MAX),
    "floor": (1, NUMBER_MAX),
    "piece": (0, 140),
}
WORDS = {
    "verb": ("set", "delete", "unset", "restore-local", "add-list", "del-list", "exclusive"),
    "to": ("all", "groups", "devices"),
    "rebind": ("ask", "auto", "never"),
    "take": ("A", "B"),
    "order": ("reboot", "locate", "revert", "hold", "unhold"),
    "rollout": ("all", "canary", "waves", "together"),
    "what": ("start", "pause", "resume", "abort", "force"),
}
ROWS = {
    "edits": {"key", "values"},
    "facts": {"fact", "values"},
    "variables": {"name", "values"},
    "values": {"name", "values"},
}
EXPECTED = {"label", "name", "groups", "variables"}
TEXTS = (
    "names",
    "devices",
    "groups",
    "labels",
    "backups",
    "users",
    "packages",
    "revoke",
    "typed",
    "signed",
    "waves",
    "keys",
)
FLAGS = (
    "replace",
    "auto",
    "collect",
    "all",
    "wipe_managed",
    "with_devices",
    "with_rebinds",
    "new_key",
    "secret",
    "restore_local",
    "reveal",
    "owner_too",
    "forget",
    "keep_later",
    "yes",
    "hold",
)

EDITING = "changed edits text notes"
DEVICE = (
    "name id label groups groups_by_facts role online head applied apply judged reason drift rollout rebound"
    " alarms seen_s_ago way"
)
ROLLOUT = "id seq message author time wave waves_count together failures_max starts ended stuck state why"
PENDING = "name id label role wanted joinkey why like like_online asked_s_ago seen_s_ago"
APPROVED = "id name label groups variables replaces backup text"
STATUS = (
    "cluster device name epoch head settled checkpoint store_bytes master members online"
    " apply alarms asks reason"
)
ENTRY = "seq time time_trusted kind author device outcome void message hash epoch"
HOLDER = "name id place role online head behind awaited seen_s_ago frozen"
ROLE = "ticket hash text notes"
COLLECTED = "line hash leads succession signed missing message diff"
ORDER = "line device id order for_s signed needs"
POLICY = "name settings to priority devices"
PROPOSAL = "id author message signed state expires"
GRANT = "prefix users threshold packages groups max_priority under by in_force"
FIELDS = "key package how name type conditions option verb values removed before long says text"
DIFFERENCE = "where item before after"
ACT = "ticket hash text notes"
BLAMED = "where item says restored seq time time_trusted author device message signed"


@dataclass(frozen=True)
class Method:
    """Parameters (a trailing ? has a default), the fields of a result, of its rows, and those it may lack.

    `rows` is about all lists of objects in the result, or says for each which fields its objects have.
    A method that signs makes a change itself, of which a key outside the cluster is asked first.
    """

    parameters: str
    result: str
    rows: str | Mapping[str, str] = ""
    more: str = ""
    signs: bool = False
    wanted: Mapping[str, bool] = field(init=False)

    def __post_init__(self) -> None:
        """Add what each method of a session takes."""
        names = self.parameters.split()
        wanted = {one.rstrip("?"): one.endswith("?") for one in names}
        if self.signs or (names[:1] == ["token"] and self.result):
            wanted["signed"] = True
        object.__setattr__(self, "wanted", wanted)


def _act(parameters: str, more: str = "", rows: Mapping[str, str] | None = None) -> Method:
    """Give an act: signed and handed in at once."""
    return Method(f"token {parameters} timeout_s?", f"{ACT} {more}", rows or {}, signs=True)


def _sealing(parameters: str) -> Method:
    """Give an act that may have to seal a key first."""
    return Method(f"token {parameters} timeout_s?", "ticket text", {}, "hash notes", signs=True)


METHODS = {
    "status": Method("", "role", "", STATUS),
    "join": Method("line", ""),
    "join.cancel": Method("", "ticket"),
    "join.contact": Method("", "line"),
    "join.request": Method("line", "request device"),
    "session.login": Method("user password", "ticket"),
    "session.challenge": Method("user", "challenge device cluster"),
    "session.open": Method("user challenge signature", "token user idle_s lasts_s"),
    "session.logout": Method("token", ""),
    "session.whoami": Method("token", "user key idle_left_s left_s"),
    "session.list": Method("token", "sessions", "user began_s_ago idle_s"),
    "session.end": Method("token user", "ended"),
    "ticket.poll": Method("ticket", "done progress", "", "result error"),
    "device.refresh": Method("", "ticket"),
    "device.history": Method(
        "name count? before?", "head compacted next entries", f"{ENTRY} signed concerns"
    ),
    "device.health": Method("name", "ticket"),
    "device.packages": Method("name", "ticket"),
    "device.leave": Method("timeout_s? restore_local?", "ticket device"),
    "device.order": Method("token name order for_s?", "ticket"),
    "order.prepare": Method("token name order for_s?", "ticket"),
    "order.read": Method("line", ORDER),
    "order.sign": Method("token line", ORDER),
    "order.submit": Method("token line", "ticket"),
    "device.list": Method("after?", "devices more", DEVICE),
    "device.pending": Method("after?", "pending more", PENDING),
    "device.expected": Method("after?", "expected more", "name label role groups variables"),
    "device.show": Method("name", f"{DEVICE} retired compromised_since origin policies facts variables"),
    "device.approve": _act(
        "names? all? with_rebinds? name? groups?",
        "devices skipped rebinds left",
        {"devices": APPROVED, "skipped": "id label reason", "rebinds": "id label like"},
    ),
    "device.admit": _act("request name? groups?", "devices", {"devices": APPROVED}),
    "device.reject": _act("names"),
    "device.expect": _act("devices forget?"),
    "device.rename": _act("name new_name"),
    "device.replace": _act("old new", "devices", {"devices": APPROVED}),
    "device.remove": _act("names wipe_managed?"),
    "joinkey.list": Method(
        "", "joinkeys", "id state uses used pending mode expires groups labels rebind name"
    ),
    "joinkey.revoke": _act("id with_devices?", "devices left stays"),
    "joinkey.create": Method(
        "token uses? expires_s? groups? auto? labels? rebind? name? timeout_s?", "ticket id", signs=True
    ),
    "draft.edit": Method("token target verb edits typed? before? mode? former?", EDITING),
    "draft.import": Method("token target text name? replace? former? later?", EDITING),
    "draft.load": Method("token", "draft mark notes"),
    "draft.store": Method("token draft mark", ""),
    "draft.text": Method("token target", "target text"),
    "draft.settings": Method(
        "token target skip?",
        "target settings more secrets",
        {"settings": FIELDS, "conditions": "option value"},
    ),
    "draft.show": Method(
        "token",
        "mark edits operations text devices effects effects_more marked problems notes",
        {
            "operations": DIFFERENCE,
            "effects": "devices changes more restarts",
            "changes": "key before after mark",
            "restarts": "radio listens_s",
        },
    ),
    "draft.discard": Method("token target? key?", "discarded"),
    "draft.commit": Method(
        "token message mark? yes? rollout? waves? failures? hold? timeout_s?", "ticket hash notes", signs=True
    ),
    "rollout.list": Method("after?", "rollouts more", ROLLOUT),
    "rollout.show": Method(
        "id after?", f"{ROLLOUT} waves more", {"waves": "wave open devices", "devices": "name state reason"}
    ),
    "rollout.order": Method("token id what at_s? failures? yes? timeout_s?", ACT, signs=True),
    "policy.list": Method("after?", "policies more", POLICY),
    "policy.show": Method("name", f"{POLICY} names options text", "key says"),
    "policy.delete": Method("token name", EDITING),
    "policy.rename": Method("token name new_name", EDITING),
    "policy.assign": Method("token name to names? priority?", EDITING),
    "policy.unassign": Method("token name restore_local?", EDITING),
    "policy.propose": Method("token name group? devices?", EDITING),
    "group.list": Method("after?", "groups more", "name devices selects"),
    "group.show": Method("name", "name devices selects policies variables"),
    "group.create": Method("token name", EDITING),
    "group.delete": Method("token name", EDITING),
    "group.select": Method("token name facts?", EDITING),
    "group.add": Method("token name devices", EDITING),
    "group.remove": Method("token name devices", EDITING),
    "group.readers": Method("name?", "readers", "group device selected allowed waits"),
    "group.allow": Method("token name devices?", EDITING),
    "group.deny": Method("token name devices", EDITING),
    "var.list": Method("scope? after?", "variables more", "scope name value"),
    "var.set": Method("token scope variables secret?", EDITING),
    "var.unset": Method("token scope names", EDITING),
    "settings.list": Method(
        "target skip?", "target settings more secrets", {"settings": FIELDS, "conditions": "option value"}
    ),
    "settings.export": Method("target", "target text"),
    "settings.reread": Method("", "ticket"),
    "settings.ask": Method("device packages?", "ticket"),
    "effective.ask": Method("device key?", "ticket report"),
    "drift.show": Method("device?", "device here count drift", "key wanted found origin secret trouble"),
    "drift.ask": Method("device", "ticket"),
    "drift.adopt": _act("device keys? to? yes? told?"),
    "drift.revert": Method("device", "count text"),
    "effective": Method(
        "device key? reveal? token?",
        "device head options",
        {"options": "key verb secret value values origin origins", "origins": "section groups variables"},
    ),
    "user.list": Method("", "users quorum", "name owner disabled compromised_since signs_with key grants"),
    "user.add": _sealing("name password? public_key?"),
    "user.passwd": _sealing("name? password? public_key? new_key?"),
    "user.disable": _act("name owner_too?"),
    "void.plan": Method("token user? device? old_key? since? since_time?", "ticket"),
    "void.submit": _act("plan", "left_edits"),
    "owner.add": _act("name"),
    "owner.remove": _act("name"),
    "owner.quorum": _act("count"),
    "grant.list": Method("", "grants", GRANT),
    "grant.set": _act("prefix users threshold? packages? groups? max_priority?"),
    "grant.remove": _act("prefix"),
    "proposal.list": Method("", "proposals", PROPOSAL),
    "proposal.show": Method("id", f"{PROPOSAL} operations diff", DIFFERENCE),
    "proposal.sign": Method("token id timeout_s?", "ticket hash text", "", "notes", signs=True),
    "proposal.withdraw": Method("token id timeout_s?", "ticket hash text", "", "notes", signs=True),
    "section.list": Method("prefix? after?", "sections more", "path title records who"),
    "section.show": Method("path after?", "path title hash who records more", "key says version"),
    "cluster.phrase": Method("", "phrase"),
    "cluster.found": Method("cluster user password phrase cycle_s? auto_backup?", "ticket"),
    "cluster.show": Method("", "settings", "name value help"),
    "cluster.set": _act("values"),
    "role.show": Method("", "leader epoch mandate head settled holders notes", HOLDER),
    "role.master": Method("token device timeout_s?", ROLE, signs=True),
    "role.backups": Method("token devices timeout_s?", ROLE, signs=True),
    "role.force": Method("token backups? collect? timeout_s?", "hash", "", f"{ROLE} {COLLECTED}", signs=True),
    "role.read": Method("line", COLLECTED),
    "role.sign": Method("token line", COLLECTED, signs=True),
    "role.submit": Method("line timeout_s?", ROLE),
    "recovery.show": Method("", "cluster id device generation key made owners"),
    "recovery.prepare": Method(
        "user public sealed following revoke? backups?",
        "cluster device counter edits leads revoked disabled",
        "section key data base",
    ),
    "recovery.join": Method(
        "head following", "cluster device counter edits leads revoked disabled", "section key data base"
    ),
    "recovery.submit": Method("line timeout_s?", "ticket hash"),
    "conflict.list": Method("", "conflicts", f"{ENTRY} id records"),
    "conflict.resolve": Method("token id take timeout_s?", "ticket hash text notes", signs=True),
    "log.copy": Method("first skip?", "floor items more"),
    "log.foundation": Method("floor piece", "piece"),
    "log.list": Method("count? since? before?", "head compacted entries", f"{ENTRY} signed"),
    "log.blame": Method("target", "records more", BLAMED),
    "log.show": Method("seq", f"{ENTRY} signed writer chain compacted operations diff", DIFFERENCE),
    "log.revert": Method(
        "token seq target? keys? message? keep_later? yes? timeout_s?",
        "ticket hash text notes kept operations diff",
        {"kept": "where item by", "operations": DIFFERENCE},
        signs=True,
    ),
    "events.subscribe": Method("", ""),
}
