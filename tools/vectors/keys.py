"""`keys.json`: keys, signatures, seals, sealed user keys, phrases, join lines."""

import base64
from functools import partial
from typing import Any

from dusk import codec, limits
from dusk.errors import UntrustedInput
from dusk.ids import ChainHash, ClusterId, Named, Seq, labelled_hash
from dusk.keys.box import exchange, open_sealed, pairwise_key, seal
from dusk.keys.joinkey import JoinKey, parse_join_line
from dusk.keys.phrase import phrase_from_entropy, recovery_key
from dusk.keys.sealed import Argon2Parameters, check_sealed_key, open_user_key, seal_user_key
from dusk.keys.signing import SigningKey, check_public_key, verify, x25519_public
from tools.vectors import curve
from tools.vectors.case import Case, Source, annotate, invalid, key, valid

CLUSTER = ClusterId(Source("cluster of keys.json")(32))
CHEAP = Argon2Parameters(limits.ARGON2_MEMORY_KIB_MIN, limits.ARGON2_PASSES_MIN, limits.ARGON2_LANES)


def keys() -> list[Case]:
    """Return the cases of `keys.json`."""
    return [
        *_keys(),
        *_public_keys(),
        *_signatures(),
        *_seals(),
        *_sealed_user_keys(),
        *_phrases(),
        *_join_lines(),
    ]


def _keys() -> list[Case]:
    names = ("owner", "device", "join key")
    found = [
        valid(
            f"the key of a seed: {name}",
            "Public key, key id, and the X25519 key of the same seed.",
            kind="key",
            seed=(made := key(name)).seed.hex(),
            public=made.public.hex(),
            key_id=made.key_id.hex(),
            x25519_private=made.x25519_private().hex(),
            x25519_public=x25519_public(made.public).hex(),
        )
        for name in names
    ]
    one, other = key("owner"), key("device")
    for own, peer in ((one, other), (other, one)):
        found.append(
            valid(
                f"the key of two devices, at {'one' if own is one else 'the other'} end",
                "Both ends compute the same.",
                kind="pairwise",
                seed=own.seed.hex(),
                public=peer.public.hex(),
                cluster=CLUSTER.hex(),
                key=pairwise_key(own, peer.public, CLUSTER).hex(),
            )
        )
    return found


def _public_keys() -> list[Case]:
    good = key("owner").public
    cases = [
        valid("an acceptable key", "In the main subgroup.", kind="public-key", public=good.hex()),
    ]

    def bad(name: str, shows: str, reason: str, public: bytes, says: str) -> None:
        cases.append(
            invalid(
                name,
                shows,
                reason,
                lambda: check_public_key(public),
                says,
                kind="public-key",
                public=public.hex(),
            )
        )

    for size in (0, 31, 33):
        bad(f"a key of {size} bytes", "A key has 32.", "wrong-size", (good + b"\0")[:size], "bytes, not 32")
    for y in (0, 1, 18):
        number = curve.P + y
        what = "the y coordinate is 2^255 - 19 or more"
        bad(
            f"y = p + {y}", f"Not canonical: {what}.", "not-canonical", number.to_bytes(32, "little"), "canon"
        )
        signed = (number + 2**255).to_bytes(32, "little")
        bad(f"y = p + {y} and the sign bit", "The same.", "not-canonical", signed, "canonical")
    bad(
        "y = 2",
        "No point of the curve has it.",
        "not-in-main-group",
        (2).to_bytes(32, "little"),
        "main group",
    )
    for place, public in enumerate(curve.SMALL_ORDER):
        bad(
            f"point {place} of small order", "Its order divides 8.", "not-in-main-group", public, "main group"
        )
    point = curve.decode(good)
    for count in range(1, 8):
        point = curve.add(point, curve.decode(curve.TORSION))
        name = f"a key with torsion part {count}"
        bad(name, "A good key plus a point of small order.", "not-in-main-group", curve.encode(point), "main")
    return cases


def _signatures() -> list[Case]:
    signer = key("owner")
    label, data = b"dusk.change", b"what is signed"
    signature = signer.sign(label, CLUSTER, data)
    message = label + b"\0" + CLUSTER + data
    s = int.from_bytes(signature[32:], "little")

    def parts(**changed: bytes) -> dict[str, Any]:
        given: dict[str, bytes] = {
            "public": signer.public,
            "cluster": CLUSTER,
            "data": data,
            "signature": signature,
            **changed,
        }
        text = given.pop("label", label).decode()
        return {"kind": "signature", "label": text, **{name: value.hex() for name, value in given.items()}}

    def check(case: dict[str, Any]) -> None:
        values = (bytes.fromhex(case[name]) for name in ("cluster", "data", "signature"))
        if not verify(bytes.fromhex(case["public"]), case["label"].encode(), *values):
            raise UntrustedInput("not verified")

    good = [
        ("a signature", "Ed25519 over label, 0, cluster id, data.", parts()),
        ("a signature over nothing", "No data.", parts(data=b"", signature=signer.sign(label, CLUSTER, b""))),
        (
            "a signature without a cluster",
            "Its id is 32 zeros.",
            parts(cluster=bytes(32), signature=signer.sign(label, bytes(32), data)),
        ),
    ]
    flipped = bytes((signature[0] ^ 1,)) + signature[1:]
    bad = [
        ("another label", "A signature counts for its label.", parts(label=b"dusk.head")),
        ("another cluster", "It counts for its cluster.", parts(cluster=bytes(32))),
        ("other data", "It counts for its bytes.", parts(data=data + b"\0")),
        ("another key", "It counts for its key.", parts(public=key("device").public)),
        ("one bit changed", "In R.", parts(signature=flipped)),
        ("a signature of 63 bytes", "It has 64.", parts(signature=signature[:63])),
        ("a signature of 65 bytes", "It has 64.", parts(signature=signature + b"\0")),
        ("checked with a key of 31 bytes", "It has 32.", parts(public=signer.public[:31])),
    ]
    bad += [
        (
            f"S plus {times} times the order",
            "S is below the order of the group, or there would be a second signature.",
            parts(signature=signature[:32] + (s + times * curve.ORDER).to_bytes(32, "little")),
        )
        for times in (1, 2, 14)
    ]
    torn = curve.sign_with_torsion(signer.seed, message)
    shows = "R has a part of order 8; only a check with the cofactor takes it."
    bad.append(("R with a torsion part", shows, parts(signature=torn)))
    for place, r in enumerate(curve.SMALL_ORDER):
        bad.append((f"R is point {place} of small order", "Refused.", parts(signature=r + signature[32:])))
        shows = "With R of small order and S = 0 it would verify for many messages."
        name = f"the key is point {place} of small order"
        bad.append((name, shows, parts(public=r, signature=curve.SMALL_ORDER[0] + bytes(32))))
    for _, _, case in good:
        check(case)
    cases = [valid(name, shows, **case) for name, shows, case in good]
    return cases + [
        invalid(name, shows, "bad-signature", partial(check, case), **case) for name, shows, case in bad
    ]


def _seals() -> list[Case]:
    draw = Source("seals")
    secret, nonce, associated = draw(32), draw(24), b"who to whom"
    sealed = seal(secret, nonce, associated, b"hello")
    empty = seal(secret, nonce, b"", b"")
    changed = sealed[:-1] + bytes((sealed[-1] ^ 1,))

    def parts(ciphertext: bytes, about: bytes = associated, number: bytes = nonce) -> dict[str, Any]:
        named = {"key": secret, "nonce": number, "associated": about, "ciphertext": ciphertext}
        return {"kind": "seal", **{name: value.hex() for name, value in named.items()}}

    cases = [
        valid("a seal", "XChaCha20-Poly1305.", **parts(sealed), plaintext=b"hello".hex()),
        valid("an empty seal", "A tag alone.", **parts(empty, b""), plaintext=""),
    ]

    def bad(
        name: str, reason: str, ciphertext: bytes, about: bytes = associated, number: bytes = nonce
    ) -> None:
        wrong = lambda: open_sealed(secret, number, about, ciphertext)  # noqa: E731 - said once
        shows = "Nothing of it is used."
        cases.append(invalid(name, shows, reason, wrong, "sealed", **parts(ciphertext, about, number)))

    bad("a changed tag", "not-authentic", changed)
    bad("other associated bytes", "not-authentic", sealed, b"whom to who")
    bad("another nonce", "not-authentic", sealed, associated, draw(24))
    bad("cut within the tag", "wrong-size", sealed[:15])
    bad("a nonce of 23 bytes", "wrong-size", sealed, associated, nonce[:23])
    for place, public in enumerate(curve.SMALL_ORDER):
        own = key("owner")
        cases.append(
            invalid(
                f"the other key is point {place} of small order",
                "No key is agreed upon with it.",
                "not-in-main-group",
                partial(pairwise_key, own, public, CLUSTER),
                "main group",
                kind="pairwise",
                seed=own.seed.hex(),
                public=public.hex(),
                cluster=CLUSTER.hex(),
            )
        )
    for name, point in (("zero", bytes(32)), ("one", b"\1" + bytes(31))):
        private = key("owner").x25519_private()
        cases.append(
            invalid(
                f"X25519 with the point {name}",
                "The result would be all zeros.",
                "small-order",
                partial(exchange, private, point),
                "small order",
                kind="x25519",
                private=private.hex(),
                public=point.hex(),
            )
        )
    return cases


def _sealed_user_keys() -> list[Case]:
    draw = Source("sealed user keys")
    seed, salt, nonce, password = draw(32), draw(16), draw(24), "pässword ✓"
    sealed = seal_user_key(seed, password.encode(), salt=salt, nonce=nonce, name="alice", parameters=CHEAP)
    fields = codec.unpack(codec.unpack(sealed, size_max=256)[0], size_max=256)

    def parts(data: bytes, name: str = "alice", typed: str = password) -> dict[str, Any]:
        return {"kind": "sealed-user-key", "user": name, "password": typed, "sealed": data.hex()}

    def rebuilt(inner_fields: list[Any]) -> bytes:
        inner = codec.pack(inner_fields)
        digest = labelled_hash(b"dusk.sealed-key", codec.pack(["alice"]), inner)[:16]
        return codec.pack([inner, digest])

    def changed(place: int, value: object) -> bytes:
        return rebuilt([*fields[:place], value, *fields[place + 1 :]])

    notes = (
        "content",
        ["format", "memory in KiB", "passes", "lanes", "salt", "nonce", "the sealed seed with its tag"],
    )
    cases = [
        valid(
            "a sealed user key",
            "Argon2id with the least parameters; the digest is over the annotated content.",
            **parts(sealed),
            seed=seed.hex(),
            public=SigningKey.from_seed(seed).public.hex(),
            annotated_content=annotate(fields, notes),
        )
    ]
    assert open_user_key(sealed, password.encode(), name="alice").seed == seed

    def bad(name: str, shows: str, reason: str, data: bytes, says: str, user: str = "alice") -> None:
        wrong = lambda: check_sealed_key(data, name=user)  # noqa: E731 - said once
        cases.append(invalid(name, shows, reason, wrong, says, **parts(data, user)))

    bad("of another user", "The name is part of digest and seal.", "damaged", sealed, "damaged", "bob")
    torn = sealed[:-1] + bytes((sealed[-1] ^ 1,))
    bad("a digest that does not fit", "Known without the password.", "damaged", torn, "damaged")
    bad("format 2", "There is one format.", "out-of-bounds", changed(0, 2), "format")
    for value in (limits.ARGON2_MEMORY_KIB_MIN - 1, limits.ARGON2_MEMORY_KIB_MAX + 1):
        shows = "Refused before memory is spent."
        bad(f"memory of {value} KiB", shows, "out-of-bounds", changed(1, value), "memory")
    for value in (limits.ARGON2_PASSES_MIN - 1, limits.ARGON2_PASSES_MAX + 1):
        bad(f"{value} passes", "Refused before time is spent.", "out-of-bounds", changed(2, value), "passes")
    bad("two lanes", "libsodium computes one.", "out-of-bounds", changed(3, 2), "lanes")
    bad("a salt of 15 bytes", "It has 16.", "wrong-shape", changed(4, salt[:15]), "salt")
    bad("a nonce of 12 bytes", "It has 24.", "wrong-shape", changed(5, nonce[:12]), "nonce")
    bad("a ciphertext of 47 bytes", "It has 48.", "wrong-shape", changed(6, bytes(47)), "ciphertext")
    bad("six fields", "There are seven.", "wrong-shape", rebuilt(fields[:6]), "array of 7")
    shows = "All is in order but the seal."
    cases.append(
        invalid(
            "a wrong password",
            shows,
            "wrong-password",
            lambda: open_user_key(sealed, b"password", name="alice"),
            "wrong-password",
            **parts(sealed, typed="password"),
        )
    )
    return cases


def _phrases() -> list[Case]:
    cases = []
    entropies = (bytes(32), bytes(range(32)), Source("phrase")(32))
    for place, entropy in enumerate(entropies):
        words = phrase_from_entropy(entropy)
        typed = words if place != 1 else "  " + words.upper().replace(" ", "\n\t") + " "
        made = recovery_key(typed)
        cases.append(
            valid(
                f"a phrase, {('zeros', 'typed in capitals, with tabs', 'any')[place]}",
                "Entropy, words, seed and public key of the recovery key.",
                kind="phrase",
                entropy=entropy.hex(),
                phrase=typed,
                seed=made.seed.hex(),
                public=made.public.hex(),
            )
        )
    listed = phrase_from_entropy(bytes(range(32))).split()
    bad: tuple[tuple[str, str, str, list[str]], ...] = (
        ("23 words", "word-count", "has 23 words", listed[:23]),
        ("25 words", "word-count", "has 25 words", [*listed, "zoo"]),
        ("no words", "word-count", "has 0 words", []),
        ("a word that is not in the list", "unknown-word", "word 3", [*listed[:2], "abandonn", *listed[3:]]),
        ("two words exchanged", "checksum", "checksum", [listed[1], listed[0], *listed[2:]]),
        ("a wrong last word", "checksum", "checksum", [*listed[:23], "zoo"]),
    )
    for name, reason, says, given in bad:
        text = " ".join(given)
        wrong = partial(recovery_key, text)
        cases.append(
            invalid(name, "Told without a word of it.", reason, wrong, says, kind="phrase", phrase=text)
        )
    return cases


def _join_lines() -> list[Case]:
    draw = Source("join lines")
    bare = JoinKey(ClusterId(draw(32)), Named(0, Seq(1), ChainHash(draw(32)), draw(32)), draw(32), ())
    addresses = ("192.0.2.1:3875", "[fe80::1%br-lan]:3875", "router.example")
    last = Named(2**53 - 1, Seq(2**53 - 1), ChainHash(draw(32)), draw(32))
    full = JoinKey(ClusterId(draw(32)), last, draw(32), addresses)
    cases = [_good_line("a join line", "Without addresses.", bare, bare.line())]
    cases.append(_good_line("a join line with addresses", "Its largest numbers.", full, full.line()))
    cases.append(_good_line("white space around a line", "It is ignored.", bare, f" \t{bare.line()}\r\n"))
    line = bare.line()
    fields = [bare.cluster_id, *bare.named, bare.seed, []]

    def bad(name: str, reason: str, text: str, says: str) -> None:
        shows = "Nothing of it is quoted in the error."
        cases.append(
            invalid(name, shows, reason, lambda: parse_join_line(text), says, kind="join-line", line=text)
        )

    def with_field(place: int, value: object) -> str:
        return _line(codec.pack([*fields[:place], value, *fields[place + 1 :]]))

    bad("an empty line", "empty", " \n", "empty")
    bad("something else", "foreign", "ssh-ed25519 AAAA", "does not begin")
    bad("the beginning alone", "cut-short", "dusk-jo", "cut short")
    bad("cut before its colon", "cut-short", "dusk-join-2", "cut short")
    bad("cut in the middle", "cut-short", line[:100], "cut short")
    bad("cut at its last character", "cut-short", line[:-1], "cut short")
    bad("of version 1", "other-version", line.replace("join-2", "join-1"), "version 1")
    bad("of version 3", "other-version", line.replace("join-2", "join-3"), "version 3")
    for name, reason, behind, says in (
        ("of version 3, written otherwise", "other-version", "3:{}", "version 3"),
        ("of version 3, cut at its colon", "other-version", "3:", "version 3"),
        ("of version 02", "other-version", "02:AAAA", "version 02"),
        ("cut behind its colon", "cut-short", "2:", "cut short"),
        ("cut within a version of six digits", "cut-short", "123456", "cut short"),
        ("seven digits", "damaged", "1234567", "foreign"),
        ("a version of seven digits", "damaged", "0000001:AAAA", "foreign"),
        ("no version", "damaged", ":AAAA", "foreign"),
        ("a version of letters", "damaged", "x:AAAA", "foreign"),
        ("a version in other digits", "damaged", "\u0661:AAAA", "foreign"),
    ):
        bad(name, reason, f"dusk-join-{behind}", says)
    bad("a foreign character", "damaged", line[:60] + "!" + line[61:], "damaged")
    other = "A" if line[60] != "A" else "B"
    bad("a changed character", "damaged", line[:60] + other + line[61:], "damaged")
    bad("something behind", "damaged", line + "AAAA", "damaged")
    bad("padding", "damaged", line + "=", "damaged")
    bad("one byte behind the checksum", "damaged", _line(codec.pack(fields), b"\0"), "damaged")
    spelled = _second_spelling(full.line())
    bad("a second spelling of the same bytes", "damaged", spelled, "damaged")
    bad("over 2,048 characters", "too-long", line + "A" * 2048, "too long")
    bad("a cluster id of 31 bytes", "wrong-shape", with_field(0, bytes(31)), "cluster id")
    bad("a negative generation", "wrong-shape", with_field(1, -1), "generation")
    bad("a generation of 2^53", "wrong-shape", with_field(1, 2**53), "generation")
    bad("position 0", "wrong-shape", with_field(2, 0), "position")
    bad("position 2^53", "wrong-shape", with_field(2, 2**53), "position")
    bad("a chain hash of 33 bytes", "wrong-shape", with_field(3, bytes(33)), "chain hash")
    bad("a hash of trust of 31 bytes", "wrong-shape", with_field(4, bytes(31)), "hash of trust")
    bad("a seed of 31 bytes", "wrong-shape", with_field(5, bytes(31)), "seed")
    bad("nine addresses", "wrong-shape", with_field(6, ["a"] * 9), "addresses")
    bad("an empty address", "wrong-shape", with_field(6, [""]), "address")
    bad("an address with a space", "wrong-shape", with_field(6, ["a b"]), "address")
    bad("an address of 129 characters", "wrong-shape", with_field(6, ["a" * 129]), "address")
    bad("a join line of six fields", "wrong-shape", _line(codec.pack(fields[:6])), "array of 7")
    bad("not in our encoding", "encoding", _line(b"\x81\x01\x02"), "encoding")
    return cases


def _good_line(name: str, shows: str, made: JoinKey, line: str) -> Case:
    assert parse_join_line(line) == made
    body = codec.pack([made.cluster_id, *made.named, made.seed, made.addresses])
    row = codec.unpack(body, size_max=2048)
    notes = ("body", ["cluster id", "generation", "seq", "chain hash", "hash of trust", "seed", "addresses"])
    checksum = labelled_hash(b"dusk.join-line", body)[:8]
    return valid(
        name,
        shows,
        kind="join-line",
        line=line,
        cluster=made.cluster_id.hex(),
        generation=made.named.generation,
        seq=made.named.seq,
        chain=made.named.chain.hex(),
        trust=made.named.trust.hex(),
        seed=made.seed.hex(),
        addresses=list(made.addresses),
        id=made.id,
        annotated=[
            [len(body).to_bytes(2, "big").hex(), "length of the body"],
            *annotate(row, notes),
            [checksum.hex(), "checksum"],
        ],
    )


def _line(body: bytes, behind: bytes = b"") -> str:
    checksum = labelled_hash(b"dusk.join-line", body)[:8]
    framed = len(body).to_bytes(2, "big") + body + checksum + behind
    return "dusk-join-2:" + base64.urlsafe_b64encode(framed).decode().rstrip("=")


def _second_spelling(line: str) -> str:
    """Set a bit of the last character that belongs to no byte."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    assert len(line.removeprefix("dusk-join-2:")) % 4 in (2, 3), "the last character has bits to spare"
    return line[:-1] + alphabet[alphabet.index(line[-1]) | 1]
