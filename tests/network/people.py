"""People who type commands at routers, each with a session of their own."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from dusk.changelog.body import Change, Edit, build_change
from dusk.changelog.log import Log
from dusk.cycle.outbox import file_name
from dusk.daemon.identity import decode_identity
from dusk.daemon.opening import read_log
from dusk.ids import DeviceId
from dusk.keys.sealed import open_user_key
from dusk.keys.signing import SigningKey
from tests.network.cluster import Machine

COMMAND_S_MAX = 90.0


class Person:
    """Somebody with a password, at any router.

    Args:
        name: in the cluster.
        password: what opens the key.
        base: the folder of all routers.
    """

    def __init__(self, name: str, password: str, base: Path) -> None:
        self.name, self.password = name, password
        self._runtime = base / f"runtime-{name}"
        self._runtime.mkdir(mode=0o700)
        self.password_file = self._runtime / "password"
        self.password_file.write_text(password + "\n")

    def dusk(self, router: Machine, *words: str) -> str:
        """Run a command that does what it should, and return what it printed."""
        code, out, complaint = self._run(router, words)
        assert code == 0, f"dusk {' '.join(words)}: exit {code}: {complaint}"
        return out

    def refused(self, router: Machine, *words: str) -> str:
        """Run a command that ends with exit code 1, and return the line that says why."""
        code, out, complaint = self._run(router, words)
        assert code == 1, f"dusk {' '.join(words)}: exit {code}: {out}{complaint}"
        return complaint.strip().splitlines()[-1]

    def ask(self, router: Machine, *words: str) -> Any:
        """Run a command with ``--json`` and return its document."""
        return json.loads(self.dusk(router, "--json", *words))

    def login(self, *routers: Machine) -> None:
        """Open a session at each."""
        for router in routers:
            self.dusk(router, "login", self.name, "--password-file", str(self.password_file))

    def _run(self, router: Machine, words: tuple[str, ...]) -> tuple[int, str, str]:
        done = subprocess.run(
            router.arguments(*words),
            capture_output=True,
            text=True,
            env={**os.environ, "XDG_RUNTIME_DIR": str(self._runtime)},
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            timeout=COMMAND_S_MAX,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr


# --- without any command --------------------------------------------------------------------------


def log_of(router: Machine) -> Log:
    """Read a router's log from its disk, verified."""
    log = Log(None)
    log.extend(read_log(router.node_folder).items)
    return log


def key_of(log: Log, name: str, password: str) -> SigningKey:
    """Open a person's key as anybody can who has the log and the password."""
    row = log.state.value(f"user/{name}", "sealed")
    assert row is not None, "there is such a person"
    sealed = row[0]
    assert isinstance(sealed, bytes)
    return open_user_key(sealed, password.encode(), name=name)


def signed_by_hand(
    log: Log, router: Machine, key: SigningKey, counter: int, edits: list[tuple[str, str, bytes]]
) -> Change:
    """Build and sign a change with nobody to say no.

    Args:
        log: as the router has it.
        router: where it is made.
        key: its author's.
        counter: above all that the author used there.
        edits: section, record and value of each operation.
    """
    assert log.cluster is not None
    records = [(section, key_, data, log.state.record(section, key_)) for section, key_, data in edits]
    device = decode_identity((router.node_folder / "identity").read_bytes()).key_id
    return build_change(
        cluster=log.cluster,
        device=DeviceId(device),
        counter=counter,
        message="by hand",
        edits=[Edit(s, k, data, None if found is None else found.base) for s, k, data, found in records],
        signers=[key],
        random_bytes=os.urandom,
    )


def slip_in(router: Machine, change: Change) -> None:
    """Put a change where a router without power keeps those that it will hand in, as a hostile one would."""
    folder = router.node_folder / "outbox"
    file = router.node_folder / file_name(change.id)
    file.write_bytes(change.encode())
    owner = folder.stat()
    os.chown(file, owner.st_uid, owner.st_gid)
    file.chmod(0o600)
