"""Mutants that change nothing that anybody could see, each with the reason why."""

EQUIVALENTS: dict[str, str] = {
    "dusk/keys/sealed.py::_parse::one more: "
    "codec.blob(outer[0], SEALED_KEY_BYTES_MAX, 'sealed key: content')": (
        "it stands inside bytes that were bounded by the same number"
    ),
    "dusk/changelog/governable.py::check_governable::no guard: if kinds <= _FREE": (
        "it only saves the time of rules that have nothing to say about these sections"
    ),
    "dusk/changelog/governable.py::check_governable::limit moved: kinds <= _FREE": (
        "as above: without the saving the same comes out"
    ),
    "dusk/changelog/log.py::Log.may_lead::operand of and left out: self.device_key(device) is not None": (
        "no change leaves a device in the succession that is no active member; who reads this sees it at once"
    ),
    "dusk/changelog/log.py::_split_item::one more: "
    "codec.blob(entry_bytes, limits.ENTRY_BYTES_MAX, 'entry')": (
        "the entry is bounded by the same number when it is decoded"
    ),
    "dusk/changelog/log.py::unpack_entry_item::one more: "
    "codec.blob(change_bytes, limits.CHANGE_BYTES_MAX, 'change')": (
        "the change is bounded by the same number when it is decoded"
    ),
}
"""Id of the mutant → why no test can notice it."""
