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
}
"""Id of the mutant → why no test can notice it."""
