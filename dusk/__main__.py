"""The program ``dusk``."""

import sys


def main() -> int:
    """Run the command line and return its exit code."""
    try:
        from dusk.cli.main import main as run

        return run(sys.argv[1:])
    except KeyboardInterrupt:  # before the command line could say it itself
        sys.stderr.write("dusk: stopped\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
