"""Rollouts over the command line of real routers."""

import json
from collections.abc import Callable
from typing import Any

from tests.network.cluster import Cluster, Owner


def commit(owner: Owner, message: str, how: str, *waves: str, **more: Any) -> str:
    """Commit the draft as a rollout, and return its id."""
    started = owner.call("draft.commit", message=message, yes=True, rollout=how, waves=waves, **more)
    assert owner.wait(started["ticket"])["state"] == "durable"
    return str(json.loads(owner.router.dusk("rollout", "list", "--json"))[0]["id"])


def shown(cluster: Cluster, ident: str) -> dict[str, Any]:
    """Return a rollout as the first router shows it."""
    found: dict[str, Any] = cluster.first.ask("rollout", "show", ident)
    return found


def is_now(cluster: Cluster, ident: str, state: str) -> Callable[[], bool]:
    """Return what looks whether it is in a state there."""
    return lambda: shown(cluster, ident)["state"] == state
