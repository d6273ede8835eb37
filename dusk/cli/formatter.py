"""How help is laid out."""

import argparse
from textwrap import wrap


class HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Keeps lines as they were written, and wraps those that are wider than the terminal."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        lines = []
        for line in text.splitlines():
            hanging = " " * (len(line) - len(line.lstrip()))
            lines += wrap(
                line,
                width,
                initial_indent=indent,
                subsequent_indent=indent + hanging,
                break_long_words=False,
                break_on_hyphens=False,
            ) or [""]
        return "\n".join(lines)
