"""Mutants that change nothing that anybody could see, each with the reason why."""

EQUIVALENTS: dict[str, str] = {
    "dusk/keys/sealed.py::_parse::one more: "
    "codec.blob(outer[0], SEALED_KEY_BYTES_MAX, 'sealed key: content')": (
        "it stands inside bytes that were bounded by the same number"
    ),
}
"""Id of the mutant → why no test can notice it."""
