"""What this machine can do, found out by trying; tests name what they need of it.

With ``CI=true`` a missing capability fails the tests that need it. Elsewhere they are
left out and named at the end of the run.
"""

import functools
import os
import pwd
import shutil
from collections.abc import Callable
from pathlib import Path

from dusk.demo import net

AXE = Path(__file__).resolve().parents[1] / "luci-app/node_modules/axe-core/axe.min.js"
"""What looks at a page as assistive technology does; ``tools/setup.sh test`` installs it."""
EFFORT_FACTOR = 50 if os.environ.get("DUSK_EFFORT") == "soak" else 1
"""How many times more seeds, kills and inputs than in an ordinary run."""


def _no_root() -> str | None:
    return None if os.geteuid() == 0 else "not run as root"


def _no_system_user() -> str | None:
    try:
        pwd.getpwnam("dusk")
    except KeyError:
        return "there is no system user dusk"
    return None


def _no_taps() -> str | None:
    try:
        os.close(os.open("/dev/net/tun", os.O_RDWR))
    except OSError as error:
        return str(error)
    return None


def _no_nft() -> str | None:
    return None if shutil.which("nft") else "nft is not installed (Debian package nftables)"


def _no_busybox() -> str | None:
    return None if shutil.which("busybox") else "there is no busybox"


def _no_chromium() -> str | None:
    return None if shutil.which("chromium") else "there is no Chromium (Debian package chromium)"


def _no_node() -> str | None:
    return None if shutil.which("node") else "there is no Node.js (Debian package nodejs)"


def _no_axe() -> str | None:
    return None if AXE.exists() else "axe-core is not installed (npm)"


_MISSING: dict[str, Callable[[], str | None]] = {
    "root": _no_root,
    "system_user": _no_system_user,
    "namespaces": net.why_unavailable,
    "taps": _no_taps,
    "nft": _no_nft,
    "busybox": _no_busybox,
    "chromium": _no_chromium,
    "node": _no_node,
    "axe": _no_axe,
}


@functools.cache
def why_missing(capability: str) -> str | None:
    """Return None if the machine has it, else the reason in words.

    Raises:
        KeyError: no such capability; a misspelt marker must not leave tests out.
    """
    return _MISSING[capability]()
