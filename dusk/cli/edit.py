"""``dusk edit``: the settings of a target as text in the person's own editor, and back as edits of the draft.

What was typed is never lost: where the text cannot be taken, it is edited again or stays in its file.
"""

import argparse
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from dusk.cli.client import Json
from dusk.cli.command import Command, Context, answer
from dusk.cli.settings import decode
from dusk.errors import Refused
from dusk.limits import CHANGE_BYTES_MAX

_HEADER = """\
# Settings of {target}, as lines of `uci batch`: set, add_list, del_list, delete; and before, mode, exclusive,
# restore_local. Lines that you take away are managed no more. Secrets are not shown, and stay as they are.
# What you save becomes edits of your draft; `dusk draft` shows them, nothing is sent yet.
"""
_EDITOR = "vi"


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("target", metavar="TARGET", help="policy/NAME or device/NAME")


def _edit(context: Context, arguments: argparse.Namespace) -> int:
    editor = _editor()
    former = _HEADER.format(target=arguments.target)
    former += context.signed("draft.text", target=arguments.target)["text"]
    file, name = tempfile.mkstemp(prefix="dusk-edit-", suffix=".uci")  # mode 0600, nobody else reads it
    path = Path(name)
    with os.fdopen(file, "w", encoding="utf-8") as stream:
        stream.write(former)
    try:
        result = _edited(context, arguments.target, former, path, editor)
    except KeyboardInterrupt:
        raise Refused("stopped", f"stopped; {_kept(path)}") from None
    path.unlink()
    if result is None:
        context.say("nothing changed", {"changed": 0, "text": "nothing changed", "notes": []})
        return 0
    return answer(context, result)


def _edited(context: Context, target: str, former: str, path: Path, editor: list[str]) -> Json | None:
    """Have a text edited until it can be taken; None for one that came back as it was.

    Raises:
        Refused: it cannot be taken; the file stays, and what is said names it.
    """
    while True:
        try:
            _run_editor(editor, path)
            text = _read(path)
            if text == former:
                return None
            result: Json = context.signed(
                "draft.import", target=target, text=text, former=former, name=path.name
            )
        except Refused as error:
            if not _wants_again(context, error):
                raise Refused(error.code, f"{error.reason}; {_kept(path)}") from None
        else:
            return result


def _editor() -> list[str]:
    """Return the words of the person's own editor, else of vi.

    Raises:
        Refused: there is none that could be run, before anything is kept for it.
    """
    own = os.environ.get("VISUAL") or os.environ.get("EDITOR")
    try:
        words = shlex.split(own or _EDITOR)
    except ValueError as error:
        raise Refused("no-editor", f"cannot run the editor {own}: {error}; set EDITOR") from None
    if not words or shutil.which(words[0]) is None:
        raise Refused("no-editor", f"there is no editor {own or _EDITOR}; set EDITOR")
    if own is None and not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise Refused("no-editor", "there is no terminal to edit on; set EDITOR, or use `dusk import`")
    return words


def _run_editor(editor: list[str], path: Path) -> None:
    try:
        code = subprocess.run([*editor, str(path)], check=False).returncode  # noqa: S603 — who types chose it
    except OSError as error:
        raise Refused("no-editor", f"cannot run the editor {editor[0]!r}: {error}; set EDITOR") from None
    if code:
        raise Refused("no-editor", f"the editor {editor[0]!r} ended with {code}; nothing was taken")


def _read(path: Path) -> str:
    """Return what was saved.

    Raises:
        Refused: there is none, too much, or it is no text; an empty file is an accident, not a wish.
    """
    try:
        with path.open("rb") as stream:
            data = stream.read(CHANGE_BYTES_MAX + 1)
    except OSError as error:
        raise Refused("edit-file", f"cannot read {path}: {error.strerror}") from None
    if not data.strip():
        raise Refused("edit-file", "the file came back empty; leave a line to manage nothing else any more")
    return decode(data, path.name)


def _wants_again(context: Context, error: Refused) -> bool:
    """Ask who edits whether to go on with the same text; nobody is asked by a script."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    context.note(f"dusk: {error.reason}")
    context.note("edit it again? (Y/n)")
    return sys.stdin.readline().strip().lower() in ("", "y", "yes")


def _kept(path: Path) -> str:
    return f"your text is kept in {path}" if path.exists() else "there is no text to keep"


COMMANDS = {
    "edit": Command(
        "Edit the settings of a policy or router as `uci batch` text in your editor (VISUAL or EDITOR). What "
        "you change becomes edits of your draft; what cannot be taken is edited again, or kept in its file.",
        "dusk edit policy/wifi",
        _arguments,
        _edit,
    )
}
