"""What somebody changed on a router becomes a setting of the cluster: for that router, or for a policy."""

from collections.abc import Collection, Sequence

from dusk.changelog.overlay import Overlay
from dusk.config.drift import Difference
from dusk.config.names import is_file
from dusk.config.settings import Edit as Request
from dusk.config.variables import as_it_stands
from dusk.control import names, settings
from dusk.control.acting import handed_in, unchanged
from dusk.control.desk import Desk, Json
from dusk.control.drafts import Draft
from dusk.control.drift import told_drift
from dusk.control.editing import check_reviewed
from dusk.control.files import no_look_into
from dusk.control.roster import require_policy
from dusk.control.sealing import sealer_of
from dusk.control.steps import Steps
from dusk.errors import Refused, UntrustedInput
from dusk.ids import DeviceId
from dusk.listing import listed

KEYS_SHOWN_MAX = 3
"""In the message of the change."""


def drift_adopt(desk: Desk, arguments: Json) -> Steps[Json]:
    """Sign what a router has in place of what is managed, as a setting of its own or of a policy.

    What another router has is what it told the caller, who was shown it: it is not asked again, and
    what it told counts for what the log here says is managed there, and no secret.
    """
    session, state = desk.session(arguments["token"]), desk.log.state
    device = names.device_id(state, arguments["device"])
    name = names.device_name(state, device)
    room, _, policy = arguments["to"].partition("/")
    if room == "policy":
        require_policy(Overlay(state, ()), policy)
    drift = _drift(desk, device, arguments["told"])
    place = "here" if device == desk.device_id else f"on {name}"
    chosen = _chosen(drift, arguments["keys"], place)
    if not chosen:
        return unchanged(f"nothing was changed {place}")
    to = arguments["to"] or f"device/{name}"
    target = settings.Target(state, names.target_section(state, to), sealer_of(desk, session))
    draft = Draft()
    for one in chosen:
        request, values = _as_edit(one)
        draft = settings.change_settings(target, draft, request, ((one.key, values),))
    if not draft.edits:
        return unchanged(f"{to} says so already")
    yield from check_reviewed(desk, draft, is_agreed=arguments["yes"])
    message = f"adopt {listed([one.key for one in chosen], KEYS_SHOWN_MAX)} of {name} for {to}"
    return handed_in(desk, session, message, draft.edits, arguments["timeout_s"])


def _drift(desk: Desk, device: DeviceId, told: str) -> Sequence[Difference]:
    if device == desk.device_id:
        return desk.drift()
    if not told:
        raise Refused("elsewhere", "this is another router: ask it first what was changed there (drift.ask)")
    try:
        return told_drift(desk.log.state, device, bytes.fromhex(told))
    except (UntrustedInput, ValueError) as error:
        raise Refused("bad-params", f"told: no answer of a router ({error})") from None


def _chosen(drift: Sequence[Difference], keys: Collection[str], place: str) -> list[Difference]:
    """Return the differences that are meant: those of some KEYs, or all."""
    known = {one.key for one in drift}
    for key in keys:
        if key not in known:
            raise Refused("no-drift", f"{key} was not changed {place}; `dusk drift` shows what was")
    chosen = [one for one in drift if not keys or one.key in keys]
    for one in chosen:
        _check_adoptable(one)
    return chosen


def _check_adoptable(one: Difference) -> None:
    if one.is_secret:
        raise Refused("is-secret", f"{one.key} is a secret: set it with `dusk set TARGET {one.key}=-`")
    if one.trouble:
        raise Refused("no-setting", f"{one.key}: {one.trouble}; change what is said of it")
    if is_file(one.key) and one.found is not None:
        raise Refused("no-setting", no_look_into(one.key))
    if one.key not in one.keys:
        raise Refused("no-setting", f"{one.key} was made by an `each`: change that")


def _as_edit(one: Difference) -> tuple[Request, tuple[str, ...]]:
    """Return the verb and values that make the managed config say what the file says.

    A file knows no variables: what looks like the use of one is text, here and on other routers (A33).
    """
    if one.found is None:
        return Request.DELETE, ()
    found = (one.found,) if isinstance(one.found, str) else one.found
    return Request.SET, tuple(as_it_stands(text) for text in found)
