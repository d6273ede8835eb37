"""What a router tells who keeps his key at home, and what it asks him to sign (A57)."""

import json
import random
from base64 import b64encode
from typing import Any

from dusk.config.sealing import Sealed
from dusk.config.settings import Setting, Verb, encode_setting
from dusk.control.athome import has_secrets, kept_in_order
from dusk.control.copying import copied
from dusk.control.made import Made, made_of
from dusk.control.outside import edits_of
from dusk.control.sealing import AtHome
from dusk.control.seen import Seen, seen_of
from dusk.control.tidying import wraps_row
from dusk.errors import UntrustedInput
from dusk.keys.secret import Scope, seal_value, secret_key_id, wrap
from tests.fuzzing import Target
from tests.secrets import K
from tests.world import World

WORLD = World(17)
SECTION, RECORD = "policy/wifi", "set/wireless.lan.key"
SCOPE, NAME = Scope(WORLD.cluster, SECTION), secret_key_id(K)
LOG = {
    "floor": 0,
    "items": [[item.kind.value, b64encode(item.data).decode()] for item in WORLD.items],
    "more": 0,
}


def _made(data: bytes) -> None:
    """What is read is written again in the same lines, each once."""
    try:
        text = data.decode("ascii")
    except ValueError:
        raise UntrustedInput("no text") from None
    lines = list(made_of(text, is_signing=True).lines())
    assert list(made_of("\n".join(lines), is_signing=True).lines()) == lines


def _seen(data: bytes) -> None:
    """What is read is written again in the same words."""
    try:
        text = data.decode("ascii")
    except ValueError:
        raise UntrustedInput("no text") from None
    seen = seen_of(text)
    assert seen_of(seen.line()) == seen


def _copy(data: bytes) -> None:
    """Whatever a router answers, no log comes of it but that of the cluster."""
    try:
        said = json.loads(data)
    except (ValueError, RecursionError):
        raise UntrustedInput("no JSON") from None
    answer = _with_a_bit_changed(*said) if _is_plan(said) else said

    def ask(method: str, **_params: Any) -> Any:
        return answer if method == "log.copy" else {"piece": None}

    log = copied(ask, WORLD.cluster).log
    assert WORLD.log.chain_at(log.head.seq) == log.head.chain


def _is_plan(said: object) -> bool:
    return isinstance(said, list) and len(said) == 3 and all(type(n) is int and n >= 0 for n in said)


def _with_a_bit_changed(count: int, at: int, bit: int) -> Any:
    """Return so many items of the log, with a bit of one of them changed if it is among them."""
    items: list[list[Any]] = [[item.kind.value, item.data] for item in WORLD.items[:count]]
    if at < len(items):
        kind, changed = items[at][0], bytearray(WORLD.items[at].data)
        changed[bit // 8 % len(changed)] ^= 1 << bit % 8
        items[at] = [kind, bytes(changed)]
    return {"floor": 0, "items": [[kind, b64encode(data).decode()] for kind, data in items], "more": 0}


def _grown_copy(rng: random.Random) -> bytes:
    """A plan for an answer: an input is smaller than the smallest log."""
    return json.dumps([rng.randrange(len(WORLD.items) + 1), rng.randrange(4), rng.randrange(2**14)]).encode()


def _row(key: str, data: bytes) -> dict[str, object]:
    return {"section": SECTION, "key": key, "data": b64encode(data).decode(), "base": None}


def _asked() -> bytes:
    sealed = Sealed(NAME, seal_value(K, bytes(24), SCOPE, RECORD, "hush"))
    boxes = {WORLD.owner.key_id: wrap(K, SCOPE, WORLD.owner.public, bytes(32))}
    rows = [
        _row(RECORD, encode_setting(Setting(Verb.SEALED, sealed=sealed))),
        _row("wrap/3", wraps_row(NAME, boxes)),
    ]
    return json.dumps({"edits": rows}).encode()


def _sign(data: bytes) -> None:
    """Whatever is asked for, K is wrapped to the owner alone, as nobody else may read it."""
    try:
        edits = edits_of(json.loads(data))
    except (ValueError, RecursionError):
        raise UntrustedInput("no JSON") from None
    if not has_secrets(edits):
        return
    made = Made(is_signing=True)
    made.keep(SECTION, NAME)
    person = AtHome("ann", WORLD.owner, made)
    for edit in kept_in_order(WORLD.log, person, edits, random.Random(3).randbytes):
        if edit.key.startswith("wrap/") and edit.data is not None:
            assert bytes(WORLD.owner.key_id) in edit.data


SAMPLE = f"{NAME.hex()} new {SECTION}\n{'00' * 16} signed cluster\n".encode()
SEEN = [
    b"0 0 1 7\n",
    Seen((1, 0, 2, 9), WORLD.named(), WORLD.recovery.key_id).line().encode(),
    Seen((0, 0, 1, 1), WORLD.named()).line().encode(),
]
TARGETS = [
    Target("keys made at home", _made, UntrustedInput, [SAMPLE]),
    Target("what was seen of the log", _seen, UntrustedInput, SEEN),
    Target("a copy of the log", _copy, UntrustedInput, [json.dumps(LOG).encode()], _grown_copy, share=0.1),
    Target("secrets to sign", _sign, UntrustedInput, [_asked()], share=0.1),
]
