"""Cases of `rollouts.json` on who waits for which rollout behind each entry (rollout.md, 3)."""

from dusk.changelog.former import kept_of
from dusk.changelog.log import Log
from dusk.changelog.released import Waits, released
from dusk.changelog.rollouts import Rollout
from dusk.ids import DeviceId
from tools.vectors.case import Case, plain, valid
from tools.vectors.cluster import Cluster
from tools.vectors.show import Json


def waitings(cluster: Cluster) -> list[Case]:
    """Return a case for each entry behind which a rollout is under way."""
    log, cases = Log(cluster.id), list[Case]()
    for after, step in enumerate(cluster.steps, 1):
        log.extend((step.item, step.head))
        waits = Waits(log.state)
        if waits.rollouts:
            shows = "Who waits for which rollout, up to where the log counts for them, and what is put back."
            told = {"waits": waits_of(log, waits), "counts": counts_of(log, waits)}
            name = f"{after}: {step.name}"
            cases.append(valid(name, shows, kind="waiting", log="home", after=after, **told))
    return cases


def waits_of(log: Log, waits: Waits) -> Json:
    """Return for which rollout each device waits."""
    devices = [path.removeprefix("device/") for path in log.state.sections("device/") if path.count("/") == 1]
    found = {}
    for device in devices:
        rollout = waits.of(DeviceId(bytes.fromhex(device)))
        found[device] = None if rollout is None else rollout.id
        counts = released(log, DeviceId(bytes.fromhex(device)), waits).head.seq
        assert counts == (log.head.seq if rollout is None else _began(log, rollout) - 1)
    return found


def _began(log: Log, rollout: Rollout) -> int:
    seq = log.position_of(rollout.change)
    assert seq is not None, "its change stands in the log"
    return seq


def counts_of(log: Log, waits: Waits) -> Json:
    """Return up to where the log counts for who waits for each rollout, and what is put back there."""
    found: Json = {}
    for rollout in waits.rollouts:
        later = [each for each in waits.rollouts if each.number >= rollout.number]
        places = sorted({(kept.section, kept.key) for each in later for kept in kept_of(log.state, each.id)})
        store = waits.before(rollout)
        rows = [[section, key, plain(store.value(section, key))] for section, key in places]
        found[rollout.id] = {"position": _began(log, rollout) - 1, "put_back": rows}
    return found
