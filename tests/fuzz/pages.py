"""What a browser sends the page's host: a list of calls, each for a method that is known, or refused."""

import json
import random
from typing import Any

from dusk.web.relaying import OBJECT, BadRequest, answer, methods
from tests.fuzzing import Target

KNOWN = methods()
GOOD = {"jsonrpc": "2.0", "id": 1, "method": "call", "params": ["", OBJECT, "device_show", {"name": "attic"}]}


def _relay(data: bytes) -> None:
    """What reaches the daemon is a method of the list, with parameters of it; each call has its answer."""

    def call(control: str, args: dict[str, Any]) -> str:
        assert any(
            control == method.control and args.keys() <= method.args.keys() for method in KNOWN.values()
        )
        return control

    said = json.loads(answer(data, KNOWN, call))
    asked = json.loads(data)
    assert (
        [one["id"] for one in said] == [one["id"] for one in asked] if isinstance(asked, list) else said["id"]
    )


def _grown(rng: random.Random) -> bytes:
    """Calls of known and unknown methods with parameters of any kind."""
    values: list[Any] = ["x", 1, True, None, [], {}, 1.5]
    calls = []
    for number in range(1, rng.randrange(1, 5)):
        method = rng.choice([*KNOWN, "file_read", "device.show"])
        names = rng.sample(["name", "token", "names", "yes", "other"], rng.randrange(3))
        args = {name: rng.choice(values) for name in names}
        calls.append(
            {**GOOD, "id": number, "params": ["", rng.choice([OBJECT, OBJECT, "file"]), method, args]}
        )
    return json.dumps(calls).encode()


TARGETS = (Target("request of the page", _relay, BadRequest, [json.dumps([GOOD]).encode()], _grown),)
