"""A router that sides with a removed owner shows who keeps his key at home a log that forked (A57, R5)."""

from pathlib import Path

import pytest

from dusk.cli.athome import Home
from dusk.errors import Refused
from dusk.keys.signing import SigningKey
from tests.desk import FakeDesk
from tests.holders import Holders


class Owned(Holders):
    """Mallory and Ann own it beside Alice; made twice, it is the same log up to here."""

    def __init__(self) -> None:
        super().__init__(5)
        self.mallory, self.ann = self.key(), self.key()
        for name, key in (("mallory", self.mallory), ("ann", self.ann)):
            self.commit(self.edit(f"user/{name}", "key", [key.public]))
            self.commit(self.edit("trust", f"owner/{name}", [key.public]))

    def remove_mallory(self) -> None:
        self.commit(self.edit("trust", "owner/mallory", None), self.edit("user/mallory", "disabled", [True]))

    def hear(self, file: Path) -> None:
        """Have Ann's machine take a copy of the log."""
        home = Home(FakeDesk(self).ask, str(file), self.ann, cluster=self.cluster, user="ann")
        home.in_order(())


def forked() -> Owned:
    """Return a log that parts before Mallory was removed, which he made the higher one with a router."""
    fork = Owned()
    by: tuple[SigningKey, ...] = (fork.mallory,)
    fork.lead(fork.kitchen, fork.role(fork.kitchen, signers=by, device=fork.kitchen))
    for at in range(6):
        edit = fork.set("office", "system.@system[0].hostname", f"n{at}")
        fork.write(fork.change(edit, signers=by, device=fork.kitchen))
    return fork


def other_log(fork: Owned, file: Path) -> str:
    with pytest.raises(Refused) as refusal:
        fork.hear(file)
    assert refusal.value.code == "other-log"
    return refusal.value.reason


def test_a57_a_fork_in_which_a_removed_owner_still_is_one_is_not_what_a_key_at_home_signs_by(
    tmp_path: Path,
) -> None:
    honest, fork, file = Owned(), forked(), tmp_path / "ann.key"
    honest.remove_mallory()
    honest.hear(file)
    assert (fork.log.head.mandate, honest.log.head.mandate) == (1, 0), "the higher one"
    reason = other_log(fork, file)
    assert f"shows another history than {file}.seen knows" in reason
    assert "ask another router" in reason
    honest.open()
    honest.hear(file)
    other_log(fork, file)
    fork.hear(tmp_path / "new.key")  # who never saw another believes the first


def test_a57_what_a_former_version_noted_holds_and_the_next_copy_is_remembered_whole(tmp_path: Path) -> None:
    honest, file = Owned(), tmp_path / "ann.key"
    honest.remove_mallory()
    seen = tmp_path / "ann.key.seen"
    seen.write_text(f"0 0 1 {honest.log.head.seq}\n")
    with pytest.raises(Refused, match="there is a later one"):
        Owned().hear(file)
    honest.hear(file)
    assert seen.read_text().startswith("dusk-seen-2 0 0 1 ")
    other_log(forked(), file)


def test_a57_a_fork_that_the_phrase_made_is_believed_and_the_log_before_it_no_more(tmp_path: Path) -> None:
    honest, recovered, file = Owned(), Owned(), tmp_path / "ann.key"
    honest.remove_mallory()
    honest.hear(file)
    recovered.recover(recovered.kitchen)
    recovered.hear(file)
    with pytest.raises(Refused, match="there is a later one"):
        honest.hear(file)
