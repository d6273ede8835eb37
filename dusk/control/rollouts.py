"""Rollouts for people: into waves when a draft is signed, how far they are, and what is said to them."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from dusk import codec, limits
from dusk.changelog import rollouts, views
from dusk.changelog.body import Edit
from dusk.changelog.former import PART, ROLLOUT, kept_of
from dusk.changelog.released import Waits, head_before
from dusk.changelog.rollouts import ABORT, DONE, FORCE, GO, HOLD, ORDER, PLAN, Order
from dusk.changelog.state import State
from dusk.control import history, names, reached
from dusk.control.acting import edit_of, handed_in
from dusk.control.desk import Desk, Json, Peer, Session
from dusk.control.drafts import written_by
from dusk.control.outside import drawn
from dusk.control.reached import ID_DIGITS
from dusk.control.reverting import reviewed
from dusk.control.review import check_agreed
from dusk.control.steps import Steps
from dusk.errors import Refused
from dusk.ids import ChangeId, DeviceId

ALL, CANARY, WAVES, TOGETHER = "all", "canary", "waves", "together"
HOW = (ALL, CANARY, WAVES, TOGETHER)
ROLLOUTS_SHOWN_MAX, DEVICES_SHOWN_MAX = 100, 200
_WORDS_READ_MAX = 16
"""Words to hold, one behind the other, behind which what was said before is looked for."""
_STAGED = {"state": "staging", "why": "all get ready, and switch together once they are"}
_SWITCHED = {"state": "switching", "why": "all were told to switch; it stays once most have, or goes back"}
_STAYED = {"state": "running", "why": "most have switched; it is done when nobody is waited for any more"}
_OVER = {DONE: "done", ABORT: "aborted", FORCE: "forced"}
_ENDED = {DONE: "", ABORT: "", FORCE: "it went to all at once"}
"""What the state does not say of itself."""


# --- when a draft is signed ------------------------------------------------------------------------


class Wanted(NamedTuple):
    """How a draft is to be rolled out, as a person says it.

    Attributes:
        how: `ALL`, `CANARY`, `WAVES` or `TOGETHER`.
        parts: of `CANARY` names of devices; of `WAVES` shares (``10%``, rising) and names of groups.
        failures_max: devices that may fail before it stops.
        is_held: whether it waits for a person to start it.
    """

    how: str
    parts: Sequence[str]
    failures_max: int
    is_held: bool

    @classmethod
    def of(cls, arguments: Json) -> "Wanted":
        """Read what ``draft.commit`` was asked."""
        fields = ("rollout", "waves", "failures", "hold")
        return cls(*(arguments[name] for name in fields))


def planned(desk: Desk, session: Session, wanted: Wanted, concerned: Sequence[str]) -> tuple[Edit, ...]:
    """Return what makes a change a rollout; nothing where it goes to all at once.

    Args:
        desk: the daemon.
        session: who signs.
        wanted: by them.
        concerned: names of the devices that the change concerns.

    Raises:
        Refused: ``no-waves`` or ``bad-wave``.
    """
    if wanted.parts and (wanted.how == TOGETHER or (wanted.how == ALL and not wanted.is_held)):
        raise Refused("bad-wave", "waves are for --rollout waves, or the routers of --rollout canary")
    if wanted.how == ALL and not wanted.is_held:
        return ()
    if not concerned:
        raise Refused("no-waves", "no router's settings change: there is nothing to roll out in waves")
    state = desk.log.state
    devices = _in_order(desk, [names.device_id(state, name) for name in concerned])
    waves = list(_waves(state, wanted, devices, desk))
    section = ROLLOUT + drawn(session.key, "rollout", desk.random_bytes(16)).hex()
    edits = [_edit(section, PLAN, (len(waves), wanted.failures_max))]
    is_together = wanted.how == TOGETHER
    if is_together:
        edits.append(_edit(section, rollouts.TOGETHER, (True,)))
    parts = [
        (number, sorted(wave[at : at + limits.WAVE_PART_DEVICES_MAX]))
        for number, wave in enumerate(waves if is_together else waves[:-1])
        for at in range(0, len(wave), limits.WAVE_PART_DEVICES_MAX)
    ]
    edits += [_edit(section, f"{PART}{at}", part) for at, part in enumerate(parts)]
    if wanted.is_held:
        edits.append(_edit(section, ORDER, (HOLD, 0, None)))
    return tuple(edits)


def _edit(section: str, key: str, row: Sequence[object]) -> Edit:
    return Edit(section, key, codec.pack(row), None)


def _in_order(desk: Desk, devices: Sequence[DeviceId]) -> list[DeviceId]:
    """Return devices, those first that are the best to try something on: there, and not the master."""
    state, peers = desk.log.state, desk.peers()
    holders = views.succession(state)

    def place(device: DeviceId) -> tuple[bool, bool, bool, str]:
        is_there = device in peers and peers[device].online
        return not is_there, device == desk.log.leader, device in holders, names.device_name(state, device)

    return sorted(devices, key=place)


def _waves(
    state: State, wanted: Wanted, devices: Sequence[DeviceId], desk: Desk
) -> Iterator[Sequence[DeviceId]]:
    """Yield the waves; the last one has all that are left, and is there even if that is nobody."""
    left = list(devices)
    if wanted.how == CANARY:
        chosen = [names.device_id(state, name) for name in wanted.parts] or left[:1]
        if not all(device in left for device in chosen):
            raise Refused("bad-wave", "a canary is a router whose settings the change concerns")
        if not wanted.parts and not _is_there(desk, chosen[0]):
            raise Refused("bad-wave", "no router that the change concerns is online to try it on")
        yield chosen
        left = [device for device in left if device not in chosen]
    elif wanted.how == WAVES:
        if not wanted.parts:
            raise Refused("bad-wave", "say the waves: shares such as 10%,50%, or names of groups")
        _check_rising([part for part in wanted.parts if part.endswith("%")])
        for part in wanted.parts:
            wave = _part(state, part, devices, left)
            left = [device for device in left if device not in wave]
            if wave and left:
                yield wave
            elif wave:
                left = wave
                break
    yield left


def _is_there(desk: Desk, device: DeviceId) -> bool:
    peer = desk.peers().get(device)
    return peer is not None and peer.online


def _check_rising(shares: Sequence[str]) -> None:
    """Refuse shares of which a later one is smaller: each says how many have it by then, of all."""
    counted = [int(share[:-1]) for share in shares if _is_share(share)]
    for before, share in pairwise(counted):
        if share < before:
            text = f"{share}% behind {before}%: a wave is up to a share of all, so shares rise"
            raise Refused("bad-wave", text)


def _is_share(part: str) -> bool:
    share = part.removesuffix("%")
    return share.isascii() and share.isdecimal() and len(share) <= 3 and 0 < int(share) <= 100


def _part(state: State, part: str, devices: Sequence[DeviceId], left: Sequence[DeviceId]) -> list[DeviceId]:
    """Return who of those that are left is in a wave: up to a share of all, or in a group."""
    if part.endswith("%"):
        if not _is_share(part):
            raise Refused("bad-wave", f"{part!r}: a share is 1% to 100%")
        count = -(-len(devices) * int(part[:-1]) // 100) - (len(devices) - len(left))
        return list(left[: max(0, count)])
    if part not in views.group_names(state):
        raise Refused("bad-wave", f"{part!r}: neither a share such as 10% nor a group")
    group = {device for device in devices if part in views.groups_in_effect(state, device)}
    if not group:
        raise Refused("bad-wave", f"group {part!r} has no router that the change concerns")
    return [device for device in left if device in group]


# --- looking -------------------------------------------------------------------------------------


def rollout_list(desk: Desk, arguments: Json) -> Steps[Json]:
    """Return rollouts, the newest first, a page at a time: those that have ended are never forgotten.

    Of those that are paused, changes are read from the disk: each rollout is a step.
    """
    state, after = desk.log.state, arguments["after"]
    found = sorted((desk.log.position_of(_change_of(state, name)) or 0, name) for name in _all(state))
    newest = [name for _, name in reversed(found)]
    left = newest[newest.index(_find(state, after)) + 1 :] if after else newest
    rows = []
    for name in left[:ROLLOUTS_SHOWN_MAX]:
        rows.append(_row(desk, name))
        yield
    return {"rollouts": rows, "more": len(left) > len(rows)}


def rollout_show(desk: Desk, arguments: Json) -> Json:
    """Return one rollout with its waves, and how far each device is, a page of devices at a time."""
    name = _find(desk.log.state, arguments["id"])
    waves, is_more = _waves_shown(desk, name, arguments["after"])
    return {**_row(desk, name), "waves": waves, "more": is_more}


def _all(state: State) -> list[str]:
    found = (path.removeprefix(ROLLOUT) for path in state.sections(ROLLOUT))
    return [name for name in found if rollouts.plan_of(state, name) is not None]


def _find(state: State, wanted: str) -> str:
    found = [name for name in _all(state) if name.startswith(wanted.lower())]
    if len(wanted) < ID_DIGITS or len(found) != 1:
        raise Refused("no-rollout", f"there is no rollout {wanted!r}; `dusk rollout list` shows them")
    return found[0]


def _change_of(state: State, name: str) -> ChangeId:
    record = state.record(ROLLOUT + name, PLAN)
    assert record is not None, "it was found by that"
    return record.base


def _row(desk: Desk, name: str) -> Json:
    state = desk.log.state
    plan, progress = rollouts.plan_of(state, name), rollouts.progress_of(state, name)
    assert plan is not None, "it was found by that"
    order = rollouts.order_of(state, name)
    by = history.origin_of(desk, _change_of(state, name))
    return {
        "id": name[:ID_DIGITS],
        "seq": by["seq"],
        "message": by["message"],
        "author": by["author"],
        "time": by["time"],
        "wave": min(progress.opened, plan.waves),
        "waves_count": plan.waves,
        "together": plan.together,
        "failures_max": _allowed(desk, name),
        "starts": order.not_before_s or None,
        "ended": progress.ended or None,
        **_state(desk, name),
    }


def _allowed(desk: Desk, name: str) -> int | None:
    """Return how many devices may fail; None if that was said before a pause and is not kept any more."""
    state = desk.log.state
    rollout = rollouts.plan_of(state, name)
    assert rollout is not None, "it was found by that"
    if rollouts.progress_of(state, name).ended:
        return rollout.failures_max if (last := rollouts.order_of(state, name).failures_max) is None else last
    try:
        said = _said_last(desk, name)
    except Refused:
        return None
    return rollout.failures_max if said is None else said


def _said_last(desk: Desk, name: str) -> int | None:
    """Return how many devices may fail by the last word that could say so: to hold it says nothing of that.

    Returns:
        None: as the plan says.

    Raises:
        Refused: ``compacted``: what was said before it was paused is not kept any more.
    """
    state, section = desk.log.state, ROLLOUT + name
    order, record = rollouts.order_of(state, name), state.record(section, ORDER)
    base = None if record is None else record.base
    for _ in range(_WORDS_READ_MAX):
        if order.word != HOLD or base is None or base == _change_of(state, name):
            return order.failures_max
        base, order = _before(desk, section, base)
    raise _forgotten(section)


def _before(desk: Desk, section: str, by: ChangeId) -> tuple[ChangeId | None, Order]:
    """Return what was said of a rollout before a change that said something, and by which change."""
    change = history.change_of(desk, by)
    if change is None:
        raise _forgotten(section)
    (base,) = (o.base for o in change.body.operations if (o.section, o.key) == (section, ORDER))
    if base is None:
        return None, Order(GO, 0, None)
    former = history.change_of(desk, base)
    if former is None:
        raise _forgotten(section)
    (data,) = (e.data for e in written_by(former) if (e.section, e.key) == (section, ORDER))
    assert data is not None, "what is said of a rollout is never deleted"
    return base, Order(*codec.unpack(data, size_max=limits.VALUE_BYTES_MAX))


def _forgotten(section: str) -> Refused:
    ident = section.removeprefix(ROLLOUT)[:ID_DIGITS]
    why = "how many routers may fail was said before it was paused, and is not kept any more"
    return Refused("compacted", f"rollout {ident}: {why}; say it again with --failures N")


def _state(desk: Desk, name: str) -> Json:
    """Return the state of a rollout as a word and as a line for people, and whether it is stuck."""
    stuck = reached.is_stuck(desk, name)
    return {**_said(desk, name, stuck=stuck), "stuck": stuck}


def _said(desk: Desk, name: str, *, stuck: bool) -> Json:
    state = desk.log.state
    progress, order = rollouts.progress_of(state, name), rollouts.order_of(state, name)
    if progress.ended:
        return {"state": progress.ended, "why": _ENDED[progress.ended]}
    if progress.stopped_by:
        return {"state": "stopped", "why": _failure(desk, name, progress.stopped_by)}
    plan = rollouts.plan_of(state, name)
    is_together = plan is not None and plan.together
    if is_together and progress.opened:
        return dict(_SWITCHED if progress.opened == rollouts.SWITCHED else _STAYED)
    if order.word == HOLD:
        begun = "paused" if progress.opened else "held"
        how = "resume" if progress.opened else "start"
        return {"state": begun, "why": f"waits for a person: `dusk rollout {how} {name[:ID_DIGITS]}`"}
    if is_together and not order.not_before_s:
        return dict(_STAGED)
    if not progress.opened:
        return {"state": "scheduled", "why": "waits for its time, by the clock of who leads"}
    if stuck:
        return {"state": "running", "why": f"{reached.nobody(progress.opened)}, so it goes no further"}
    return {"state": "running", "why": "goes on when those that it has reached have it in effect"}


def stopped(desk: Desk) -> list[str]:
    """Return a line for people for each rollout that a failure keeps from going on, with what can be done."""
    state, found = desk.log.state, []
    for one in rollouts.under_way(state):
        device, ident = one.progress.stopped_by, one.id[:ID_DIGITS]
        stuck = reached.is_stuck(desk, one.id)
        goes_on = f"`dusk rollout force {ident}`" if stuck else f"`dusk rollout resume {ident} --failures N`"
        can = f"{goes_on} {'sends it to all' if stuck else 'goes on'}, `abort` takes it back"
        if device:
            found.append(f"rollout {ident} stopped: {_failure(desk, one.id, device)}; {can}")
        elif stuck:
            found.append(f"rollout {ident} goes no further: {reached.nobody(one.progress.opened)}; {can}")
    return found


def _failure(desk: Desk, name: str, device: str) -> str:
    """Say which router failed, and why if it still says so."""
    state, found = desk.log.state, DeviceId(bytes.fromhex(device))
    peer = desk.peers().get(found)
    (rollout,) = (each for each in rollouts.under_way(state) if each.id == name)
    if peer is None or not peer.online:
        said = "was not heard any more"
    elif rollout.plan.together:
        said = "could not switch with the others" + (f": {peer.reason}" if peer.reason else "")
    elif peer.applied_seq > head_before(desk.log, rollout).seq:
        said = "failed, and has it in effect by now"
    else:
        said = f"failed: {peer.reason}" if peer.reason else "failed"
    return f"{names.device_name(state, found)} {said}"


def _waves_shown(desk: Desk, name: str, after: str) -> tuple[list[Json], bool]:
    """Return the waves with a page of their devices, and whether there are more.

    Of one that has ended those that were named, as long as the log keeps the change that named them.
    """
    state, waits = desk.log.state, Waits(desk.log.state)
    running = next((each for each in waits.rollouts if each.id == name), None)
    plan = rollouts.plan_of(state, name)
    assert plan is not None, "it was found by that"
    waves: list[list[Json]] = [[] for _ in range(plan.waves)]
    named, peers = _named_then(desk, name) if running is None else {}, desk.peers()
    shown, is_more = 0, False
    for member in names.members(state):
        device = member.device_id
        if member.name <= after:
            continue
        if running is None:
            wave = named.get(device.hex())
        else:
            wave = waits.wave_of(running, device) if waits.concerns(running, device) else None
        if wave is None:
            continue
        if shown == DEVICES_SHOWN_MAX:
            is_more = True
            break
        peer = peers.get(device)
        said = (
            reached.how_far(desk.log, waits, running, device, peer)
            if running
            else _followed(desk, name, peer)
        )
        waves[wave].append({"name": member.name, **said})
        shown += 1
    progress = rollouts.progress_of(state, name)
    opened = plan.waves if progress.ended == FORCE else progress.opened
    found = [
        {"wave": number, "open": number <= opened, "devices": wave} for number, wave in enumerate(waves, 1)
    ]
    return found, is_more


def _named_then(desk: Desk, name: str) -> dict[str, int]:
    """Return hex id → wave (from 0) as the change has them that began a rollout; nothing if that is gone."""
    change = history.change_of(desk, _change_of(desk.log.state, name))
    written = () if change is None else written_by(change)
    parts = (e.data for e in written if e.section == ROLLOUT + name and e.key.startswith(PART))
    return rollouts.waves_in(data for data in parts if data is not None)


def _followed(desk: Desk, name: str, peer: Peer | None) -> Json:
    """Return how far a device is with one that has ended: nothing where waves were taken back."""
    state = desk.log.state
    plan, seq = rollouts.plan_of(state, name), desk.log.position_of(_change_of(state, name))
    is_over = plan is None or (not plan.together and rollouts.progress_of(state, name).ended == ABORT)
    if is_over or seq is None:
        return {"state": "", "reason": ""}
    return reached.stage(peer, seq - 1)


# --- deciding ------------------------------------------------------------------------------------

_SAID = {"start": "started", "pause": "paused", "resume": "resumed", "abort": "aborted", "force": "forced"}
_WORDS = {"start": GO, "pause": HOLD, "resume": GO, "abort": ABORT, "force": FORCE}


def rollout_order(desk: Desk, arguments: Json) -> Steps[Json]:
    """Sign what becomes of a rollout."""
    session, state = desk.session(arguments["token"]), desk.log.state
    name, what = _find(state, arguments["id"]), arguments["what"]
    now = _state(desk, name)
    if now["state"] in _OVER:
        raise Refused("rollout-over", f"rollout {name[:ID_DIGITS]} has ended: {_OVER[now['state']]}")
    if what == "start" and now["state"] not in ("held", "scheduled"):
        raise Refused(
            "rollout-started", f"rollout {name[:ID_DIGITS]} has begun, and is {now['state']}: {now['why']}"
        )
    if what == "resume" and now["state"] not in ("paused", "stopped"):
        raise Refused(
            "not-paused",
            f"rollout {name[:ID_DIGITS]}: there is nothing to resume, it is {now['state']}: {now['why']}",
        )
    if what == "resume" and now["stuck"]:
        opened = rollouts.progress_of(state, name).opened
        ident = name[:ID_DIGITS]
        raise Refused(
            "wave-failed",
            f"rollout {ident}: {reached.nobody(opened)}: however many may fail, no further wave begins; "
            f"`dusk rollout force {ident}` sends it to all, `dusk rollout abort {ident}` takes it back",
        )
    if what == "pause" and not _can_pause(state, name):
        raise Refused(
            "nothing-to-pause",
            f"rollout {name[:ID_DIGITS]}: there is nothing to pause, it is {now['state']}: {now['why']}",
        )
    failures_max = None
    if what in ("start", "resume"):
        failures_max = arguments["failures"]
        failures_max = _said_last(desk, name) if failures_max is None else failures_max
    row = (_WORDS[what], arguments["at_s"] if what == "start" else 0, failures_max)
    edits = [edit_of(state, ROLLOUT + name, ORDER, row)]
    notes: tuple[str, ...] = ()
    if what == "abort":
        back = tuple(_put_back(state, name))
        notes = yield from _agreed(desk, name, back, is_agreed=arguments["yes"])
        edits += back
    message = f"rollout {name[:ID_DIGITS]} {_SAID[what]}"
    made = handed_in(desk, session, message, edits, arguments["timeout_s"])
    return {**made, "notes": [*made["notes"], *notes]}


def _can_pause(state: State, name: str) -> bool:
    """Tell whether a word to hold would hold anything: not twice, and not half of a switch."""
    plan, opened = rollouts.plan_of(state, name), rollouts.progress_of(state, name).opened
    is_switched = plan is not None and plan.together and opened
    return rollouts.order_of(state, name).word != HOLD and not is_switched


def _agreed(desk: Desk, name: str, back: Sequence[Edit], *, is_agreed: bool) -> Steps[tuple[str, ...]]:
    """Look at what is taken back before it is signed, as at any edit; return what is to be noted.

    Raises:
        Refused: ``bad-config``; ``needs-yes``, unless no router has any of it in effect yet.
    """
    seen = yield from reviewed(desk, back)
    check_agreed(seen, is_agreed=is_agreed or not rollouts.progress_of(desk.log.state, name).opened)
    return seen.notes


def _put_back(state: State, name: str) -> Iterator[Edit]:
    """Yield what takes back what a rollout brought, where nobody has changed that since."""
    change = _change_of(state, name)
    for kept in kept_of(state, name):
        record = state.record(kept.section, kept.key)
        if kept.is_own and record is not None and record.base == change:
            yield Edit(kept.section, kept.key, kept.data, change)
