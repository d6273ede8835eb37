"""Runs Dusk on hardware that says another's label: ``python labelled.py LABEL --root R daemon``."""

import sys


def main() -> int:
    """Take our own argument away and run the command line."""
    label = sys.argv[1]
    sys.argv = ["dusk", *sys.argv[2:]]
    del sys.path[0]  # the folder of this file, which `python -m dusk` would not have
    from dusk.__main__ import main as dusk
    from dusk.daemon import identity

    identity.node_label = lambda *_: label
    return dusk()


if __name__ == "__main__":
    sys.exit(main())
