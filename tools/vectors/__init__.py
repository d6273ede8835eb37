"""The generator of `specs/vectors/`: ``python -m tools.vectors`` writes every file anew.

One module a family of files. Nothing is random and no clock is read, so the same code always
writes the same bytes; `tests/vectors/` holds the committed files to that. What is refused is
refused by Dusk for the stated reason while the files are made, or they are not made.
"""
