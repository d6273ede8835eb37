"""Cases about secret values, the keys K that seal them, and the exchange about those."""

from functools import partial
from typing import Any

from dusk import codec
from dusk.catchup import messages
from dusk.effects import Address
from dusk.keys.box import seal
from dusk.keys.secret import Scope, SecretValue, open_value, seal_value, secret_key_id, unwrap, wrap
from tools.vectors.case import Case, Source, invalid, key, valid
from tools.vectors.show import Json

CLUSTER = Source("secret cluster")(32)
SECRET = Source("secret key")(32)
SCOPE = Scope(CLUSTER, "policy/wifi")
RECORD = "set/wireless.default_radio0.key"
Parts = dict[str, Any]


def secret_values() -> list[Case]:
    """Return the cases of kinds ``secret`` and ``wrap``."""
    return [*_values(), *_wraps()]


def _parts(sealed: bytes, scope: Scope = SCOPE, record: str = RECORD, secret: bytes = SECRET) -> Parts:
    return {
        "kind": "secret",
        "key": secret.hex(),
        "cluster": scope.cluster.hex(),
        "section": scope.section,
        "record": record,
        "sealed": sealed.hex(),
    }


def _values() -> list[Case]:
    draw = Source("secret values")
    good: tuple[tuple[str, SecretValue], ...] = (
        ("a passphrase", "correct horse battery staple"),
        ("the longest in one step", "x" * 121),
        ("one more takes a second step", "x" * 122),
        ("no text", ""),
        ("a list", ("one", "", "três")),
        ("a list of nothing", ()),
    )
    cases = []
    for name, value in good:
        sealed = seal_value(SECRET, draw(24), SCOPE, RECORD, value)
        said = value if isinstance(value, str) else list(value)
        shows = "What is sealed, and the id of K."
        extra = {"value": said, "key_id": secret_key_id(SECRET).hex()}
        cases.append(valid(f"secret: {name}", shows, **_parts(sealed), **extra))
    nonce = draw(24)
    sealed = seal_value(SECRET, nonce, SCOPE, RECORD, "hush")

    def bad(name: str, reason: str, data: bytes, **other: Any) -> None:
        scope, record = other.get("scope", SCOPE), other.get("record", RECORD)
        secret = other.get("secret", SECRET)
        wrong = partial(open_value, secret, scope, record, data)
        parts = _parts(data, scope, record, secret)
        cases.append(invalid(f"secret: {name}", "It opens nowhere else.", reason, wrong, **parts))

    bad("of another record", "not-authentic", sealed, record="set/wireless.guest.key")
    bad("of another section", "not-authentic", sealed, scope=Scope(CLUSTER, "policy/guest"))
    bad("of another cluster", "not-authentic", sealed, scope=Scope(draw(32), SCOPE.section))
    bad("under another K", "not-authentic", sealed, secret=draw(32))
    bad("cut within the tag", "wrong-size", sealed[:39])
    associated = codec.pack([CLUSTER, SCOPE.section, RECORD, secret_key_id(SECRET)])
    for name, plain in (
        ("not padded to a step", b"\0\0\0\x02\x91\xa0"),
        ("padded by a step too much", b"\0\0\0\x02\x91\xa0" + bytes(250)),
        ("padded with a one", b"\0\0\0\x02\x91\xa0" + bytes(121) + b"\1"),
        ("longer than there is", b"\0\0\1\0" + bytes(124)),
        ("two values", b"\0\0\0\x03\x92\xa0\xa0" + bytes(121)),
        ("a number", b"\0\0\0\x02\x91\x07" + bytes(122)),
    ):
        bad(name, "wrong-shape", nonce + seal(SECRET, nonce, associated, plain))
    return cases


def _wraps() -> list[Case]:
    draw = Source("wraps")
    reader = key("owner")
    box = wrap(SECRET, SCOPE, reader.public, draw(32))

    def parts(data: bytes, scope: Scope = SCOPE, who: str = "owner") -> Parts:
        return {
            "kind": "wrap",
            "seed": key(who).seed.hex(),
            "cluster": scope.cluster.hex(),
            "section": scope.section,
            "wrap": data.hex(),
        }

    found = {"key": SECRET.hex(), "key_id": secret_key_id(SECRET).hex()}
    cases = [valid("wrap: to its reader", "K, and its id.", **parts(box), **found)]

    def bad(name: str, reason: str, data: bytes, scope: Scope = SCOPE, who: str = "owner") -> None:
        wrong = partial(unwrap, key(who), scope, data)
        shows = "K is for one section and one reader."
        cases.append(invalid(f"wrap: {name}", shows, reason, wrong, **parts(data, scope, who)))

    bad("to another reader", "not-authentic", box, who="bob")
    bad("changed", "not-authentic", box[:-1] + bytes((box[-1] ^ 1,)))
    bad("of 47 bytes", "wrong-size", box[:47])
    bad("of another section", "other-section", box, Scope(CLUSTER, "policy/guest"))
    bad("of another cluster", "other-section", box, Scope(draw(32), SCOPE.section))
    return cases


# --- rows of `catchup.json` --------------------------------------------------------------------

Row = tuple[str, str, Any, Json]
"""Name, what it shows, the message, what it says."""
NAME = messages.SecretName("policy/wifi", bytes(16))
BAD_SECRET_REQUESTS: tuple[tuple[str, object], ...] = (
    ("GET SECRETS of 33", [11, [["policy/wifi", bytes(16)]] * 33]),
    ("GET SECRETS with an id of 15 bytes", [11, [["policy/wifi", bytes(15)]]]),
)
BAD_SECRET_REPLIES: tuple[tuple[str, object], ...] = (
    ("SECRETS with a wrap of 401 bytes", [25, [["policy/wifi", bytes(16), bytes(401)]], []]),
    ("SECRETS of five addresses", [25, [], [["192.0.2.1", 1]] * 5]),
    ("SECRETS at port 0", [25, [], [["192.0.2.1", 0]]]),
)


def secret_requests() -> tuple[Row, ...]:
    """Return what is asked about keys of secrets."""
    said: Json = {"names": [["policy/wifi", bytes(16).hex()]]}
    return (("GET SECRETS", "One K of a policy.", messages.GetSecrets((NAME,)), said),)


def secret_replies() -> tuple[Row, ...]:
    """Return what is answered."""
    found = messages.Secrets(((NAME, b"a wrap"),), (Address("192.0.2.1", 3875),))
    said: Json = {
        "wraps": [["policy/wifi", bytes(16).hex(), b"a wrap".hex()]],
        "elsewhere": [["192.0.2.1", 3875]],
    }
    return (("SECRETS", "A wrap, and where somebody else is.", found, said),)
