"""What clients registered: bounded in bytes, the longest unused goes first."""

from __future__ import annotations

from bff_core.documents.found import Found
from bff_core.documents.ids import sha256_of
from bff_core.documents.registrations import OVERHEAD, Registrations


def keep(registrations: Registrations, *texts: str) -> None:
    """Register each under its hash."""
    for text in texts:
        registrations.keep(sha256_of(text), Found(text, sha256_of(text), registered=True))


def known(registrations: Registrations, *texts: str) -> list[bool]:
    """Which of the texts are kept, without looking at them in a way that counts as use of another."""
    return [registrations.get(sha256_of(text)) is not None for text in texts]


def test_the_longest_unused_makes_room() -> None:
    """Four texts where three fit: the one that was not asked for goes."""
    registrations = Registrations(3 * (100 + OVERHEAD))
    a, b, c, d = ("x".ljust(100, one) for one in "abcd")
    keep(registrations, a, b, c)
    assert registrations.get(sha256_of(a)) is not None
    keep(registrations, d)
    assert known(registrations, a, b, c, d) == [True, False, True, True]


def test_whatever_is_registered_the_bytes_are_bounded() -> None:
    """A thousand texts of every size never take more than there is; wide characters count for their memory."""
    registrations = Registrations(10_000)
    for number in range(1000):
        keep(registrations, ("ü😀" if number % 2 else "q") * (number % 97) + str(number))
        assert registrations.size <= 10_000
    assert 0 < len(registrations) <= 10_000 // OVERHEAD
    wide = Registrations(OVERHEAD + 399)
    keep(wide, "😀" * 100)
    assert len(wide) == 0


def test_a_text_larger_than_all_of_it_pushes_nobody_out() -> None:
    """It is simply not kept."""
    registrations = Registrations(1000)
    keep(registrations, "small", "x" * 1000)
    assert known(registrations, "small", "x" * 1000) == [True, False]


def test_registering_again_takes_no_more() -> None:
    """The same text twice is one entry."""
    registrations = Registrations(10_000)
    keep(registrations, "same", "same")
    assert (len(registrations), registrations.size) == (1, OVERHEAD + 4)
