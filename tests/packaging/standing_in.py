"""A folder that stands in for an OpenWrt router: our files in their places, and what procd is told.

``stand_in/`` has of rc.common, procd's functions, ``uci`` and ``ubus`` what our scripts ask of them, so that
they run under the shells that they have to run under, and each call is a line that a test can read.
"""

import shutil
import subprocess
from pathlib import Path

from tools.package_tree import lay_files

STAND_IN = Path(__file__).parent / "stand_in"
APPLETS = (
    *("cat", "chmod", "cmp", "cut", "find", "flock", "grep", "id", "ls", "mkdir", "mv", "ln"),
    *("rm", "sed", "sh", "sha256sum", "sync", "tr"),
)
"""All that is asked of busybox, which OpenWrt's has by default; nothing else is found."""
PASSWD = "root:x:0:0:root:/root:/bin/ash\nnobody:*:65534:65534:nobody:/var:/bin/false\n"
GROUP = "root:x:0:\nnogroup:x:65534:\n"
NETWORK = """\
config interface 'lan'
	option device '{lan}'

config interface 'wan'
	option device 'eth1'
"""
WAIT_S_MAX = 30.0
_EVERY_SHELL = "/usr/sbin:/usr/bin:/sbin:/bin"


class Router:
    """One router, which is a folder.

    Args:
        folder: what it may use.
        shell: ``dash`` or ``busybox``, whose programs it then has, too.
    """

    def __init__(self, folder: Path, shell: str) -> None:
        self.root = folder / "root"
        self.calls_file = folder / "calls"
        lay_files(self.root)
        shutil.copytree(STAND_IN / "lib", self.root / "lib", dirs_exist_ok=True)
        self.write("etc/passwd", PASSWD)
        self.write("etc/group", GROUP)
        self.write("etc/config/network", NETWORK.format(lan="br-lan"))
        path = [str(STAND_IN / "bin")]
        if shell == "busybox":
            applets = folder / "applets"
            applets.mkdir()
            busybox = shutil.which("busybox") or ""
            listed = subprocess.check_output([busybox, "--list"], text=True).split()
            for name in APPLETS:  # Debian's has no flock
                (applets / name).symlink_to(busybox if name in listed else shutil.which(name) or "")
            path.append(str(applets))
        else:
            path.append(_EVERY_SHELL)
        found = shutil.which("sh" if shell == "busybox" else shell, path=":".join(path[1:]))
        assert found, f"there is no {shell}"
        self.shell = found
        self.environment = {
            "PATH": ":".join(path),
            "IPKG_INSTROOT": str(self.root),
            "CALLS": str(self.calls_file),
        }

    def write(self, name: str, text: str) -> Path:
        """Write a file of the router's."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def read(self, name: str) -> str:
        """Return a file of the router's."""
        return (self.root / name).read_text()

    def run(self, *arguments: str) -> str:
        """Run the shell with these arguments; return what was said on standard error."""
        ended = subprocess.run(
            [self.shell, *arguments],
            env=self.environment,
            cwd=self.root,
            capture_output=True,
            text=True,
            timeout=WAIT_S_MAX,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr
        assert ended.stdout == ""
        return ended.stderr

    def rc(self, script: str, action: str) -> list[str]:
        """Have rc.common do an action of an init script; return the calls that came of it."""
        before = len(self.calls())
        self.run(str(STAND_IN / "etc/rc.common"), f"{self.root}/etc/init.d/{script}", action)
        return self.calls()[before:]

    def defaults(self) -> None:
        """Run the script of the first start as OpenWrt does: sourced, and removed if it ended well."""
        place = self.root / "etc/uci-defaults/90-dusk"
        if place.exists():
            self.run("-c", '( cd "${1%/*}" && . "./${1##*/}" ) && rm -f "$1"', "sh", str(place))

    def calls(self) -> list[str]:
        """Return all calls so far, one line each."""
        return self.calls_file.read_text().splitlines() if self.calls_file.exists() else []

    def enable(self) -> list[str]:
        """Enable both services as an installation does; return the names in ``etc/rc.d``."""
        for script in ("dusk", "dusk-revert"):
            self.rc(script, "enable")
        return sorted(path.name for path in (self.root / "etc/rc.d").iterdir())

    def boot(self) -> list[str]:
        """Start: `boot` (10) runs the script of the first start, then come ours in their order."""
        before = len(self.calls())
        self.defaults()
        for name in sorted(path.name for path in (self.root / "etc/rc.d").iterdir()):
            if name.startswith("S"):
                self.rc(name[3:], "boot")
        return self.calls()[before:]
