"""Files beside UCI: their keys, records and text, as other tables of cases have them."""

from typing import Any

BANNER = "file:/etc/banner"
Row = list[Any]

KEYS = (BANNER, "file:/a", "file:/usr/share/x_y/a+b.c-d", "file:/etc/.x", "file:/" + "a" * 122)
"""KEYs that are their own canonical text."""
NO_KEYS = (
    "file:",
    "file:/",
    "file:etc",
    "file:/etc/",
    "file:/etc//a",
    "file:/etc/./a",
    "file:/etc/../a",
    "file:/etc/-a",
    "file:/...",
    "file:/a b",
    "file:/é",
    "file:/a\n",
    "File:/a",
    "file:/" + "a" * 123,
)
GOOD_ROWS: tuple[tuple[str, str, Row], ...] = (
    ("policy/wifi", f"set/{BANNER}", [9, 0, ["${nobody} \t\r\n", "0644"], []]),
    ("policy/wifi", f"set/{BANNER}", [9, 1, ["", "0755"], []]),
    ("policy/wifi", f"set/{BANNER}", [9, 1, ["a", "0400"], []]),
    ("policy/wifi", f"set/{BANNER}", [3, 0, [], []]),
    ("policy/wifi", "set/file:/etc/shadow", [3, 0, [], []]),
    ("policy/wifi", "set/file:/etc/configs", [9, 0, ["key=$1\nkey x\na key=b\nkey=\n", "0644"], []]),
)
BAD_ROWS: tuple[tuple[str, str, Row, str], ...] = (
    ("policy/wifi", f"set/{BANNER}", [1, 0, ["a"], []], "A file is a FILE."),
    ("policy/wifi", f"set/{BANNER}", [4, 0, ["a"], []], "It is no list."),
    ("policy/wifi", f"set/{BANNER}", [8, 0, [], []], "Nobody remembers what was there."),
    ("policy/wifi", "set/a.b.c", [9, 0, ["a", "0644"], []], "An option is none."),
    ("policy/wifi", "set/a.b", [9, 0, ["a", "0644"], []], "A section is none."),
    ("policy/wifi", f"set/{BANNER}", [9, 0, ["a"], []], "A mode, too."),
    ("policy/wifi", f"set/{BANNER}", [9, 0, ["a", "0644", ""], []], "Nothing else."),
    ("policy/wifi", f"set/{BANNER}", [9, 0, ["a", "0644"], ["a"]], "Nothing is removed."),
    ("policy/wifi", f"set/{BANNER}", [9, 0, ["a", "644"], []], "Four digits."),
    ("policy/wifi", f"set/{BANNER}", [9, 0, ["a", "0664"], []], "Nobody else writes."),
    ("policy/wifi", f"set/{BANNER}", [9, 0, ["a", "0244"], []], "The owner reads."),
    ("policy/wifi", f"set/{BANNER}", [9, 0, ["a", "4755"], []], "No set-uid."),
    ("policy/wifi", f"set/{BANNER}", [9, 0, ["\x1b", "0644"], []], "A control character."),
    ("policy/wifi", f"set/{BANNER}", [9, 0, ["a" * 49_153, "0644"], []], "48 KiB."),
    ("policy/wifi", "set/file:/etc/config/network", [9, 0, ["a", "0644"], []], "A file of UCI's."),
    ("policy/wifi", "set/file:/etc/dusk/allow", [3, 0, [], []], "Dusk's own."),
    ("policy/wifi", "set/file:/etc/shadow", [9, 0, ["a", "0600"], []], "A name that says secret."),
    ("policy/wifi", "set/file:/etc/a/my-KEY.pem", [9, 0, ["a", "0600"], []], "A piece of a name does."),
    ("policy/wifi", "set/file:/a", [9, 0, ["a\n -- PRIVATE KEY-----", "0600"], []], "A private key."),
    ("policy/wifi", "set/file:/a", [9, 0, ["a\n\t'Password' : x", "0600"], []], "A line does."),
    ("policy/wifi", "set/file:/a", [9, 0, ["export psk=x", "0600"], []], "Exported."),
    ("policy/wifi", "set/file:/a", [9, 0, ["option key 'x'", "0600"], []], "As in UCI."),
)
TEXTS = (
    ("files", f"set {BANNER}='a\nb'\nset file:/b=''\nmode file:/b=0700\ndelete file:/c\nset {BANNER}=c\n"),
    ("a file with a plus", "set file:/a+b='x'\\''y'\n"),
)
BAD_TEXTS = (
    ("a mode of nothing", f"mode {BANNER}=0644\n"),
    ("a mode that is none", f"set {BANNER}=a\nmode {BANNER}=0777\n"),
    ("a list of a file", f"add_list {BANNER}=a\n"),
    ("a secret file", "set file:/etc/shadow=a\n"),
)
