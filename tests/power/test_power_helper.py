"""An apply through power cuts, kills and refusals at every call of the helper (Q2, A10, A31)."""

import os
from dataclasses import dataclass
from pathlib import Path

from dusk.errors import StorageError
from dusk.helper.files import Refusal
from dusk.helper.journal import digest
from dusk.helper.process import Helper
from tests.power.cuts import Bench, Told, Work
from tests.power.model import Model, Name

Files = dict[str, bytes | None]
BANNER = "file:/etc/banner"
BEFORE: Files = {
    "wireless": b"config wifi-device\n",
    "system": b"config system\n",
    "firewall": None,
    BANNER: None,
}
AFTER: Files = {
    "wireless": b"config wifi-device 'a'\n",
    "system": b"",
    "firewall": b"config defaults\n",
    BANNER: None,
}
BESIDE: Files = {**BEFORE, "system": b"", BANNER: b"-r--r--r--\nours\n"}
LATER: Files = {
    "wireless": BEFORE["wireless"],
    "system": b"config system 'b'\n",
    "firewall": b"config rule\n",
    BANNER: None,
}
MODE = 0o640


@dataclass(frozen=True, slots=True)
class Applied:
    """What is in effect, and under which number a next apply goes."""

    files: tuple[bytes | None, ...]

    @classmethod
    def of(cls, files: Files) -> "Applied":
        return cls(tuple(files[name] for name in BEFORE))


def found(root: Path) -> Files:
    config = root / "etc/config"
    files = {name: (config / name).read_bytes() if (config / name).exists() else None for name in BEFORE}
    banner = root / "etc/banner"
    if banner.exists():
        assert banner.stat().st_mode & 0o777 == 0o444
        files[BANNER] = b"-r--r--r--\n" + banner.read_bytes()
    return files


def new(root: Path) -> Told[Applied]:
    """A router as it comes: Dusk has no folder yet."""
    (root / "etc/config").mkdir(parents=True)
    for name, content in BEFORE.items():
        if content is not None:
            (root / "etc/config" / name).write_bytes(content)
            (root / "etc/config" / name).chmod(MODE)
    return Told(Applied.of(BEFORE))


def used(root: Path) -> Told[Applied]:
    """A router on which something was applied before."""
    told = new(root)
    helper = serving(root)
    apply(helper, root, told, AFTER)
    helper.lock.close()
    return told


def ask(helper: Helper, *fields: bytes) -> list[bytes]:
    """Ask, and raise what the disk refused as the daemon's side does."""
    answer = helper.answer(*fields)
    if answer[:2] == [b"refused", b"storage"]:
        raise StorageError(answer[2].decode())
    assert answer[0] == b"ok", answer
    return answer[1:]


def serving(root: Path) -> Helper:
    """Start the helper, which undoes what nobody committed."""
    try:
        return Helper(str(root))
    except (Refusal, OSError) as error:
        raise StorageError(str(error)) from None


def request(now: Files, wanted: Files) -> list[bytes]:
    is_said = {name for name in BEFORE if wanted[name] is not None or name == BANNER}
    changes = [name for name in BEFORE if name in is_said and now[name] != wanted[name]]
    triples = [(name.encode(), digest(now[name]).encode(), wanted[name] or b"") for name in changes]
    return [b"apply", b"ab12", *(field for triple in triples for field in triple)]


def apply(helper: Helper, root: Path, told: Told[Applied], wanted: Files) -> None:
    """Apply as the daemon does: a disk that refuses has the files put back until it does."""
    now, after = found(root), Applied.of(wanted)
    try:
        ask(helper, *request(now, wanted))
        told.begin(after)
        ask(helper, b"commit", b"ab12")
    except StorageError:
        put_back(helper, root, told)
        raise
    told.keep(after)


def put_back(helper: Helper, root: Path, told: Told[Applied]) -> None:
    """Roll back; what is found then is what the daemon reads, and goes on from."""
    for _ in range(8):
        answer = helper.answer(b"rollback")
        if answer[0] == b"ok":
            check(root, told)
            return
        assert answer[1] == b"storage", answer
    raise AssertionError("nothing was put back on a disk that is good again")


def check(root: Path, told: Told[Applied]) -> None:
    """All or nothing, and what is found now stays."""
    seen = Applied.of(found(root))
    assert seen == told.kept or seen in told.begun
    assert all((root / "etc/config" / name).stat().st_mode & 0o777 == MODE for name in ("wireless", "system"))
    told.keep(seen)


def change(root: Path, told: Told[Applied], *wanted: Files) -> None:
    helper = serving(root)
    try:
        ask(helper, b"rollback")
        check(root, told)
        for files in wanted:
            apply(helper, root, told, files)
            with os.scandir(root / "etc/dusk/journal") as left:
                assert [entry.name for entry in left] == ["lock"]
    finally:
        helper.lock.close()


def write(root: Path, told: Told[Applied]) -> None:
    change(root, told, AFTER)


def write_again(root: Path, told: Told[Applied]) -> None:
    change(root, told, LATER)


def write_beside(root: Path, told: Told[Applied]) -> None:
    """A file beside UCI that comes with a package, then goes with it."""
    change(root, told, BESIDE, BEFORE)


def undo(root: Path, told: Told[Applied]) -> None:
    """An apply that nobody confirms, undone while the helper runs; then one that somebody does."""
    helper = serving(root)
    try:
        ask(helper, b"rollback")
        check(root, told)
        try:
            ask(helper, *request(found(root), AFTER))
        finally:
            put_back(helper, root, told)
        apply(helper, root, told, LATER)
    finally:
        helper.lock.close()


FIRST = Work(new, write, write_again)
NEXT = Work(used, write_again, write_again)
UNDO = Work(new, undo, write_again)


def test_a10_q2_a_power_cut_at_any_call_leaves_a_file_beside_uci_with_its_package(bench: Bench) -> None:
    assert bench.cut(Work(new, write_beside, write_again)).states > 40


def test_a10_q2_a_power_cut_at_any_call_leaves_all_files_of_an_apply_or_none(bench: Bench) -> None:
    assert bench.cut(FIRST).states > 40
    assert bench.cut(NEXT).states > 40
    assert bench.cut(UNDO).states > 40


def test_a10_q2_what_a_helper_finds_behind_a_kill_outlives_a_power_cut(bench: Bench) -> None:
    assert bench.kill(FIRST).points > 5
    assert bench.kill(NEXT).points > 5
    assert bench.kill(UNDO).points > 5


def _is_removing_the_manifest(model: Model) -> bool:
    """Tell whether a manifest is gone, and not yet on the disk."""
    return any(isinstance(e, Name) and (e.name, e.target) == ("manifest", None) for e in model.unsynced)


def test_a10_q2_copies_stay_until_the_end_of_a_killed_commit_is_on_the_disk(bench: Bench) -> None:
    assert bench.kill(FIRST, at_least=24, only=_is_removing_the_manifest).states > 20


def test_a31_q2_a_disk_that_refuses_any_call_of_the_helper_leaves_all_or_nothing_even_in_a_power_cut(
    bench: Bench,
) -> None:
    assert bench.refuse(FIRST).points > 5
    assert bench.refuse(NEXT).points > 5
    assert bench.refuse(UNDO).points > 5
