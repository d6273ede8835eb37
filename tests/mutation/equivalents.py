"""Mutants that change nothing that anybody could see, each with the reason why."""

EQUIVALENTS: dict[str, str] = {
    "dusk/changelog/secrecy.py::check_secrecy::no guard: if not is_sealed and (not further)": (
        "it only saves the time of reading settings that no rule is about"
    ),
    "dusk/keys/secret.py::open_value::one more: codec.text(item, SECRET_BYTES_MAX, 'secret')": (
        "it stands inside bytes that were bounded by the same number"
    ),
    "dusk/keys/secret.py::open_value::one more: codec.text(value, SECRET_BYTES_MAX, 'secret')": "as above",
    "dusk/keys/secret.py::check_sealed_value::one more: codec.blob(sealed, SECRET_BYTES_MAX, 'secret')": (
        "the next larger size that a sealed value can have is a step above"
    ),
    "dusk/keys/secret.py::unwrap::no guard: if len(box) < WRAP_OVERHEAD_BYTES": (
        "the library of today refuses it in the same way, and that of tomorrow might in another"
    ),
    "dusk/keys/secret.py::unwrap::limit moved: len(box) < WRAP_OVERHEAD_BYTES": "as above",
    "dusk/keys/secret.py::unwrap::not raised: raise UntrustedInput('wrapped key: too short')": "as above",
    "dusk/keys/signing.py::x25519_public::operand of and left out: _MISSES_TORSION": (
        "it only saves the time of multiplying where libsodium has refused such keys already"
    ),
    "dusk/keys/sealed.py::_parse::one more: "
    "codec.blob(outer[0], SEALED_KEY_BYTES_MAX, 'sealed key: content')": (
        "it stands inside bytes that were bounded by the same number"
    ),
    "dusk/codec.py::unproven::operand of and left out: len(data) > _BYTES_ALWAYS_FEW": (
        "it only saves the time of counting: so few bytes always claim little"
    ),
    "dusk/codec.py::unproven::limit moved: len(data) > _BYTES_ALWAYS_FEW": "as above",
    "dusk/codec.py::unproven::operand of and left out: not _claims_little(data)": (
        "it only saves the time of the scan, which refuses nothing that is not refused after it"
    ),
    "dusk/changelog/governable.py::check_governable::no guard: if kinds <= _FREE": (
        "it only saves the time of rules that have nothing to say about these sections"
    ),
    "dusk/changelog/governable.py::check_governable::limit moved: kinds <= _FREE": (
        "as above: without the saving the same comes out"
    ),
    "dusk/changelog/judging.py::Judging.may_lead::"
    "operand of and left out: self.device_key(device) is not None": (
        "no change leaves a device in the succession that is no active member; who reads this sees it at once"
    ),
    "dusk/changelog/branches.py::_raised::operand of or left out: change is None": (
        "only an `open` that carries a change raises a mandate; the type checker asks for it"
    ),
    "dusk/changelog/freezing.py::check_freeze::operand of or left out: value is None": (
        "only what sets the mark is a freeze, and a signed hash has its value; the type checker asks for it"
    ),
    "dusk/changelog/items.py::::one more: entry=codec.blob_to(limits.ENTRY_BYTES_MAX)": (
        "the entry is bounded by the same number when it is decoded"
    ),
    "dusk/changelog/items.py::::one more: change=codec.blob_to(limits.CHANGE_BYTES_MAX, or_nil=True)": (
        "the change is bounded by the same number when it is decoded"
    ),
    "dusk/changelog/state.py::State._reindex::no condition: r[0] == section": (
        "it only saves the time of looking at keys that the section does not have"
    ),
    "dusk/changelog/body.py::::one more: body=codec.blob_to(limits.CHANGE_BYTES_MAX)": (
        "it stands inside bytes that were bounded by the same number"
    ),
    "dusk/changelog/body.py::::one more: values=codec.rows_to(limits.OPERATIONS_MAX, _VALUE, or_nil=True)": (
        "there is one for each operation, and these are bounded"
    ),
    "dusk/changelog/body.py::decode_body::operand of and left out: len(decoded) > 1": (
        "it only saves the time of comparing one operation with itself"
    ),
    "dusk/changelog/body.py::decode_body::limit moved: len(decoded) > 1": "as above",
}
"""Id of the mutant → why no test can notice it."""
