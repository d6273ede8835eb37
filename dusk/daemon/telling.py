"""Answers of this device about itself that the shell looks up: how it is, what it has, what its files say."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import trio

from dusk.changelog.secrecy import secret_names
from dusk.config.files_told import FILES, FileState, ToldFile, ToldFiles, decode_asked, encode_files, file_of
from dusk.daemon import health
from dusk.daemon.answers import Answer
from dusk.daemon.core import Core
from dusk.daemon.helper_client import HelperClient
from dusk.daemon.packages import PackageList
from dusk.effects import Question, Told
from dusk.errors import Refused, UntrustedInput
from dusk.ids import DeviceId
from dusk.membership.health import HEALTH, encode_health
from dusk.membership.packages import PACKAGES
from dusk.node import Node

RADIOS = "radios"
"""A word of `dusk-device`, which only root's program can answer: ``ubus`` is root's."""


def by_word(root: Path, helper: HelperClient, core: Callable[[], Core]) -> Mapping[str, Answer]:
    """Return what can be asked of this device, by its word.

    Args:
        root: the node's root.
        helper: reads the files.
        core: gives the loop, with its living node.
    """
    return {
        HEALTH: _health_of(root, helper),
        FILES: _files_by(helper, core),
        PACKAGES: _packages_of(PackageList(root)),
    }


def _health_of(root: Path, helper: HelperClient) -> Answer:
    """Return what answers how this device is."""

    async def answer(_question: Question, _asker: DeviceId) -> Told:
        line = ""
        with suppress(Refused):  # this machine is no OpenWrt router
            line = await helper.device(RADIOS)
        radios = health.radios_in(line)
        return Told(data=encode_health(await trio.to_thread.run_sync(health.gather, root, radios)))

    return answer


def _packages_of(kept: PackageList) -> Answer:
    """Return what answers which packages are installed."""

    async def answer(_question: Question, _asker: DeviceId) -> Told:
        return Told(data=await trio.to_thread.run_sync(kept.answer))

    return answer


def _files_by(helper: HelperClient, core: Callable[[], Core]) -> Answer:
    """Return what answers what the files say."""

    async def answer(question: Question, _asker: DeviceId) -> Told:
        node = core().node
        if not isinstance(node, Node):
            raise Refused("no-cluster", "the device is in no cluster now")
        try:
            packages = decode_asked(question.argument)
        except UntrustedInput as error:
            raise Refused("bad-question", str(error)) from None
        files = [await _told(helper, node, package) for package in packages]
        return Told(data=encode_files(ToldFiles(node.applied.head.seq, tuple(files))))

    return answer


async def _told(helper: HelperClient, node: Node, package: str) -> ToldFile:
    """Return what is told of a file: it is parsed aside, as it may be large."""
    try:
        content = (await helper.read((package,)))[package]
    except Refused:  # a link, a folder, or root's alone: Dusk does nothing there
        return ToldFile(package, FileState.CLOSED)
    further = secret_names(node.log.state)
    is_in_effect = content is not None and node.applied.has_in_effect(package, content)
    return await trio.to_thread.run_sync(
        lambda: file_of(package, content, further, is_in_effect=is_in_effect)
    )
