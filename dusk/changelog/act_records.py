"""What stands in the records of proposals, attestations and rollouts: their form alone.

What they say is judged by `proposals`, `attesting` and `rollouts`.
"""

import re

from dusk import codec, limits
from dusk.errors import UntrustedInput

_HEX_ID = re.compile(r"[0-9a-f]{32}\Z")


def check_attested(_key: str, row: list[object]) -> None:
    """Check what an owner attests, see `dusk.changelog.attesting.Attested`."""
    seq, chain, state = codec.fields(row, 3, "attested")
    codec.integer(seq, 1, limits.NUMBER_MAX, "attested position")
    codec.exactly(chain, 32, "attested chain hash")
    codec.exactly(state, 32, "attested state")


def check_proposal(_key: str, row: list[object]) -> None:
    """Check a proposed change's form; `dusk.changelog.proposals` reads it."""
    change, expires_s = codec.fields(row, 2, "proposal")
    codec.blob(change, limits.PROPOSAL_BYTES_MAX, "proposed change")
    codec.integer(expires_s, 0, limits.NUMBER_MAX, "proposal expiry")


def check_signed_by(_key: str, row: list[object]) -> None:
    """Check a signature on a proposal."""
    codec.exactly(codec.fields(row, 1, "signature")[0], 64, "signature")


def check_plan(_key: str, row: list[object]) -> None:
    """Check how a change is rolled out, see `dusk.changelog.rollouts.Plan`."""
    waves, failures_max = codec.fields(row, 2, "rollout")
    codec.integer(waves, 1, limits.WAVES_MAX, "rollout waves")
    codec.integer(failures_max, 0, limits.MEMBERS_MAX, "rollout failures")


def check_wave(_key: str, row: list[object]) -> None:
    """Check which devices are named of a wave."""
    wave, devices = codec.fields(row, 2, "wave")
    codec.integer(wave, 0, limits.WAVES_MAX - 1, "wave")
    listed = codec.items(devices, limits.WAVE_PART_DEVICES_MAX, "wave devices")
    ids = [codec.exactly(device, 16, "wave device") for device in listed]
    if not ids or ids != sorted(set(ids)):
        raise UntrustedInput("wave: no devices, not sorted, or one twice")


def check_order(_key: str, row: list[object]) -> None:
    """Check what a person says of a rollout, see `dusk.changelog.rollouts.Order`."""
    word, not_before_s, failures_max = codec.fields(row, 3, "rollout order")
    codec.integer(not_before_s, 0, limits.NUMBER_MAX if word == "go" else 0, "rollout start")
    if failures_max is not None:
        codec.integer(failures_max, 0, limits.MEMBERS_MAX if word == "go" else -1, "rollout failures")
    if word not in ("go", "hold", "abort", "force"):
        raise UntrustedInput("rollout: nobody can order that")


def check_progress(_key: str, row: list[object]) -> None:
    """Check how far a rollout is; the fold writes it, a checkpoint hands it on."""
    opened, ended, stopped_by = codec.fields(row, 3, "progress")
    codec.integer(opened, 0, limits.WAVES_MAX, "progress")
    if ended not in ("", "done", "abort", "force"):
        raise UntrustedInput("progress: no such end")
    device = codec.text(stopped_by, 32, "progress")
    if device and not _HEX_ID.match(device):
        raise UntrustedInput("progress: stopped by no device")


def check_together(_key: str, row: list[object]) -> None:
    """Check the mark of a rollout by which all switch together."""
    if codec.fields(row, 1, "together")[0] is not True:
        raise UntrustedInput("rollout: together, or no such record")


def check_switch(_key: str, row: list[object]) -> None:
    """Check who led when all were told to switch together; the fold writes it."""
    codec.exactly(codec.fields(row, 1, "switch")[0], 16, "switch")


def check_of(_key: str, row: list[object]) -> None:
    """Check which rollout something is kept for."""
    number, change = codec.fields(row, 2, "rollout number")
    codec.integer(number, 1, limits.NUMBER_MAX, "rollout number")
    codec.exactly(change, 32, "rollout change")


def check_was(_key: str, row: list[object]) -> None:
    """Check what a record was, see `dusk.changelog.rollouts.Kept`."""
    section, key, data, is_own, after = codec.fields(row, 5, "former record")
    codec.text(section, limits.SECTION_BYTES_MAX, "former section")
    codec.text(key, limits.RECORD_KEY_BYTES_MAX + len("set/"), "former key")
    for value in (data, after):
        if value is not None:
            codec.blob(value, limits.VALUE_BYTES_MAX, "former value")
    if not isinstance(is_own, bool):
        raise UntrustedInput("former record: own or not")


ROLLOUT = {
    "plan": check_plan,
    "part/": check_wave,
    "order": check_order,
    "progress": check_progress,
    "together": check_together,
    "switch": check_switch,
}
FORMER = {"of": check_of, "was/": check_was}
"""Record key → check, as in `dusk.changelog.sections.KEYS`."""
