"""How many grants somebody passes on: so many that nobody takes the room of others (R10, A39).

A record of ``passed`` stays for good, as a tombstone at last, and costs every device some hundred bytes.
So each that is new counts for whoever signed it and is named as passing it on. What others named there
without their signature counts for nobody, so nobody is brought to his bound by another.
"""

from collections import Counter

from dusk import codec, limits
from dusk.changelog.authority import PASSED
from dusk.changelog.body import Change
from dusk.changelog.state import DerivedWrite, State, passed_key
from dusk.errors import Refused
from dusk.ids import KeyId


def passed_written(state: State, change: Change) -> tuple[DerivedWrite, ...]:
    """Return how many grants its signers have passed on with a change that is in order otherwise.

    Raises:
        Refused: ``too-many-passed``; ``bad-value`` where one is taken back that never was.
    """
    signers = {signature.key_id for signature in change.signatures}
    more: Counter[KeyId] = Counter()
    for operation, value in zip(change.body.operations, change.values, strict=True):
        if operation.section != PASSED or state.record(PASSED, operation.key) is not None:
            continue
        if value is None:
            raise Refused("bad-value", f"{PASSED}: {operation.key} was never passed on")
        named = codec.unpack(value.data, size_max=len(value.data))[-1]
        more.update(signers.intersection(map(KeyId, named)))
    counted = {key: state.derived(passed_key(key)) + count for key, count in more.items()}
    if max(counted.values(), default=0) > limits.PASSED_MAX:
        raise Refused(
            "too-many-passed", f"nobody passes on more than {limits.PASSED_MAX} grants, ended ones included"
        )
    return tuple(DerivedWrite(passed_key(key), count) for key, count in counted.items())
