"""What a joiner has fetched below the entry that its join key names is nobody's word (A2, A6)."""

import pytest

from dusk.changelog.log import Log
from dusk.effects import Append, Effect, ReadItems, Rebase, RemoveFile, Restart, StoreFile, Tick
from dusk.ids import ChainHash, Seq
from dusk.keys.joinkey import JoinKey
from dusk.limits import BACK_OFF_S_MAX
from dusk.membership import withheld
from dusk.membership.joiner import Joiner
from tests.checkpoints import commit
from tests.membership.test_joiner_checkpoints import cluster, join, joiner_of, serving
from tests.parted import RADIO, parted
from tests.streams import Member, Wires, master
from tests.world import World

pytestmark = pytest.mark.usefixtures("small_steps")

JOINED = [Restart("joined")]
WRITES = (Append, Rebase, RemoveFile, StoreFile)


def _thief_and_honest() -> tuple[World, World]:
    """Return a thief's side, and the one that stands, which is longer: a join key is made at its end."""
    thief, honest, _fork = parted()
    while honest.log.head.seq <= thief.log.head.seq + 2:
        honest.commit(honest.set("wifi", RADIO, "6"))
    return thief, honest


def _ghost(server: Member, key: JoinKey) -> Member:
    """Return a server that says its log has what any joiner asks for."""
    real = server.chain_at
    server.chain_at = lambda seq: key.named.chain if seq == key.named.seq else real(seq)  # type: ignore[method-assign]  # it lies
    return server


def _noting(fetched: list[Seq], effects: list[Effect]) -> list[Effect]:
    """Note where a server reads its log."""
    fetched += [e.first for e in effects if isinstance(e, ReadItems)]
    return effects


def _meet(wires: Wires, joiner: Joiner, server: Member) -> None:
    """Let a joiner ask a server once, long after all that was before."""
    wires.cores["master"] = server
    wires.now += 2 * BACK_OFF_S_MAX
    wires.give("joiner", Tick())


def _on_disk(wires: Wires, world: World) -> Log:
    """Return the log that the joiner's disk has at the end."""
    log = Log(world.cluster)
    for who, effect in wires.events:
        if who == "joiner" and effect == RemoveFile("log"):
            log = Log(world.cluster)
        elif who == "joiner" and isinstance(effect, Append):
            log.extend(effect.items)
    return log


def test_a2_a_thiefs_log_that_ends_below_the_join_key_is_left_for_one_that_leads_there() -> None:
    thief, honest = _thief_and_honest()
    joiner = joiner_of(honest, seq=honest.log.head.seq, log=thief.replica())
    wires = Wires({"master": master(honest), "joiner": joiner})
    wires.do("joiner", joiner.start(wires.now))
    assert wires.of("joiner", Restart) == JOINED  # on the first stream
    assert joiner.head == honest.log.head
    assert _on_disk(wires, honest).head == honest.log.head


def test_a_log_that_leads_to_the_join_keys_entry_is_gone_on_with() -> None:
    _thief, honest = _thief_and_honest()
    early = honest.replica()
    honest.commit(honest.set("wifi", RADIO, "1"))
    joiner = joiner_of(honest, seq=honest.log.head.seq, log=early)
    wires = Wires({"master": master(honest), "joiner": joiner})
    wires.do("joiner", joiner.start(wires.now))
    assert wires.of("joiner", Restart) == JOINED
    assert RemoveFile("log") not in wires.of("joiner", RemoveFile)
    (append,) = wires.of("joiner", Append)
    assert isinstance(append, Append)
    early.extend(append.items)
    assert early.head == honest.log.head


def test_a2_a6_a_thief_that_breaks_off_below_the_join_key_makes_a_joiner_write_nothing() -> None:
    thief, honest = _thief_and_honest()
    joiner = joiner_of(honest, seq=honest.log.head.seq)
    ghost = _ghost(master(thief), joiner._join_key)
    wires = Wires({"master": ghost, "joiner": joiner})
    wires.do("joiner", joiner.start(wires.now))
    for _ in range(3):
        _meet(wires, joiner, ghost)
    assert joiner.head == thief.log.head
    assert [e for kind in WRITES for e in wires.of("joiner", kind)] == []
    _meet(wires, joiner, master(honest))
    assert wires.of("joiner", Restart) == JOINED
    assert _on_disk(wires, honest).head == joiner.head == honest.log.head


def test_a2_a6_a_log_with_another_entry_there_is_dropped_without_a_write_or_a_restart() -> None:
    _thief, honest = _thief_and_honest()
    at = honest.log.head.seq
    joiner = joiner_of(honest, seq=at - 1, chain=ChainHash(b"other" + bytes(27)))
    ghost = _ghost(master(honest), joiner._join_key)
    wires = Wires({"master": ghost, "joiner": joiner})
    wires.do("joiner", joiner.start(wires.now))
    for _ in range(3):
        _meet(wires, joiner, ghost)
    assert "its named entry differs" in joiner.reason
    assert joiner.head.seq == 0
    assert [e for kind in (*WRITES, Restart) for e in wires.of("joiner", kind)] == []


def test_a2_a_log_on_the_disk_that_has_another_entry_there_is_not_gone_on_with() -> None:
    thief, honest = _thief_and_honest()
    joiner = joiner_of(honest, seq=thief.log.head.seq, log=thief.replica())
    wires = Wires({"master": master(honest), "joiner": joiner})
    wires.do("joiner", joiner.start(wires.now))
    assert wires.of("joiner", Restart) == JOINED
    assert _on_disk(wires, honest).head == honest.log.head


def test_what_a_joiner_has_in_memory_is_gone_on_with_when_a_stream_broke(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("dusk.catchup.server.CHUNK_BYTES_MAX", 2000)
    _thief, honest = _thief_and_honest()
    joiner = joiner_of(honest, seq=honest.log.head.seq)
    wires = Wires({"master": master(honest), "joiner": joiner})
    wires.mangle = lambda _to, frame: None if joiner.head.seq else frame
    wires.do("joiner", joiner.start(wires.now))
    reached = joiner.head.seq
    assert 0 < reached < joiner._join_key.named.seq, joiner.reason
    assert wires.of("joiner", Append) == []
    fetched: list[Seq] = []
    monkeypatch.setattr(
        Member, "handle", lambda member, event, now: _noting(fetched, member.exchanges.handle(event, now))
    )
    wires.mangle = lambda _to, frame: frame
    _meet(wires, joiner, master(honest))
    assert wires.of("joiner", Restart) == JOINED
    assert fetched[0] == reached + 1
    assert _on_disk(wires, honest).head == honest.log.head


def test_beyond_what_memory_is_for_a_joiner_stores_what_it_fetches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(withheld, "UNANCHORED_BYTES_MAX", 1000)
    thief, honest = _thief_and_honest()
    joiner = joiner_of(honest, seq=honest.log.head.seq)
    ghost = _ghost(master(thief), joiner._join_key)
    wires = Wires({"master": ghost, "joiner": joiner})
    wires.do("joiner", joiner.start(wires.now))
    assert _on_disk(wires, honest).head == thief.log.head
    _meet(wires, joiner, master(honest))
    assert wires.of("joiner", Restart) == JOINED
    assert _on_disk(wires, honest).head == honest.log.head


def test_a2_a_checkpoint_below_the_join_keys_entry_is_stored_with_that_entry() -> None:
    world = cluster()
    commit(world, 3)
    joiner = joiner_of(world, seq=world.log.head.seq)
    wires = join(world, joiner)
    assert wires.of("joiner", Restart) == JOINED
    kinds = [type(e) for who, e in wires.events if who == "joiner" and isinstance(e, WRITES)]
    assert kinds[0] is Rebase
    assert kinds.count(Rebase) == 1


def test_a2_a6_a_checkpoint_of_who_breaks_off_below_the_join_keys_entry_is_not_stored() -> None:
    world = cluster()
    joiner = joiner_of(world, seq=world.log.head.seq + 5, chain=ChainHash(bytes(32)))
    wires = Wires({"master": _ghost(serving(world), joiner._join_key), "joiner": joiner})
    wires.do("joiner", joiner.start(wires.now))
    assert joiner.head == world.log.head
    assert [e for kind in WRITES for e in wires.of("joiner", kind)] == []
