"""Routers that were there before the cluster: what they have is taken over, and nothing changes on them."""

import json
from contextlib import ExitStack, closing
from typing import Any

import pytest

from tests.network.cluster import Machine, Owner, running

pytestmark = [pytest.mark.network, pytest.mark.needs("namespaces")]

SECRET = "unspeakable over the air"


def _files(router: Machine) -> dict[str, bytes]:
    return {name: (router.config / name).read_bytes() for name in ("wireless", "system")}


def test_what_routers_have_is_taken_over_what_they_share_is_a_policy_and_no_file_changes() -> None:
    with running(2, "0.5s") as cluster, ExitStack() as stack:
        at, other = cluster.routers
        names = [str((router.state() or {})["name"]) for router in cluster.routers]
        path = other.config / "wireless"
        path.write_text(path.read_text() + f"\toption key '{SECRET}'\n")
        before = [_files(router) for router in cluster.routers]
        at.dusk("login", "anna", "--password-file", str(cluster.base / "password"))
        asked = ("--from-device", "wireless", "system", "--json")
        told = [json.loads(at.dusk("import", f"device/{name}", *asked)) for name in names]
        assert told[1]["secrets"] == ["wireless.default_radio1.key"]
        at.dusk("policy", "propose", "base")
        owner, asker = cluster.owner(at), stack.enter_context(closing(Owner(at)))
        owner.commit("what the routers had before")

        def there() -> list[dict[str, Any]]:
            ticket = asker.call("effective.ask", device=names[1])["ticket"]
            found: list[dict[str, Any]] = asker.wait(ticket)["files"]
            return found

        cluster.wait("it is in effect", lambda: [one["in_effect"] for one in there()] == [True, True])
        assert [_files(router) for router in cluster.routers] == before
        wireless = there()[1]
        assert SECRET not in json.dumps(wireless)
        rows = {one["key"]: (one["value"], one["origin"]) for one in wireless["options"]}
        assert rows["wireless.default_radio1.key"] == ("(secret)", "")
        assert rows["wireless.default_radio1.ssid"] == ("OpenWrt", "policy/base")

        other.ask_to_stop()
        assert other.wait_for_end()
        last = json.loads(at.dusk("effective", names[1], "--json"))
        assert (last["files"], "does not answer" in last["reason"]) == (None, True)
        assert [one["package"] for one in last["report"]["files"]] == ["system", "wireless"]
