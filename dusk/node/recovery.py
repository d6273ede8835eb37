"""What a node finds damaged at its start, and what it does not do before that is made good.

A log that lost its end to damage is good to hear by and not to write by: whoever wrote it, or
held it, may have promised what is gone, and entries written again at those positions would be
a fork (R5). So its device does not lead before it has caught up with another member.
"""

from collections.abc import Callable, Mapping

from dusk.apply.verdict import FILE as FAILED_FILE
from dusk.apply.verdict import decode_verdict
from dusk.changelog.body import decode_change
from dusk.cycle.groupkeys import FILE as GROUP_KEYS_FILE
from dusk.cycle.groupkeys import GroupKeys, decode_group_keys
from dusk.cycle.outbox import FOLDER as OUTBOX_FOLDER
from dusk.cycle.whereabouts import FILE as ADDRESSES_FILE
from dusk.cycle.whereabouts import decode_table
from dusk.effects import Effect, Event, RemoveFile, StoreFile
from dusk.errors import UntrustedInput
from dusk.ids import Seq
from dusk.listing import listed
from dusk.node.secrets import FILE as SECRET_KEYS_FILE
from dusk.node.secrets import decode_kept

STATUS_KEY_FILE = "status-key"
STATUS_KEY_BYTES = 32
MUST_HEAR_FILE = "must-hear"
"""There from when the log was cut for damage until another member was caught up with."""
_CUT = (
    "the end of the log here was lost to damage (see log.damaged): this device writes nothing before another"
    f" member brings it back; if there is no other, remove etc/dusk/node/{MUST_HEAR_FILE} and restart"
)


class Recovery:
    """The small files of a start, without the damaged ones, and whether the log was cut.

    Args:
        saved: name → content.
        alarms: the node's; what is wrong is put there.
        random_bytes: for a status key, where there is none.

    Attributes:
        files: those that can be used; the others stay on the disk until they are replaced.
        group_keys: of the file; none where it is damaged: others hand out theirs.
        status_key: 32 bytes for the keyed hashes in statuses.
        must_hear: whether another member has to be caught up with before this device leads.
    """

    def __init__(
        self, saved: Mapping[str, bytes], alarms: dict[str, str], random_bytes: Callable[[int], bytes]
    ) -> None:
        self._alarms = alarms
        self.files = {name: data for name, data in saved.items() if _is_sound(name, data)}
        ring = self.files.get(GROUP_KEYS_FILE)
        self.group_keys = GroupKeys() if ring is None else decode_group_keys(ring)
        self.status_key = self.files.get(STATUS_KEY_FILE) or random_bytes(STATUS_KEY_BYTES)
        self.must_hear = MUST_HEAR_FILE in saved
        damaged = sorted(saved.keys() - self.files.keys())
        if damaged:
            alarms["damaged"] = f"etc/dusk/node/{listed(damaged, 1)}: damaged, not used"
        if self.must_hear:
            alarms["cut-log"] = _CUT

    def start(self) -> list[Effect]:
        """Keep a status key that was made now."""
        if STATUS_KEY_FILE in self.files:
            return []
        return [StoreFile(STATUS_KEY_FILE, self.status_key)]

    def caught_up(self, seq: Seq, own: Seq) -> list[Effect]:
        """Note that all of another member's log is here.

        Nothing follows from one that is shorter than ours: it may have lost what we have lost.

        Args:
            seq: where its newest signed head is; 0: it vouches for none, having lost its own end.
            own: where ours is.
        """
        if not self.must_hear or seq < own:
            return []
        self.must_hear = False
        del self._alarms["cut-log"]
        found = Event("cut-log", "the log is whole again: another member brought what was lost", loud=True)
        return [RemoveFile(MUST_HEAR_FILE), found]


def _is_sound(name: str, data: bytes) -> bool:
    """Tell whether a file is what this program writes by that name; other rooms read their own."""
    try:
        if name == GROUP_KEYS_FILE:
            decode_group_keys(data)
        elif name == ADDRESSES_FILE:
            decode_table(data)
        elif name == FAILED_FILE:
            decode_verdict(data)
        elif name == SECRET_KEYS_FILE:
            decode_kept(data)
        elif name.startswith(OUTBOX_FOLDER):
            return decode_change(data).id.hex() == name.removeprefix(OUTBOX_FOLDER)
    except UntrustedInput:
        return False
    return name != STATUS_KEY_FILE or len(data) == STATUS_KEY_BYTES
