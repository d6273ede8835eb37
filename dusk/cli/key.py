"""``dusk key``: a person's key in a file, which no router gets."""

import argparse
import os

from dusk.cli.command import Command, Context, subcommands, verb


def _arguments(parser: argparse.ArgumentParser) -> None:
    verbs = subcommands(parser)
    create = verb(
        verbs,
        "create",
        "Make a key in a new file (0600) and print its public line, which an owner gives to"
        " `dusk user add NAME --public-key`. Keep a copy of the file: nobody else has the key.",
        "dusk key create ann.key > ann.pub",
        _create,
    )
    show = verb(verbs, "show", "Print the public line of a key.", "dusk key show ann.key", _show)
    for one in (create, show):
        one.add_argument("file", metavar="F")


def _create(context: Context, arguments: argparse.Namespace) -> int:
    from dusk.cli.outside import write_new
    from dusk.keys.armour import key_line
    from dusk.keys.signing import SEED_BYTES, SigningKey

    write_new(arguments.file, key_line(SigningKey.from_seed(os.urandom(SEED_BYTES))) + "\n")
    return _show(context, arguments)


def _show(context: Context, arguments: argparse.Namespace) -> int:
    from dusk.cli.outside import pinned, read_key
    from dusk.keys.armour import public_line

    line, cluster = public_line(read_key(arguments.file).public), pinned(arguments.file)
    document = {"file": arguments.file, "public": line, "cluster": None if cluster is None else cluster.hex()}
    context.say(line, document)
    return 0


COMMANDS = {
    "key": Command(
        "A key of your own in a file, which no router ever gets: dusk --key-file F COMMAND signs with it.",
        "dusk key create ann.key > ann.pub",
        _arguments,
    )
}
