"""Who was away for long is soon current: real daemons, steps of 256 entries, pieces of 60,000 bytes."""

import pytest

from benchmarks import absence
from benchmarks.absence import floor_of, returns
from benchmarks.cluster import Site
from dusk import limits
from dusk.changelog.foundation import pieces
from dusk.daemon.store import read_log
from tests.network.cluster import Machine

pytestmark = [pytest.mark.network, pytest.mark.needs("root", "namespaces")]

STEP_S_MAX = 120.0
"""The machine may be busy; the figures themselves are held to their limits by the benchmarks."""
COMMITS = 3


def _foundation(node: Machine) -> bytes:
    found = read_log(node.node_folder).foundation
    assert found is not None, node.name
    return found


def _says(node: Machine, key: str) -> object:
    return (node.state() or {})[key]


def _check_that_it_goes_on(site: Site) -> None:
    """Let an owner commit at the node that was away: it is a member like others."""
    owner = site.owner(site.nodes[-1])
    for number in range(COMMITS):
        owner.set("policy/p1", "system.s1.x", f"back {number}")
        assert owner.commit(f"back {number}", timeout_s=STEP_S_MAX)["state"] == "durable"
    site.cluster.wait("one head", site.cluster.at_one_head)
    assert all(_says(node, "alarms") == [] for node in site.nodes)
    assert all(site.cluster.stop().values())
    for node in site.nodes:
        node.dusk("verify")
        assert "Traceback" not in node.said


def test_who_was_off_for_five_thousand_entries_is_soon_current() -> None:
    with absence.absence(absence.MISSED) as site:
        has_all_s, in_effect_s = returns(site)
        print(f"{absence.MISSED} entries were missed; all there after {has_all_s:.2f} s (P12)")
        assert in_effect_s < STEP_S_MAX


def test_who_was_off_past_compactions_and_a_checkpoint_goes_on_from_it_at_real_sizes() -> None:
    assert (limits.CHECKPOINT_STEP, limits.PIECE_BYTES_MAX, limits.CHUNK_BYTES_MAX) == (256, 60_000, 60_000)
    with absence.absence(absence.MISSED) as site:
        absence.compact(site)
        master, member, absent = site.nodes
        floor = floor_of(master)
        assert floor % limits.CHECKPOINT_STEP == 0
        assert floor > absence.MISSED - 3 * limits.CHECKPOINT_STEP
        foundation = _foundation(master)
        assert foundation == _foundation(member)
        assert len(pieces(foundation)) > 3
        assert floor_of(absent) == 0
        has_all_s, in_effect_s = returns(site)
        print(
            f"{absence.MISSED} entries were missed, {floor} of them compacted into {len(foundation):,} bytes;"
            f" all there after {has_all_s:.2f} s, in effect after {in_effect_s:.2f} s (P12)"
        )
        assert in_effect_s < STEP_S_MAX
        assert _foundation(absent) == foundation
        assert "goes on from the checkpoint" in absent.said
        _check_that_it_goes_on(site)
