"""``dusk leave``: of this router alone, and what is told."""

from typing import TYPE_CHECKING

import pytest

from dusk.ids import DeviceId
from tests.cli.test_commands import assert_refused
from tests.desk import FakeDesk

if TYPE_CHECKING:
    from tests.cli.conftest import Dusk


@pytest.fixture
def member(server: FakeDesk) -> FakeDesk:
    """Return the served desk of a router that may not lead; nobody is logged in."""
    shed = server.world.join("shed")
    server.stands_at = DeviceId(shed.key_id)
    return server


@pytest.mark.usefixtures("member")
def test_a_router_leaves_and_is_told_that_its_secrets_stay_in_its_files(dusk: "Dusk") -> None:
    done = dusk("leave")
    assert (done.code, done.out.count("left the cluster")) == (0, 1)
    assert "secrets too" in done.err
    assert dusk("leave", "--keep-config", "--json").json == {"left": True, "missing": "", "device": "shed"}


def test_one_that_is_cut_off_goes_later(dusk: "Dusk", member: FakeDesk) -> None:
    member.left = {"left": False, "missing": "nobody was heard"}
    late = dusk("leave", "--timeout", "1s")
    assert (late.code, late.out) == (1, "shed has not left yet: nobody was heard\n")


@pytest.mark.usefixtures("server")
def test_who_may_lead_stays(dusk: "Dusk") -> None:
    assert_refused(dusk("leave"), "may lead the cluster")


def test_it_is_not_done_from_afar(dusk: "Dusk") -> None:
    assert_refused(dusk("--via", "ssh://root@attic", "leave"), "run it there")
