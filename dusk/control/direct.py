"""Methods that the daemon answers by itself: its status, sessions, tickets."""

from dusk.control.desk import Desk, Json
from dusk.errors import Refused


def login(desk: Desk, arguments: Json) -> Json:
    """Begin to unlock a person's key."""
    return {"ticket": desk.login(arguments["user"], arguments["password"])}


def challenge(desk: Desk, arguments: Json) -> Json:
    """Return what a key outside the cluster signs to open a session."""
    return desk.challenge(arguments["user"])


def open_session(desk: Desk, arguments: Json) -> Json:
    """Open a session for who has signed a challenge."""
    sent, signature = (bytes.fromhex(arguments[name]) for name in ("challenge", "signature"))
    return desk.open_session(arguments["user"], sent, signature)


def logout(desk: Desk, arguments: Json) -> Json:
    """End the caller's session."""
    desk.logout(arguments["token"])
    return {}


def sessions(desk: Desk, arguments: Json) -> Json:
    """Return who is logged in at this device."""
    desk.session(arguments["token"], is_use=False)
    return {"sessions": list(desk.sessions())}


def end_sessions(desk: Desk, arguments: Json) -> Json:
    """End the sessions of a user: one's own, or as an owner anybody's."""
    session, user = desk.session(arguments["token"]), arguments["user"]
    if user != session.user and session.key.key_id not in desk.log.state.owners():
        raise Refused("missing-signatures", "owners end the sessions of others")
    return {"ended": desk.end_sessions(user)}


def whoami(desk: Desk, arguments: Json) -> Json:
    """Return whose session it is, and when it ends; asking that keeps none alive."""
    session = desk.session(arguments["token"], is_use=False)
    return {"user": session.user, "key": session.key.key_id.hex(), **desk.session_left(arguments["token"])}


def status(desk: Desk, _arguments: Json) -> Json:
    """Return the fields of ``dusk status``."""
    return desk.status()


def join(desk: Desk, arguments: Json) -> Json:
    """Begin to join with a join key."""
    desk.join(arguments["line"])
    return {}


def cancel_join(desk: Desk, _arguments: Json) -> Json:
    """Take a join back that was begun."""
    return {"ticket": desk.cancel_join()}


def poll(desk: Desk, arguments: Json) -> Json:
    """Return how far a ticket is."""
    return desk.poll(arguments["ticket"])


def refresh(desk: Desk, _arguments: Json) -> Json:
    """Ask for everybody's newest status."""
    return {"ticket": desk.refresh()}


def reread(desk: Desk, _arguments: Json) -> Json:
    """Have this device's own settings read again."""
    return {"ticket": desk.reread()}
