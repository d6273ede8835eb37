"""Runs the story in a folder of its own, and leaves nothing behind however it ends."""

import json
import os
import shlex
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType

from dusk.demo import files
from dusk.demo.page import Page, shown
from dusk.demo.place import best
from dusk.demo.router import DemoError
from dusk.demo.screen import Screen
from dusk.demo.story import USER, Story

LAST_S_MAX = 5.0
"""For a process that has been told to end by the end of its parent."""
NODES_MIN, NODES_MAX = 3, 50
"""One is off while the others change, and nobody changes who hears no other; and what one machine bears."""
INTERRUPTED_EXIT = 130
LOOK_INTERVAL_S = 0.5


def run(nodes: int, *, once: bool, as_json: bool, port: int = 0) -> int:
    """Run the demo.

    Args:
        nodes: how many routers.
        once: end after the story; otherwise show the page, and go on until Ctrl-C.
        as_json: print the report as one JSON document on standard output.
        port: TCP port of the page; 0 takes any that is free.

    Returns:
        The exit code: 0 if everything was as it must be, 1 if not, 130 if it was interrupted.
    """
    out = Screen(sys.stderr if as_json else sys.stdout)
    if not NODES_MIN <= nodes <= NODES_MAX:
        Screen(sys.stderr).line(f"dusk demo: from {NODES_MIN} to {NODES_MAX} routers, not {nodes}")
        return 2
    told = False
    try:
        with _signals_interrupt(), _stage(nodes, out) as story:
            story.tell()
            told = True
            if once:
                story.end()
            if as_json:
                document = story.report.document(story.names)
                print(json.dumps(document, indent=2, ensure_ascii=False), flush=True)
            if not once:
                with shown(story.first, port) as page:
                    _stay(story, page, out)
    except DemoError as error:
        out.line()
        Screen(sys.stderr).line(f"dusk demo: {error}")
        return 1
    except KeyboardInterrupt:
        out.line()
        out.line("stopped; nothing is left behind")
        return 0 if told else INTERRUPTED_EXIT
    return 0


@contextmanager
def _stage(nodes: int, out: Screen) -> Iterator[Story]:
    """Make folder, network and routers; take all of it down again."""
    stack = ExitStack()
    try:
        base = Path(tempfile.mkdtemp(prefix="dusk-demo-"))
        stack.callback(shutil.rmtree, base)
        stack.callback(_wait_for_the_last, base)
        base.chmod(0o711)  # a daemon that dropped root has to pass through
        place = best(nodes)
        stack.callback(place.close)
        out.line(f"{nodes} routers on this machine ({place.name}), in {base}")
        story = Story(place, base, nodes, out)
        stack.callback(_power_off, story)
        yield story
    finally:
        _uninterrupted_from_here()
        stack.close()


def _wait_for_the_last(base: Path) -> None:
    """Wait for what a command that was cut short had started: it ends by itself, a moment later."""
    deadline = time.monotonic() + LAST_S_MAX
    while any(str(base).encode() in _arguments(path) for path in Path("/proc").glob("[0-9]*/cmdline")):
        if time.monotonic() > deadline:
            break
        time.sleep(0.01)


def _arguments(path: Path) -> bytes:
    try:
        return b"" if path.parent.name == str(os.getpid()) else path.read_bytes()
    except OSError:
        return b""


def _power_off(story: Story) -> None:
    for router in story.routers:
        router.ask_to_stop()
    for router in story.routers:
        router.wait_for_end()


def _uninterrupted_from_here() -> None:
    """Ignore Ctrl-C: what follows takes seconds at most, and must be done."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


@contextmanager
def _signals_interrupt() -> Iterator[None]:
    """Let a request to end be a KeyboardInterrupt, and put the handlers back at the end."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        _uninterrupted_from_here()  # the first one ends the demo; a second must not cut the clearing up short
        raise KeyboardInterrupt

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(number, interrupt) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def suggestions(root: Path) -> list[str]:
    """Return what to type in another shell: lines short enough to be read and copied one by one."""
    folder = Path(sys.executable).parent
    path = [f'export PATH={shlex.quote(str(folder))}:"$PATH"'] if (folder / "dusk").exists() else []
    dusk = "dusk" if path else shlex.join([sys.executable, "-m", "dusk"])
    return [
        *path,
        f"export DUSK_ROOT={shlex.quote(str(root))}",
        f"{dusk} login {USER}",
        f"{dusk} set policy/wifi wireless.default_radio0.ssid=Mine",
        f"{dusk} commit -m 'my own change'",
    ]


def _stay(story: Story, page: Page, out: Screen) -> None:
    """Show what changes in the files until somebody ends it."""
    first = story.first
    out.line()
    out.line(f"it goes on until Ctrl-C; the owner is {USER}, her password {story.password}")
    out.line(f"the page of {first.name}: {page.url}" if page.url else f"there is no page: {page.trouble}")
    out.line("in another terminal, try:")
    for line in suggestions(first.root):
        out.line(f"  {line}")
    out.line()
    seen = _all_hashes(story)
    while True:
        time.sleep(LOOK_INTERVAL_S)
        now = _all_hashes(story)
        for name in now:
            changed = [package for package in now[name] if now[name][package] != seen[name][package]]
            if changed:
                out.line(f"{name}: {', '.join(changed)} changed")
        seen = now
        for router in story.routers:
            if (by := router.was_killed()) is not None:
                out.line(f"{router.name} is off: somebody ended its daemon ({by}); the others go on")
            router.check_alive()
        page.check_alive()


def _all_hashes(story: Story) -> dict[str, dict[str, str]]:
    return {router.name: files.hashes(router.config) for router in story.routers}
