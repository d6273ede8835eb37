"""What stays in a file whatever a policy makes exclusive: the device's own way to the others, and loopback.

``lifeline`` marks changes of it before they are signed, by what the device reported; here the device
itself looks, in its own files, when it makes them.
"""

from collections.abc import Iterator

from dusk.config.lifeline import about, devices_on, has_port, networks_on
from dusk.config.parts import Section, texts_of
from dusk.config.radios import is_link
from dusk.config.uci import Document
from dusk.lazy import dataclass


@dataclass(frozen=True, slots=True)
class Way:
    """By what a device is reached.

    Args:
        interfaces: kernel names of those that Dusk is on.
        network: the device's file ``network`` as it will be; None where there is none.
    """

    interfaces: tuple[str, ...]
    network: Document | None = None

    def sections(self, document: Document) -> Iterator[Section]:
        """Yield the sections of a file that are on the way, with all that is named put in."""
        judge = {"network": self._network, "wireless": self._wireless, "firewall": self._firewall}
        return judge.get(document.name, lambda _: iter(()))(document)

    def _network(self, document: Document) -> Iterator[Section]:
        names = {*networks_on(document, self.interfaces), "loopback"}
        devices = {*devices_on(document, self.interfaces), *(f"@{name}" for name in names), "lo"}
        for one in document.sections:
            of_ours = names & {one.name, *texts_of(one, "interface"), one.type.removeprefix("wireguard_")}
            if of_ours or one.type.startswith("switch") or not devices.isdisjoint(about(one)):
                yield one

    def _wireless(self, document: Document) -> Iterator[Section]:
        links = [one for one in document.sections if is_link(one)]
        radios = {radio for one in links for radio in texts_of(one, "device")}
        yield from links
        yield from (one for one in document.sections if one.type == "wifi-device" and one.name in radios)

    def _firewall(self, document: Document) -> Iterator[Section]:
        names = {"lan"} if self.network is None else {*networks_on(self.network, self.interfaces)}
        for one in document.sections:
            is_zone = one.type == "zone" and (
                names & {*texts_of(one, "network")} or {*self.interfaces} & {*texts_of(one, "device")}
            )
            lets_in = any(has_port(port) for port in texts_of(one, "dest_port"))
            if is_zone or lets_in or one.type == "defaults":
                yield one


FRESH = Way(("br-lan",))
"""That of a fresh system."""
