"""Nothing that reads outside bytes is left out: the targets reach every function that refuses them."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import pytest

from tests.fuzz.targets import TARGETS
from tests.fuzzing import make

PROJECT = Path(__file__).resolve().parent.parent.parent
NOT_DEPLOYED = ("dusk/sim", "dusk/demo")
REFUSALS = ("UntrustedInput", "ConfigError")
INPUTS = 100
BY_HAND = {
    "dusk/apply/computing.py:compute_files": "composes `managed_config` and `resulting`",
    "dusk/apply/computing.py:with_memory": "composes `compute_files`, `decode_memory` and `put_back`",
    "dusk/catchup/chunks.py:end_of": "looks at the last of items that the target of branches judges",
    "dusk/catchup/fetching.py:compacted": "takes a read answer; test_catchup_refused.py",
    "dusk/catchup/fetching.py:took_left": "takes a read answer; test_catchup_branches.py",
    "dusk/catchup/fetching.py:took_piece": "takes a read answer; test_catchup_gathering.py",
    "dusk/catchup/host.py:took": "an interface",
    "dusk/catchup/host.py:took_branch": "an interface",
    "dusk/catchup/host.py:took_keys": "an interface",
    "dusk/catchup/host.py:took_report": "an interface",
    "dusk/catchup/host.py:took_checkpoint": "an interface",
    "dusk/catchup/server.py:consulted": "refuses who was removed; reads no outside bytes",
    "dusk/catchup/server.py:read_piece": "refuses who was removed; reads no outside bytes",
    "dusk/catchup/stages.py:took_reports": "an interface",
    "dusk/apply/driver.py:value": "an interface",
    "dusk/changelog/branches.py:proven": "composes readers; test_branches_below.py has its liars",
    "dusk/web/serving.py:run": "reads no outside bytes: what it listens at, and the project's own files",
    "dusk/web/views.py:page_files": "reads the project's own files",
    "dusk/control/athome.py:check_draft": "composes `decode_draft` and `check_record`",
    "dusk/control/desk.py:ask_device": "an interface",
    "dusk/control/outside.py:x25519_private": "refuses always: the key is elsewhere",
    "dusk/node/host.py:recovers": "composes `unpack_entry_item` and `is_signed`; test_node_left_out.py",
    "dusk/node/reports.py:_pending": "composes `decode_change` and `pending_of`",
    "dusk/changelog/compaction.py:compact": "reads the own disk's log, which was verified",
    "dusk/changelog/undoing.py:undoing": "reads the own disk's log, which was verified",
    "dusk/changelog/log.py:retake": "reads the own disk's log, which was verified",
    "dusk/changelog/body.py:build_change": "builds; runs when the targets are made",
    "dusk/changelog/genesis.py:found": "builds; runs when the targets are made",
    "dusk/cli/recover.py:_leaders": "composes `edits_of` and `check_record`",
    "dusk/cli/athome.py:in_order": "composes `kept_in_order`, `made_of` and `copied`",
    "dusk/cli/founding.py:write": "builds",
    "dusk/daemon/founding.py:make": "builds",
    "dusk/cycle/marks.py:older": "compares two numbers of a START that was read",
    "dusk/config/device.py:managed_and_local": "composes `managed_config`",
    "dusk/config/local.py:put_back": "composes a memory that was read, and UCI's `parse`; test_local.py",
    "dusk/config/device.py:managed_config": "composes records that were checked, and `merge`",
    "dusk/control/roster.py:set_variables": "composes `check_variable`",
    "dusk/control/settings.py:check_seen": "composes `import_text`",
    "dusk/control/settings.py:edited_settings": "composes `import_text`",
    "dusk/control/settings.py:import_settings": "composes `import_text`",
    "dusk/daemon/control.py:listen": "of our own socket",
    "dusk/daemon/control.py:run": "of our own socket",
    "dusk/daemon/service.py:_read_settings": "composes the helper's answer and `read_settings`",
    "dusk/daemon/service.py:_reread": "composes `_read_settings`",
    "dusk/daemon/sockets.py:_look_around": "of our own sockets",
    "dusk/daemon/sockets.py:run": "of our own sockets",
    "dusk/keys/sealed.py:open_user_key": "composes `check_sealed_key` and a seal; takes a second by design",
    "dusk/keys/secret.py:wrap": "takes a key of the log, which was checked there",
    "dusk/membership/joiner.py:took": "composes the log; test_joiner.py has its liars",
    "dusk/membership/joiner.py:took_branch": "composes `try_branch`; test_joiner.py has its liars",
    "dusk/membership/joiner.py:took_checkpoint": "composes `adopt`",
    "dusk/node/compacting.py:took": "composes `adopt`",
    "dusk/node/host.py:took_checkpoint": "composes `adopt`",
    "dusk/membership/joiner.py:took_keys": "composes `decode_group_keys`; test_joiner.py has its liars",
    "dusk/node/branching.py:took": "composes the log, and what a later version wrote",
    "dusk/node/branching.py:took_branch": "composes `try_branch`",
    "dusk/node/host.py:took": "composes the log, as the target of a server's answers does",
    "dusk/node/host.py:took_branch": "composes `try_branch`",
    "dusk/node/host.py:took_keys": "composes `decode_group_keys`",
}
"""What no target calls, and why."""


def _readers() -> Iterator[str]:
    """Yield the functions whose description says that they refuse outside bytes or texts."""
    for path in sorted((PROJECT / "dusk").rglob("*.py")):
        name = path.relative_to(PROJECT).as_posix()
        if name.startswith(NOT_DEPLOYED):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                said = ast.get_docstring(node) or ""
                if any(refusal in said for refusal in REFUSALS):
                    yield f"{name}:{node.name}"


def _reached() -> set[str]:
    """Return what some inputs of every target run through."""
    found: set[str] = set()
    root = f"{PROJECT}/"

    def note(frame: FrameType, event: str, _argument: object) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(root):
            found.add(f"{frame.f_code.co_filename.removeprefix(root)}:{frame.f_code.co_name}")

    for target in TARGETS:
        with target.opened() as feed:
            former = sys.getprofile()
            sys.setprofile(note)
            try:
                for data in (*target.samples, *(make(target, number) for number in range(INPUTS))):
                    try:
                        feed(data)
                    except target.refusal:
                        continue
            finally:
                sys.setprofile(former)
    return found


def _reached_anew() -> set[str]:
    """Return it from a process of its own: here other tests may have filled what targets keep."""
    code = "from tests.fuzz.test_fuzz_reach import _reached; print(*_reached(), sep='\\n')"
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True, timeout=300
    )
    return set(ended.stdout.splitlines())


@pytest.mark.fuzz
def test_q3_every_function_that_refuses_outside_bytes_is_fuzzed() -> None:
    readers, reached = set(_readers()), _reached_anew()
    assert readers - reached - set(BY_HAND) == set()
    assert set(BY_HAND) <= readers, "what is gone needs no reason"
