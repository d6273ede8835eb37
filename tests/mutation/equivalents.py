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
    "dusk/changelog/body.py::::one more: body=codec.blob_to(limits.CHANGE_BYTES_MAX)": (
        "it stands inside bytes that were bounded by the same number"
    ),
    "dusk/changelog/body.py::::one more: values=codec.array_to(limits.OPERATIONS_MAX)": (
        "there is one for each operation, and these are bounded"
    ),
    "dusk/changelog/body.py::decode_body::operand of and left out: len(decoded) > 1": (
        "it only saves the time of comparing one operation with itself"
    ),
    "dusk/changelog/body.py::decode_body::limit moved: len(decoded) > 1": "as above",
    "dusk/changelog/entry.py::::one more: outcome=codec.array_to(3, 3)": (
        "the form of the inner array is checked right after it"
    ),
    "dusk/changelog/entry.py::::one less: outcome=codec.array_to(3, 3)": (
        "the form of the inner array is checked right after it"
    ),
    "dusk/changelog/entry.py::::one more: head=codec.array_to(5, 5)": (
        "the form of the inner array is checked right after it"
    ),
    "dusk/changelog/entry.py::::one less: head=codec.array_to(5, 5)": (
        "the form of the inner array is checked right after it"
    ),
}
"""Id of the mutant → why no test can notice it."""
