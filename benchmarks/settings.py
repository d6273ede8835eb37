"""P14: what a device does with its settings, and with its files."""

from pathlib import Path

from benchmarks.measure import Row, keep_profile, seconds
from dusk.config import uci
from dusk.config.merge import Layer, merge
from dusk.config.settings import Setting, Verb

POLICIES, OPTIONS = 10, 500
UCI_LINES = 3000


def _layers() -> list[Layer]:
    """Ten policies of fifty options; every fifth option is said by two of them, at other priorities."""
    layers = []
    for policy in range(POLICIES):
        first = policy * OPTIONS // POLICIES
        settings = {}
        for place in range(first, first + OPTIONS // POLICIES + 10):
            key = f"wireless.section{place % OPTIONS // 10}.option{place % OPTIONS}"
            settings[key] = Setting(Verb.SET, ("value ${channel}",), place)
        layers.append(Layer(f"policy/p{policy}", 100 + policy, settings))
    return layers


def _file() -> bytes:
    lines = []
    for section in range(UCI_LINES // 10):
        lines += [f"config rule 'rule{section}'", "# a remark"]
        lines += [f"\toption option{place} 'value {place}'" for place in range(7)] + [""]
    return "\n".join([*lines, ""]).encode()


def rows() -> list[Row]:
    """Merge of all policies of a device, and one way through a long file and back."""
    layers, file = _layers(), _file()
    merged = seconds(lambda: merge(layers, {"channel": "36"}, {}))
    through = seconds(lambda: uci.parse(file, "firewall").render())
    assert uci.parse(file, "firewall").render() == file
    split = seconds(lambda: [line.split() for line in file.decode().splitlines()])
    return [
        Row("P14", "merge of 500 options from 10 policies", 1e3 * merged, "ms", limit=10),
        Row("P14", "UCI: 3,000 lines read, rendered (y: split)", 1e3 * through, "ms", 1e3 * split, limit=30),
    ]


def profile(folder: Path) -> None:
    """Keep profiles of a merge and of a way through a file."""
    layers, file = _layers(), _file()
    keep_profile(lambda: merge(layers, {"channel": "36"}, {}), folder / "P14-merge.txt")
    keep_profile(lambda: uci.parse(file, "firewall").render(), folder / "P14-uci.txt")
