"""What the log and other routers say about names, records and settings, and the words of people."""

import json
import random
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from unittest import mock

from dusk import codec, limits
from dusk.changelog.body import Edit, decode_change
from dusk.changelog.overlay import Overlay
from dusk.changelog.sections import check_record, parse_path
from dusk.changelog.state import State
from dusk.config.device import Configs, options_of, variables_of
from dusk.config.merge import Layer, merge
from dusk.config.names import check_value
from dusk.config.result import resulting
from dusk.config.settings import Setting, Verb, check_setting, encode_setting, setting_from_row
from dusk.config.variables import Expander, check_variable
from dusk.daemon import facts
from dusk.errors import ConfigError, Refused, UntrustedInput
from dusk.ids import DeviceId
from dusk.keys.phrase import phrase_from_entropy, preload, recovery_key
from dusk.membership.facts import fact_edits
from dusk.membership.names import decide_name, is_name
from dusk.membership.request import clean_text, stream_of
from tests.fuzz.local import UCI_LINES, UCI_WORDS, lines_from
from tests.fuzzing import Feed, Rig, Target, mutated, nested, value
from tests.world import World


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


# --- what people type --------------------------------------------------------------------------


def _phrase(data: bytes) -> None:
    """Case and white space mean nothing; every other spelling is refused, and no word is quoted."""
    text = data.decode("latin-1")
    try:
        key = recovery_key(text)
    except Refused as error:
        _check_phrase_refusal(error, text)
        raise
    words = text.lower().split()
    assert recovery_key("\n ".join(words).upper()).public == key.public


def _check_phrase_refusal(error: Refused, text: str) -> None:
    assert error.code == "bad-phrase"
    quoted = [word for word in text.lower().split() if len(word) > 3 and f" {word} " in f" {error} "]
    assert set(quoted) <= {"recovery", "phrase", "word", "words", "list", "check", "needs", "order"}


def _grown_phrase(rng: random.Random) -> bytes:
    words = phrase_from_entropy(rng.randbytes(32)).split()
    if rng.random() < 0.97:
        words[rng.randrange(len(words))] = rng.choice(preload().wordlist)
    return rng.choice((" ", "\n", "  ", "\t")).join(words).encode()


# --- names -------------------------------------------------------------------------------------


def _path(data: bytes) -> None:
    path = parse_path(_text(data))
    assert path.kind.value.split("/")[0] == _text(data).split("/")[0]
    assert parse_path(_text(data)) == path


def _grown_path(rng: random.Random) -> bytes:
    first = rng.choice(
        ("trust", "cluster", "user", "joinkey", "device", "policy", "assignment", "group", "x")
    )
    parts = [first, *(rng.choice((*PARTS, rng.randbytes(16).hex())) for _ in range(rng.randrange(4)))]
    return "/".join(parts).encode()


PARTS = ("a", "config", "facts", "wifi", ".", "..", "A", "a" * 63, "a" * 64, "", "0" * 32, "-", "_a.b-")


def _device_name(data: bytes) -> None:
    """Whatever a device wants and an owner's template says, a free name comes out (R2)."""
    wanted, _, template = _text(data).partition("|")
    taken = {"router", "attic", "attic-2"}
    name = decide_name(wanted, template, taken)
    assert is_name(name)
    assert name not in taken
    assert decide_name(wanted, template, taken | {name}) not in taken | {name}


def _grown_device_name(rng: random.Random) -> bytes:
    words = ("attic", "{n}", "{name}", "|", "-", "--", "é", "ROUTER", "1", "a" * 70, " ", "İ", "\0", "x")
    return "".join(rng.choice(words) for _ in range(rng.randrange(1, 8))).encode()


def _clean(data: bytes) -> None:
    cleaned = clean_text(_text(data), 63)
    assert len(cleaned.encode()) <= 63
    assert clean_text(cleaned, 63) == cleaned
    assert all(c >= " " and c != "\x7f" for c in cleaned)


# --- records -----------------------------------------------------------------------------------

WORLD = World(11)
WORLD.allow_joining(groups=("office",), template="ap-{n}")
DEVICE = WORLD.join()
WORLD.commit(
    WORLD.set("wifi", "wireless.radio0.channel", "6"),
    Edit("policy/office", "set/file:/etc/banner", encode_setting(Setting(Verb.FILE, ("a", "0644"))), None),
    WORLD.edit("assignment/wifi", "to", ("groups", ["office"], 100)),
    WORLD.edit("trust", "grant/policy", ([WORLD.owner.key_id], 1, ["wireless"], None, 200)),
    WORLD.edit("cluster", "var/ssid", (["a", "b"],)),
    WORLD.edit(f"device/{DEVICE.key_id.hex()}", "groups", (["office"],)),
    WORLD.edit("group/office", "made", (True,)),
    WORLD.edit("group/office", "select", ([("board", ["box"])],)),
)


def _records(state: State) -> Iterator[tuple[str, str, bytes]]:
    for section in state.sections():
        for key, record in state.records(section).items():
            if record.data is not None:
                yield section, key, record.data


def _record(data: bytes) -> None:
    """A record that may stand in the log is one that each reader of the state can read."""
    section, key, row = codec.fields(codec.unpack(data, size_max=2**16), 3, "record")
    section, key = codec.text(section, 255, "section"), codec.text(key, 255, "key")
    kept = codec.blob(row, limits.VALUE_BYTES_MAX, "value")
    path = parse_path(section)
    check_record(path, key, kept)
    assert codec.pack(codec.unpack(kept, size_max=limits.VALUE_BYTES_MAX)) == kept
    if key.startswith("set/"):
        check_setting(key.removeprefix("set/"), setting_from_row(codec.unpack(kept, size_max=2**16)))


RECORDS = [codec.pack(row) for row in _records(WORLD.log.state)]


def _grown_record(rng: random.Random) -> bytes:
    """A record of one section with another one's key or value, or a value that is changed inside."""
    section, key, row = codec.unpack(rng.choice(RECORDS), size_max=2**16)
    way = rng.random()
    if way < 0.7:
        row = nested(rng, row)
    elif way < 0.85:
        row = codec.unpack(rng.choice(RECORDS), size_max=2**16)[2]
    else:
        key = codec.unpack(rng.choice(RECORDS), size_max=2**16)[1]
    return codec.pack([section, key, row])


def _request(data: bytes) -> None:
    """Which stream a request was made for, if it says so in our encoding."""
    found = stream_of(decode_change(data))
    assert found is None or isinstance(found, bytes)


# --- settings ----------------------------------------------------------------------------------


def _variables(data: bytes) -> None:
    """What comes out is data of bounded size that UCI can hold; what goes in is not read twice (A33)."""
    name, _, text = _text(data).partition("=")
    check_variable(name, "${other}")
    expander = Expander({name: "${other}", "list": ("a", "b")}, {"mac6": "0a0b0c"})
    found = expander.text(check_value(text, "v"), "v")
    assert expander.is_empty(text, "v") == (found == "")
    assert len(found) <= limits.VALUE_BYTES_MAX
    check_value(found, "v")
    if "${" not in text:
        assert found == text


def _grown_variables(rng: random.Random) -> bytes:
    words = (
        "${",
        "}",
        "name",
        ":-",
        "$${",
        "${name}",
        "${fact.mac6}",
        "${list}",
        "${mac6}",
        "$",
        "a",
        "'",
        "\\",
    )
    name = rng.choice(("name", "name", "name", "mac6", "a.b", "", "x" * 65))
    return (name + "=" + "".join(rng.choice(words) for _ in range(rng.randrange(9)))).encode()


SETTINGS = [
    ["p.n.a", 1, ["v"], []],
    ["p.n.l", 4, ["x"], ["y"]],
    ["p.n", 5, ["foo"], []],
    ["p.@foo[0].a", 1, ["v"], []],
    ["p.foo[a=b].c", 3, [], []],
    ["p.each foo[a=b] as r", 5, ["bar"], []],
    ["p.@foo[*]", 7, [], []],
    ["p.each foo[a=c] as r.l", 4, ["${r}", "$${x"], ["${name}"]],
    ["file:/etc/app.conf", 9, ["a=b\nkey=$1\n", "0755"], []],
]


def _merged(data: bytes) -> None:
    """Settings in a file that somebody else wrote: once is enough, and what is not managed stays (R12)."""
    rows, content = codec.fields(codec.unpack(data, size_max=2**16), 2, "case")
    settings: dict[str, Setting] = {}
    for row in codec.items(rows, 20, "settings"):
        key, verb, values, removed = codec.fields(row, 4, "setting")
        key = codec.text(key, 255, "key")
        settings[key] = setting_from_row([verb, 0, values, removed])
        check_setting(key, settings[key])
    managed = merge([Layer("policy/p", 100, settings)], {"name": "v"}, {})
    result = resulting(codec.blob(content, 2**16, "file"), "p", managed.get("p", ()))
    again = resulting(result.content, "p", managed.get("p", ()))
    assert (again.content, again.changed) == (result.content, ())
    if not managed.get("p"):
        assert result.content == content


def _grown_merged(rng: random.Random) -> bytes:
    keys = (
        "p.n",
        "p.n.a",
        "p.m.b",
        "p.@foo[0].a",
        "p.@foo[-1]",
        "p.foo[a=b].a",
        "p.foo[a=b].c",
        "p.n.l",
        "p.each foo as r",
        "p.each foo as r.a",
        "p.each foo[a=b] as r.l",
        "p.dusk_r_n.a",
        "p.*",
        "p.@foo[*]",
        "q.n.a",
    )
    rows = []
    for key in rng.sample(keys, rng.randrange(1, 5)):
        is_option = key.count(".") > 1
        verb = rng.choice(
            (Verb.SET, Verb.SET_LIST, Verb.ABSENT, Verb.EDIT_LIST) if is_option else (Verb.TYPE, Verb.ABSENT)
        )
        values = [
            rng.choice(("b", "v", "it's", "two\nlines", "${name}", "${r}"))
            for _ in range(1 + (verb is Verb.SET_LIST))
        ]
        verb = Verb.EXCLUSIVE if "*" in key else verb
        place = [rng.choice(("m", "n", "foo[a=b]"))] if rng.random() < 0.2 else []
        values = (
            ["foo", *place] if verb is Verb.TYPE else [] if verb in (Verb.ABSENT, Verb.EXCLUSIVE) else values
        )
        rows.append([key, int(verb), values, ["x"] if verb is Verb.EDIT_LIST else []])
    if rng.random() < 0.1:
        rows.append(value(rng))
    content = lines_from(*UCI_LINES, words=UCI_WORDS)(rng)
    return codec.pack([rows, content])


# --- one device --------------------------------------------------------------------------------

OF_DEVICE = f"device/{DEVICE.key_id.hex()}/config"
SAYERS = ("cluster", "group/office", "group/attic", OF_DEVICE)
USED = Setting(Verb.SET, ("${ssid}",), 0)


def _configured(data: bytes) -> None:
    """A device's variables are its own, else what all its groups say, else the cluster's (R2)."""
    edits = [WORLD.edit("group/attic", f"member/{DEVICE.key_id.hex()}", (True,))]
    edits.append(Edit(OF_DEVICE, "set/wireless.a.ssid", encode_setting(USED), None))
    for row in codec.items(codec.unpack(data, size_max=2**12), 20, "records"):
        section, key, kept = codec.fields(row, 3, "record")
        section, key = codec.text(section, 255, "section"), codec.text(key, 255, "key")
        kept = codec.blob(kept, limits.VALUE_BYTES_MAX, "value")
        check_record(parse_path(section), key, kept)
        edits.append(Edit(section, key, kept, None))
    store = Overlay(WORLD.log.state, edits)
    said = [variables_of(store, section).get("ssid") for section in SAYERS]
    in_groups = {value for value in said[1:3] if value is not None}
    found = options_of(Configs(store).managed(DeviceId(DEVICE.key_id)))
    assert said[3] is not None or len(in_groups) < 2, "groups that disagree are refused"
    wanted = next(value for value in (said[3], *in_groups, said[0]) if value is not None)
    _, values, _ = found["wireless.a.ssid"]
    if isinstance(wanted, str) and "$" not in wanted:
        assert values == ((wanted,) if wanted else ())  # an empty result means that the option is absent


def _grown_configured(rng: random.Random) -> bytes:
    rows = []
    for section in rng.sample(SAYERS, rng.randrange(5)):
        said = rng.choice(("one", "two", "it's", "${other}", "${fact.x:-y}", ["a"], ["a", "b"]))
        rows.append([section, rng.choice(("var/ssid", "var/ssid", "var/other")), codec.pack([said])])
    packed = codec.pack(rows)
    return nested(rng, packed) if rng.random() < 0.2 else packed


CONFIGURED = [codec.pack([[section, "var/ssid", codec.pack(["one"])]]) for section in SAYERS]


# --- facts -------------------------------------------------------------------------------------

BOARD = json.dumps(
    {"model": {"id": "x"}, "network": {"lan": {"ports": ["lan1"]}, "wan": {"device": "eth0"}}}
).encode()
RELEASE = b"DISTRIB_ID='OpenWrt'\nDISTRIB_RELEASE='24.10'\nDISTRIB_TARGET=\"x86/64\"\n"
RADIOS = b"config wifi-device radio0\n\toption band 5g\nconfig interface lan\n\toption device br-lan\n"


@contextmanager
def _facts() -> Iterator[Feed]:
    """Files of the machine: of any content they tell facts that the log takes, or nothing."""
    device = DeviceId(DEVICE.key_id)
    files: dict[str, bytes] = {}

    def text(path: Path) -> str:
        return files.get(path.name, b"").decode("utf-8", "replace").strip("\0\n ")

    def told(uci: bytes) -> facts.Facts:
        return facts.gather(Path("/"), uci, uci, ("br-lan",))

    def feed(data: bytes) -> None:
        board, release, radios = (*data.split(b"\xff", 2), b"", b"")[:3]
        files.update({"board.json": board, "openwrt_release": release, "board_name": release[:9]})
        for edit in fact_edits(WORLD.log.state, device, told(radios)):
            check_record(parse_path(edit.section), edit.key, edit.data)

    with mock.patch.object(facts, "_text", text):
        yield feed


def _grown_facts(rng: random.Random) -> bytes:
    words = (
        '{"network":',
        '{"lan":',
        '{"ports":["a"]}',
        '{"device":1}',
        "}",
        "[",
        "]",
        "null",
        '"model"',
        ":",
        ",",
        '{"id":',
    )
    board = (
        "".join(rng.choice(words) for _ in range(rng.randrange(9))).encode() if rng.random() < 0.5 else BOARD
    )
    parts = [mutated(rng, part) if rng.random() < 0.5 else part for part in (board, RELEASE, RADIOS)]
    return b"\xff".join(parts)


PHRASES = [phrase_from_entropy(bytes(range(at, at + 32))).encode() for at, _ in pairwise((0, 1, 2))]
TARGETS = [
    Target("phrase", _phrase, Refused, PHRASES, _grown_phrase),
    Target(
        "section path", _path, UntrustedInput, [b"policy/wifi", b"trust", b"device/" + b"0" * 32], _grown_path
    ),
    Target("record", _record, UntrustedInput, RECORDS, _grown_record),
    Target("request to join", _request, UntrustedInput, [WORLD.request(WORLD.key()).encode()]),
    Target(
        "device's name", _device_name, (), [b"attic|", b"x|ap-{n}", b"A b|{name}-{n}"], _grown_device_name
    ),
    Target("label", _clean, (), [b"02:00:00:00:00:01", "é\x1b[2J".encode()]),
    Target(
        "variables",
        _variables,
        ConfigError,
        [b"name=a${name}b", b"a=${list}${x:-y}"[:2] + b"b"],
        _grown_variables,
    ),
    Target(
        "settings in a file",
        _merged,
        (ConfigError, UntrustedInput),
        [codec.pack([[row], b"config foo n\n\toption a b\n"]) for row in SETTINGS],
        _grown_merged,
    ),
    Target(
        "variables of a device", _configured, (ConfigError, UntrustedInput), CONFIGURED, _grown_configured
    ),
    Target("facts", Rig(_facts), (), [b"\xff".join((BOARD, RELEASE, RADIOS))], _grown_facts),
]
