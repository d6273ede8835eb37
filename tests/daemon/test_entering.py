"""A cluster that is made through the control socket of a router that is in none."""

from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from dusk.cli.client import Client, Json
from dusk.daemon.entering import in_cluster
from dusk.daemon.opening import read_log
from dusk.errors import Refused
from dusk.ids import ChainHash, ClusterId, Named, Seq
from dusk.keys.joinkey import JoinKey
from dusk.keys.phrase import recovery_key
from tests.daemon.test_service import daemon, root, until
from tests.daemons import answers

if TYPE_CHECKING:
    from dusk.node import Node

__all__ = ["root"]
USER, PASSWORD = "ann", "a few words of hers"
CHECKSUM_IS_WRONG = "zoo " * 24
NAMED = Named(0, Seq(1), ChainHash(bytes(32)), bytes(32))
LINE = JoinKey(ClusterId(bytes(32)), NAMED, bytes(32), ()).line()


def _refused(client: Client, method: str, **params: object) -> str:
    with pytest.raises(Refused) as caught:
        client.call(method, **params)
    return caught.value.code


def _ended(client: Client, ticket: str) -> Json:
    until(lambda: bool(client.call("ticket.poll", ticket=ticket)["done"]))
    ended: Json = client.call("ticket.poll", ticket=ticket)
    return ended


def test_a_phrase_that_was_typed_again_makes_a_cluster_once(root: Path) -> None:
    wanted = {"cluster": "home", "user": USER, "password": PASSWORD, "cycle_s": 0.5}
    with daemon(root):
        until(lambda: answers(root))
        client = Client(root)
        phrase = client.call("cluster.phrase")["phrase"]
        assert phrase != client.call("cluster.phrase")["phrase"]
        assert _refused(client, "cluster.found", **wanted, phrase=CHECKSUM_IS_WRONG) == "bad-phrase"
        for line in ("join", "node/joining"):
            (root / "etc/dusk" / line).touch()
            assert _refused(client, "cluster.found", **wanted, phrase=phrase) == "joining"
            (root / "etc/dusk" / line).unlink()
        assert _refused(client, "join.cancel") == "not-joining"
        client.call("join", line=LINE)
        assert (root / "etc/dusk/node/joining").read_text() == LINE, "it is answered once it is kept"
        (root / "etc/dusk/join").write_text(LINE)  # as root's command line leaves it
        assert _refused(client, "cluster.found", **wanted, phrase=phrase) == "joining"
        assert _ended(client, client.call("join.cancel")["ticket"])["result"] == {}
        assert not (root / "etc/dusk/join").exists()
        assert not (root / "etc/dusk/node/joining").exists()
        for password, code in (("", "empty-password"), ("x", "short-password")):
            nobody = {**wanted, "password": password}
            ended = _ended(client, client.call("cluster.found", **nobody, phrase=phrase)["ticket"])
            assert ended["error"]["code"] == code
        assert client.call("status")["role"] == "none", "a refusal leaves nothing"

        ticket = client.call("cluster.found", **wanted, phrase=phrase.upper())["ticket"]
        assert _refused(client, "cluster.found", **wanted, phrase=phrase) in ("busy", "in-cluster")
        made = _ended(client, ticket)["result"]
        assert made["user"] == USER
        until(lambda: bool(client.call("status")["role"] == "master"))
        shown = client.call("recovery.show")
        assert (shown["id"], shown["key"]) == (made["cluster"], recovery_key(phrase).public.hex())
        login = _ended(client, client.call("session.login", user=USER, password=PASSWORD)["ticket"])
        assert login["result"]["user"] == USER
        assert _refused(client, "cluster.phrase") == "in-cluster"
        client.close()
    assert len(read_log(root / "etc/dusk/node").items) >= 2, "it is on the disk"
    with daemon(root):
        until(lambda: answers(root))
        client = Client(root)
        assert client.call("status")["cluster"] == "home"
        client.close()


@pytest.mark.parametrize(("is_out", "said"), [(True, "`dusk leave --yes` ends that"), (False, "is a member")])
async def test_a_router_that_was_removed_is_told_what_comes_before_it_joins(
    *, is_out: bool, said: str
) -> None:
    peers = SimpleNamespace(cluster=bytes(32))
    refused = in_cluster(cast("Node", SimpleNamespace(peers=peers, is_removed=lambda _now: is_out)))
    assert (refused.code, said in refused.reason) == ("in-cluster", True)
