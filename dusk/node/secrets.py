"""The keys K of secrets that a device can open, asks others for, and hands on (R15, A47, A52).

What the log has wrapped to it is enough for most. Who came to a policy after it was signed asks an
entitled member, who looks at its own verified head whether to tell. No value is ever kept: values
are opened when a file is computed.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

from dusk import codec
from dusk.catchup.messages import SecretName, Secrets
from dusk.changelog.readers import SECRET_KINDS, Store, is_entitled, wraps_in
from dusk.changelog.sections import parse_path
from dusk.config.merge import Managed
from dusk.config.revealing import sealed_of
from dusk.config.sealing import Sealed
from dusk.cycle.peers import Peer
from dusk.effects import Address, Effect, StoreFile
from dusk.errors import ConfigError, UntrustedInput
from dusk.ids import ClusterId, DeviceId, KeyId
from dusk.keys.secret import (
    EPHEMERAL_BYTES,
    SECRET_KEY_ID_BYTES,
    Scope,
    SecretValue,
    open_value,
    secret_key_id,
    unwrap,
    wrap,
)
from dusk.keys.signing import SigningKey
from dusk.limits import (
    SECRETS_ELSEWHERE_MAX,
    SECRETS_KEPT_MAX,
    SECRETS_SOUGHT_MAX,
    SECTION_BYTES_MAX,
    WRAP_BYTES_MAX,
)
from dusk.node.addresses import as_written_here

FILE = "secret-keys"
_FILE_BYTES_MAX = 128 * 1024
GAP_S = 2.0
"""From one question to the next; it doubles as long as nobody has an answer."""
GAP_S_MAX = 120.0

Kept = dict[SecretName, bytes]


class Members(Protocol):
    """What is known of the other members; `dusk.cycle.peers.Peers` is one."""

    def get(self, device: DeviceId) -> Peer | None:
        """Return another member."""


def decode_kept(data: bytes) -> Kept:
    """Read the file of keys that were handed to this device, each wrapped to it.

    Raises:
        UntrustedInput: not such a file.
    """
    kept: Kept = {}
    for row in codec.items(codec.unpack(data, size_max=_FILE_BYTES_MAX), SECRETS_KEPT_MAX, "secret keys"):
        section, key_id, box = codec.fields(row, 3, "secret keys")
        name = SecretName(
            codec.text(section, SECTION_BYTES_MAX, "section"),
            codec.exactly(key_id, SECRET_KEY_ID_BYTES, "key id"),
        )
        kept[name] = codec.blob(box, WRAP_BYTES_MAX, "secret keys")
    return kept


def kept_of(files: Mapping[str, bytes]) -> Kept:
    """Return the keys that the sound files of a device's folder have."""
    data = files.get(FILE)
    return {} if data is None else decode_kept(data)


class NodeSecrets:
    """A device's keys of secrets; also the errand of its questions (`dusk.catchup.stages.Seeker`).

    Args:
        own: this device's key.
        cluster: the cluster.
        counts: gives what counts of the log for a member, as a rollout may not have reached it; and
            behind that what it is to switch to together with others.
        members: the other members.
        kept: what its file has.
        random_bytes: for ephemeral seeds.
    """

    def __init__(
        self,
        *,
        own: SigningKey,
        cluster: ClusterId,
        counts: Callable[[DeviceId], Sequence[Store]],
        members: Members,
        kept: Kept,
        random_bytes: Callable[[int], bytes],
    ) -> None:
        self._own, self._cluster, self._members = own, cluster, members
        self._counts, self._own_id = counts, DeviceId(own.key_id)
        self._kept, self._random_bytes = kept, random_bytes
        self._missing: tuple[SecretName, ...] = ()
        self._places: deque[Address] = deque(maxlen=SECRETS_ELSEWHERE_MAX)
        self._gap_s, self._ask_at = GAP_S, float("-inf")
        self._round_at, self._at_once = float("-inf"), 0
        self._scope = ""
        self.has_more = False
        """Whether keys came since the files were computed last."""

    # --- opening -----------------------------------------------------------------------------

    def secret(self, name: SecretName) -> bytes | None:
        """Return a key K that this device has and may have: of the log, else as it was handed over."""
        if not self._is_mine(name.section):
            return None
        return self._opened(name, [*self._boxes(name), self._kept.get(name)])

    def _opened(self, name: SecretName, boxes: Sequence[bytes | None]) -> bytes | None:
        """Return a key K out of wraps to this device."""
        for box in boxes:
            try:
                secret = unwrap(self._own, Scope(self._cluster, name.section), box or b"")
            except UntrustedInput:
                continue
            if secret_key_id(secret) == name.key_id:
                return secret
        return None

    def _is_mine(self, section: str) -> bool:
        return any(is_entitled(store, section, self._own_id) for store in self._counts(self._own_id))

    def value(self, sealed: Sealed) -> SecretValue:
        """Return what is sealed.

        Raises:
            ConfigError: it does not open; the message has nothing of it.
        """
        secret = self.secret(SecretName(sealed.section, sealed.key_id))
        where = f"{sealed.section} {sealed.record.partition('/')[2]}"
        if secret is None:
            raise ConfigError(f"{where}: the key of this secret is not here")
        try:
            return open_value(secret, Scope(self._cluster, sealed.section), sealed.record, sealed.data)
        except UntrustedInput:
            raise ConfigError(f"{where}: the secret does not open; set it again") from None

    def lacking(self, managed: Managed) -> tuple[str, ...]:
        """Return the KEYs of a managed config whose secrets this device cannot open yet."""
        names = {key: SecretName(sealed.section, sealed.key_id) for key, sealed in sealed_of(managed)}
        missing = {name for name in set(names.values()) if self.secret(name) is None}
        self._missing = tuple(sorted(missing, key=lambda n: (n.section, n.key_id)))
        self._gap_s, self._ask_at, self.has_more = GAP_S, float("-inf"), False
        return tuple(key for key, name in names.items() if name in missing)

    # --- asking ------------------------------------------------------------------------------

    @property
    def sought(self) -> tuple[SecretName, ...]:
        """The keys that are asked for."""
        return self._missing[:SECRETS_SOUGHT_MAX]

    @property
    def deadline(self) -> float | None:
        """When somebody is to be asked; None: nothing is missing."""
        return self._ask_at if self._missing else None

    def ask_whom(self, master: Address | None, now: float) -> Address | None:
        """Return whom to ask now: who was named as having them, else who is known to, else the master.

        Args:
            master: where it is; None where it is not known, or here.
            now: monotonic seconds.
        """
        if not self._missing or now < self._ask_at:
            return None
        self._scope = "" if master is None else master.host.partition("%")[2]
        if now >= self._round_at:
            self._at_once = SECRETS_ELSEWHERE_MAX
        self._ask_at = self._round_at = now + self._gap_s
        self._gap_s = min(2 * self._gap_s, GAP_S_MAX)
        if not self._places:
            known = self._holders(self._missing)
            self._places.extend([*known, *([] if master is None else [master])])
        return self._places.popleft() if self._places else None

    def took_secrets(self, found: Secrets, now: float) -> list[Effect]:
        """Take the keys that a member wrapped to this device; each proves itself."""
        came = False
        for name, box in found.wraps:
            try:
                secret = unwrap(self._own, Scope(self._cluster, name.section), box)
            except UntrustedInput:
                continue
            if name in self._missing and secret_key_id(secret) == name.key_id:
                self._kept[name] = box
                came = True
        if not came:
            self._places.extend(as_written_here(address, self._scope) for address in found.elsewhere)
            if found.elsewhere and self._at_once:  # whoever answers can name itself, without end
                self._at_once, self._ask_at = self._at_once - 1, now
            return []
        self._missing = tuple(name for name in self._missing if name not in self._kept)
        self._gap_s, self._ask_at, self.has_more = GAP_S, now, True
        return [self._store()]

    def _store(self) -> Effect:
        """Keep what is still of use: of sections that this device may read, and not in the log for it."""
        for name in list(self._kept):
            is_used = self._is_mine(name.section) and not self._is_logged(name)
            if not is_used or len(self._kept) > SECRETS_KEPT_MAX:
                del self._kept[name]
        rows = [[name.section, name.key_id, box] for name, box in self._kept.items()]
        return StoreFile(FILE, codec.pack(rows))

    def _is_logged(self, name: SecretName) -> bool:
        """Tell whether the log has a wrap for this device that opens; whoever wrote it may have put junk."""
        return self._opened(name, self._boxes(name)) is not None

    def _boxes(self, name: SecretName) -> list[bytes | None]:
        """Return the wraps of a key to this device that the log has."""
        found = (wraps_in(store, name.section) for store in self._counts(self._own_id))
        own = self._own.key_id
        return [boxes.get(own) for wraps in found for _, key_id, boxes in wraps if key_id == name.key_id]

    # --- handing on --------------------------------------------------------------------------

    def hand_on(self, asker: DeviceId, names: Sequence[SecretName]) -> Secrets:
        """Wrap keys to another member: those that the log entitles it to, and no others.

        Of a key that seals nothing any more nothing is told.
        """
        peer = self._members.get(asker)
        if peer is None:
            return Secrets(())
        wrapped = {section: self._wraps(section, asker) for section in {name.section for name in names}}
        allowed = [name for name in names if name.key_id in wrapped[name.section]]
        wraps = []
        for name in allowed:
            own = [boxes.get(self._own.key_id) for boxes in wrapped[name.section][name.key_id]]
            own.append(self._kept.get(name))
            secret = self._opened(name, own) if self._is_mine(name.section) else None
            if secret is not None:
                scope, ephemeral = Scope(self._cluster, name.section), self._random_bytes(EPHEMERAL_BYTES)
                wraps.append((name, wrap(secret, scope, peer.public, ephemeral)))
        missing = [name for name in allowed if name not in dict(wraps)]
        held = {r for name in missing for boxes in wrapped[name.section][name.key_id] for r in boxes}
        return Secrets(tuple(wraps), tuple(self._addresses(held - {KeyId(asker)})))

    def _wraps(self, section: str, device: DeviceId) -> dict[bytes, list[dict[KeyId, bytes]]]:
        """Return the wraps of each key of a section, by id, if a device may have them.

        It is read once for all that are asked for: a section may have 256 records of them (A6).
        """
        try:
            kind = parse_path(section).kind
        except UntrustedInput:
            return {}
        found: dict[bytes, list[dict[KeyId, bytes]]] = {}
        for store in self._counts(device) if kind in SECRET_KINDS else ():
            for _, key_id, boxes in wraps_in(store, section) if is_entitled(store, section, device) else ():
                found.setdefault(key_id, []).append(boxes)
        return found

    def _holders(self, names: Sequence[SecretName]) -> list[Address]:
        """Return where members are to whom the log has one of these keys wrapped."""
        held = {
            reader
            for name in names
            for store in self._counts(self._own_id)
            for _, key_id, boxes in wraps_in(store, name.section)
            if key_id == name.key_id
            for reader in boxes
        }
        return self._addresses(held)

    def _addresses(self, readers: Iterable[KeyId]) -> list[Address]:
        known = (self._members.get(DeviceId(reader)) for reader in sorted(readers))
        found = [peer.address for peer in known if peer is not None and peer.address is not None]
        return found[:SECRETS_ELSEWHERE_MAX]
