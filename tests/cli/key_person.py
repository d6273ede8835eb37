"""A person whose key no router gets."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.desk import FakeDesk

if TYPE_CHECKING:
    from tests.cli.conftest import Dusk


class Person:
    """Ann, an owner with a key file, at her terminal: what she was asked, and what she says."""

    def __init__(self, dusk: "Dusk", desk: FakeDesk, file: Path) -> None:
        self.dusk, self.desk, self.file = dusk, desk, file
        self.asked: list[str] = []
        self.says = "yes"

    def run(self, *words: str) -> Any:
        return self.dusk("--key-file", str(self.file), *words)

    def answer(self, prompt: str, _instead: str) -> str:
        self.asked.append(prompt)
        return self.says


def without_terminal(real: Callable[..., int]) -> Callable[..., int]:
    """Return ``os.open`` as it is where there is no controlling terminal."""

    def opened(path: Any, *rest: Any, **more: Any) -> int:
        if path == "/dev/tty":
            raise OSError(6, "No such device or address")
        return real(path, *rest, **more)

    return opened
