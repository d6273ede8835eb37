"""What a person does with secrets where his key is: no router sees one, or says who reads it (A57, R15).

The log is a copy that was verified there. The draft is the router's to keep: it may have put in
whatever it likes, so nothing in it is sealed, or signed as sealed, under a key that was not made here.
"""

from collections.abc import Callable, Sequence

from dusk import codec, limits
from dusk.changelog.body import Change, Edit
from dusk.changelog.log import Log
from dusk.changelog.readers import SECRET_KINDS
from dusk.changelog.sealed import sealed_in
from dusk.changelog.sections import check_record, parse_path
from dusk.control import editing, schema, views
from dusk.control.desk import Bench, Json
from dusk.control.drafts import Draft, decode_draft, visible
from dusk.control.methods import METHODS
from dusk.control.outside import WRAPS
from dusk.control.sealing import AtHome, Sealer
from dusk.effects import ChangeState, Progress
from dusk.errors import ConfigError, Refused, UntrustedInput
from dusk.ids import ChangeId, KeyId, Seq

AT_HOME: dict[str, Callable[[Bench, Json], Json]] = {
    "draft.edit": editing.draft_edit,
    "draft.import": editing.draft_import,
    "var.set": editing.var_set,
    "effective": views.effective,
}
"""What may be given a secret, or show one."""


class HomeBench:
    """A person's own machine, in the place of the daemon.

    Args:
        log: a copy, verified here.
        person: who edits.
        draft: as the router keeps it; untrusted bytes.
        reviewed: the table of what routers take without a word of their root.
        random_bytes: source of keys and nonces.
    """

    def __init__(
        self,
        log: Log,
        person: AtHome,
        draft: bytes | None,
        reviewed: str,
        random_bytes: Callable[[int], bytes],
    ) -> None:
        self._log, self._person, self._reviewed = log, person, reviewed
        self.unverified_draft = draft
        self._random_bytes = random_bytes

    @property
    def log(self) -> Log:
        """The copy of the log."""
        return self._log

    def reviewed(self) -> str:
        """Return the table."""
        return self._reviewed

    def random_bytes(self, size: int) -> bytes:
        """Return fresh random bytes."""
        return self._random_bytes(size)

    def session(self, token: str, *, is_use: bool = True) -> AtHome:
        """Return the only person here."""
        del token, is_use
        return self._person

    def secret_key(self, _section: str, _key_id: bytes) -> bytes | None:
        """Give none: no device hands keys out here."""
        return None

    def note(self, line: str) -> None:
        """Leave that to the router, which was asked first."""

    def waiting(self, _author: KeyId) -> Sequence[Change]:
        """Say that nothing is under way here: the router has sorted that out."""
        return ()

    def progress(self, change: ChangeId) -> Progress:
        """Say that what was sent waits: of the rest the router has given the edits back."""
        return Progress(change, ChangeState.QUEUED, Seq(0), "")

    def draft(self, _user: str) -> bytes | None:
        """Return the draft."""
        return self.unverified_draft

    def store_draft(self, _user: str, data: bytes | None) -> None:
        """Take the draft, for the router to keep."""
        self.unverified_draft = data

    def check_draft(self) -> None:
        """Look through a draft that a router has kept.

        Raises:
            UntrustedInput: it is none, or has records that no log takes.
        """
        if self.unverified_draft is not None:
            for edit in decode_draft(self.unverified_draft).all_edits:
                check_record(parse_path(edit.section), edit.key, edit.data)

    def run(self, method: str, params: Json) -> Json:
        """Run one of `AT_HOME`.

        Raises:
            Refused: the method's own reason.
        """
        arguments = schema.check_parameters(METHODS[method].parameters, {"token": "", **params})
        try:
            return AT_HOME[method](self, arguments)
        except ConfigError as error:
            raise Refused("bad-setting", str(error)) from None


def has_secrets(edits: Sequence[Edit]) -> bool:
    """Tell whether edits that somebody asks to be signed are about secrets, or who may read them.

    Raises:
        UntrustedInput: no log takes them.
    """
    for edit in edits:
        check_record(parse_path(edit.section), edit.key, edit.data)
    return any(_wraps(edit) or sealed_in(edit.section, edit.key, edit.data) is not None for edit in edits)


def _wraps(edit: Edit) -> bool:
    return edit.key.startswith(WRAPS) and parse_path(edit.section).kind in SECRET_KINDS


def kept_in_order(
    log: Log, person: AtHome, edits: Sequence[Edit], random_bytes: Callable[[int], bytes]
) -> tuple[Edit, ...]:
    """Return what is to be signed in place of edits that a router asks for: with wraps of our own alone.

    Args:
        log: a copy, verified here: who may read follows from it, and from the edits, which are shown.
        person: who signs; the keys K that he made count as long as they seal what they sealed.
        edits: which `has_secrets` has checked.
        random_bytes: source of ephemeral keys.

    Raises:
        UntrustedInput: a secret that is not sealed as this person sealed it, where it is.
    """
    own = [edit for edit in edits if not _wraps(edit) or _is_own_wrap(edit, person)]
    for edit in own:
        sealed = sealed_in(edit.section, edit.key, edit.data)
        if sealed is not None and not person.made.counts(sealed.section, sealed.key_id):
            raise UntrustedInput(f"{_name(edit)}: a secret that was not sealed by this key; set it again")
    assert log.cluster is not None, "it was copied as this cluster's"
    sealer = Sealer(log.state, log.cluster, person.key, random_bytes, made=person.made)
    try:
        ordered = sealer.in_order(Draft(tuple(own))).edits
    except Refused as error:
        raise UntrustedInput(error.reason) from None
    if visible(ordered) != visible(edits):
        raise UntrustedInput("its secrets cannot be told to their readers as they are")
    return ordered


def _is_own_wrap(edit: Edit, person: AtHome) -> bool:
    """Tell whether an edit keeps a K of ours as it is in our draft: wrapped to us alone."""
    if edit.data is None:
        return False
    name, boxes = codec.unpack(edit.data, size_max=limits.VALUE_BYTES_MAX)
    return [reader for reader, _ in boxes] == [person.key.key_id] and person.made.counts(edit.section, name)


def _name(edit: Edit) -> str:
    return f"{edit.section} {edit.key.partition('/')[2]}"
