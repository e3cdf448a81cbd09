"""The locale of an answer: the variable, then Accept-Language by its weights, then the default; never an error."""

from __future__ import annotations

import string

import pytest
from babel import Locale
from hypothesis import given
from hypothesis import strategies as st

from bff_core.edge.locale import chosen, locale_of


@pytest.mark.parametrize(
    ("variable", "header", "expected"),
    [
        ("de-DE", "fr", "de-DE"),
        ("fr", "", "fr"),
        ("tlh", "fr", "fr"),
        ("tlh", "", "en"),
        (None, "fr", "fr"),
        (None, "", "en"),
        (7, "fr", "fr"),
        (["de"], "fr", "fr"),
        ("", "fr", "fr"),
        ("de" * 101, "fr", "fr"),
    ],
)
def test_variable_then_header_then_default(variable: object, header: str, expected: str) -> None:
    """The first of variable, header and default that is a locale wins; a variable of another type is passed over."""
    assert locale_of({"locale": variable}, header, "en") == expected


def test_whether_the_variable_decides_is_known() -> None:
    """It names a locale that babel knows, or it has no part."""
    assert chosen({"locale": "de-AT-1996"}) == "de-AT"
    assert [chosen({"locale": one}) for one in ("tlh", "", 7, None)] == [None] * 4
    assert chosen({}) is None


def test_without_a_variable_the_header_counts() -> None:
    """An operation without the variable is worded by the header."""
    assert locale_of({}, "pt-BR", "en") == "pt-BR"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("de, fr", "de"),
        ("de;q=0.5, fr", "fr"),
        ("de;q=0.5, fr;q=0.9, en;q=0.7", "fr"),
        ("de;q=0.8, fr;q=0.8", "de"),
        ("de;q=0, fr;q=0.1", "fr"),
        ("de;q=0", "xx"),
        ("de ; Q=0.1 , fr ; q=0.2", "fr"),
        ("de;q=1.001, fr", "fr"),
        ("de;q=-1, fr;q=0.001", "fr"),
        ("de;q=nan, fr;q=0.1", "fr"),
        ("de;q=inf, fr;q=0.1", "fr"),
        ("de;q=, fr;q=0.1", "fr"),
        ("de;x=1, fr;q=0.1", "fr"),
        ("*", "xx"),
        ("*, fr;q=0.5", "fr"),
        ("tlh, x-pirate, fr", "fr"),
        (",,, ;;;q=, =, fr", "fr"),
        ("root", "xx"),
        ("und", "xx"),
        ("und-US", "xx"),
    ],
)
def test_header_by_its_weights(header: str, expected: str) -> None:
    """The heaviest known language wins, the first of equals; weight 0 and what cannot be read are passed over."""
    assert locale_of({}, header, "xx") == expected


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ("DE-de", "de-DE"),
        ("de-XX", "de"),
        ("de-DE-u-co-phonebk", "de-DE"),
        ("zh-TW", "zh-Hant-TW"),
        ("sr-Latn", "sr-Latn"),
        ("es-419", "es-419"),
    ],
)
def test_tag_becomes_a_known_locale(tag: str, expected: str) -> None:
    """Case does not matter, and subtags that nobody knows are left off from the end."""
    assert locale_of({"locale": tag}, "", "xx") == expected
    assert locale_of({}, tag, "xx") == expected


@pytest.mark.parametrize(
    "tag",
    [
        "en.UTF-8",
        "en-US@euro",
        "en_US",
        "../../etc/passwd",
        "de\x00",
        "\ud800",
        "ß",
        "de-" * 9 + "DE",
    ],
)
def test_what_is_no_tag_is_passed_over(tag: str) -> None:
    """Spellings of other systems, paths and control characters never reach a formatter."""
    assert locale_of({"locale": tag}, tag, "xx") == "xx"


def test_a_very_long_header_is_read_to_its_200th_character() -> None:
    """Of a longer header whole tags within the first 200 characters count; half a tag is no other language."""
    junk = "tlh, " * 39  # 195 characters
    assert locale_of({}, junk + "de", "xx") == "de"
    assert locale_of({}, junk + "fr, de", "xx") == "fr"
    assert locale_of({}, junk + "tlh, de", "xx") == "xx"
    assert locale_of({}, junk + "   fil-PH", "xx") == "xx"  # "fi" would be Finnish
    assert locale_of({}, "de, " + "fr, " * 100_000, "xx") == "de"
    assert locale_of({}, "x" * 100_000, "xx") == "xx"


@given(st.text(max_size=60) | st.text(string.ascii_letters + string.digits + "-_,;=.q*", max_size=60))
def test_whatever_comes_the_answer_is_a_locale(text: str) -> None:
    """Any variable and any header give a tag that babel reads, and nothing is raised."""
    for found in (locale_of({"locale": text}, "", "en"), locale_of({}, text, "en")):
        assert str(Locale.parse(found, sep="-")).replace("_", "-") == found
