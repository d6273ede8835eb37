"""`rollouts.json`: a log in which changes reach the devices wave by wave, and together (rollout.md)."""

from dusk import codec
from dusk.changelog.body import Change, Edit
from dusk.changelog.rollouts import (
    ABORT,
    BACK_WORD,
    DONE,
    FORCE,
    GO,
    HOLD,
    OPEN_WORD,
    STAY_WORD,
    STOP_WORD,
    SWITCH_WORD,
)
from dusk.changelog.sections import device_path
from dusk.config.settings import Verb
from tools.vectors.case import Case, Source, key
from tools.vectors.chains import home_log
from tools.vectors.cluster import ALICE, BOB, JOIN, MASTER, SECOND, THIRD, Cluster, Row, grant, rule
from tools.vectors.rolling import (
    FIVE,
    FOUR,
    ONE,
    THREE,
    TWO,
    order,
    part,
    plan,
    rollout_path,
)
from tools.vectors.rollouts_continued import continuations
from tools.vectors.rollouts_refused import refusals
from tools.vectors.rollouts_waiting import waitings

LATE, NOBODY_YET = key("late device"), key("device to come")
_MODE, _SSID = "wireless.lan.mode", "wireless.lan.ssid"
_SECOND, _THIRD, _NEW = (one.key_id.hex() for one in (SECOND, THIRD, NOBODY_YET))
_BOTH = sorted((_SECOND, _THIRD), reverse=True)
_K = bytes(16)


def rollouts() -> list[Case]:
    """Return the cases of `rollouts.json`."""
    cluster = rolled()
    return [home_log(cluster), *waitings(cluster), *continuations(cluster), *refusals(cluster)]


def rolled() -> Cluster:
    """Write the log of this file."""
    c = Cluster()
    c.found()
    c.open("a restart", "Every start of leading opens an epoch.")
    _before(c)
    _in_waves(c)
    _behind_another(c)
    _together(c)
    _by_time(c)
    _for_some(c)
    assert c.replica(len(c.steps)).head == c.log.head
    return c


def _set(c: Cluster, policy: str, name: str, value: str) -> Edit:
    return c.setting(f"policy/{policy}", name, Verb.SET, [value])


def _to(c: Cluster, policy: str, *devices: str, priority: int = 100, key: str = "to") -> Edit:
    """Return an assignment to devices."""
    return c.edit(f"assignment/{policy}", key, ["devices", list(devices), priority])


def _before(c: Cluster) -> None:
    c.write(
        "what is there before",
        "Settings, whom they are for, and a person who may roll out.",
        c.change(
            c.edit(*rule(JOIN, uses=9, labels=["02:00:00:*"], template="ap-{n}")),
            _set(c, "wifi", _SSID, "before"),
            _set(c, "old", "system.old.x", "1"),
            c.edit("assignment/wifi", "to", ["all", [], 100]),
            c.edit("assignment/old", "to", ["groups", ["attic"], 100]),
            _to(c, "dns", *_BOTH, priority=50),
            _to(c, "lan", MASTER.key_id.hex(), key="local"),
            c.edit("group/attic", f"member/{_THIRD}", [True]),
            c.edit("user/bob", "key", [BOB.public]),
            message="before",
        ),
    )
    c.mark("without a grant")
    c.write(
        "a grant for rollouts",
        "With one for policies, but for some packages: that limits no rollout.",
        c.change(
            c.edit("trust", "grant/rollout", grant(BOB, packages=["wireless"])),
            c.edit("trust", "grant/policy", grant(BOB)),
            c.edit("trust", "grant/assignment", grant(BOB)),
            message="granted",
        ),
    )
    for number, device in ((2, SECOND), (3, THIRD)):
        label = f"02:00:00:00:00:0{number}"
        c.write(f"device {number}", "By the join key.", c.request(device, JOIN, label=label))
    c.mark("before")


def _in_waves(c: Cluster) -> None:
    second, new = device_path(SECOND.key_id), device_path(NOBODY_YET.key_id)
    wrapped: Row = [_K, [[ALICE.key_id, bytes(49)]]]
    c.write(
        "a rollout in three waves",
        "It opens its first wave. Each record of a kept kind is kept as it was, not of who is no device yet; "
        "data behind only of what says whom something is for. Two parts; the rest is the last wave.",
        c.change(
            plan(c, ONE, 3, 1),
            part(c, ONE, 0, 0, SECOND),
            part(c, ONE, 7, 1, MASTER),
            _set(c, "wifi", _SSID, "new"),
            _set(c, "wifi", _MODE, "ap"),
            c.edit("policy/old", "set/system.old.x", None),
            c.edit("policy/wifi", "wrap/0", wrapped),
            c.edit("assignment/wifi", "to", ["groups", ["attic"], 100]),
            _to(c, "dns", *_BOTH, priority=60),
            _to(c, "lan", _SECOND, key="local"),
            c.edit("group/attic", "made", [True]),
            c.edit("group/attic", f"member/{_SECOND}", [True]),
            c.edit("group/attic", f"member/{_THIRD}", None),
            c.edit("group/attic", f"member/{_NEW}", [True]),
            c.edit("group/attic", "select", [[["board", ["x"]]]]),
            c.edit("group/attic", "var/room", ["attic"]),
            c.edit("cluster", "var/dns", ["192.0.2.1"]),
            c.edit("cluster", "wrap/0", wrapped),
            c.edit("cluster", "secrets", [["pin"]]),
            c.edit("cluster", "name", ["rolled"]),
            c.edit(second, "groups", [["attic"]]),
            c.edit(second, "name", ["kitchen"]),
            c.edit(f"{second}/config", "var/floor", ["1"]),
            c.edit(f"{new}/config", "var/floor", ["2"]),
            message="one",
        ),
    )
    c.mark("one wave of three is open")
    c.write(
        "what comes behind a rollout",
        "What is kept already stays; what is not is kept now, and is not the rollout's own.",
        c.change(
            _set(c, "wifi", _SSID, "newer"),
            _set(c, "wifi", "wireless.lan.channel", "36"),
            c.edit("assignment/new", "to", ["groups", ["attic"], 1]),
            c.edit("cluster", "cycle", [4000]),
            message="behind",
        ),
    )
    c.gate("it stops", "For a device, at the first wave.", rollout_path(ONE), STOP_WORD + _SECOND)
    c.mark("stopped")
    c.write(
        "a person lets it go on",
        "From now on two may fail. The first wave was opened and stays the only one.",
        c.change(order(c, ONE, GO, failures=2), message="go on"),
    )
    c.write("it is held", "What `progress` says stays.", c.change(order(c, ONE, HOLD), message="hold"))
    c.mark("held")
    c.write("it goes on", "As it was.", c.change(order(c, ONE, GO), message="go on again"))
    c.gate("the second wave", "Who leads opens it; no change is needed.", rollout_path(ONE), OPEN_WORD)
    request = c.request(LATE, JOIN, label="02:00:00:00:00:04")
    c.write("a device joins meanwhile", "Nothing is kept of what it becomes.", request)
    late = f"member/{LATE.key_id.hex()}"
    member = c.edit("group/attic", late, [True])
    c.write("it comes into a group", "It has a key by now: this is kept.", c.change(member, message="late"))


def _behind_another(c: Cluster) -> None:
    c.write(
        "a second rollout, held",
        "By a grant. Its number is 2; no wave is open. It keeps anew what the first one keeps.",
        c.change(
            plan(c, TWO, 1, 0),
            order(c, TWO, HOLD),
            _set(c, "wifi", _SSID, "newest"),
            c.edit("policy/wifi", f"set/{_MODE}", None),
            _set(c, "two", "system.two.x", "2"),
            c.edit("assignment/two", "to", ["all", [], 2]),
            signers=(BOB,),
            message="two",
        ),
    )
    c.write(
        "what comes behind both",
        "It is kept for the newest alone.",
        c.change(
            _set(c, "dns", "dhcp.lan.start", "7"),
            _to(c, "old", _SECOND, _THIRD),
            message="behind both",
        ),
    )
    c.mark("two are under way")
    c.write(
        "a place is taken",
        "In all that both keep of these records, whoever names the former one names the new one beside it, "
        "sorted; so does what this entry keeps.",
        c.change(
            _to(c, "dns", _SECOND, _NEW, priority=60), _to(c, "lan", _NEW, key="local"), message="placed"
        ),
    )
    c.write(
        "a place is taken where nothing named the former one",
        "What is kept is written as it was: the entry names its section, and the hash is the same.",
        c.change(_to(c, "old", _SECOND, _NEW), message="placed otherwise"),
    )
    c.write(
        "a second rollout is forced to its end",
        "What it kept goes to the first one, where that has nothing for the same place, and is not its own; "
        "what this change writes is kept by the first one.",
        c.change(
            order(c, TWO, FORCE),
            _set(c, "wifi", _SSID, "end"),
            _set(c, "dns", "dhcp.lan.limit", "9"),
            signers=(BOB,),
            message="force",
        ),
    )
    c.mark("the second has ended")
    c.gate("the last wave", "Whoever is in no part, and joined since.", rollout_path(ONE), OPEN_WORD)
    c.mark("all waves are open")
    c.gate("a rollout is done", "What it kept, and its parts, leave no trace.", rollout_path(ONE), DONE)
    c.mark("done")


def _together(c: Cluster) -> None:
    facts = f"{device_path(THIRD.key_id)}/facts"
    board = c.change(c.edit(facts, "board", [["w", "x"]]), signers=(THIRD,), device=THIRD, message="board")
    c.write("a device comes into a group", "By its facts.", board)
    start_s = c.time_s + 60
    c.write(
        "all switch together",
        "It is staged; no wave opens. Its number is 1 again.",
        c.change(
            plan(c, THREE, 1, 0),
            c.edit(rollout_path(THREE), "together", [True]),
            order(c, THREE, GO, at_s=start_s),
            _set(c, "wifi", _SSID, "together"),
            message="three",
        ),
    )
    c.mark("staged")
    c.gate("it stops before the switch", "Staged.", rollout_path(THREE), STOP_WORD + _SECOND)
    c.mark("staged and stopped")
    again = c.change(order(c, THREE, GO, at_s=start_s), message="staged again")
    c.write("it is to go on", "Nothing opens by that.", again)
    c.time_s = start_s
    c.gate("the switch", "At its time; `switch` says who wrote this.", rollout_path(THREE), SWITCH_WORD)
    c.mark("switched")
    c.write("held amidst", "That stops nothing now.", c.change(order(c, THREE, HOLD), message="hold it"))
    c.gate("all go back", "Stopped for a device, also where held.", rollout_path(THREE), BACK_WORD + _THIRD)
    c.mark("back")
    c.write("once more", "Without a time.", c.change(order(c, THREE, GO), message="once more"))
    c.gate("the next switch", "`switch` is written again.", rollout_path(THREE), SWITCH_WORD)
    c.gate("it stays", "Most have it in effect.", rollout_path(THREE), STAY_WORD)
    c.mark("stays")
    c.gate("a switch is done", "`progress` says 2.", rollout_path(THREE), DONE)


def _by_time(c: Cluster) -> None:
    start_s = c.time_s + 60
    c.write(
        "a rollout that begins at a time",
        "No wave is open; three may fail.",
        c.change(
            plan(c, FOUR, 2, 0),
            order(c, FOUR, GO, at_s=start_s, failures=3),
            part(c, FOUR, 0, 0, SECOND),
            _set(c, "wifi", _SSID, "four"),
            _set(c, "wifi", _MODE, "sta"),
            c.edit("assignment/wifi", "to", None),
            message="four",
        ),
    )
    c.mark("before its time")
    c.time_s = start_s - 1
    c.gate("its time has come", "By a trusted clock.", rollout_path(FOUR), OPEN_WORD)
    c.write("somebody mends it", "Of one record.", c.change(_set(c, "wifi", _SSID, "mended"), message="mend"))
    c.mark("mended")
    c.write(
        "it is taken back",
        "With what puts the other two back as they were; the one that was mended stays.",
        c.change(
            order(c, FOUR, ABORT),
            c.edit("policy/wifi", f"set/{_MODE}", None),
            c.edit("assignment/wifi", "to", ["groups", ["attic"], 100]),
            message="abort",
        ),
    )
    c.mark("aborted")
    c.write("a superseded rollout", "It begins nothing.", _stale(c), superseded=True)
    c.write(
        "one that may fail more often",
        "An order without a time: it begins at once. Only its one device gets something.",
        c.change(
            plan(c, FIVE, 2, 0),
            order(c, FIVE, GO, failures=3),
            c.edit(f"{device_path(THIRD.key_id)}/config", "var/floor", ["3"]),
            message="five",
        ),
    )
    retired = c.edit(device_path(THIRD.key_id), "retired", [True])
    c.write("its device goes", "It is retired.", c.change(retired, message="retired"))
    c.gate(
        "it stops for who has gone", "Who has a key, be he retired.", rollout_path(FIVE), STOP_WORD + _THIRD
    )
    forced = c.change(order(c, FIVE, FORCE), message="forced")
    c.write("it is forced where it stopped", "`progress` still says for whom.", forced)
    c.mark("none is under way")


def _for_some(c: Cluster) -> None:
    narrow: tuple[tuple[str, str, Edit], ...] = (
        ("a group", "Who is in it waits.", c.edit("group/attic", "var/room", ["x"])),
        ("the cluster", "All wait.", c.edit("cluster", "var/dns", ["192.0.2.2"])),
        (
            "whom something is given back to",
            "One alone waits.",
            _to(c, "lan", MASTER.key_id.hex(), key="local"),
        ),
    )
    not_own = "For all, but it is none of the rollout's own: nobody waits by that."
    for number, (name, shows, edit) in enumerate(narrow):
        rollout = Source(f"for some {number}")(16).hex()
        c.write(f"a rollout for {name}", shows, c.change(plan(c, rollout, 2, 0), edit, message=name))
        behind = c.edit("cluster", f"var/behind{number}", ["1"])
        c.write(f"behind a rollout for {name}", not_own, c.change(behind, message=f"behind {name}"))
        ends = c.change(order(c, rollout, FORCE), message=f"no {name}")
        c.write(f"no rollout for {name}", "Forced.", ends)


def _stale(c: Cluster) -> Change:
    value = codec.pack([1, 0, ["stale"], []])
    stale = Edit("policy/wifi", f"set/{_SSID}", value, None)
    return c.change(plan(c, FIVE, 1, 0), stale, message="stale")
