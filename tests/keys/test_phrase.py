"""The recovery phrase: BIP39 and SLIP-0010 by their published figures, and what people mistype."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dusk.errors import Refused
from dusk.keys.phrase import (
    RECOVERY_PATH,
    misspelt,
    phrase_from_entropy,
    preload,
    recovery_key,
    slip10_ed25519,
)
from dusk.keys.signing import SigningKey

BIP39 = (
    (
        "0000000000000000000000000000000000000000000000000000000000000000",
        (
            "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon "
            "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon art"
        ),
        (
            "bda85446c68413707090a52022edd26a1c9462295029f2e60cd7c4f2bbd30971"
            "70af7a4d73245cafa9c3cca8d561a7c3de6f5d4a10be8ed2a5e608d68f92fcc8"
        ),
    ),
    (
        "7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f",
        (
            "legal winner thank year wave sausage worth useful legal winner thank year "
            "wave sausage worth useful legal winner thank year wave sausage worth title"
        ),
        (
            "bc09fca1804f7e69da93c2f2028eb238c227f2e9dda30cd63699232578480a40"
            "21b146ad717fbb7e451ce9eb835f43620bf5c514db0f8add49f5d121449d3e87"
        ),
    ),
    (
        "8080808080808080808080808080808080808080808080808080808080808080",
        (
            "letter advice cage absurd amount doctor acoustic avoid letter advice cage absurd "
            "amount doctor acoustic avoid letter advice cage absurd amount doctor acoustic bless"
        ),
        (
            "c0c519bd0e91a2ed54357d9d1ebef6f5af218a153624cf4f2da911a0ed8f7a09"
            "e2ef61af0aca007096df430022f7a2b6fb91661a9589097069720d015e4e982f"
        ),
    ),
    (
        "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo vote",
        (
            "dd48c104698c30cfe2b6142103248622fb7bb0ff692eebb00089b32d22484e16"
            "13912f0a5b694407be899ffd31ed3992c456cdf60f5d4564b8ba3f05a69890ad"
        ),
    ),
)
"""Entropy, words and seed (for the passphrase TREZOR) of the vectors with 24 words."""

SLIP10_SEED_1 = "000102030405060708090a0b0c0d0e0f"
SLIP10_SEED_2 = (
    "fffcf9f6f3f0edeae7e4e1dedbd8d5d2cfccc9c6c3c0bdbab7b4b1aeaba8a5a2"
    "9f9c999693908d8a8784817e7b7875726f6c696663605d5a5754514e4b484542"
)
SLIP10 = (
    (
        SLIP10_SEED_1,
        (),
        "2b4be7f19ee27bbf30c667b642d5f4aa69fd169872f8fc3059c08ebae2eb19e7",
        "90046a93de5380a72b5e45010748567d5ea02bbf6522f979e05c0d8d8ca9fffb",
    ),
    (
        SLIP10_SEED_1,
        (0,),
        "68e0fe46dfb67e368c75379acec591dad19df3cde26e63b93a8e704f1dade7a3",
        "8b59aa11380b624e81507a27fedda59fea6d0b779a778918a2fd3590e16e9c69",
    ),
    (
        SLIP10_SEED_1,
        (0, 1),
        "b1d0bad404bf35da785a64ca1ac54b2617211d2777696fbffaf208f746ae84f2",
        "a320425f77d1b5c2505a6b1b27382b37368ee640e3557c315416801243552f14",
    ),
    (
        SLIP10_SEED_1,
        (0, 1, 2),
        "92a5b23c0b8a99e37d07df3fb9966917f5d06e02ddbd909c7e184371463e9fc9",
        "2e69929e00b5ab250f49c3fb1c12f252de4fed2c1db88387094a0f8c4c9ccd6c",
    ),
    (
        SLIP10_SEED_1,
        (0, 1, 2, 2),
        "30d1dc7e5fc04c31219ab25a27ae00b50f6fd66622f6e9c913253d6511d1e662",
        "8f6d87f93d750e0efccda017d662a1b31a266e4a6f5993b15f5c1f07f74dd5cc",
    ),
    (
        SLIP10_SEED_1,
        (0, 1, 2, 2, 1000000000),
        "8f94d394a8e8fd6b1bc2f3f49f5c47e385281d5c17e65324b0f62483e37e8793",
        "68789923a0cac2cd5a29172a475fe9e0fb14cd6adb5ad98a3fa70333e7afa230",
    ),
    (
        SLIP10_SEED_2,
        (),
        "171cb88b1b3c1db25add599712e36245d75bc65a1a5c9e18d76f9f2b1eab4012",
        "ef70a74db9c3a5af931b5fe73ed8e1a53464133654fd55e7a66f8570b8e33c3b",
    ),
    (
        SLIP10_SEED_2,
        (0,),
        "1559eb2bbec5790b0c65d8693e4d0875b1747f4970ae8b650486ed7470845635",
        "0b78a3226f915c082bf118f83618a618ab6dec793752624cbeb622acb562862d",
    ),
    (
        SLIP10_SEED_2,
        (0, 2147483647),
        "ea4f5bfe8694d8bb74b7b59404632fd5968b774ed545e810de9c32a4fb4192f4",
        "138f0b2551bcafeca6ff2aa88ba8ed0ed8de070841f0c4ef0165df8181eaad7f",
    ),
    (
        SLIP10_SEED_2,
        (0, 2147483647, 1),
        "3757c7577170179c7868353ada796c839135b3d30554bbb74a4b1e4a5a58505c",
        "73bd9fff1cfbde33a1b846c27085f711c0fe2d66fd32e139d3ebc28e5a4a6b90",
    ),
    (
        SLIP10_SEED_2,
        (0, 2147483647, 1, 2147483646),
        "5837736c89570de861ebc173b1086da4f505d4adb387c6a1b1342d5e4ac9ec72",
        "0902fe8a29f9140480a00ef244bd183e8a13288e4412d8389d140aac1794825a",
    ),
    (
        SLIP10_SEED_2,
        (0, 2147483647, 1, 2147483646, 2),
        "551d333177df541ad876a60ea71f00447931c0a9da16f227c11ea080d7391b8d",
        "5d70af781f3a37b829f0d060924d5e960bdc02e85423494afc0b1a41bbe196d4",
    ),
)
"""Seed, hardened path, private key and chain code of SLIP-0010's two vectors for Ed25519."""


def refusal(phrase: str) -> str:
    with pytest.raises(Refused) as refused:
        recovery_key(phrase)
    assert refused.value.code == "bad-phrase"
    return refused.value.reason


@pytest.mark.parametrize(("entropy", "words", "seed"), BIP39)
def test_words_and_seed_are_those_of_the_published_vectors(entropy: str, words: str, seed: str) -> None:
    assert phrase_from_entropy(bytes.fromhex(entropy)) == words
    assert preload().to_seed(words, "TREZOR").hex() == seed


@pytest.mark.parametrize(("seed", "path", "key", "chain_code"), SLIP10)
def test_derived_keys_are_those_of_the_published_vectors(
    seed: str, path: tuple[int, ...], key: str, chain_code: str
) -> None:
    assert slip10_ed25519(bytes.fromhex(seed), path) == (bytes.fromhex(key), bytes.fromhex(chain_code))


def test_the_recovery_key_is_on_record() -> None:
    # Another implementation of the same path must find this public key.
    public = "9746afe7ec93623bde0f96806383ccb09b7e7803198949d98dcd01c275989fcc"
    assert RECOVERY_PATH == (3875, 0)
    assert recovery_key(BIP39[0][1]).public.hex() == public


@given(entropy=st.binary(min_size=32, max_size=32))
def test_every_phrase_gives_its_key_in_any_case_and_spacing(entropy: bytes) -> None:
    phrase = phrase_from_entropy(entropy)
    key = recovery_key(phrase)
    assert key == recovery_key("\n " + phrase.upper().replace(" ", " \t\n") + " ")
    expected, _ = slip10_ed25519(preload().to_seed(phrase), RECOVERY_PATH)
    assert key == SigningKey.from_seed(expected)


def test_the_first_unknown_word_is_named_by_its_place_and_not_quoted() -> None:
    words = BIP39[1][1].split()
    words[6], words[20] = "usefull", "wnner"
    reason = refusal(" ".join(words))
    assert "word 7 " in reason
    assert "usefull" not in reason


def test_swapped_words_fail_the_checksum() -> None:
    words = BIP39[1][1].split()
    words[0], words[1] = words[1], words[0]
    assert "checksum" in refusal(" ".join(words))


@pytest.mark.parametrize("count", [0, 12, 23, 25])
def test_another_number_of_words_is_refused(count: int) -> None:
    assert f"has {count} words, it needs 24" in refusal(" ".join(["abandon"] * count))


@given(phrase=st.text())
def test_any_other_text_is_refused(phrase: str) -> None:
    refusal(phrase)


def test_words_of_other_scripts_are_unknown() -> None:
    assert "word 1 " in refusal(" ".join(["ａｂａｎｄｏｎ"] + ["abandon"] * 23))


def test_the_word_list_is_read_once() -> None:
    assert preload() is preload()


def test_our_own_mistakes_with_phrases_are_assertions() -> None:
    with pytest.raises(AssertionError):
        phrase_from_entropy(bytes(16))
    with pytest.raises(AssertionError):
        slip10_ed25519(bytes(16), (2**31,))


@pytest.mark.parametrize(
    ("word", "near"),
    [("abondon", "abandon"), ("zzz", "zoo"), ("a", "abandon"), ("arrt", "art"), ("0", "abandon")],
)
def test_who_mistyped_a_word_is_told_its_place_and_what_is_near_it_in_the_list(word: str, near: str) -> None:
    wrong = misspelt(f"Zoo  art\t{word} nonsense")
    assert wrong is not None
    assert (wrong.place, wrong.word) == (3, word)
    assert near in wrong.near
    assert len(set(wrong.near)) == len(wrong.near) <= 5


def test_a_phrase_of_words_of_the_list_is_not_misspelt() -> None:
    assert misspelt(" ABANDON zoo ") is None
