"""Orders of people to a device: signed over a challenge of the device (A58).

One session's person orders at once. Where several must sign, or a key is kept outside the cluster, the
order goes by a line, which is worth something for a minute, once, to the device that it names, and only
from the member that asked for it.
"""

from base64 import b64decode, b64encode

from dusk import codec
from dusk.changelog.authority import grant_for
from dusk.changelog.orders import (
    CHALLENGE_BYTES,
    LABEL,
    Order,
    UnverifiedOrder,
    check_order,
    check_right,
    decode_hold,
    decode_order,
    encode_hold,
    sign_order,
)
from dusk.changelog.sections import device_path
from dusk.changelog.state import State
from dusk.control import names
from dusk.control.desk import Desk, Json
from dusk.control.outside import OutsideKey, check_here
from dusk.effects import Question, Told
from dusk.errors import Refused, UntrustedInput
from dusk.ids import ClusterId, DeviceId, KeyId
from dusk.keys.signing import SigningKey
from dusk.limits import QUESTION_BYTES_MAX, SIGNATURES_MAX
from dusk.node.orders import CHALLENGE, ORDER

REBOOT, LOCATE, REVERT, HOLD, UNHOLD = "reboot", "locate", "revert", "hold", "unhold"
"""What can be ordered."""
ORDERS = (REBOOT, LOCATE, REVERT, HOLD, UNHOLD)
ARMOUR = "dusk-order-1:"
"""What the line of an order begins with."""
LINE_CHARACTERS_MAX = len(ARMOUR) + 4 * QUESTION_BYTES_MAX // 3 + 5


# --- of one person, at once -----------------------------------------------------------------------


def device_order(desk: Desk, arguments: Json) -> Json:
    """Order a device to do something now; the ticket ends when it has begun, or says why it does not.

    Raises:
        Refused: nobody would be obeyed: the right is missing, or the key is not here.
    """
    session, state = desk.session(arguments["token"]), desk.log.state
    if isinstance(session.key, OutsideKey):
        raise Refused("no-key-here", "an order is signed where the key is: order.prepare says what is signed")
    device, kind, argument = _wanted(state, arguments)
    check_right(state, device, [session.key.key_id])

    def follow(told: Told) -> Question:
        order = Order(device, _challenge(told), kind, argument)
        return Question(ORDER, sign_order((session.key,), state.cluster, order))

    def done(_told: Told) -> Json:
        return _obeyed(desk, device, kind)

    return {"ticket": desk.converse(device, Question(CHALLENGE), follow, done, arguments["token"])}


def _wanted(state: State, arguments: Json) -> tuple[DeviceId, str, bytes]:
    device = names.device_id(state, arguments["name"])
    kind, for_s = arguments["order"], arguments["for_s"]
    if for_s and kind != HOLD:
        raise Refused("bad-params", f"for_s: {kind} has no end")
    return device, kind, encode_hold(for_s) if kind == HOLD else b""


def _challenge(told: Told) -> bytes:
    if len(told.data) != CHALLENGE_BYTES:
        raise UntrustedInput("order: the device gave no challenge")
    return told.data


def _obeyed(desk: Desk, device: DeviceId, kind: str) -> Json:
    return {"device": names.device_name(desk.log.state, device), "order": kind}


# --- by a line ------------------------------------------------------------------------------------


def order_prepare(desk: Desk, arguments: Json) -> Json:
    """Have a device's challenge; the ticket ends with an order that nobody has signed yet.

    Raises:
        Refused: this person's signature would never count: a challenge for him may push out another's.
    """
    session, state = desk.session(arguments["token"]), desk.log.state
    device, kind, argument = _wanted(state, arguments)
    if session.key.key_id not in _heeded(state, device):
        raise Refused("missing-signatures", "you have no say in orders to it, alone or with others")

    def tell(told: Told) -> Json:
        order = Order(device, _challenge(told), kind, argument)
        return _described(desk.log.state, decode_order(sign_order((), state.cluster, order)))

    return {"ticket": desk.ask_device(device, Question(CHALLENGE), tell, arguments["token"])}


def _heeded(state: State, device: DeviceId) -> frozenset[KeyId]:
    """Return whose signatures count for orders to a device, alone or with others."""
    grant = grant_for(state, f"{device_path(device)}/order")
    chain = () if grant is None else grant.chain()
    return frozenset(state.owners()).union(*(one.keys for one in chain))


def order_read(desk: Desk, arguments: Json) -> Json:
    """Return what an order says, who has signed it, and why it would not be obeyed yet."""
    return _described(desk.log.state, read_line(arguments["line"]))


def order_sign(desk: Desk, arguments: Json) -> Json:
    """Add the session's signature to an order."""
    session, state = desk.session(arguments["token"]), desk.log.state
    check_here(session.key, "an order is signed where the key is")
    unverified = read_line(arguments["line"])
    _described(state, unverified)
    return _described(state, signed_too(unverified, session.key, state.cluster))


def order_submit(desk: Desk, arguments: Json) -> Json:
    """Give a device an order that enough have signed; the ticket ends as that of `device_order`."""
    desk.session(arguments["token"])
    unverified = read_line(arguments["line"])
    check_order(desk.log.state, unverified)
    order = unverified.order

    def done(_told: Told) -> Json:
        return _obeyed(desk, order.device, order.kind)

    question = Question(ORDER, _encode(unverified))
    return {"ticket": desk.ask_device(order.device, question, done, arguments["token"])}


def signed_too(unverified: UnverifiedOrder, key: SigningKey, cluster: ClusterId) -> UnverifiedOrder:
    """Return an order with one signature more.

    Raises:
        Refused: ``signed-already``, or ``bad-order``: no more fit.
    """
    if any(name == key.key_id for name, _ in unverified.signatures):
        raise Refused("signed-already", "the order is signed with this key already")
    if len(unverified.signatures) == SIGNATURES_MAX:
        raise Refused("bad-order", f"{SIGNATURES_MAX} have signed the order: no more fit")
    own = key.key_id, key.sign(LABEL, cluster, unverified.body)
    signatures = tuple(sorted((*unverified.signatures, own)))
    return UnverifiedOrder(unverified.body, unverified.order, signatures)


def line_of(unverified: UnverifiedOrder) -> str:
    """Return an order as a line of text."""
    return ARMOUR + b64encode(_encode(unverified)).decode()


def _encode(unverified: UnverifiedOrder) -> bytes:
    return codec.pack((unverified.body, unverified.signatures))


def read_line(line: str) -> UnverifiedOrder:
    """Read an order that somebody may sign: one of those that there are.

    Raises:
        Refused: ``bad-order``: it is none, or not whole.
    """
    text = line.strip()
    try:
        found = decode_order(b64decode(text.removeprefix(ARMOUR), validate=True))
        for_s_of(found.order)
    except (ValueError, UntrustedInput):
        raise Refused("bad-order", "this is no order, or not the whole of it") from None
    if line_of(found) != text:
        raise Refused("bad-order", "this is something else than an order")
    return found


def for_s_of(order: Order) -> int:
    """Return for how many seconds a hold is ordered; 0 without an end, and of all other orders.

    Raises:
        UntrustedInput: an order that is none of those that there are.
    """
    if order.kind == HOLD:
        return decode_hold(order.argument)
    if order.kind not in ORDERS or order.argument:
        raise UntrustedInput(f"order: {order.kind!r} is none, or with something more")
    return 0


def _described(state: State, unverified: UnverifiedOrder) -> Json:
    """Say what an order is.

    Raises:
        Refused: ``bad-signature``.
    """
    order, needs = unverified.order, None
    try:
        check_order(state, unverified)
    except Refused as refusal:
        if refusal.code == "bad-signature":
            raise
        needs = refusal.reason
    holders = ((state.holder(key), key) for key, _ in unverified.signatures)
    return {
        "line": line_of(unverified),
        "device": names.device_name(state, order.device),
        "id": order.device.hex(),
        "order": order.kind,
        "for_s": for_s_of(order),
        "signed": sorted(key.hex()[:8] if holder is None else holder.name for holder, key in holders),
        "needs": needs,
    }
