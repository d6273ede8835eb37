"""Methods that edit, show and sign a user's draft."""

from base64 import b64decode, b64encode
from collections.abc import Callable, Sequence
from dataclasses import replace

from dusk.changelog.body import Edit
from dusk.changelog.overlay import Overlay
from dusk.changelog.sections import check_record, parse_path
from dusk.changelog.state import State
from dusk.config.device import settings_of
from dusk.config.names import is_at_or_below
from dusk.config.settings import Edit as Request
from dusk.control import drafts, joinkeys, names, reading, roster, settings, words
from dusk.control.attesting import hand_in
from dusk.control.desk import Bench, Desk, Json, Session
from dusk.control.drafts import Draft, Sent
from dusk.control.expecting import require_groups
from dusk.control.fields import settings_answer
from dusk.control.foreseen import EFFECTS_MAX, effects_rows
from dusk.control.hints import RETURNS, STAYS, hints_on
from dusk.control.history import change_words
from dusk.control.outside import WRAPS, drawn
from dusk.control.proposing import Signed, foretold, proposed_in, signed_or_proposed
from dusk.control.reached import absent
from dusk.control.review import Review, check_agreed, reviewing
from dusk.control.reviewed import notes_on
from dusk.control.rollouts import TOGETHER, Wanted, planned
from dusk.control.sealing import sealer_of
from dusk.control.sharing import notes_of, propose_policy
from dusk.control.signing import sign
from dusk.control.steps import Steps
from dusk.errors import Refused, UntrustedInput
from dusk.ids import labelled_hash
from dusk.listing import listed

PROBLEMS_SHOWN_MAX = 5
_ALONE = frozenset({Request.DELETE, Request.UNSET, Request.LOCAL, Request.EXCLUSIVE})
"""Verbs that take no value."""


def _load(desk: Bench, session: Session) -> tuple[Draft, tuple[str, ...]]:
    stored = drafts.recognise(drafts.load(desk.draft(session.user)), desk.waiting(session.key.key_id))
    draft, notes = drafts.resolve(stored, desk.progress)
    draft, done = drafts.without_done(desk.log.state, draft)
    return draft, (*notes, *done)


def _edited(desk: Bench, arguments: Json, change: Callable[[State, Draft], Draft]) -> Json:
    """Carry out an edit on the caller's draft and store it, whole or not at all."""
    session = desk.session(arguments["token"])
    draft, notes = _load(desk, session)
    after = sealer_of(desk, session).carried(draft, change(desk.log.state, draft))
    drafts.check_size(after.edits)
    _store(desk, session, after)
    count = _count_changed(draft, after)
    total = len(drafts.visible(after.edits))
    edits = f"{total} edit{'s' if total != 1 else ''} in the draft"
    text = f"{count} changed, {edits}" if count else f"nothing changed, {edits}"
    new = [e for e in after.edits if e not in set(draft.edits)]
    store = Overlay(desk.log.state, after.all_edits)
    odd = [*hints_on(store, new), *notes_on(desk.reviewed(), store, new)]
    return {"changed": count, "edits": total, "text": text, "notes": [*notes, *odd]}


def _store(desk: Bench, session: Session, draft: Draft) -> None:
    if not drafts.visible(draft.edits):
        draft = replace(draft, edits=())
    data = drafts.stored(draft)
    if data != desk.draft(session.user):
        desk.store_draft(session.user, data)


def _count_changed(before: Draft, after: Draft) -> int:
    """Count the records about which the draft says something else than before."""
    old = {(e.section, e.key): e.data for e in drafts.visible(before.edits)}
    new = {(e.section, e.key): e.data for e in drafts.visible(after.edits)}
    return sum(1 for k in old.keys() | new.keys() if (k in old, old.get(k)) != (k in new, new.get(k)))


def draft_edit(desk: Bench, arguments: Json) -> Json:
    """Carry out a verb on keys of a target."""
    request = Request(arguments["verb"])
    rows: Sequence[tuple[str, tuple[str, ...]]] = arguments["edits"]
    for key, values in rows:
        if bool(values) == (request in _ALONE):
            raise Refused("bad-params", f"{key}: {request.value} takes {'no' if values else 'a'} value")

    def change(state: State, draft: Draft) -> Draft:
        section = names.target_section(state, arguments["target"])
        target = settings.Target(
            state, section, sealer, arguments["typed"], arguments["before"], arguments["mode"]
        )
        after = settings.change_settings(target, draft, request, rows)
        if arguments["former"] is not None:
            settings.check_seen(target, draft, after, arguments["former"])
        return after

    sealer = sealer_of(desk, desk.session(arguments["token"]))
    return _edited(desk, arguments, change)


def draft_import(desk: Bench, arguments: Json) -> Json:
    """Read a text of settings into the draft."""
    former, later = arguments["former"], arguments["later"]
    if former is not None and arguments["replace"]:
        raise Refused("bad-params", "former: a text that was edited replaces nothing else")
    if former is None and later is not None:
        raise Refused("bad-params", "later: goes with a former text")

    def change(state: State, draft: Draft) -> Draft:
        target = settings.Target(state, names.target_section(state, arguments["target"]), sealer)
        if former is not None:
            text, name = arguments["text"], arguments["name"]
            return settings.edited_settings(target, draft, (former, later), text, name)
        after = settings.import_settings(
            target, draft, arguments["text"], arguments["name"], is_replacing=arguments["replace"]
        )
        gone.extend(settings.secrets_gone(target, draft, after))
        return after

    gone: list[str] = []
    sealer = sealer_of(desk, desk.session(arguments["token"]))
    answer = _edited(desk, arguments, change)
    return {**answer, "notes": [*answer["notes"], *gone]}


def draft_text(desk: Desk, arguments: Json) -> Json:
    """Return what a target says with the draft on top, as text that can be edited."""
    session, state = desk.session(arguments["token"]), desk.log.state
    draft, _ = _load(desk, session)
    section = names.target_section(state, arguments["target"])
    target = settings.Target(state, section, sealer_of(desk, session))
    return {"target": arguments["target"], "text": settings.shown_settings(target, draft)}


def draft_settings(desk: Desk, arguments: Json) -> Json:
    """Return what a target says with the draft on top, each setting as fields."""
    session, state = desk.session(arguments["token"]), desk.log.state
    draft, _ = _load(desk, session)
    section = names.target_section(state, arguments["target"])
    said = settings_of(Overlay(state, draft.all_edits), section)
    answer = settings_answer(state, section, said, arguments["skip"])
    return {"target": arguments["target"], **answer}


def draft_show(desk: Desk, arguments: Json) -> Steps[Json]:
    """Return the draft as differences, with what is wrong with it."""
    session = desk.session(arguments["token"])
    draft, notes = _load(desk, session)
    found = yield from _review(desk, draft)
    waiting = [f"the change {sent.message!r} waits to be sent" for sent in draft.sent]
    refused, waits = _foretold(desk, session, draft)
    problems = [*(problem.text for problem in found.problems), *refused]
    return {
        "mark": _mark_of_edits(draft),
        "edits": len(drafts.visible(draft.edits)),
        "operations": words.diff_rows(found.differences),
        "text": words.diff_text(found.differences),
        "devices": list(found.concerned),
        "effects": effects_rows(found.effects),
        "effects_more": max(len(found.effects) - EFFECTS_MAX, 0),
        "marked": found.marked,
        "problems": problems,
        "notes": [*notes, *waiting, *problems, *waits, *found.notes],
    }


def _foretold(desk: Desk, session: Session, draft: Draft) -> tuple[list[str], list[str]]:
    """Say why a draft would be refused for what its author may, and what makes it a proposal.

    Behind a change that waits to be sent nothing is proposed: who writes decides upon what that leaves.
    """
    if draft.sent or not draft.edits:
        return [], []
    has_secrets = any(edit.key.startswith(WRAPS) for edit in draft.edits)
    try:
        ordered = sealer_of(desk, session).in_order(draft) if has_secrets else draft
        why = foretold(desk, session, ordered.edits)
    except Refused as error:
        return [error.reason], []
    return [], [f"`dusk commit` makes a proposal of this, which others sign: {why}"] if why else []


def _review(desk: Desk, draft: Draft) -> Steps[Review]:
    state = desk.log.state
    bases = {r.base for e in drafts.stale(state, draft) if (r := state.record(e.section, e.key)) is not None}
    author_of = {base: change_words(desk, base) for base in bases}
    return (yield from reviewing(state, draft, author_of, desk.reviewed()))


def draft_discard(desk: Desk, arguments: Json) -> Json:
    """Forget edits that are not yet sent: all, or those of a target; a damaged draft goes as a whole."""
    session, target, key = desk.session(arguments["token"]), arguments["target"], arguments["key"]
    if key and not target:
        raise Refused("bad-params", "a key is of a target")
    try:
        draft, _ = _load(desk, session)
    except Refused:
        if target:
            raise
        draft = Draft()
    state = desk.log.state
    kept = tuple(e for e in draft.edits if target and not _is_of(state, e, target, key))
    if target and len(kept) == len(draft.edits):
        raise Refused(
            "not-in-draft", f"the draft has no edit of {f'{target} {key}'.strip()}; `dusk draft` shows it"
        )
    _store(desk, session, replace(draft, edits=kept))
    return {"discarded": len(draft.edits) - len(kept)}


def _is_of(state: State, edit: Edit, target: str, key: str) -> bool:
    """Tell whether an edit stands below a heading of the draft, and is of a key or what is below that."""
    item, _ = words.describe(state, edit.section, edit.key, None)
    item = item.removeprefix("variable ").removeprefix("member ")
    is_meant = not key or is_at_or_below(item, key)
    return names.section_title(state, edit.section) == target and is_meant


# --- signing -------------------------------------------------------------------------------------


def draft_commit(desk: Desk, arguments: Json) -> Steps[Json]:
    """Check the draft, sign it as one change, and submit it; a repeated commit waits on."""
    session = desk.session(arguments["token"])
    draft, notes = _load(desk, session)
    if not draft.edits:
        return _resume(desk, session, draft, arguments, notes)
    if arguments["mark"] not in (None, _mark_of_edits(draft)):
        raise Refused(
            "draft-changed", "your draft was edited elsewhere meanwhile; look at it again, then sign"
        )
    draft = sealer_of(desk, session).in_order(draft)
    if not draft.sent:
        foretold(desk, session, draft.edits)  # nobody says yes to what is refused anyway
    found = yield from check_reviewed(desk, draft, is_agreed=arguments["yes"])
    if len(draft.sent) >= drafts.SENT_MAX:
        raise Refused("too-many-waiting", f"{len(draft.sent)} of your changes wait to be sent; wait for them")
    wanted = Wanted.of(arguments)
    edits = (*draft.edits, *planned(desk, session, wanted, found.concerned))
    if draft.sent:
        made = Signed(sign(desk, session, arguments["message"], edits), "", ())
    else:
        made = signed_or_proposed(desk, session, arguments["message"], edits)
    change = made.change
    sent = Sent(change.id, arguments["message"], draft.edits)
    answer = {"devices_concerned": list(found.concerned), "proposal": made.proposal or None}
    ticket = hand_in(desk, session, change, arguments["timeout_s"], answer)
    desk.store_draft(session.user, Draft((), (*draft.sent, sent)).encode())
    away = absent(desk, found.concerned, wanted.failures_max) if wanted.how == TOGETHER else []
    return {"ticket": ticket, "hash": change.id.hex(), "notes": [*notes, *made.notes, *found.notes, *away]}


def check_reviewed(desk: Desk, draft: Draft, *, is_agreed: bool) -> Steps[Review]:
    """Refuse what has problems on some router, or needs a yes; return what it does."""
    found = yield from _review(desk, draft)
    if found.problems:
        texts = [problem.text for problem in found.problems]
        raise Refused(found.problems[0].code, listed(texts, PROBLEMS_SHOWN_MAX, "; "))
    check_agreed(found, is_agreed=is_agreed)
    return found


def _resume(desk: Desk, session: Session, draft: Draft, arguments: Json, notes: tuple[str, ...]) -> Json:
    if not draft.sent:
        why = f"; {notes[0]}" if notes else ""
        raise Refused("empty-draft", f"the draft is empty, there is nothing to commit{why}")
    last = draft.sent[-1]
    waits = [change for change in desk.waiting(session.key.key_id) if change.id == last.change]
    proposal = next((name for change in waits if (name := proposed_in(change))), None)
    ticket = desk.resume(last.change, arguments["timeout_s"], {"proposal": proposal})
    resumed = f"nothing new to sign; waiting for {last.message!r}, which was signed before"
    return {"ticket": ticket, "hash": last.change.hex(), "notes": [*notes, resumed]}


def joinkey_create(desk: Desk, arguments: Json) -> Json:
    """Make a join key and submit its record, or propose it; the ticket's result has the key's line.

    The secret half stands in no change, so the line is worth keeping while the record waits for signatures.
    """
    session = desk.session(arguments["token"])
    time = desk.wall_time()
    time_s = int.from_bytes(drawn(session.key, "time", time.time_s.to_bytes(8)))
    require_groups(desk, session, arguments["groups"])
    wanted = joinkeys.Limits(
        uses=arguments["uses"],
        expires_s=arguments["expires_s"],
        groups=arguments["groups"],
        is_auto=arguments["auto"],
        labels=arguments["labels"],
        rebind=arguments["rebind"],
        template=arguments["name"],
    )
    key, edit = joinkeys.create(
        desk.log,
        wanted,
        time_s=time_s if time.trusted else None,
        addresses=desk.addresses(),
        random_bytes=lambda size: drawn(session.key, "join key", desk.random_bytes(size)),
    )
    made = signed_or_proposed(desk, session, f"join key {key.id[:8]}", (edit,))
    answer = {"id": key.id, "line": key.line(), "notes": list(made.notes), "proposal": made.proposal or None}
    ticket = hand_in(desk, session, made.change, arguments["timeout_s"], answer)
    return {"ticket": ticket, "id": key.id}


# --- verbs of policies, groups, variables ----------------------------------------------------------


def policy_delete(desk: Desk, arguments: Json) -> Json:
    """Delete a policy in the draft."""
    return _edited(desk, arguments, lambda s, d: roster.delete_policy(s, d, arguments["name"]))


def policy_rename(desk: Desk, arguments: Json) -> Json:
    """Rename a policy in the draft."""
    name, new_name = arguments["name"], arguments["new_name"]
    return _edited(desk, arguments, lambda s, d: roster.rename_policy(s, d, name, new_name))


def policy_assign(desk: Desk, arguments: Json) -> Json:
    """Assign a policy in the draft."""
    name, to, targets = arguments["name"], arguments["to"], arguments["names"]
    priority = arguments["priority"]
    return _edited(
        desk, arguments, lambda s, d: roster.assign_policy(s, d, name, to, targets, priority=priority)
    )


def policy_unassign(desk: Desk, arguments: Json) -> Json:
    """Take a policy's assignment away in the draft."""
    name, is_given_back = arguments["name"], arguments["restore_local"]
    done = _edited(
        desk, arguments, lambda s, d: roster.unassign_policy(s, d, name, is_given_back=is_given_back)
    )
    note = RETURNS if is_given_back else STAYS
    return {**done, "notes": [*done["notes"], *([note] if done["changed"] else [])]}


def policy_propose(desk: Bench, arguments: Json) -> Json:
    """Make a policy, in the draft, of what several routers say alike in their own settings."""
    name, group, routers = arguments["name"], arguments["group"], arguments["devices"]
    notes: list[str] = []

    def change(state: State, draft: Draft) -> Draft:
        proposed = propose_policy(Overlay(state, draft.all_edits), draft, name, group, routers)
        notes.extend(notes_of(proposed))
        return proposed.draft

    answer = _edited(desk, arguments, change)
    return {**answer, "notes": [*answer["notes"], *notes]}


def group_create(desk: Desk, arguments: Json) -> Json:
    """Make a group in the draft."""
    return _edited(desk, arguments, lambda s, d: roster.create_group(s, d, arguments["name"]))


def group_delete(desk: Desk, arguments: Json) -> Json:
    """Delete a group in the draft."""
    return _edited(desk, arguments, lambda s, d: roster.delete_group(s, d, arguments["name"]))


def group_add(desk: Desk, arguments: Json) -> Json:
    """Put devices into a group in the draft."""
    name, devices = arguments["name"], arguments["devices"]
    return _edited(desk, arguments, lambda s, d: roster.add_to_group(s, d, name, devices))


def group_remove(desk: Desk, arguments: Json) -> Json:
    """Take devices out of a group in the draft."""
    name, devices = arguments["name"], arguments["devices"]
    return _edited(desk, arguments, lambda s, d: roster.remove_from_group(s, d, name, devices))


def group_select(desk: Desk, arguments: Json) -> Json:
    """Say in the draft which devices a group selects by their facts."""
    name, rows = arguments["name"], arguments["facts"]
    return _edited(desk, arguments, lambda s, d: roster.select_for_group(s, d, name, rows))


def group_allow(desk: Bench, arguments: Json) -> Json:
    """Let devices that a group selects by their facts read its secrets, in the draft."""
    name, devices = arguments["name"], arguments["devices"]
    return _edited(desk, arguments, lambda s, d: reading.allow(s, d, name, devices))


def group_deny(desk: Bench, arguments: Json) -> Json:
    """Take back in the draft that devices may read the secrets of a group."""
    name, devices = arguments["name"], arguments["devices"]
    return _edited(desk, arguments, lambda s, d: reading.deny(s, d, name, devices))


def var_set(desk: Bench, arguments: Json) -> Json:
    """Give variables a value in the draft."""
    scope, rows = arguments["scope"], arguments["variables"]
    sealer = sealer_of(desk, desk.session(arguments["token"])) if arguments["secret"] else None
    return _edited(desk, arguments, lambda s, d: roster.set_variables(s, d, scope, rows, sealer))


def var_unset(desk: Desk, arguments: Json) -> Json:
    """Remove variables in the draft."""
    scope, wanted = arguments["scope"], arguments["names"]
    return _edited(desk, arguments, lambda s, d: roster.unset_variables(s, d, scope, wanted))


# --- drafts that are edited where the key is (`athome.py`) -------------------------------------------


def draft_load(desk: Desk, arguments: Json) -> Json:
    """Return the draft's bytes, and a mark by which `draft_store` knows that nobody else edited it."""
    session = desk.session(arguments["token"])
    draft, notes = _load(desk, session)
    data = draft.encode()
    return {"draft": b64encode(data).decode(), "mark": _mark(data), "notes": list(notes)}


def draft_store(desk: Desk, arguments: Json) -> Json:
    """Keep edits that were made elsewhere; what was sent is this device's alone to say."""
    session = desk.session(arguments["token"])
    draft, _ = _load(desk, session)
    if _mark(draft.encode()) != arguments["mark"]:
        raise Refused("draft-changed", "your draft was edited elsewhere meanwhile; do this again")
    try:
        wanted = drafts.decode_draft(b64decode(arguments["draft"], validate=True))
        for edit in wanted.edits:
            check_record(parse_path(edit.section), edit.key, edit.data)
    except (ValueError, UntrustedInput):
        raise Refused("bad-params", "draft: not a draft as one line of base64") from None
    drafts.check_size(wanted.edits)
    _store(desk, session, replace(draft, edits=wanted.edits))
    return {}


def _mark_of_edits(draft: Draft) -> str:
    return _mark(Draft(draft.edits).encode())


def _mark(data: bytes) -> str:
    return labelled_hash(b"dusk.draft", data).hex()
