"""``dusk login``, ``logout``, ``whoami``, ``session``."""

import argparse

from dusk.cli import tokens
from dusk.cli.command import Command, Context, subcommands, verb
from dusk.cli.health import length_of
from dusk.counting import counted
from dusk.errors import Refused

LOGIN_S_MAX = 60.0
"""Argon2id takes half a second on a small router; others may be before us."""


def _login_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("user", metavar="USER", help="your name in the cluster, as in `dusk init --user`")
    parser.add_argument("--password-file", metavar="F", help="read the password from the first line of F")


def log_in(context: Context, user: str, password_file: str | None) -> str:
    """Open a session and return its token; who asks for it ends it, or keeps it."""
    from dusk.cli.passwords import read_password

    context.call("status")  # no daemon: say so before asking for a password
    password = read_password(password_file, f"password of {user}")
    started = context.call("session.login", user=user, password=password)
    return str(context.client.wait(started["ticket"], LOGIN_S_MAX)["token"])


def _login(context: Context, arguments: argparse.Namespace) -> int:
    tokens.store(context.place, log_in(context, arguments.user, arguments.password_file))
    context.say(f"logged in as {arguments.user} {tokens.where()}", {"user": arguments.user})
    return 0


def _logout(context: Context, _arguments: argparse.Namespace) -> int:
    token = tokens.load(context.place)
    if token is None:
        context.say(f"nobody was logged in {tokens.where()}", {"user": None})
        return 0
    tokens.forget(context.place)
    context.call("session.logout", token=token)
    context.say("logged out", {"user": None})
    return 0


def _whoami(context: Context, _arguments: argparse.Namespace) -> int:
    if not context.has_session:
        context.client.reach()
        raise Refused("no-session", "nobody is logged in on this terminal; run `dusk login USER`")
    result = context.signed("session.whoami")
    context.say(result["user"], result)
    return 0


def _session_arguments(parser: argparse.ArgumentParser) -> None:
    verbs = subcommands(parser)
    verb(verbs, "list", "List who is logged in at this router.", "dusk session list", _session_list)
    end = verb(
        verbs,
        "end",
        "End all sessions of somebody at this router: your own, or as an owner anybody's.",
        "dusk session end bob",
        _session_end,
    )
    end.add_argument("user", metavar="USER", help="whose")


def _session_list(context: Context, _arguments: argparse.Namespace) -> int:
    sessions = context.signed("session.list")["sessions"]
    rows = [
        (one["user"], length_of(int(one["began_s_ago"])), length_of(int(one["idle_s"]))) for one in sessions
    ]
    context.table(("USER", "SINCE", "IDLE"), rows, sessions, "nobody is logged in here")
    return 0


def _session_end(context: Context, arguments: argparse.Namespace) -> int:
    ended = context.signed("session.end", user=arguments.user)
    context.say(f"{counted(ended['ended'], 'session')} of {arguments.user} ended here", ended)
    return 0


COMMANDS = {
    "login": Command(
        "Open a session for this terminal: the daemon keeps your key unlocked in memory until you log out, "
        "for 15 minutes without a command, or 12 hours. Without a terminal, as in a script, all of this uid "
        "share a session for this root; DUSK_SESSION=WORD in the environment, any word, is one of its own: "
        "give it to `login` and to what comes after it.",
        "dusk login ann",
        _login_arguments,
        _login,
    ),
    "logout": Command("Close the session of this terminal.", "dusk logout", arguments=None, run=_logout),
    "session": Command("Who is logged in at this router.", "dusk session list", _session_arguments),
    "whoami": Command(
        "Say who is logged in on this terminal. Exit code 1: nobody.",
        "dusk whoami",
        arguments=None,
        run=_whoami,
    ),
}
