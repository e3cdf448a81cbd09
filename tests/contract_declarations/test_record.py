"""Records: the values of services, their enums and their pages."""

from __future__ import annotations

import gc

import msgspec
import pytest

from bff_core.contract import DeclarationError, Edge, LenientEnum, Outcome, Page, PageInfo, Record, Source


class Mood(LenientEnum):
    """A word that its service may add to."""

    GOOD = "good"
    UNKNOWN = "?"


class Cat(Record):
    """One required field, one renamed, one optional."""

    name: str
    age: int = msgspec.field(name="ageInYears")
    mood: Mood = Mood.UNKNOWN
    lives: int | None = None


def read(text: str) -> Cat:
    """A cat out of JSON."""
    return msgspec.json.decode(text, type=Cat)


def test_records_are_made_by_keyword_only() -> None:
    """A record's fields have names wherever one is made, so that their order means nothing."""
    assert Cat(age=3, name="Tom").name == "Tom"
    with pytest.raises(TypeError):
        Cat("Tom", 3)


def test_records_are_frozen_and_compared_by_value() -> None:
    """A record is shared by all who see it, so nobody may change it."""
    cat = Cat(name="Tom", age=3)
    with pytest.raises(AttributeError):
        cat.age = 4
    assert cat == Cat(name="Tom", age=3)
    assert hash(cat) == hash(Cat(name="Tom", age=3))


def test_records_are_of_no_interest_to_the_garbage_collector() -> None:
    """Thousands of records cost the collector nothing."""
    assert not gc.is_tracked(read('{"name": "Tom", "ageInYears": 3}'))


def test_a_renamed_field_is_read_by_the_name_of_the_service() -> None:
    """The service's name is looked for in the answer, ours is not; keys nobody declared are skipped."""
    assert read('{"name": "Tom", "ageInYears": 3, "fur": "grey"}').age == 3
    with pytest.raises(msgspec.ValidationError, match="ageInYears"):
        read('{"name": "Tom", "age": 3}')


@pytest.mark.parametrize(
    ("json", "path"),
    [
        ('{"name": null, "ageInYears": 3}', r"\$.name"),
        ('{"name": "Tom", "ageInYears": "3"}', r"\$.ageInYears"),
        ('{"name": "Tom", "ageInYears": 3.5}', r"\$.ageInYears"),
        ('{"name": "Tom", "ageInYears": 3, "mood": 7}', r"\$.mood"),
    ],
)
def test_a_value_that_does_not_fit_names_its_field(json: str, path: str) -> None:
    """Nothing is made to fit: a text is no number, and null is no text."""
    with pytest.raises(msgspec.ValidationError, match=path):
        read(json)


@pytest.mark.parametrize(("word", "mood"), [("good", Mood.GOOD), ("new", Mood.UNKNOWN), ("", Mood.UNKNOWN)])
def test_a_word_nobody_declared_becomes_unknown(word: str, mood: Mood) -> None:
    """A service may grow its enum without failing answers here."""
    assert read(f'{{"name": "Tom", "ageInYears": 3, "mood": "{word}"}}').mood is mood


def test_a_lenient_enum_without_unknown_stops_the_start() -> None:
    """The promise to be lenient is checked when the enum is made, not when a service first grows."""
    with pytest.raises(DeclarationError, match="Strict: a LenientEnum declares a member UNKNOWN"):

        class Strict(LenientEnum):
            GOOD = "good"


def test_a_page_gives_its_rows_with_and_without_cursors() -> None:
    """A page holds rows in the service's order, each with its cursor; a page may be empty and uncounted."""
    info = PageInfo(has_next_page=True, has_previous_page=False, start_cursor="a", end_cursor="b")
    page = Page((Edge("a", 1), Edge("b", 2)), info, 9)
    assert page.nodes == (1, 2)
    assert [edge.cursor for edge in page.edges] == ["a", "b"]
    empty: Page[int] = Page((), info)
    assert (empty.nodes, empty.total_count) == ((), None)


def test_an_outcome_is_of_the_service_unless_it_says_otherwise() -> None:
    """A plain outcome came fresh from its service and has no flaws."""
    outcome = Outcome("cats", 1)
    assert (outcome.source, outcome.error, outcome.flaws) == (Source.SERVICE, None, ())
