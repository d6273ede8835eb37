"""What the helper makes of any file: what the daemon makes of it, and a refusal or nothing new for root."""

import random
from pathlib import Path

from dusk.config.uci import parse
from dusk.errors import ConfigError
from dusk.helper import process
from dusk.helper.files import Refusal
from dusk.helper.policy import Policy
from dusk.helper.uci import sections
from tests.fuzz.local import UCI_LINES, UCI_WORDS, lines_from
from tests.fuzzing import Target

POLICY = Policy((Path(process.__file__).parent / "reviewed").read_bytes(), None)
KEPT = b"config include 'kept'\n\toption path '/etc/kept'\n"
LINES = (
    *("config rule\n", "config rule 'r'\n", "config zone\n", "config include\n", "config include 'kept'\n"),
    *(
        "\toption name 'it'\\''s'\n",
        "\toption src 'lan'\n",
        "\toption src 'a\\n -s b'\n",
        '\toption src "a\nb"\n',
    ),
    *(
        "\toption path '/etc/kept'\n",
        "\toption 'pa'th /tmp/x\n",
        "\tlist src_ip 1 2\n",
        "o extra x;o log y\n",
    ),
)
WORDS = (*UCI_WORDS, "include", "path", "rule", "src ", "'src'", "config include 'kept'\n")


def _is_refused(data: bytes) -> bool:
    try:
        sections(data)
    except ValueError:
        return True
    return False


def _judge(data: bytes) -> None:
    """It reads what the daemon reads, and nothing that was not reviewed comes to what stood there."""
    try:
        document = parse(data, "firewall")
    except ConfigError:
        assert _is_refused(data)
        raise
    found = sections(data)
    assert [(kind.decode(), name.decode(), len(options)) for kind, name, options in found] == [
        (section.type, section.name or "", len(section.options)) for section in document.sections
    ]
    POLICY.check_content("firewall", KEPT, data)
    for kind, _, options in found:
        for option, values in options.items():
            word = b"firewall." + kind + b"." + option
            is_kept = (kind, option, values) == (b"include", b"path", [b"/etc/kept"])
            assert is_kept or not {word, word + b'"'}.isdisjoint(POLICY.reviewed)
            assert not any(b"\n" in value for value in values)
    POLICY.check_content("firewall", data, data)


def _beside(rng: random.Random) -> bytes:
    lines = lines_from(*LINES, *UCI_LINES[:1], words=WORDS)(rng)
    return KEPT + lines if rng.random() < 0.5 else lines


TARGET = Target("UCI for the helper", _judge, (ConfigError, Refusal), [KEPT, b"config rule\n"], _beside)
