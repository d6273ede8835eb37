"""Orders of a session's person to a device: signed here over a challenge of the device (A58)."""

from dusk.changelog.orders import CHALLENGE_BYTES, Order, check_right, encode_hold, sign_order
from dusk.control import names
from dusk.control.desk import Desk, Json
from dusk.control.outside import OutsideKey
from dusk.effects import Question, Told
from dusk.errors import Refused, UntrustedInput
from dusk.node.orders import CHALLENGE, ORDER

REBOOT, LOCATE, REVERT, HOLD, UNHOLD = "reboot", "locate", "revert", "hold", "unhold"
"""What can be ordered."""
ORDERS = (REBOOT, LOCATE, REVERT, HOLD, UNHOLD)


def device_order(desk: Desk, arguments: Json) -> Json:
    """Order a device to do something now; the ticket ends when it has begun, or says why it does not.

    Raises:
        Refused: nobody would be obeyed: the right is missing, or the key is not here.
    """
    session, state = desk.session(arguments["token"]), desk.log.state
    if isinstance(session.key, OutsideKey):
        raise Refused("no-key-here", "an order is signed where the key is: log in with a password for it")
    device = names.device_id(state, arguments["name"])
    check_right(state, device, [session.key.key_id])
    kind, for_s = arguments["order"], arguments["for_s"]
    if for_s and kind != HOLD:
        raise Refused("bad-params", f"for_s: {kind} has no end")
    argument = encode_hold(for_s) if kind == HOLD else b""

    def follow(told: Told) -> Question:
        if len(told.data) != CHALLENGE_BYTES:
            raise UntrustedInput("order: the device gave no challenge")
        order = Order(device, told.data, kind, argument)
        return Question(ORDER, sign_order((session.key,), state.cluster, order))

    def done(_told: Told) -> Json:
        return {"device": names.device_name(desk.log.state, device), "order": kind}

    return {"ticket": desk.converse(device, Question(CHALLENGE), follow, done, arguments["token"])}
