"""Ids: what is read as one, and what a hash is of."""

from __future__ import annotations

import hashlib

import pytest

from bff_core.documents.ids import is_hash, read_hash, read_id, sha256_of

HASH = "ab" * 32


@pytest.mark.parametrize("text", ["{ a }", "{ a } # ü", "# 😀", "{ a }\n", "{ a }\r\n"])
def test_a_hash_is_of_the_bytes_of_the_text(text: str) -> None:
    """What a client computes over the UTF-8 it sends is what is computed here; no newline is changed."""
    assert sha256_of(text) == hashlib.sha256(text.encode()).hexdigest()


def test_half_of_a_surrogate_pair_has_a_hash_too() -> None:
    """A text that no client can hash is no crash, and its hash is no other text's."""
    assert len({sha256_of("\ud800"), sha256_of("?"), sha256_of("\ufffd"), sha256_of("")}) == 4


@pytest.mark.parametrize("given", [HASH, HASH.upper(), f"sha256:{HASH}", f"sha256:{HASH.upper()}"])
def test_a_hash_is_read_in_every_spelling(given: str) -> None:
    """With or without its prefix, in large or small letters, it is one id."""
    assert read_id(given) == HASH
    assert is_hash(HASH)


@pytest.mark.parametrize(
    "given", ["0123456789abcdef0123456789abcdef", "42", "Feed", "ios-4.2:Feed_1", "sha512:ab", HASH + "0"]
)
def test_other_ids_stand_as_they_are(given: str) -> None:
    """What a build tool chose is not changed, and says nothing about the text."""
    assert read_id(given) == given
    assert not is_hash(given)
    assert read_hash(given) is None


@pytest.mark.parametrize(
    "given",
    [
        "",
        " ",
        "sha256:",
        "sha256:xyz",
        f"sha256:{HASH}0",
        "a b",
        "../a",
        "a/b",
        "é",
        "a\n",
        "-a",
        "a" * 129,
        f"{HASH}\n",
    ],
)
def test_what_can_be_no_id_is_none(given: str) -> None:
    """No space, no path, no line, nothing long; and no prefix without its hash."""
    assert read_id(given) is None
