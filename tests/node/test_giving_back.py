"""A node gives back what it changed, as an apply of its own that a peer confirms."""

from tests.managed import managed_site

OWN = b"config system\n"


def test_r9_all_is_as_it_was_once_a_peer_has_confirmed_it_and_as_the_log_says_if_it_stays() -> None:
    site = managed_site()
    member = site.all[1]
    managed = member.files["system"]
    member.do(member.node.give_back(site.now))
    site.run(10)
    assert (member.files["system"], member.node.applied.has_given_back) == (OWN, True)
    member.do(member.node.give_back(site.now, is_wanted=False))
    site.run(10)
    assert (member.files["system"], member.node.applied.state) == (managed, "committed")
