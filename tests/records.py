"""Where long runs keep what they have covered, and which code that is about."""

import fcntl
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
RECORDS = PROJECT / "build" / "soak"


def digest_of(*places: str, project: Path = PROJECT) -> str:
    """Return a short name of the Python sources as they are now.

    Args:
        places: folders and modules, below the project.
        project: its root.
    """
    files = [path for place in places for path in (project / place, *(project / place).rglob("*.py"))]
    digest = hashlib.sha256()
    for path in sorted(path for path in files if path.is_file()):
        digest.update(path.relative_to(project).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:12]


@contextmanager
def alone(folder: Path, name: str) -> Iterator[None]:
    """Hold a long run's place: a second one would take the code away under the first, and mix their records.

    Raises:
        SystemExit: one is under way.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SystemExit(
                f"another run of {name} is under way in {folder}: wait for it, or end it"
            ) from None
        yield


def store(path: Path, record: object, indent: int = 1) -> None:
    """Write a record as JSON, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(".new")
    new.write_text(json.dumps(record, indent=indent, sort_keys=True) + "\n")
    new.replace(path)
