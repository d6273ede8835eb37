"""Numbers of changes: a refused one has used its own, for a copy of it may come late (R3)."""

import pytest

from dusk.changelog.body import Change
from dusk.effects import ChangeState, Progress
from dusk.keys.signing import SigningKey
from dusk.node import changes
from tests.node.site import Box, Site


def refused(site: Site, member: Box, author: SigningKey) -> Change:
    """Hand in a change that who leads refuses: it names who is no member."""
    edit = site.world.edit("cluster", "succession", [[bytes(16)]])
    counter = member.node.next_counter(author.key_id)
    change = site.world.change(edit, signers=(author,), device=member.key, counter=counter)
    member.do(member.node.submit(change, site.now))
    site.until(
        lambda: any(
            told.change == change.id and told.state is ChangeState.REFUSED
            for told in member.of(Progress)
            if isinstance(told, Progress)
        ),
        within_s=5.0,
    )
    return change


def test_r3_the_number_of_a_refused_change_is_given_to_no_other() -> None:
    site = Site(2)
    site.run(6.0)
    member, owner = site.all[1], site.world.owner
    first = refused(site, member, owner)
    assert member.node.next_counter(owner.key_id) == first.body.counter + 1
    assert refused(site, member, owner).body.counter == first.body.counter + 1


def test_the_numbers_of_so_many_authors_are_remembered_that_came_to_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(changes, "_AUTHORS_MAX", 1)
    site = Site(2)
    site.run(6.0)
    member, owner, stranger = site.all[1], site.world.owner, site.world.key()
    first, other = refused(site, member, owner), refused(site, member, stranger)
    assert member.node.next_counter(stranger.key_id) == other.body.counter + 1
    assert member.node.next_counter(owner.key_id) == first.body.counter
