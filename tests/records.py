"""Where long runs keep what they have covered, and which code that is about."""

import hashlib
import json
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


def store(path: Path, record: object, indent: int = 1) -> None:
    """Write a record as JSON, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(".new")
    new.write_text(json.dumps(record, indent=indent, sort_keys=True) + "\n")
    new.replace(path)
