"""A device that comes back by the word of who writes (`specs/log.md`, 7), and each rule broken once."""

from dusk.changelog.body import Change, Edit
from dusk.changelog.entry import APPLIED, Absent, Entry, sign_head
from dusk.changelog.items import pack_entry_item
from dusk.changelog.log import Log
from dusk.changelog.sections import device_path
from dusk.effects import ItemKind, LogItem
from dusk.ids import DeviceId
from tools.vectors.case import Case, key
from tools.vectors.chains import Forger, continued
from tools.vectors.cluster import MASTER, NO_REST, Cluster
from tools.vectors.refusals import At

_OWNERS = (key("owner"), key("carol anew"))
_JOIN, _NEW = key("join key that rebinds"), key("returned device")
_LABEL = "02:00:00:00:00:31"
_FORMER = DeviceId(key("reset device").key_id)


def _prepared(w: Cluster) -> Change:
    """Return a change that makes the join key, and gives the former device what goes over."""
    old, other = _FORMER.hex(), MASTER.key_id.hex()
    rule = [_JOIN.public, 2, 0, ["aps"], "approve", ["02:*"], "auto", ""]
    return w.change(
        w.edit(f"joinkey/{_JOIN.key_id.hex()}", "rule", rule),
        w.edit(f"{device_path(_FORMER)}/config", "var/floor", ["2"]),
        w.edit("group/up", f"member/{old}", [True]),
        w.edit("assignment/up", "to", ["devices", sorted([old, other]), 7]),
        w.edit("assignment/all", "to", ["all", [], 7]),
        signers=_OWNERS,
    )


class _Writer:
    """Writes behind the approvals of the log of all files."""

    def __init__(self, cluster: Cluster, after: int) -> None:
        self.cluster, self.log = cluster, cluster.replica(after)
        self.items: list[LogItem] = []

    def write(self, change: Change, absent: Absent | None = None) -> Entry:
        """Write a change with its head."""
        item, entry = self.log.write_change(change, self.cluster.stamp()._replace(absent=absent))
        signed = sign_head(MASTER, self.cluster.id, entry.head, NO_REST)
        self.items += [item, self.log.signed(signed)]
        return entry


def returns(cluster: Cluster) -> list[Case]:
    """Return the cases."""
    f = Forger(cluster)
    at = At(f, "approvals")
    w, after = at.world, at.after
    writer = _Writer(cluster, after)
    writer.write(_prepared(w))
    request = w.request(_NEW, _JOIN, wanted="ap", label=_LABEL)
    absent = Absent(_FORMER, 36)
    first, entry = list(writer.items), writer.write(request, absent)
    section = device_path(_NEW.key_id)
    confirmed = w.change(Edit(section, "rebound", None, request.id), signers=_OWNERS, counter=99)
    writer.write(confirmed)

    def bent(name: str, shows: str, reason: str, said: Absent | None) -> None:
        made = entry._replace(absent=said)
        f.items(name, shows, reason, after, [*first, *f.with_head(made, request)])

    bent("who comes back without the writer's word", "A label is no credential.", "label-known", None)
    bent("a member that was silent for 35 cycles", "36 at least.", "label-known", Absent(_FORMER, 35))
    bent(
        "the silence of another",
        "Of whose label it is.",
        "label-known",
        Absent(writer.log.leader or _FORMER, 36),
    )
    _needless(f, w, first, after)
    _marked(f, w, after)
    shows = "It has all that the former one had; then owners confirm it."
    return [
        *f.cases,
        continued(cluster, "a device that comes back", shows, writer.items, len(writer.items), after=after),
    ]


def _needless(f: Forger, w: Cluster, first: list[LogItem], after: int) -> None:
    """Add a word on a member where nothing rests on it."""
    replica = f.cluster.replica(after)
    replica.extend(first)
    change = w.change(w.edit("cluster", "name", ["x"]), signers=_OWNERS, counter=98)
    entry = _written(replica, f.cluster, change)._replace(absent=Absent(_FORMER, 36))
    assert entry.outcome == APPLIED
    signed = sign_head(MASTER, f.cluster.id, entry.head, NO_REST)
    items = [*first, pack_entry_item(entry, change), LogItem(ItemKind.HEAD, signed.encode())]
    f.items(
        "a word that nothing rests on", "It stands where it is needed.", "outcome", after, items, "outcome"
    )


def _written(log: Log, cluster: Cluster, change: Change) -> Entry:
    return log.write_change(change, cluster.stamp())[1]


def _marked(f: Forger, w: Cluster, after: int) -> None:
    """Add changes that say who came back, where nobody did."""
    section = device_path(_FORMER)
    for name, row in (("a mark that nobody set", [_FORMER]), ("a mark that is not there", None)):
        change = w.change(w.edit(section, "rebound", row), signers=_OWNERS)
        f.refuse(name, "The fold sets it.", "bad-value", after, change)
    for name, labels in (("no label", []), ("any label", ["*"]), ("any label beside one", ["02:*", "?*"])):
        rule = [_JOIN.public, 2, 0, [], "auto", labels, "auto", ""]
        change = w.change(w.edit(f"joinkey/{_JOIN.key_id.hex()}", "rule", rule), signers=_OWNERS)
        f.refuse(f"a rule for {name}", "Only those that are listed.", "bad-value", after, change)
