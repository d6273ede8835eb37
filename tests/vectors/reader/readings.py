"""Which cases there are, what is given in each, and how it is read."""

from collections.abc import Callable

from tests.vectors.reader import cases_of_bytes as log
from tests.vectors.reader import cases_of_config as config
from tests.vectors.reader import forks, streams
from tests.vectors.reader.files import Case, File, Out

Reading = Callable[[Case, File, Out], None]
_USUAL = ("START", "DATA", "HELLO", "RESPOND", "PONG", "ASK", "SUBMIT", "ANSWER")
MESSAGES = (*_USUAL, "FORWARD", "RELAYED", "REFER", "RELAY", "REPEAT", "BUNDLE")

# File, kind → fields given, fields that may be given, how it is read.
READINGS: dict[tuple[str, str | None], tuple[str, str, Reading]] = {
    ("encoding", None): ("bytes", "size_max", log.encoding),
    ("hashes", "labelled"): ("label data", "", log.labelled),
    ("hashes", "section"): ("records", "", log.section),
    ("hashes", "file"): ("key package content", "", log.file_hash),
    ("keys", "key"): ("seed", "", log.key),
    ("keys", "public-key"): ("public", "", log.public_key),
    ("keys", "signature"): ("public label cluster data signature", "", log.signature),
    ("keys", "pairwise"): ("seed public cluster", "", log.pairwise),
    ("keys", "seal"): ("key nonce associated ciphertext", "", log.seal),
    ("keys", "x25519"): ("private public", "", log.x25519),
    ("keys", "sealed-user-key"): ("user password sealed", "", log.sealed_user_key),
    ("keys", "secret"): ("key cluster section record sealed", "", log.secret),
    ("keys", "wrap"): ("seed cluster section wrap", "", log.wrapped),
    ("keys", "phrase"): ("phrase", "", log.phrase),
    ("keys", "join-line"): ("line", "", log.join_line),
    ("changes", None): ("bytes", "", log.change),
    ("entries", "entry"): ("bytes", "", log.entry),
    ("entries", "signed-head"): ("bytes public cluster", "", log.signed_head),
    ("entries", "certificate"): ("bytes", "", log.certificate),
    ("entries", "item"): ("bytes", "", log.item),
    ("records", None): ("section key data", "", log.record),
    ("chains", "log"): ("cluster keys", "", log.log),
    ("chains", "continued"): ("log after items", "cluster", log.continued),
    ("chains", "broken"): ("log after items", "cluster", log.broken),
    ("rollouts", "log"): ("cluster keys", "", log.log),
    ("rollouts", "continued"): ("log after items", "", log.continued),
    ("rollouts", "broken"): ("log after items", "", log.broken),
    ("rollouts", "waiting"): ("log after", "", log.waiting),
    ("forks", None): ("base ours theirs", "", forks.fork),
    ("datagrams", "setting"): ("cluster members succession group_keys stranger", "", log.who),
    **{("datagrams", kind): ("", "sender to datagram plaintext", log.message) for kind in MESSAGES},
    ("datagrams", "datagram"): ("to datagram", "", log.datagram),
    ("datagrams", "batch"): ("pieces", "", log.batch),
    ("datagrams", "ring"): ("bytes", "", log.ring),
    ("datagrams", "status"): ("device bytes", "", log.status),
    ("datagrams", "health"): ("bytes", "", log.health),
    ("handshakes", "stream"): ("cluster", "", log.stream),
    ("handshakes", "received"): ("by cluster frames", "", log.received),
    ("catchup", "request"): ("bytes", "", log.catch_up(streams.request)),
    ("catchup", "answer"): ("bytes", "", log.catch_up(streams.answer)),
    ("catchup", "locator"): ("head", "", log.locator),
    ("catchup", "health"): ("bytes", "", log.told_health),
    ("catchup", "packages"): ("bytes", "list form", log.told_packages),
    ("catchup", "drift"): ("bytes", "", log.told_drift),
    ("catchup", "files"): ("bytes", "", log.told_files),
    ("catchup", "hold"): ("bytes", "", log.ordered_hold),
    ("catchup", "order"): ("bytes cluster public", "", log.order),
    ("joining", "request"): ("stream bytes", "join_line device_seed label wanted", log.join_request),
    ("joining", "name"): ("wanted template taken", "", log.name),
    ("joining", "pattern"): ("pattern label", "", log.pattern),
    ("joining", "address"): ("text", "", log.address),
    ("settings", "key"): ("key", "", config.setting_key),
    ("settings", "edit"): ("before edit value position", "", config.edit),
    ("settings", "import"): ("text", "", config.import_text),
    ("settings", "expand"): ("value variables facts", "", config.expand),
    ("merges", None): (
        "device groups_of_device policies assignments device_settings variables facts package file",
        "",
        config.merged,
    ),
    ("uci", "document"): ("bytes", "", config.document),
    ("uci", "edit"): ("before steps", "", config.edit_file),
    ("storage", None): ("bytes", "", config.log_file),
    ("control", None): ("line", "", config.control_line),
}
