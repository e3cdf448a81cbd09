"""The phrases: each of them in every language, with the same placeholders, and one for every word of a service."""

from __future__ import annotations

from collections.abc import Mapping
from string import Formatter

import pytest
from babel import Locale

from bff_core.contract import LenientEnum
from bff_mobile.phrases import COUNTED, DEFAULT, PHRASES, counted, phrase
from services import notifications, orders, payments, products

LANGUAGES = ("en", "es", "de", "ja")

every_language = pytest.mark.parametrize("language", LANGUAGES)


def placeholders(sentence: str) -> set[str]:
    """What is filled into a sentence."""
    return {name for _, name, _, _ in Formatter().parse(sentence) if name is not None}


def test_the_app_speaks_four_languages() -> None:
    """Both tables hold the same languages, and the default is one of them."""
    assert set(PHRASES) == set(COUNTED) == set(LANGUAGES)
    assert DEFAULT in LANGUAGES


@every_language
def test_every_phrase_stands_in_every_language(language: str) -> None:
    """A language has the names that the default has, no sentence is empty, and each is filled with the same values."""
    said, meant = PHRASES[language], PHRASES[DEFAULT]
    assert set(said) == set(meant)
    assert all(sentence.strip() for sentence in said.values())
    assert {name: placeholders(said[name]) for name in said} == {name: placeholders(meant[name]) for name in meant}


@every_language
def test_every_count_has_the_plural_forms_of_its_language(language: str) -> None:
    """A counted sentence has just the forms that CLDR knows for the language, and each of them says the number."""
    assert set(COUNTED[language]) == set(COUNTED[DEFAULT])
    for forms in COUNTED[language].values():
        assert set(forms) == Locale(language).plural_form.tags | {"other"}
        assert all(placeholders(sentence) == {"count"} for sentence in forms.values())


@every_language
@pytest.mark.parametrize(
    ("prefix", "words"),
    [
        ("stock", products.StockStatus),
        ("order", orders.OrderStatus),
        ("headline", orders.OrderStatus),
        ("parcel", orders.ParcelStatus),
        ("payment", payments.PaymentStatus),
        ("method", payments.MethodKind),
        ("notification", notifications.NotificationKind),
        ("checkout", orders.PlacementState),
    ],
)
def test_every_word_of_a_service_is_worded(language: str, prefix: str, words: type[LenientEnum]) -> None:
    """No member of an enum is without its sentence, but where UNKNOWN is left to the code that shows it."""
    unworded = {("payment", "unknown"), ("notification", "unknown")}
    told: Mapping[str, object] = {**PHRASES[language], **COUNTED[language]}
    lacking = {(prefix, word.value) for word in words if f"{prefix}_{word.value}" not in told}
    assert lacking <= unworded


def test_a_language_nobody_translated_for_reads_english() -> None:
    """An unknown language gets the default's sentences in the default's plural forms."""
    assert phrase("order_paid", "fr-FR") == "Confirmed"
    assert counted("items", 0, "fr-FR", count="0") == "0 items"  # French has one form for 0 and 1


def test_the_region_does_not_matter() -> None:
    """A locale is worded in its language."""
    assert phrase("order_paid", "de-AT") == phrase("order_paid", "de") == "Bestätigt"


@pytest.mark.parametrize(
    ("locale", "said"),
    [
        ("en", ["0 items", "1 item", "2 items", "5 items"]),
        ("es", ["0 artículos", "1 artículo", "2 artículos", "5 artículos"]),
        ("de", ["0 Artikel", "1 Artikel", "2 Artikel", "5 Artikel"]),
        ("ja", ["0点", "1点", "2点", "5点"]),
    ],
)
def test_things_are_counted(locale: str, said: list[str]) -> None:
    """A number takes the plural form of the language."""
    assert [counted("items", number, locale, count=str(number)) for number in (0, 1, 2, 5)] == said


def test_spanish_millions_take_their_own_form() -> None:
    """The form "many", which Spanish has for millions."""
    assert counted("items", 1_000_000, "es", count="1.000.000") == "1.000.000 de artículos"
    assert counted("stock_low", 1, "es", count="1") == "Solo queda 1"
    assert counted("stock_low", 2, "es", count="2") == "Solo quedan 2"
