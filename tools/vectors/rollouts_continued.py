"""Cases of `rollouts.json` behind what its log has: bounds, who comes back, a word that comes too late."""

from dusk import limits
from dusk.changelog.body import Edit
from dusk.changelog.entry import Absent, sign_head
from dusk.changelog.former import FORMER
from dusk.changelog.rollouts import FORCE, GO, HOLD, OPEN_WORD
from dusk.changelog.sections import device_path
from dusk.config.settings import Verb
from dusk.ids import DeviceId
from tools.vectors.careless import Careless
from tools.vectors.case import Case, Source, key
from tools.vectors.cluster import ALICE, MASTER, NO_REST, SECOND, THIRD, Cluster
from tools.vectors.rolling import FOUR, ONE, SIX, TWO, order, plan, rollout_path

_NONE = "none is under way"
_LONG = "policy/long"
_FULL = "rollout-full"


def continuations(cluster: Cluster) -> list[Case]:
    """Return the cases, and such as are one more than a bound allows."""
    return [
        *_eight(cluster),
        *_put_back(cluster),
        *_long(cluster),
        *_much(cluster),
        *_words(cluster),
        _takes_no_place(cluster),
        _comes_back(cluster),
        _too_late(cluster),
    ]


def _eight(cluster: Cluster) -> list[Case]:
    at = Careless(cluster, _NONE)
    w = at.world

    def begun(number: int) -> list[Edit]:
        name = Source(f"of eight {number}")(16).hex()
        return [plan(w, name, 2, 0), w.edit("cluster", f"var/x{number}", ["1"])]

    for number in range(limits.ROLLOUTS_MAX):
        w.write("one of eight", "", w.change(*begun(number), message=f"{number}"))
    at.change("nine rollouts", "too-many-rollouts", "Eight at once.", *begun(limits.ROLLOUTS_MAX))
    return [at.taken("eight rollouts", "So many are under way at once."), *at.cases]


def _key(number: int) -> str:
    return f"x.y.z{number:02}"


def _deletes(w: Cluster, count: int) -> list[Edit]:
    return [w.edit(_LONG, f"set/{_key(number)}", None) for number in range(count)]


def _settings(w: Cluster, sizes: list[int]) -> None:
    """Write settings of which the data is so long, four in a change."""
    for first in range(0, len(sizes), 4):
        rows = enumerate(sizes[first : first + 4], first)
        edits = [w.setting(_LONG, _key(at), Verb.SET, ["y" * _text(size)]) for at, size in rows]
        w.write("long", "", w.change(*edits, message=f"long {first}"))


def _text(data_bytes: int) -> int:
    """Return how long the text is of a setting of which the data is so long, from 256 bytes on."""
    return data_bytes - len(b"\x94\x01\x00\x91\xda\x00\x00\x90")


def _put_back(cluster: Cluster) -> list[Case]:
    each = len(_LONG) + len(f"set/{_key(0)}") + 128
    last = limits.PUT_BACK_BYTES_MAX - 4 * (each + 60_000) - each

    def at_size(more: int) -> tuple[Careless, list[Edit]]:
        at = Careless(cluster, _NONE)
        _settings(at.world, [60_000] * 4 + [last + more])
        return at, [plan(at.world, SIX, 1, 0), *_deletes(at.world, 5)]

    fits, edits = at_size(0)
    fits.world.write("fits", "", fits.world.change(*edits, message="fits"))
    over, edits = at_size(1)
    over.change("245,761 bytes to put back", _FULL, "One too many for one change.", *edits)
    return [fits.taken("245,760 bytes to put back", "As many as one change takes."), *over.cases]


def _long(cluster: Cluster) -> list[Case]:
    kept_beside = len(_LONG) + len(f"set/{_key(0)}") + 8

    def at_size(more: int) -> tuple[Careless, Edit]:
        at = Careless(cluster, _NONE)
        _settings(at.world, [limits.VALUE_BYTES_MAX - kept_beside + more])
        begun = (plan(at.world, SIX, 2, 0), at.world.edit("cluster", "var/x", ["1"]))
        at.world.write("begun", "", at.world.change(*begun, message="begun"))
        return at, _deletes(at.world, 1)[0]

    fits, edit = at_size(0)
    fits.world.write("fits", "", fits.world.change(edit, message="fits"))
    kept = fits.world.log.state.records(FORMER + SIX).values()
    assert max(len(record.data or b"") for record in kept) == limits.VALUE_BYTES_MAX
    over, edit = at_size(1)
    over.change("65,537 bytes of one kept record", _FULL, "No value is as long.", edit)
    return [fits.taken("65,536 bytes of one kept record", "As long as a value."), *over.cases]


def _much(cluster: Cluster) -> list[Case]:
    count, size_bytes = 18, 58_000

    def at_size(last: int) -> tuple[Careless, list[Edit]]:
        at = Careless(cluster, _NONE)
        _settings(at.world, [size_bytes] * (count - 1) + [last])
        begun = (plan(at.world, SIX, 2, 0), at.world.edit("cluster", "var/x", ["1"]))
        at.world.write("begun", "", at.world.change(*begun, message="begun"))
        return at, _deletes(at.world, count)

    def kept(last: int) -> tuple[Careless, int]:
        at, edits = at_size(last)
        at.world.write("fits", "", at.world.change(*edits, message="fits"))
        return at, at.world.log.state.size(FORMER + SIX).data_bytes

    last = size_bytes + limits.FORMER_BYTES_MAX - kept(size_bytes)[1]
    fits, size = kept(last)
    assert size == limits.FORMER_BYTES_MAX
    over, edits = at_size(last + 1)
    over.change("a byte more than 1 MiB kept", _FULL, "In all that is kept.", *edits)
    return [fits.taken("1 MiB kept", "In all sections `former/…` together."), *over.cases]


def _words(cluster: Cluster) -> list[Case]:
    two = Careless(cluster, "two are under way")
    w = two.world
    w.write("begun", "", w.change(order(w, TWO, GO), message="begun"))
    w.write("forced", "", w.change(order(w, ONE, FORCE), message="forced"))
    begun = (plan(w, SIX, 1, 0), w.edit("policy/wifi", "set/wireless.lan.mode", None))
    w.write("a third", "", w.change(*begun, message="a third"))
    stopped = Careless(cluster, "stopped")
    w = stopped.world
    w.write("held", "", w.change(order(w, ONE, HOLD), message="held"))
    timed = Careless(cluster, "mended")
    timed.world.gate("the last wave", "", rollout_path(FOUR), OPEN_WORD, trusted=False)
    shows = "The second one begins by `go`. What the first one kept goes to nobody; the next number is 3."
    return [
        two.taken("the older of two ends first", shows),
        stopped.taken("held where it stopped", "It stays stopped, too."),
        timed.taken("a later wave by no clock", "Its time has come before."),
    ]


def _takes_no_place(cluster: Cluster) -> Case:
    at = Careless(cluster, "two are under way")
    w = at.world
    listed = ["devices", [SECOND.key_id.hex(), MASTER.key_id.hex()], 100]
    w.write("moved", "", w.change(w.edit("assignment/old", "to", listed), message="moved"))
    return at.taken("who has a key takes no place", "It is to others: nothing that is kept is written.")


def _comes_back(cluster: Cluster) -> Case:
    at = Careless(cluster, "two are under way")
    w, join, former = at.world, key("join key that rebinds"), THIRD.key_id.hex()
    rule = [join.public, 2, 0, [], "approve", ["02:00:*"], "auto", ""]
    w.write(
        "what it has",
        "",
        w.change(
            w.edit(f"joinkey/{join.key_id.hex()}", "rule", rule),
            w.edit(f"{device_path(THIRD.key_id)}/config", "var/floor", ["2"]),
            w.edit("group/up", f"member/{former}", [True]),
            message="what it has",
        ),
    )
    request = w.request(key("returned device"), join, label="02:00:00:00:00:03")
    w.write("it comes back", "", request, absent=Absent(DeviceId(THIRD.key_id), 36))
    return at.taken(
        "a device comes back behind two rollouts",
        "Kept is that the former one leaves a group, and the assignment, which names both; not what it is.",
    )


def _too_late(cluster: Cluster) -> Case:
    at = Careless(cluster, "done")
    w = at.world
    late = w.change(order(w, ONE, GO), signers=(ALICE,), message="late")
    item, entry = w.log.write_stranded(late, w.stamp())
    assert entry.outcome.reason == "rollout-over"
    head = w.log.signed(sign_head(MASTER, w.id, entry.head, NO_REST))
    shows = "It stood on a branch that lost; the rollout is over by now."
    return at.taken("an order that is rejected", shows, [item, head])
