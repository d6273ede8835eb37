"""Files beside UCI on real routers: from the command line to the disk, with their settings or not at all."""

import json
from pathlib import Path

import pytest

from dusk.demo import files
from tests.network.cluster import Cluster, Machine, running

pytestmark = [pytest.mark.network, pytest.mark.needs("namespaces")]

BANNER, MOTD = "file:/etc/banner", "file:/etc/motd"
USUAL = "network wireless dhcp firewall system"
SSID = "wireless.default_radio0.ssid"


def _banner(router: Machine) -> tuple[str, int] | None:
    """Return content and mode."""
    path = router.root / "etc/banner"
    return (path.read_text(), path.stat().st_mode & 0o777) if path.exists() else None


def _has(router: Machine, ssid: str) -> bool:
    return files.values(router.config, SSID) == [ssid]


def _apply(router: Machine) -> tuple[str, str]:
    state = (router.state() or {}).get("apply", {})
    return state.get("state", ""), state.get("reason", "")


def _wait_for(cluster: Cluster, banner: tuple[str, int] | None) -> None:
    cluster.wait("the banner everywhere", lambda: all(_banner(one) == banner for one in cluster.routers))
    cluster.wait("it is final", lambda: all(one.is_kept() for one in cluster.routers))


def test_a_file_is_written_with_its_settings_or_not_at_all_looked_after_and_removed(tmp_path: Path) -> None:
    with running(2, "0.5s") as cluster:
        first, other = cluster.routers
        name = str((other.state() or {})["name"])
        source = tmp_path / "banner"
        source.write_text("${not a variable}\n\n")
        first.dusk("login", "anna", "--password-file", str(cluster.base / "password"))
        first.dusk("set", "policy/office", f"{BANNER}=@{source}", "--mode", "0600")
        first.dusk("set", "policy/office", f"{SSID}=first")
        first.dusk("policy", "assign", "office", "--all")
        first.dusk("commit", "-m", "a banner")
        _wait_for(cluster, ("${not a variable}\n\n", 0o600))
        shown = json.loads(first.dusk("effective", name, BANNER, "--json"))
        assert [(one["package"], one["in_effect"]) for one in shown["files"]] == [(BANNER, True)]

        _is_looked_after(cluster, first, other, name)
        _is_refused_with_its_settings(cluster, first, other)

        first.dusk("delete", "policy/office", BANNER)
        first.dusk("commit", "-m", "no banner")
        _wait_for(cluster, None)


def _is_looked_after(cluster: Cluster, first: Machine, other: Machine, name: str) -> None:
    """See that what somebody writes there is noticed, told by mode and size alone, and put back."""
    (other.root / "etc/banner").write_text("mine, and unspeakable")
    row = (BANNER, "-rw-------, 19 bytes", "-rw-------, 21 bytes")

    def told() -> bool:
        answer = json.loads(first.dusk("drift", name, "--json"))
        assert "unspeakable" not in str(answer)
        return [(one["key"], one["wanted"], one["found"]) for one in answer["drift"]] == [row]

    cluster.wait("its drift is told", told)
    other.dusk("drift", "revert", name)
    _wait_for(cluster, ("${not a variable}\n\n", 0o600))


def _is_refused_with_its_settings(cluster: Cluster, first: Machine, other: Machine) -> None:
    """See that a file that root does not let be managed keeps all of a change off, until root lets it."""
    first.allow(f"{USUAL} {BANNER} {MOTD}")
    first.dusk("set", "policy/office", f"{SSID}=second", f"{MOTD}=today")
    first.dusk("commit", "-m", "and what is new today")
    cluster.wait(
        "it where root lets it", lambda: (first.root / "etc/motd").exists() and _has(first, "second")
    )
    reason = f"only root lets it be managed: {MOTD} in etc/dusk/allow"
    cluster.wait("why not elsewhere", lambda: _apply(other)[0] == "failed" and reason in _apply(other)[1])
    assert _has(other, "first")
    assert not (other.root / "etc/motd").exists()

    other.allow(f"{USUAL} {BANNER} file:/etc/")
    first.dusk("set", "policy/office", f"{SSID}=third")
    first.dusk("commit", "-m", "once more")
    cluster.wait("it everywhere", lambda: all(_has(one, "third") for one in cluster.routers))
    assert (other.root / "etc/motd").read_text() == "today"
