"""Joining by hand: a person at the new router lets it in, with the rights that he has in the cluster.

The router's own daemon signs who it is; a member's daemon makes the approval of it, as of any that
asks with a join key. What leads to the cluster is a line like a join key's that opens nothing.
"""

from base64 import b64decode, b64encode

from dusk.changelog.approval import HAND
from dusk.changelog.body import decode_change
from dusk.changelog.creation import check_signatures, read_request
from dusk.changelog.state import State
from dusk.control import joinkeys
from dusk.control.approving import Wish
from dusk.control.desk import Desk, Json
from dusk.control.membership import approval_by, check_unproposed, signed_approval
from dusk.errors import Refused, UntrustedInput
from dusk.ids import key_id
from dusk.keys.joinkey import parse_join_line
from dusk.membership.pending import Pending, pending_of


def join_contact(desk: Desk, _arguments: Json) -> Json:
    """Return what leads another router to this cluster, and lets nobody in."""
    return {"line": joinkeys.contact(desk.log, desk.addresses(), desk.random_bytes)}


def join_request(desk: Desk, arguments: Json) -> Json:
    """Return the request of this router, in no cluster yet, to be let into the one that a line leads to."""
    try:
        cluster = parse_join_line(arguments["line"]).cluster_id
    except UntrustedInput as error:
        raise Refused("bad-join-key", str(error)) from None
    request = desk.join_request(cluster)
    return {"request": b64encode(request.encode()).decode(), "device": request.body.device.hex()}


def device_admit(desk: Desk, arguments: Json) -> Json:
    """Let the router in whose request a person brings from it."""
    session = desk.session(arguments["token"])
    pending = _read(desk.log.state, arguments["request"])
    check_unproposed(desk, pending.device)
    approval = approval_by(desk, session)
    approval.add(pending, Wish(arguments["name"], tuple(arguments["groups"])))
    return signed_approval(desk, session, arguments, approval)


def _read(state: State, unverified: str) -> Pending:
    """Read a request and verify it: a bad one is not what others would have to sign, too.

    Raises:
        Refused: ``bad-request``, ``device-exists``, ``missing-signatures`` or ``bad-signature``.
    """
    try:
        pending = pending_of(decode_change(b64decode(unverified, validate=True)), HAND, 0.0, 0.0)
    except (UntrustedInput, ValueError) as error:
        raise Refused("bad-request", f"that is no request to join: {error}") from None
    if pending.joinkey != HAND:
        raise Refused("bad-request", "that request is one by a join key: it waits at the master")
    if pending.request.body.cluster != state.cluster:
        raise Refused("bad-request", "the request is for another cluster")
    public = read_request(state, pending.request.body, pending.request.values).public
    check_signatures(pending.request, {key_id(public): public}, "the device alone")
    return pending
