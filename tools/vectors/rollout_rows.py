"""Records of rollouts, as `records.json` has them (`specs/rollout.md`, section 1)."""

from typing import Any

from dusk.limits import NUMBER_MAX

Row = list[Any]
_ID = "0123456789abcdef" * 2
_ROLLOUT, _FORMER = f"rollout/{_ID}", f"former/{_ID}"
_WAS = f"was/{_ID}"

GOOD_ROWS: tuple[tuple[str, str, Row], ...] = (
    (_ROLLOUT, "plan", [1, 0]),
    (_ROLLOUT, "plan", [100, 10_000]),
    (_ROLLOUT, "together", [True]),
    (_ROLLOUT, "part/0", [99, [bytes(16), b"x" * 16]]),
    (_ROLLOUT, "part/999", [0, [bytes(16)]]),
    (_ROLLOUT, "order", ["go", 1_800_000_000, 10_000]),
    (_ROLLOUT, "order", ["go", 0, None]),
    (_ROLLOUT, "order", ["hold", 0, None]),
    (_ROLLOUT, "order", ["abort", 0, None]),
    (_ROLLOUT, "order", ["force", 0, None]),
    (_ROLLOUT, "progress", [0, "", ""]),
    (_ROLLOUT, "progress", [100, "", _ID]),
    (_ROLLOUT, "progress", [1, "done", ""]),
    (_ROLLOUT, "progress", [1, "abort", ""]),
    (_ROLLOUT, "progress", [1, "force", _ID]),
    (_ROLLOUT, "switch", [bytes(16)]),
    (_FORMER, "of", [1, bytes(32)]),
    (_FORMER, _WAS, ["policy/wifi", "set/a.b.c", None, True, None]),
    (_FORMER, _WAS, ["assignment/wifi", "to", b"data", False, b"behind"]),
)
BAD_ROWS: tuple[tuple[str, str, Row, str], ...] = (
    (_ROLLOUT, "plan", [0, 0], "One wave at least."),
    (_ROLLOUT, "plan", [101, 0], "100 at most."),
    (_ROLLOUT, "plan", [1, 10_001], "10,000 at most."),
    (_ROLLOUT, "plan", [1, -1], "A number."),
    (_ROLLOUT, "plan", [1], "Both."),
    (_ROLLOUT, "together", [False], "True, or no such record."),
    (_ROLLOUT, "together", [], "True, or no such record."),
    (_ROLLOUT, "part/0", [-1, [bytes(16)]], "From 0."),
    (_ROLLOUT, "part/0", [100, [bytes(16)]], "One of 100."),
    (_ROLLOUT, "part/0", [0, []], "A device at least."),
    (_ROLLOUT, "part/0", [0, [b"x" * 16, bytes(16)]], "Sorted."),
    (_ROLLOUT, "part/0", [0, [bytes(16), bytes(16)]], "None twice."),
    (_ROLLOUT, "part/0", [0, [bytes(15)]], "An id."),
    (_ROLLOUT, "order", ["stop", 0, None], "Who leads stops."),
    (_ROLLOUT, "order", ["hold", 1, None], "A time is for go."),
    (_ROLLOUT, "order", ["force", 0, 0], "A number is for go."),
    (_ROLLOUT, "order", ["go", 0, 10_001], "10,000 at most."),
    (_ROLLOUT, "order", ["go", -1, None], "A number."),
    (_ROLLOUT, "order", ["go", 0], "All three."),
    (_ROLLOUT, "progress", [101, "", ""], "100 at most."),
    (_ROLLOUT, "progress", [1, "over", ""], "One of three ends."),
    (_ROLLOUT, "progress", [1, "", "x"], "An id, or nothing."),
    (_ROLLOUT, "progress", [1, "", _ID.upper()], "Lower case."),
    (_ROLLOUT, "switch", [bytes(15)], "An id."),
    (_FORMER, "of", [0, bytes(32)], "From 1."),
    (_FORMER, "of", [NUMBER_MAX + 1, bytes(32)], "A number."),
    (_FORMER, "of", [1, bytes(31)], "The id of a change."),
    (_FORMER, _WAS, ["policy/wifi", "set/a.b.c", None, True], "All five."),
    (_FORMER, _WAS, ["policy/wifi", "set/a.b.c", "text", True, None], "Data, or nil."),
    (_FORMER, _WAS, ["policy/wifi", "set/a.b.c", None, 1, None], "A boolean."),
    (_FORMER, _WAS, ["x" * 192, "set/a.b.c", None, True, None], "191 bytes."),
)
NO_RECORDS = (
    (_ROLLOUT, "part/1000"),
    (_ROLLOUT, "part/"),
    (_ROLLOUT, "made"),
    (_FORMER, "was/short"),
    (_FORMER, "plan"),
)
