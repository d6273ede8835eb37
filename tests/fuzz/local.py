"""Files, texts and requests of people and the daemon: each means one thing, or is refused with one error."""

import json
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from dusk import codec
from dusk.apply.verdict import decode_verdict
from dusk.changelog.body import Edit
from dusk.config.names import parse_key
from dusk.config.settings import Setting, Verb, decode_setting, encode_setting
from dusk.config.text import export_text, import_text
from dusk.config.uci import parse
from dusk.control.calling import Methods
from dusk.control.drafts import Draft, decode_draft
from dusk.control.methods import METHODS
from dusk.daemon import frames
from dusk.daemon.control import INTERNAL, Connection, ControlServer, _encode
from dusk.daemon.identity import decode_identity, encode_identity
from dusk.daemon.settings import read_settings
from dusk.effects import ItemKind, LogItem
from dusk.errors import ConfigError, UntrustedInput
from dusk.ids import ChainHash, ClusterId, Named, Seq
from dusk.keys.joinkey import JoinKey, parse_join_line
from dusk.keys.sealed import _digest, check_sealed_key, cost_of
from tests.desk import FakeDesk
from tests.fuzzing import Feed, Make, Rig, Target, nested, value
from tests.world import World, sealed_key


def grown_from(*words: str) -> Make:
    """Text of the words of a language, in any order."""

    def grow(rng: random.Random) -> bytes:
        return "".join(rng.choice(words) for _ in range(rng.randrange(1, 40))).encode(
            "utf-8", "surrogateescape"
        )

    return grow


def lines_from(*lines: str, words: tuple[str, ...]) -> Make:
    """Good lines in any order, most often behind the first, now and then with words strewn in."""
    strew = grown_from(*words)

    def grow(rng: random.Random) -> bytes:
        chosen = [rng.choice(lines).encode("utf-8", "surrogateescape") for _ in range(rng.randrange(1, 12))]
        if rng.random() < 0.8:
            chosen.insert(0, lines[0].encode())
        if rng.random() < 0.4:
            at = rng.randrange(len(chosen))
            cut = rng.randrange(len(chosen[at]))
            chosen[at] = chosen[at][:cut] + strew(rng)[:20] + chosen[at][cut:]
        return b"".join(chosen)

    return grow


# --- the log file ----------------------------------------------------------------------------


def _log_file(data: bytes) -> None:
    """Any bytes have an answer; what is kept reads back the same, undamaged (R7)."""
    found = frames.parse(data)
    kept = frames.parse(data[: found.end])
    assert (kept.items, kept.damage_at, kept.cut_bytes) == (found.items, None, 0)
    assert found.end + found.cut_bytes <= len(data)


def _log_files() -> list[bytes]:
    one = frames.MAGIC + frames.encode(
        [LogItem(ItemKind.ENTRY, b"entry one"), LogItem(ItemKind.HEAD, b"h")], 8
    )
    return [one, one + frames.encode([LogItem(ItemKind.ENTRY, b"later")] * 3, len(one)), frames.MAGIC]


# --- small files -----------------------------------------------------------------------------

EDIT = Edit("policy/wifi", "set/system.a.b", codec.pack([1]), None)
SETTING = encode_setting(Setting(Verb.EDIT_LIST, ("a", "b"), 3, ("c",)))
SEALED = sealed_key(World(1).owner, "alice")


def _draft(data: bytes) -> None:
    assert decode_draft(data).encode() == data


def _identity(data: bytes) -> None:
    assert encode_identity(decode_identity(data).seed) == data


def _grown_identity(rng: random.Random) -> bytes:
    made = encode_identity(rng.randbytes(32))
    return made if rng.random() < 0.3 else nested(rng, made)


def _setting(data: bytes) -> None:
    assert encode_setting(decode_setting(data)) == data


def _sealed(data: bytes) -> None:
    """What is accepted is of bounded cost: the parameters are checked before anything is computed."""
    check_sealed_key(data, name="alice")
    inner = codec.unpack(codec.unpack(data, size_max=256)[0], size_max=256)
    assert inner[1] == cost_of(data, name="alice").memory_kib <= 64 * 1024
    assert inner[2] <= 8


def _grown_sealed(rng: random.Random) -> bytes:
    """With a digest that fits: the seal's content is what is looked at."""
    inner = nested(rng, codec.unpack(SEALED, size_max=256)[0])
    return codec.pack([inner, _digest(inner, "alice")])


# --- join lines ------------------------------------------------------------------------------

JOIN_KEY = JoinKey(
    ClusterId(b"c" * 32),
    Named(0, Seq(1), ChainHash(b"h" * 32), b"t" * 32),
    b"s" * 32,
    ("192.0.2.1:3875", "[fe80::1%br-lan]:1"),
)


def _join_line(data: bytes) -> None:
    text = data.decode("latin-1")
    assert parse_join_line(text).line() == text.strip()


def _grown_join_line(rng: random.Random) -> bytes:
    """A line with a checksum that fits and other fields inside."""
    whole = [b"c" * 32, 0, 1, b"h" * 32, b"t" * 32, b"s" * 32, ["192.0.2.1:3875"]]
    place = rng.randrange(len(whole))
    cluster, *named, seed, addresses = [value(rng) if at == place else each for at, each in enumerate(whole)]
    row = [cluster, tuple(named), seed, addresses]
    made = object.__new__(JoinKey)
    for name, field in zip(JoinKey.__slots__, row, strict=True):
        object.__setattr__(made, name, field)
    return made.line().encode()


# --- UCI -------------------------------------------------------------------------------------


def _uci(data: bytes) -> None:
    """What nobody changes is written back byte for byte (R12)."""
    document = parse(data, "p")
    assert document.render() == data


def _text(data: bytes) -> None:
    found = import_text(data.decode("utf-8", "surrogateescape"))
    assert dict(import_text(export_text(found))) == dict(found)


def _key(data: bytes) -> None:
    key = parse_key(data.decode("utf-8", "surrogateescape"))
    assert parse_key(str(key)) == key


def _own_settings(data: bytes) -> None:
    read_settings(data)


UCI_WORDS = (
    *("config ", "option ", "list ", "package ", "p", "c ", "o ", "l "),
    *(
        "foo",
        "bar ",
        " 'a b'",
        ' "c"',
        "'",
        '"',
        "\\",
        "\n",
        "\n\t",
        ";",
        " ; ",
        "#",
        "\r\n",
        "=",
        "cfg017389",
        "\udcff",
    ),
)
UCI_LINES = (
    *(
        "config foo\n",
        "config foo n\n",
        "config 'bar' \"m\"\n",
        "c foo n ; o a b\n",
        "config foo cfg017389\n",
        "\n",
        "# x\n",
    ),
    *(
        "\toption a 'b'\n",
        "\toption a ''\n",
        "\toption a b#c\n",
        "\toption b 'it'\\''s'\n",
        '\toption c "x\\\ny"\n',
    ),
    *(
        "\tlist a x\n",
        "\tlist l 'p\nq'\n",
        "\tlist l ''\n",
        "\toption \\\n a b\n",
        "\toption a b ; list l c\r\n",
        "\toption d '\udcff'\n",
    ),
)
BATCH_LINES = (
    *(
        "set system.a=system\n",
        "set system.a.b='c'\n",
        'set system.@system[0].b="q"\n',
        "set fw.zone[name=lan].in=x\n",
    ),
    *(
        "add_list system.a.l='x'\n",
        "add_list system.a.l=y\n",
        "del_list system.a.l=z\n",
        "del_list system.a.l='x'\n",
    ),
    *(
        "delete system.a.b\n",
        "delete system.a\n",
        "delete system.a.l\n",
        "set file:/etc/banner='a\nkey=$1'\n",
        "mode file:/etc/banner=0755\n",
        "delete file:/etc/banner\n",
        "set system.a.l='v'\n",
        "commit system\n",
        "\n",
        "# c\n",
    ),
    *(
        "set system.b.c='it'\\''s'\n",
        "set system.b.c='two\nlines'\n",
        "set system.b=t\n",
        'set fw.z[a="b c",d=e].f=g\n',
    ),
)
BATCH_WORDS = (
    *(
        "set ",
        "add_list ",
        "del_list ",
        "delete ",
        "mode file:/a=0600\n",
        "commit\n",
        "system.",
        "@system[0]",
        ".a",
        "zone[name=lan]",
    ),
    *("=", "x", "'it'", '"q"', "\n", " ", "[", "]", ",", "\\", "wifi", "-1", "[-1]", "é", "\udcff"),
)
KEY_WORDS = (
    "system",
    "file:",
    "/",
    "..",
    ".",
    "@",
    "[",
    "]",
    "0",
    "-1",
    "rule",
    "name",
    "=",
    ",",
    '"',
    "\\",
    "a b",
    "é",
    "\udcff",
    "_",
    "-",
)

EXPORT = b"config foo n\n\toption a 'b'\n\tlist c d\n"
BATCH = b"set system.a.b='c'\nadd_list system.a.l=x\n"
OWN = b"config dusk main\n\toption port 1\n\tlist address ::1\n"
OWN_LINES = (
    *(
        "config dusk main\n",
        "config dusk 'main'\n",
        "\toption port 3875\n",
        "\toption port x\n",
        "\tlist interface br-lan\n",
        "\tlist interface '\udcff'\n",
    ),
    *(
        "\tlist address 192.0.2.1\n",
        "\tlist address fe80::1%x\n",
        "\toption enabled 0\n",
        "\tlist name a\n",
        "\toption apply 2\n",
    ),
    *(
        "\toption interface ''\n",
        "\toption name 'a b'\n",
        "\toption hold on\n",
        "\toption reload 'x'\n",
        "\toption port ١\n",
    ),
)


def _grown_export(rng: random.Random) -> bytes:
    return b"package p\n" + lines_from(*UCI_LINES, "package q\n", words=UCI_WORDS)(rng)


# --- the control socket ----------------------------------------------------------------------


class Control:
    """The server's answer to one line, over a desk that is made anew now and then."""

    def __init__(self) -> None:
        self.calls = 0
        self.renew()

    def renew(self) -> None:
        world = World(2)
        self.desk = FakeDesk(world)
        self.server = ControlServer(Path("unused"), cast("Any", Methods(cast("Any", self.desk))))

    def feed(self, data: bytes) -> None:
        """Every line has one answer of one line, and none is a mistake of ours."""
        self.calls += 1
        if self.calls % 500 == 0:
            self.renew()
        answering = self.server._answer(data, cast("Connection", None))
        try:
            answering.send(None)
        except StopIteration as end:
            answer = end.value
        else:
            raise AssertionError("nothing to wait for")
        assert answer.get("error", {}).get("code") != INTERNAL, answer
        assert _encode(answer).count(b"\n") == 1


@contextmanager
def _control() -> Iterator[Feed]:
    yield Control().feed


ARGUMENTS: tuple[Any, ...] = (
    *(
        "token-alice",
        "system.a.b",
        "policy/wifi",
        "wifi",
        "device/attic",
        "attic",
        "set",
        "all",
        "groups",
        "x=1",
    ),
    *(
        "why",
        "",
        "\udc80",
        "a" * 300,
        "\0",
        "set system.a.b='c'\n",
        "package p\nconfig foo n\n\toption a b\n",
        "zz",
    ),
    *(0, 1, -1, 2**53, 2**64, 1e308, 0.5, True, False, None, [], ["wifi"], [[]], {}),
    *([{"key": "system.a.b", "values": ["v"]}], [{"name": "v", "values": ["1"]}], ["attic"], [{"key": 1}]),
)


def _call(rng: random.Random) -> bytes:
    name = rng.choice(list(METHODS))
    params = {word: rng.choice(ARGUMENTS) for word in METHODS[name].parameters if rng.random() < 0.95}
    if rng.random() < 0.9:
        params["token"] = "token-alice"
    if "token" not in METHODS[name].parameters and rng.random() < 0.95:
        params.pop("token", None)
    return json.dumps({"jsonrpc": "2.0", "id": 1, "method": name, "params": params}).encode()


LINES = [
    b'{"jsonrpc":"2.0","id":1,"method":"status"}',
    b'{"jsonrpc":"2.0","id":"x","method":"policy.show","params":{"name":"wifi"}}',
    (
        b'{"jsonrpc":"2.0","id":1,"method":"draft.edit","params":{"token":"token-alice","target":"policy/wifi",'
        b'"verb":"set","edits":[{"key":"wireless.radio0.channel","values":["6"]}]}}'
    ),
    b'{"jsonrpc":"2.0","id":1,"method":"log.list","params":{"count":5,"since":0}}',
]


def _verdict(data: bytes) -> None:
    """What is kept of a failed apply reads back the same (R7)."""
    assert decode_verdict(data).encode() == data


TARGETS = [
    Target("failed apply", _verdict, UntrustedInput, [codec.pack(["ab" * 16, 2, True, False, "no contact"])]),
    Target("log file", _log_file, (), _log_files()),
    Target("draft", _draft, UntrustedInput, [Draft((EDIT, EDIT)).encode()]),
    Target("identity", _identity, UntrustedInput, [encode_identity(b"s" * 32)], _grown_identity),
    Target("setting", _setting, UntrustedInput, [SETTING]),
    Target("sealed key", _sealed, UntrustedInput, [SEALED], _grown_sealed),
    Target("join line", _join_line, UntrustedInput, [JOIN_KEY.line().encode()], _grown_join_line),
    Target("UCI", _uci, ConfigError, [EXPORT], lines_from(*UCI_LINES, words=UCI_WORDS)),
    Target("words of UCI", _uci, ConfigError, [EXPORT], grown_from(*UCI_WORDS)),
    Target("import", _text, ConfigError, [BATCH], lines_from(*BATCH_LINES, words=BATCH_WORDS)),
    Target("words of a batch", _text, ConfigError, [BATCH], grown_from(*BATCH_WORDS)),
    Target("import of an export", _text, ConfigError, [b"package p\n" + EXPORT], _grown_export),
    Target(
        "key", _key, ConfigError, [b"firewall.zone[name=lan].input", b"a.@b[-1].c"], grown_from(*KEY_WORDS)
    ),
    Target("own settings", _own_settings, ConfigError, [OWN], lines_from(*OWN_LINES, words=UCI_WORDS)),
    Target("control", Rig(_control), (), LINES, _call, memory_bytes_max=16 * 2**20),
]
