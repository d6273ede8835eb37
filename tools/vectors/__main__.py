"""Write `specs/vectors/*.json` anew: ``python -m tools.vectors``; ``--check`` only compares."""

import json
import sys
from pathlib import Path
from typing import Any

from tools.vectors.beside_cases import granted, merged
from tools.vectors.branches import branches
from tools.vectors.case import Case
from tools.vectors.chains import broken_positions, home_log, uncovered
from tools.vectors.changes import changes
from tools.vectors.cluster import home
from tools.vectors.control import control
from tools.vectors.datagrams import datagrams
from tools.vectors.encoding import encoding, hashes
from tools.vectors.entries import entries
from tools.vectors.forks import forks
from tools.vectors.handshakes import handshakes
from tools.vectors.holders import holders
from tools.vectors.joins import joining
from tools.vectors.keys import keys
from tools.vectors.merges import merges
from tools.vectors.planted import planted
from tools.vectors.readings import readings
from tools.vectors.records import records
from tools.vectors.recoveries import recoveries
from tools.vectors.refusals import refusals
from tools.vectors.returns import returns
from tools.vectors.rollouts import rollouts
from tools.vectors.secret_values import secret_values
from tools.vectors.settings import settings
from tools.vectors.storage import storage
from tools.vectors.streams import catchup
from tools.vectors.uci import uci
from tools.vectors.voids import voids

FOLDER = Path(__file__).resolve().parents[2] / "specs" / "vectors"


def files() -> dict[str, str]:
    """Return the name and the text of every file."""
    cluster = home()
    made: dict[str, tuple[str, list[Case]]] = {
        "encoding": ("log.md, section 1", encoding()),
        "hashes": ("keys.md; log.md, section 5; apply.md", hashes()),
        "keys": ("keys.md", [*keys(), *secret_values()]),
        "changes": ("log.md, section 2", changes()),
        "entries": ("log.md, section 3", entries()),
        "records": ("log.md, section 4; settings.md", records()),
        "chains": (
            "log.md, sections 3 to 9; recovery.md",
            [
                home_log(cluster),
                *uncovered(cluster),
                *broken_positions(cluster),
                *refusals(cluster),
                *voids(cluster),
                *returns(cluster),
                *branches(cluster),
                *readings(cluster),
                *granted(cluster),
                *planted(cluster),
                *holders(cluster),
                *recoveries(cluster),
            ],
        ),
        "rollouts": ("rollout.md, sections 1, 2, 4 and 5", rollouts()),
        "forks": ("log.md, section 10", forks()),
        "datagrams": ("cycles.md", datagrams(cluster)),
        "handshakes": ("catchup.md", handshakes(cluster)),
        "catchup": ("catchup.md; asking.md", catchup(cluster)),
        "joining": ("joining.md", joining(cluster)),
        "settings": ("settings.md", settings()),
        "merges": ("settings.md", [*merges(), *merged()]),
        "uci": ("uci.md", uci()),
        "storage": ("storage.md", storage(cluster)),
        "control": ("control-api.md", control()),
    }
    return {f"{name}.json": _text(page, cases) for name, (page, cases) in made.items()}


def _text(page: str, cases: list[Case]) -> str:
    names = [case["name"] for case in cases]
    twice = sorted({name for name in names if names.count(name) > 1})
    assert not twice, twice
    whole: dict[str, Any] = {"page": page, "cases": cases}
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"


def main() -> int:
    """Write the files, or say which are not what would be written."""
    is_check = sys.argv[1:] == ["--check"]
    differing = []
    for name, text in files().items():
        path = FOLDER / name
        if not path.is_file() or path.read_text() != text:
            differing.append(name)
            if not is_check:
                path.write_text(text)
    print(f"{'differing' if is_check else 'written anew'}: {', '.join(differing) or 'none'}")
    return 1 if is_check and differing else 0


if __name__ == "__main__":
    sys.exit(main())
