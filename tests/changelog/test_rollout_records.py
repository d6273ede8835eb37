"""Records of rollouts: what may stand there, each bound, and nothing else (A17)."""

import pytest

from dusk import codec
from dusk.changelog.sections import check_record, parse_path
from dusk.errors import UntrustedInput
from dusk.limits import NUMBER_MAX

ID = "0123456789abcdef" * 2
GOOD_ROLLOUTS: list[tuple[str, str, list[object]]] = [
    (f"rollout/{ID}", "plan", [1, 0]),
    (f"rollout/{ID}", "plan", [100, 10_000]),
    (f"rollout/{ID}", "part/0", [99, [bytes(16), b"x" * 16]]),
    (f"rollout/{ID}", "part/999", [0, [n.to_bytes(16) for n in range(3000)]]),
    (f"rollout/{ID}", "order", ["go", 1_800_000_000, 3]),
    (f"rollout/{ID}", "order", ["go", 0, None]),
    (f"rollout/{ID}", "order", ["hold", 0, None]),
    (f"rollout/{ID}", "order", ["abort", 0, None]),
    (f"rollout/{ID}", "order", ["force", 0, None]),
    (f"rollout/{ID}", "progress", [0, "", ""]),
    (f"rollout/{ID}", "progress", [100, "", ID]),
    (f"rollout/{ID}", "progress", [1, "done", ""]),
    (f"rollout/{ID}", "progress", [1, "abort", ""]),
    (f"rollout/{ID}", "progress", [1, "force", ""]),
    (f"rollout/{ID}", "together", [True]),
    (f"rollout/{ID}", "switch", [bytes(16)]),
    (f"former/{ID}", "of", [1, bytes(32)]),
    (f"former/{ID}", f"was/{ID}", ["policy/wifi", "set/a.b.c", None, True, None]),
    (f"former/{ID}", f"was/{ID}", ["policy/wifi", "set/a.b.c", b"data", False, b"after"]),
]
BAD_ROLLOUTS: list[tuple[str, list[object]]] = [
    ("plan", [0, 0]),
    ("plan", [101, 0]),
    ("plan", [1, 10_001]),
    ("plan", [1, -1]),
    ("plan", [1]),
    ("part/0", [-1, [bytes(16)]]),
    ("part/0", [100, [bytes(16)]]),
    ("part/0", [0, []]),
    ("part/0", [0, [b"x" * 16, bytes(16)]]),
    ("part/0", [0, [bytes(16), bytes(16)]]),
    ("part/0", [0, [bytes(15)]]),
    ("part/0", [0, [n.to_bytes(16) for n in range(3001)]]),
    ("part/1000", [0, [bytes(16)]]),
    ("order", ["stop", 0, None]),
    ("order", ["hold", 1, None]),
    ("order", ["force", 0, 1]),
    ("order", ["force", 0, 0]),
    ("order", ["go", 0, 10_001]),
    ("order", ["go", 0, -1]),
    ("order", ["go", -1, None]),
    ("order", ["go", 0]),
    ("progress", [101, "", ""]),
    ("progress", [-1, "", ""]),
    ("progress", [1, "over", ""]),
    ("progress", [1, "", "x"]),
    ("progress", [1, "", ID + ID]),
    ("together", [False]),
    ("together", [1]),
    ("together", []),
    ("switch", [bytes(15)]),
    ("switch", []),
]
BAD_FORMER: list[tuple[str, list[object]]] = [
    ("of", [0, bytes(32)]),
    ("of", [NUMBER_MAX + 1, bytes(32)]),
    ("of", [1, bytes(31)]),
    (f"was/{ID}", ["policy/wifi", "set/a.b.c", None, True]),
    (f"was/{ID}", ["policy/wifi", "set/a.b.c", "text", True, None]),
    (f"was/{ID}", ["policy/wifi", "set/a.b.c", None, 1, None]),
    (f"was/{ID}", ["x" * 192, "set/a.b.c", None, True, None]),
    (f"was/{ID}", ["policy/wifi", "x" * 517, None, True, None]),
    ("was/short", ["policy/wifi", "set/a.b.c", None, True, None]),
]


@pytest.mark.parametrize(
    ("section", "key", "row"),
    [
        *((f"rollout/{ID}", *bad) for bad in BAD_ROLLOUTS),
        *((f"former/{ID}", *bad) for bad in BAD_FORMER),
    ],
)
def test_a17_what_is_no_rollout_is_refused(section: str, key: str, row: list[object]) -> None:
    with pytest.raises(UntrustedInput):
        check_record(parse_path(section), key, codec.pack(row))


@pytest.mark.parametrize(("section", "key", "row"), GOOD_ROLLOUTS)
def test_what_is_a_rollout_is_taken(section: str, key: str, row: list[object]) -> None:
    check_record(parse_path(section), key, codec.pack(row))
