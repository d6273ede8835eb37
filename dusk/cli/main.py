"""Finding the command, and turning every failure into one clear line (contract: exit 0, 1, 2).

`dusk daemon` forks its helper from what is loaded here, so nothing more is at the top (P19).
"""

import os
import sys
from collections.abc import Sequence

from dusk.cli.options import UsageError, global_options
from dusk.errors import DuskError

OVERVIEW = (
    (
        "start",
        (
            ("init", "init", "make a cluster with this router as its first"),
            ("daemon", "daemon", "run the node in the foreground"),
            ("join", "join", "let this router join a cluster with a join key"),
            ("status", "status", "how this router and its cluster are"),
            ("relay", "relay", "the control socket over standard input and output"),
            ("demo", "demo", "a whole cluster on this machine, to look at"),
            ("simulate", "simulate", "how a cluster that you do not have would behave"),
        ),
    ),
    (
        "people and routers",
        (
            ("login", "session", "open a session on this terminal"),
            ("logout", "session", "close it"),
            ("whoami", "session", "who is logged in here"),
            ("session", "session", "all who are logged in at this router; end that"),
            ("key", "key", "a key of your own in a file, for --key-file"),
            ("device", "device", "list and show the routers"),
            ("joinkey", "joinkey", "make and list the keys with which routers join"),
            ("user", "people", "the people who may sign"),
            ("owner", "people", "who of them owns the cluster"),
            ("grant", "rights", "who may change what"),
            ("section", "rights", "the parts of the datastore, and whose keys may sign"),
            ("cluster", "rights", "the cluster's own settings"),
            ("role", "role", "who leads, and who takes over"),
            ("recover", "recover", "a new owner out of the recovery phrase"),
            ("proposals", "proposal", "changes that several people must sign"),
            ("sign", "proposal", "sign such a change, or a role that owners force together"),
            ("withdraw", "proposal", "take a proposal back"),
        ),
    ),
    (
        "settings, edited in a draft",
        (
            ("set", "settings", "give an option a value"),
            ("delete", "settings", "say that an option must not be there"),
            ("unset", "settings", "stop managing an option"),
            ("add-list", "settings", "add values to a list"),
            ("del-list", "settings", "take values out of a list"),
            ("edit", "edit", "edit the settings of one target in your editor"),
            ("exclusive", "settings", "remove sections that no policy names"),
            ("import", "settings", "read settings from uci text"),
            ("export", "settings", "print settings as uci text"),
            ("policy", "policy", "settings for many routers, and which"),
            ("group", "group", "routers that belong together"),
            ("var", "variable", "what differs from router to router"),
            ("draft", "draft", "review or discard your draft"),
            ("commit", "draft", "sign the draft and send it to all"),
            ("rollout", "rollout", "changes that reach the routers wave by wave"),
        ),
    ),
    (
        "what is and what was",
        (
            ("effective", "effective", "what a router's settings are, and why"),
            ("hold", "hold", "the brake: this router applies nothing for a time"),
            ("unhold", "hold", "take the brake off"),
            ("leave", "leave", "take this router out of its cluster"),
            ("drift", "drift", "what somebody changed on a router"),
            ("adopt", "drift", "make that a setting of the router, or of a policy"),
            ("log", "history", "who changed what, and when"),
            ("show", "history", "one version with its differences"),
            ("blame", "history", "who made each setting what it is"),
            ("revert", "history", "put back what a version changed"),
            ("watch", "watch", "what happens, as it happens"),
            ("metrics", "metrics", "figures for Prometheus"),
            ("web", "web", "the page on a machine without LuCI"),
            ("conflicts", "conflict", "changes that came too late, with both sides"),
            ("resolve", "conflict", "decide such a change"),
            ("verify", "history", "check the whole log on the disk, offline"),
            ("backup", "backup", "copy what this router keeps into a file"),
        ),
    ),
)
"""Headings → (command, module in this package, one line)."""

MODULES = {name: module for _, commands in OVERVIEW for name, module, _ in commands}


def main(arguments: Sequence[str]) -> int:
    """Run one command and return the exit code; no traceback ever reaches people."""
    try:
        code = _run(list(arguments))
        sys.stdout.flush()
    except UsageError as error:
        return _fail(error, 2)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return _fail("stopped", 1)
    except DuskError as error:
        return _fail(error, 1)
    except OSError as error:
        return _fail(_describe(error), 1)
    return code


def _fail(what: object, code: int) -> int:
    from dusk.cli.table import printable

    line = " ".join(str(what).splitlines())  # names and reasons come from other routers, too
    print(f"dusk: {printable(line)}", file=sys.stderr)
    return code


def _describe(error: OSError) -> str:
    name = error.filename if error.filename is not None else "the system"
    reason = error.strerror or str(error)
    if isinstance(name, bytes):
        name = os.fsdecode(name)
    return f"{name}: {reason[:1].lower()}{reason[1:]}"


def _run(arguments: list[str]) -> int:
    options, rest = global_options(arguments)
    if rest[:1] == ["help"] and rest[1:]:
        rest = [*rest[1:], "--help"]
    if not rest or rest[0] in ("-h", "--help", "help"):
        print(overview())
        return 0 if rest else 2
    if rest[0] == "--version":
        from dusk import __version__

        print(f"dusk {__version__}")
        return 0
    name = rest[0]
    if name not in MODULES:
        raise UsageError(f"there is no command {name!r}{_nearest(name)}; see `dusk --help`")
    root = options.get("root") or os.environ.get("DUSK_ROOT") or "/"
    if rest == ["daemon"] and not {"via", "key-file"} & options.keys():
        from dusk.daemon.main import run

        return run(root)
    from dusk.cli.running import run_command

    return run_command(root, MODULES[name], rest, options)


def _nearest(name: str) -> str:
    import difflib

    near = difflib.get_close_matches(name, MODULES, 1, cutoff=0.7)
    return f", do you mean {near[0]!r}?" if near else ""


def overview() -> str:
    """Return the help for newcomers: all commands, a line each."""
    lines = [
        "usage: dusk [--root DIR] [--json] COMMAND ...",
        "",
        "Many OpenWrt routers, edited together from any one of them.",
    ]
    for heading, commands in OVERVIEW:
        lines += ["", f"{heading}:", *(f"  {name:<10} {text}" for name, _, text in commands)]
    return "\n".join(
        [
            *lines,
            "",
            "options, anywhere on the line:",
            "  --root DIR  work on the node below DIR (or DUSK_ROOT); default /",
            "  --json      print one JSON document",
            "  --via ssh://[USER@]HOST[:PORT]  work on a router from here, over ssh",
            "  --key-file F  sign with your key in F, which no router gets; shows what is signed, and asks",
            "  --unseen    with --key-file: sign without being asked, as in a script",
            "",
            "`dusk COMMAND --help` explains a command with an example. A first cluster:",
            "  dusk init --cluster home --user ann     then start the daemon",
            "  dusk login ann",
            "  dusk set policy/wifi wireless.default_radio0.ssid=Home",
            "  dusk policy assign wifi --all",
            "  dusk commit -m 'name our network'",
        ]
    )
