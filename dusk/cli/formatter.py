"""How help is laid out."""

import argparse
from textwrap import wrap

EXAMPLE = "example:"
"""Stands before lines that are typed as they are: broken ones could not be."""


class HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Keeps lines as they were written, and wraps those that are wider than the terminal, but examples."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        lines = []
        head, example, typed = text.partition(f"{EXAMPLE}\n")
        for line in head.splitlines():
            hanging = " " * (len(line) - len(line.lstrip()))
            lines += wrap(
                line,
                width,
                initial_indent=indent,
                subsequent_indent=indent + hanging,
                break_long_words=False,
                break_on_hyphens=False,
            ) or [""]
        return "\n".join([*lines, *(f"{indent}{line}" for line in f"{example}{typed}".splitlines())])
