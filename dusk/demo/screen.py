"""What the demo says while it runs: one live line on a terminal, plain lines elsewhere."""

import shutil
from typing import TextIO


class Screen:
    """Writes steps and their progress.

    Args:
        stream: where to; standard error when the report itself goes to standard output.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._live = stream.isatty()
        self._shown = ""

    def line(self, text: str = "") -> None:
        """Write a line that stays."""
        self._clear()
        self._write(text + "\n")

    def progress(self, text: str) -> None:
        """Show how far the present step is; only where a line can be written over."""
        if self._live and text != self._shown:
            width = shutil.get_terminal_size().columns - 1
            self._clear()
            self._write(f"  … {text}"[:width])
            self._shown = text

    def _clear(self) -> None:
        if self._shown:
            self._write("\r\x1b[K")
            self._shown = ""

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()
