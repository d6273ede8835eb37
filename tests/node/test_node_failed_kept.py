"""A config that was given up stays given up for the next node of the same daemon, too (A32)."""

from tests.node.site import Site
from tests.world import World


def _assigned(world: World) -> None:
    world.commit(
        world.edit("assignment/wifi", "to", ("all", (), 100)),
        world.set("wifi", "wireless.a.ssid", "before"),
    )


def test_a32_a_node_that_is_built_anew_does_not_try_again_what_was_given_up() -> None:
    """As behind a checkpoint that takes the place of the log: only what its folder has is known to it."""
    site = Site(3, _assigned, window_s=30.0)
    for each in site.all:
        each.files["wireless"] = b"config wifi-iface 'a'\n\toption ssid 'before'\n"
    site.run(12)
    box = site.all[2]
    box.reload_exit = 1
    site.master.commit("bad")
    site.run(900)
    assert box.node.applied.state == "failed"
    tries = len(box.written_at)
    assert tries > 1
    box.restart()
    site.run(3000)
    assert len(box.written_at) == tries
    assert box.node.applied.state == "failed"
    box.reload_exit = 0
    site.master.commit("good")
    site.run(60)
    assert box.node.applied.state == "committed"
