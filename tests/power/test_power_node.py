"""A node's whole folder through power cuts, kills and refusals at every call (Q2, A31)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, combinations
from pathlib import Path

from dusk.daemon.drafts import FOLDER as DRAFTS
from dusk.daemon.identity import FILE as IDENTITY_FILE
from dusk.daemon.identity import encode_identity
from dusk.daemon.logfiles import NAME
from dusk.daemon.privileges import prepare_folders
from dusk.daemon.service import own_key
from dusk.daemon.smallfiles import SmallFiles
from dusk.daemon.storage import open_storage
from dusk.effects import Append, ItemKind, LogItem, RemoveFile, StoreFile
from dusk.errors import Refused, StorageError
from dusk.sim.disk import Disk, in_rounds
from tests.power.cuts import Bench, Told, Work

Written = Append | StoreFile | RemoveFile


@dataclass(frozen=True, slots=True)
class State:
    """All that a node has on its disk."""

    items: tuple[LogItem, ...]
    files: frozenset[tuple[str, bytes]]


NEW = State((), frozenset())


def state(items: Sequence[LogItem], files: Mapping[str, bytes]) -> State:
    return State(tuple(items), frozenset(files.items()))


def batch(first: int, count: int = 1) -> Append:
    entries = [LogItem(ItemKind.ENTRY, bytes([first + at]) * 50) for at in range(count)]
    return Append((*entries, LogItem(ItemKind.HEAD, b"head" + bytes([first]))))


ROUNDS: tuple[tuple[Written, ...], ...] = (
    (StoreFile("groupkeys", b"first keys"),),
    (StoreFile("outbox/1a", b"a change" * 9), batch(1), batch(2, 2), StoreFile("groupkeys", b"more keys")),
    (RemoveFile("outbox/1a"), batch(4), StoreFile("drafts/_ann", b"draft"), RemoveFile("drafts/_ann")),
    (StoreFile("outbox/2b", b"b"), StoreFile("outbox/3c", b"c"), batch(5)),
    (RemoveFile("outbox/2b"), RemoveFile("outbox/3c"), batch(6), RemoveFile("groupkeys")),
)
REJOINED: tuple[tuple[Written, ...], ...] = (
    (batch(1, 2), StoreFile("joining", b"key")),
    (RemoveFile(NAME), batch(3), RemoveFile("joining"), StoreFile("status-key", b"s" * 32)),
)


def torn(disk: Disk, step: Sequence[Written]) -> Iterator[State]:
    """Yield what a power cut within one step may leave, as the disk of the simulator has it."""
    if isinstance(step[0], Append):
        items = [item for effect in step if isinstance(effect, Append) for item in effect.items]
        for end in range(len(items) + 1):
            begun = Disk([*disk.items, *items[:end]], disk.files)
            begun.recover()
            yield state(begun.items, begun.files)
        return
    for done in chain.from_iterable(combinations(step, n) for n in range(len(step) + 1)):
        begun = disk.copy()
        for effect in done:
            begun.do(effect)
        yield state(begun.items, begun.files)


def begin(told: Told[State], effects: Sequence[Written]) -> State:
    """Tell what a round may leave when it is cut; return what it leaves when it is not."""
    assert told.kept is not None
    disk = Disk(told.kept.items, dict(told.kept.files))
    for step in in_rounds(effects):
        done = [effect for effect in step if isinstance(effect, Append | StoreFile | RemoveFile)]
        for each in torn(disk, done):
            told.begin(each)
        for effect in done:
            disk.do(effect)
    return state(disk.items, disk.files)


def live(root: Path, told: Told[State], rounds: Sequence[Sequence[Written]]) -> None:
    """One life of a node: it reads its folder, and promises what is there; then rounds."""
    storage, saved = open_storage(root)
    try:
        found = state(saved.items, saved.files)
        assert found == told.kept or found in told.begun
        assert saved.report.damage_at is None
        told.keep(found)
        for effects in rounds:
            done = begin(told, effects)
            storage.do(effects)
            told.keep(done)
    finally:
        storage.close()


def recover(root: Path, told: Told[State]) -> None:
    live(root, told, [(batch(200), StoreFile("outbox/ff", b"again"), RemoveFile("groupkeys"))])


def work(rounds: Sequence[Sequence[Written]]) -> Work[State]:
    return Work(lambda _: Told(NEW), lambda root, told: live(root, told, rounds), recover)


def test_q2_a_power_cut_at_any_call_leaves_a_node_what_the_simulator_says(bench: Bench) -> None:
    assert bench.cut(work(ROUNDS)).states > 40
    assert bench.cut(work(REJOINED)).states > 50


def test_q2_what_a_node_reads_behind_a_kill_outlives_a_power_cut(bench: Bench) -> None:
    assert bench.kill(work(ROUNDS)).points > 5
    assert bench.kill(work(REJOINED)).points > 5


def test_a31_q2_a_disk_that_refuses_any_call_of_a_node_breaks_no_promise_even_in_a_power_cut(
    bench: Bench,
) -> None:
    assert bench.refuse(work(ROUNDS)).points > 5
    assert bench.refuse(work(REJOINED)).points > 5


# --- the first start of all: even the folders are new ---------------------------------------


def start(root: Path, told: Told[State]) -> Path:
    """Make folders and key as the daemon does; a key that was promised is the key."""
    assert told.kept is not None
    try:
        prepare_folders(str(root), None)
    except (OSError, Refused) as error:  # said in one line, too, and procd starts it again
        raise StorageError(str(error)) from None
    node = root / "etc/dusk/node"
    key = encode_identity(own_key(node).seed)
    if IDENTITY_FILE in dict(told.kept.files):
        assert dict(told.kept.files)[IDENTITY_FILE] == key
    else:
        told.begin(state((), {IDENTITY_FILE: key}))
    return node


def first_start(root: Path, told: Told[State]) -> None:
    live(start(root, told), told, ROUNDS[:1])


def start_again(root: Path, told: Told[State]) -> None:
    recover(start(root, told), told)


FIRST = Work(lambda _: Told(NEW), first_start, start_again)


def test_q2_a_device_that_told_its_key_and_took_entries_has_both_behind_a_power_cut(bench: Bench) -> None:
    assert bench.cut(FIRST).states > 30
    assert bench.kill(FIRST).points > 5


def test_a31_a_disk_that_refuses_any_call_of_the_first_start_is_said_and_made_good(bench: Bench) -> None:
    assert bench.refuse(FIRST).points > 5


# --- drafts: stored by a thread beside the node ----------------------------------------------


def draft(root: Path, told: Told[State]) -> None:
    """A user's draft is stored, replaced and discarded while the node lives."""
    live(root, told, [])
    files = SmallFiles(root)
    try:
        for data in (b"one", b"two" * 9):
            done = begin(told, [StoreFile(f"{DRAFTS}ann", data)])
            files.store(f"{DRAFTS}ann", data)
            told.keep(done)
        done = begin(told, [RemoveFile(f"{DRAFTS}ann")])
        files.remove(f"{DRAFTS}ann")
        told.keep(done)
    finally:
        files.close()


def test_a31_q2_a_draft_is_the_former_or_the_new_one(bench: Bench) -> None:
    drafts = Work(lambda _: Told(NEW), draft, recover)
    assert bench.cut(drafts).states > 20
    assert bench.kill(drafts).points > 5
    assert bench.refuse(drafts).points > 5
