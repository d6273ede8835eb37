"""People: who they are, what opens their keys, who of them owns the cluster."""

from collections.abc import Sequence

from dusk.changelog import views
from dusk.changelog.body import Change, Edit
from dusk.changelog.state import State
from dusk.control import names
from dusk.control.acting import edit_of, handed_in, signed, unchanged
from dusk.control.desk import Desk, Json, SealedKey, Session
from dusk.control.outside import check_here
from dusk.control.rights import able_user, granted_to_fewer, grants_of, user_named
from dusk.control.voiding import compromised_since
from dusk.errors import Refused
from dusk.ids import PublicKey, key_id
from dusk.keys.armour import parse_public_line, public_line
from dusk.listing import listed

_BY_LINE = "give the public line of a key that the person keeps, with --public-key"
GRANTS_SHOWN_MAX = 5
"""In a note."""
_BY_LOGIN = "log in with the password that is to be replaced: dusk login"

# --- looking -------------------------------------------------------------------------------------


def user_list(desk: Desk, _arguments: Json) -> Json:
    """Return all people, with what they may and how they sign."""
    state = desk.log.state
    rows = [
        {
            "name": user.name,
            "owner": user.owner,
            "disabled": user.disabled,
            "compromised_since": compromised_since(desk, key_id(user.public)),
            "signs_with": "key file" if user.sealed is None else "password",
            "key": public_line(user.public),
            "grants": grants_of(state, user.public),
        }
        for user in views.users(state)
    ]
    return {"users": rows, "quorum": state.quorum}


# --- changing ------------------------------------------------------------------------------------


def user_add(desk: Desk, arguments: Json) -> Json:
    """Add a person by a password, or by the public half of a key that never comes here."""
    session, state = desk.session(arguments["token"]), desk.log.state
    name, password, line = (
        names.component(arguments["name"], "user"),
        arguments["password"],
        arguments["public_key"],
    )
    former = next((user for user in views.users(state) if user.name == name), None)
    if former is not None:
        who = ", disabled for good" if former.disabled else " already"
        raise Refused(
            "user-exists", f"there is a user {name!r}{who}; names stay with whom they were given to"
        )
    if (password is None) == (line is None):
        raise Refused("bad-params", "a user has either a password or a public key")
    message = f"user {name} added"
    if line is not None:
        edits = (edit_of(state, f"user/{name}", "key", [parse_public_line(line)]),)
        return handed_in(desk, session, message, edits, arguments["timeout_s"])
    check_here(session.key, _BY_LINE)

    def build(sealed: SealedKey) -> tuple[Change, Json]:
        return signed(desk, session, message, _keyed(desk.log.state, name, sealed))

    ticket = desk.seal(name, password, None, build, arguments["timeout_s"])
    return {"ticket": ticket, "text": _said(desk, message)}


def user_passwd(desk: Desk, arguments: Json) -> Json:
    """Seal the session's key under another password; with ``new_key`` give a person another key."""
    session = desk.session(arguments["token"])
    name = arguments["name"] or session.user
    user = user_named(desk.log.state, name)
    if not arguments["new_key"]:
        return _reseal(desk, session, user, arguments)
    able_user(desk.log.state, name)
    message = f"user {name} has a new key"
    if arguments["public_key"] is not None:
        return _other_key(desk, session, user, message, arguments)
    _need_password(arguments)
    check_here(session.key, _BY_LINE)

    def build(sealed: SealedKey) -> tuple[Change, Json]:
        edits = [*_keyed(desk.log.state, name, sealed), *_owned(desk.log.state, user, sealed.public)]
        return signed(desk, session, message, edits)

    return {
        "ticket": desk.seal(name, arguments["password"], None, build, arguments["timeout_s"]),
        "text": _said(desk, message),
    }


def _other_key(desk: Desk, session: Session, user: views.User, message: str, arguments: Json) -> Json:
    """Give a person a key that is kept outside the cluster; the sealed one goes."""
    state, public = desk.log.state, parse_public_line(arguments["public_key"])
    edits = [edit_of(state, f"user/{user.name}", "key", [public]), *_owned(state, user, public)]
    if user.sealed is not None:
        edits.append(edit_of(state, f"user/{user.name}", "sealed", None))
    return handed_in(desk, session, message, edits, arguments["timeout_s"])


def _need_password(arguments: Json) -> None:
    if arguments["password"] is None:
        raise Refused("bad-params", "the parameter password is missing")


def _reseal(desk: Desk, session: Session, user: views.User, arguments: Json) -> Json:
    if user.name != session.user:
        raise Refused(
            "not-yours",
            f"nobody but {user.name} has the key that is locked with {user.name}'s password; whoever forgot"
            f" a password gets a new key from an owner: dusk user passwd {user.name} --new-key",
        )
    if user.sealed is None:
        raise Refused(
            "no-password",
            f"the key of {user.name} is kept in a file outside the cluster, without a password here",
        )
    _need_password(arguments)
    check_here(session.key, _BY_LOGIN)
    message = f"user {user.name} has a new password"

    def build(sealed: SealedKey) -> tuple[Change, Json]:
        edit = edit_of(desk.log.state, f"user/{user.name}", "sealed", [sealed.sealed])
        return signed(desk, session, message, (edit,))

    seed = session.key.seed
    return {
        "ticket": desk.seal(user.name, arguments["password"], seed, build, arguments["timeout_s"]),
        "text": message,
    }


def user_disable(desk: Desk, arguments: Json) -> Json:
    """End a person's right to sign, from this position of the log on."""
    session, state = desk.session(arguments["token"]), desk.log.state
    user = user_named(state, arguments["name"])
    edits = []
    if user.owner and arguments["owner_too"]:
        edits.append(edit_of(state, "trust", f"owner/{user.name}", None))
    if not user.disabled:
        edits.append(edit_of(state, f"user/{user.name}", "disabled", [True]))
    if not edits:
        return unchanged(f"{user.name} was disabled before")
    act = handed_in(desk, session, f"user {user.name} disabled", edits, arguments["timeout_s"])
    notes = [f"that is for good: whoever comes back as {user.name} is added by another name"]
    granted = grants_of(state, user.public)
    if granted:
        notes.append(
            f"still granted to {user.name}, who signs nothing there: {listed(granted, GRANTS_SHOWN_MAX)};"
            " `dusk grant PREFIX` with who is left takes the place of one, `dusk grant remove PREFIX` ends it"
        )
    return {**act, "notes": [*act["notes"], *notes]}


def owner_add(desk: Desk, arguments: Json) -> Json:
    """Make a user an owner."""
    session, state = desk.session(arguments["token"]), desk.log.state
    user = able_user(state, arguments["name"])
    if user.owner:
        return unchanged(f"{user.name} is an owner already")
    edit = edit_of(state, "trust", f"owner/{user.name}", [user.public])
    return handed_in(desk, session, f"{user.name} is an owner", (edit,), arguments["timeout_s"])


def owner_remove(desk: Desk, arguments: Json) -> Json:
    """Take the ownership from a user, who stays a user."""
    session, state, name = desk.session(arguments["token"]), desk.log.state, arguments["name"]
    if state.value("trust", f"owner/{name}") is None:
        raise Refused(
            "no-owner", f"{name!r} is no owner; the owners are {', '.join(sorted(state.owners().values()))}"
        )
    edit = edit_of(state, "trust", f"owner/{name}", None)
    return handed_in(desk, session, f"{name} is no owner any more", (edit,), arguments["timeout_s"])


def owner_quorum(desk: Desk, arguments: Json) -> Json:
    """Set how many owners must sign together what only owners may."""
    session, state, count = desk.session(arguments["token"]), desk.log.state, arguments["count"]
    if count == state.quorum:
        return unchanged(f"{count} of the owners must sign already")
    edit = edit_of(state, "trust", "quorum", [count])
    act = handed_in(desk, session, f"{count} of the owners must sign", (edit,), arguments["timeout_s"])
    return {**act, "notes": [*act["notes"], *_alone(state, count)]}


def _alone(state: State, quorum: int) -> list[str]:
    """Say what fewer owners than the quorum may change still: an owner counts for each grant."""
    fewer = listed(granted_to_fewer(state, quorum), GRANTS_SHOWN_MAX)
    why = "an owner counts for a grant as those whom it names"
    more = "`dusk grant PREFIX --threshold N` has more of them sign"
    return [f"fewer owners still change {fewer}: {why}; {more}"] if fewer else []


def _keyed(state: State, name: str, sealed: SealedKey) -> tuple[Edit, ...]:
    section = f"user/{name}"
    return (
        edit_of(state, section, "key", [sealed.public]),
        edit_of(state, section, "sealed", [sealed.sealed]),
    )


def _owned(state: State, user: views.User, public: PublicKey) -> tuple[Edit, ...]:
    """Give an owner's new key his ownership, and his grants (the log names keys by id)."""
    edits = [edit_of(state, "trust", f"owner/{user.name}", [public])] if user.owner else []
    return (*edits, *_renamed(state, user.public, public))


_KEY_IDS = {"trust": (0,), "passed": (0, 6)}
"""Where grants name people: who has them, and who passed them on."""


def _renamed(state: State, old: PublicKey, new: PublicKey) -> Sequence[Edit]:
    """Put a new key into the owners' grants in the place of the old one."""
    was, becomes = key_id(old), key_id(new)
    found = []
    for section, listing in _KEY_IDS.items():
        for key in state.records(section, "grant/"):
            row = state.value(section, key)
            assert row is not None, "it is listed"
            places = [place for place in listing if was in row[place]]
            for place in places:
                row[place] = sorted(becomes if k == was else k for k in row[place])
            if places:
                found.append(edit_of(state, section, key, row))
    return found


def _said(desk: Desk, message: str) -> str:
    """Say what an owner's change does while its key is still being sealed."""
    return message if desk.log.state.quorum == 1 else f"proposed: {message}"
