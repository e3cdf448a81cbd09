"""The lookup: which text runs for what a request names, under each policy."""

from __future__ import annotations

import pytest

from bff_core.documents.found import Found
from bff_core.documents.ids import sha256_of
from bff_core.documents.lookup import DocumentOptions, Documents, Policy
from bff_core.errors import (
    BffError,
    DocumentMismatch,
    DocumentNotFound,
    DocumentRefused,
    RegistrationNotSupported,
)

OWN = "query Own { own }"
OTHER = "query Other { other }"
ROOM = 100_000


def documents(policy: Policy = "open", *, apq: bool = False, say: bool = False) -> Documents:
    """Documents of which one stands in a manifest, by its hash and by an id of the app's own."""
    found = Found(OWN, sha256_of(OWN), "Own", registered=True, trusted=True)
    options = DocumentOptions(policy, apq_bytes=ROOM if apq else 0, say_registered=say)
    return Documents(options, [(sha256_of(OWN), found), ("own-1", found)])


def register(known: Documents, text: str) -> None:
    """As a client does it: the text beside its hash, and it proves good."""
    found = known.find(text, sha256_of(text), apq=True)
    assert found.registers
    known.keep(found)


def outcome(known: Documents, text: str | None, document: str | None = None, *, apq: bool = False) -> object:
    """What runs, or the class of what is raised."""
    try:
        return known.find(text, document, apq=apq).text
    except BffError as error:
        return type(error)


@pytest.mark.parametrize(
    ("policy", "own_text", "own_id", "other_text", "other_id", "other_both"),
    [
        ("open", OWN, OWN, OTHER, DocumentNotFound, OTHER),
        ("registered", OWN, OWN, DocumentRefused, DocumentNotFound, DocumentRefused),
        ("trusted", DocumentRefused, OWN, DocumentRefused, DocumentNotFound, DocumentRefused),
    ],
)
def test_each_policy(
    policy: Policy, own_text: object, own_id: object, other_text: object, other_id: object, other_both: object
) -> None:
    """Text, id and both of a document that a manifest holds, and of one that nobody knows."""
    known = documents(policy)
    assert outcome(known, OWN) == own_text
    assert outcome(known, None, sha256_of(OWN)) == own_id
    assert outcome(known, None, "own-1") == own_id
    assert outcome(known, OWN, sha256_of(OWN)) == own_id
    assert outcome(known, OTHER) == other_text
    assert outcome(known, None, sha256_of(OTHER)) == other_id
    assert outcome(known, None, "other-1") == other_id
    assert outcome(known, OTHER, sha256_of(OTHER)) == other_both
    assert outcome(known, OTHER, sha256_of(OTHER), apq=True) == other_both


@pytest.mark.parametrize("policy", ["open", "registered"])
def test_what_was_registered_runs_by_its_hash_and_its_text(policy: Policy) -> None:
    """Not known, registered, known; and it stays a client's document, not a trusted one."""
    known = documents(policy, apq=True)
    assert outcome(known, None, sha256_of(OTHER), apq=True) is DocumentNotFound
    register(known, OTHER)
    for found in (known.find(None, sha256_of(OTHER), apq=True), known.find(OTHER, sha256_of(OTHER), apq=True)):
        assert (found.text, found.registered, found.trusted, found.registers) == (OTHER, True, False, False)
    assert outcome(known, OTHER) == OTHER


def test_nothing_is_known_before_it_proves_good() -> None:
    """A text that came with its hash, and was refused afterwards, is not kept."""
    known = documents(apq=True)
    assert known.find(OTHER, sha256_of(OTHER), apq=True).registers
    assert outcome(known, None, sha256_of(OTHER), apq=True) is DocumentNotFound


@pytest.mark.parametrize("apq", [True, False])
@pytest.mark.parametrize("policy", ["open", "registered", "trusted"])
def test_an_id_beside_another_text_is_refused(policy: Policy, apq: bool) -> None:
    """Neither runs nor is kept, whoever holds the id: the hash must be the text's own, to the byte."""
    known = documents(policy, apq=policy != "trusted")
    for text, document in [(OTHER, sha256_of(OWN)), (OTHER, "own-1"), (OWN + "\n", sha256_of(OWN))]:
        assert outcome(known, text, document, apq=apq) is DocumentMismatch
    assert outcome(known, OTHER, "0" * 64, apq=apq) is DocumentMismatch
    assert outcome(known, None, "0" * 64) is DocumentNotFound


def test_without_apq_a_client_is_told_so() -> None:
    """Who speaks Apollo's protocol learns that registering is of no use; a manifest's hash runs all the same."""
    known = documents()
    assert outcome(known, None, sha256_of(OTHER), apq=True) is RegistrationNotSupported
    assert outcome(known, None, sha256_of(OWN), apq=True) == OWN
    assert outcome(known, OTHER, sha256_of(OTHER), apq=True) == OTHER
    assert not known.find(OTHER, sha256_of(OTHER), apq=True).registers


def test_an_id_that_is_no_hash_registers_nothing() -> None:
    """It says nothing about the text, so it is nobody's until a manifest holds it."""
    assert outcome(documents(apq=True), OTHER, "other-1") is DocumentNotFound


def test_what_is_said_of_a_document() -> None:
    """In development the hash of every text is told, and whether it is registered."""
    known = documents(apq=True, say=True)
    assert known.find(OWN) == Found(OWN, sha256_of(OWN), "Own", registered=True, trusted=True)
    assert known.find(OTHER) == Found(OTHER, sha256_of(OTHER))
    register(known, OTHER)
    assert known.find(OTHER) == Found(OTHER, sha256_of(OTHER), registered=True)


def test_a_text_under_open_is_not_hashed() -> None:
    """Nobody needs the hash of a text that runs anyhow."""
    assert documents(apq=True).find(OTHER) == Found(OTHER)
