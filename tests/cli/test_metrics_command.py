"""``dusk metrics``: the text format of Prometheus, with names that are kept."""

import re
from typing import TYPE_CHECKING

from dusk.cli.metrics import Metric, Sample, exposed

if TYPE_CHECKING:
    import pytest

    from tests.cli.conftest import Dusk
    from tests.desk import FakeDesk

LINE = re.compile(r'(dusk_[a-z_]+)(?:\{((?:[a-z]+="(?:[^"\\\n]|\\[\\"n])*",?)+)\})? (-?[0-9.e+]+)\Z')
HERE = [
    *("dusk_info", "dusk_healthy", "dusk_alarms", "dusk_leads", "dusk_members", "dusk_members_online"),
    *("dusk_epoch", "dusk_head", "dusk_settled", "dusk_checkpoint", "dusk_log_bytes", "dusk_applied"),
    "dusk_apply_failed",
]
ALL = [
    *("dusk_pending", "dusk_device_online", "dusk_device_head", "dusk_device_applied", "dusk_device_drift"),
    *("dusk_device_alarms", "dusk_device_apply"),
]
"""Without the seconds since a router was heard: the desk in memory has heard nobody."""


def read(text: str) -> dict[str, list[tuple[str, float]]]:
    """Read the text format as strictly as it is described: each name once, with its help and type before."""
    found: dict[str, list[tuple[str, float]]] = {}
    current = ""
    for line in text.splitlines():
        if line.startswith("# HELP "):
            current = line.split()[2]
            assert current not in found, "a name comes once"
            found[current] = []
        elif line.startswith("#"):
            assert line == f"# TYPE {current} gauge"
        else:
            match = LINE.match(line)
            assert match, line
            assert match[1] == current
            found[current].append((match[2] or "", float(match[3])))
    return found


STATUS = {
    "cluster": 'the "old" school', "device": "00" * 16, "name": "attic", "role": "master", "epoch": 3,
    "head": {"seq": 12, "hash": "00"}, "settled": 11, "checkpoint": 0, "store_bytes": 4096, "master": "attic",
    "members": 2, "online": 1, "apply": {"state": "failed", "head": 10, "reason": "x"}, "alarms": ["one"],
}  # fmt: skip


def test_figures_of_this_router_and_of_all_that_it_knows(
    dusk: "Dusk", server: "FakeDesk", monkeypatch: "pytest.MonkeyPatch"
) -> None:
    monkeypatch.setattr(server, "status", lambda: STATUS)
    found = read(dusk("metrics").out)
    assert list(found) == [*HERE, *ALL]
    labels, one = found["dusk_info"][0]
    assert (one, 'cluster="the \\"old\\" school"' in labels, 'role="master"' in labels) == (1, True, True)
    figures = {name: found[name][0][1] for name in HERE if name != "dusk_info"}
    assert figures == dict(
        zip(HERE[1:], (0.0, 1.0, 1.0, 2.0, 1.0, 3.0, 12.0, 11.0, 0.0, 4096.0, 10.0, 1.0), strict=True)
    )
    devices = dusk("device", "list", "--json").json
    assert [labels for labels, _ in found["dusk_device_online"]] == [
        f'device="{one["id"]}",name="{one["name"]}"' for one in devices
    ]
    assert [labels.rpartition(",")[2] for labels, _ in found["dusk_device_apply"]] == [
        f'state="{one["apply"]}"' for one in devices
    ]


def test_what_is_not_known_has_no_line_and_json_has_the_same(dusk: "Dusk", server: "FakeDesk") -> None:
    found = read(dusk("metrics", "--here").out)
    assert "dusk_members" not in found, "the desk in memory does not say"
    rows = {one["name"]: one["samples"] for one in dusk("metrics", "--here", "--json").json}
    assert rows["dusk_members"] == []
    assert rows["dusk_head"] == [{"labels": {}, "value": server.log.head.seq}]
    assert set(found) < set(rows)


def test_whatever_a_name_holds_stays_in_its_label() -> None:
    hostile = 'a"} 1\\\n# TYPE x gauge'
    (_help, _type, line) = exposed([Metric("dusk_info", "x", [Sample({"name": hostile}, 1e15)])])
    assert line == 'dusk_info{name="a\\"} 1\\\\\\n# TYPE x gauge"} 1e+15'
    assert read("\n".join(exposed([Metric("dusk_info", "x", [Sample({"name": hostile}, 1)])])))
