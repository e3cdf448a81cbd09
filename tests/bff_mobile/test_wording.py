"""Values worded for a locale: money, numbers, days, how long ago, and addresses, in all four languages."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from babel.localedata import locale_identifiers

from bff_mobile import wording
from services import orders
from services.money import Money

NOON = datetime(2026, 10, 1, 12, tzinfo=UTC)

EURO = Money(amount="1234.50", currency="EUR")


def plain(text: str) -> str:
    """The text with ordinary spaces: CLDR sets no-break ones of two kinds."""
    return text.replace("\u00a0", " ").replace("\u202f", " ")


@pytest.mark.parametrize(
    ("locale", "said"),
    [("en-GB", "€1,234.50"), ("es-ES", "1.234,50 €"), ("de-DE", "1.234,50 €"), ("ja-JP", "€1,234.50")],
)
def test_money_is_worded(locale: str, said: str) -> None:
    """Separators, and where the currency stands, are the locale's."""
    assert plain(wording.price(EURO, locale)) == said


@pytest.mark.parametrize(("locale", "said"), [("ja-JP", "\uffe5980"), ("en-US", "¥980"), ("de-DE", "980 ¥")])
def test_yen_have_no_decimals(locale: str, said: str) -> None:
    """A currency has its own decimals, in every locale."""
    assert plain(wording.price(Money(amount="980", currency="JPY"), locale)) == said


def test_several_of_a_thing_cost_exactly_so_much() -> None:
    """A price is multiplied as a decimal, so that no cent is lost."""
    assert wording.prices(Money(amount="0.10", currency="EUR"), 3, "en") == "€0.30"
    assert wording.prices(Money(amount="19.99", currency="EUR"), 99, "en") == "€1,979.01"
    assert wording.prices(Money(amount="99999999999999.99", currency="EUR"), 3, "en") == "€299,999,999,999,999.97"


@pytest.mark.parametrize(("locale", "said"), [("en", "-20%"), ("es", "-20%"), ("de", "-20%"), ("ja", "-20%")])
def test_a_reduction_is_worded(locale: str, said: str) -> None:
    """As percent; None where nothing was reduced or the currencies differ."""
    before, now = Money(amount="10.00", currency="EUR"), Money(amount="8.00", currency="EUR")
    assert wording.reduction(before, now, locale) == said
    assert wording.reduction(now, before, locale) is None
    assert wording.reduction(now, now, locale) is None
    assert wording.reduction(before, Money(amount="8.00", currency="USD"), locale) is None


@pytest.mark.parametrize(
    ("locale", "said"), [("en", "1,234.5"), ("es", "1.234,5"), ("de", "1.234,5"), ("ja", "1,234.5")]
)
def test_numbers_are_worded(locale: str, said: str) -> None:
    """Separators are the locale's."""
    assert wording.number(1234.5, locale) == said


@pytest.mark.parametrize(
    ("locale", "said"),
    [
        ("en", ["1 item", "1,234 items"]),
        ("es", ["1 artículo", "1.234 artículos"]),
        ("de", ["1 Artikel", "1.234 Artikel"]),
        ("ja", ["1点", "1,234点"]),
    ],
)
def test_things_are_counted(locale: str, said: list[str]) -> None:
    """The number is worded, and the word beside it takes its plural form."""
    assert [wording.items(count, locale) for count in (1, 1234)] == said


@pytest.mark.parametrize(
    ("locale", "said"),
    [
        ("en-US", "Oct 1, 2026"),
        ("en-GB", "1 Oct 2026"),
        ("es-ES", "1 oct 2026"),
        ("de-DE", "01.10.2026"),
        ("ja-JP", "2026/10/01"),
    ],
)
def test_days_are_worded(locale: str, said: str) -> None:
    """A day as the locale writes it."""
    assert wording.day(NOON, locale) == said


@pytest.mark.parametrize(
    ("locale", "past", "ahead"),
    [
        ("en", ["5 minutes ago", "1 hour ago", "2 days ago", "3 months ago"], "in 2 days"),
        ("es", ["hace 5 minutos", "hace 1 hora", "hace 2 días", "hace 3 meses"], "dentro de 2 días"),
        ("de", ["vor 5 Minuten", "vor 1 Stunde", "vor 2 Tagen", "vor 3 Monaten"], "in 2 Tagen"),
        ("ja", ["5 分前", "1 時間前", "2 日前", "3 か月前"], "2 日後"),
    ],
)
def test_how_long_ago_is_worded(locale: str, past: list[str], ahead: str) -> None:
    """Past and future, in the unit that fits."""
    spans = (timedelta(minutes=5), timedelta(hours=1), timedelta(days=2), timedelta(days=91))
    assert [wording.ago(NOON - span, NOON.timestamp(), locale) for span in spans] == past
    assert wording.ago(NOON + timedelta(days=2), NOON.timestamp(), locale) == ahead


def address(country: str, *, line2: str | None = None) -> orders.ShippingAddress:
    """An address in a country."""
    return orders.ShippingAddress(
        recipient="Ada L.", line1="Main St 1", line2=line2, city="Town", postal_code="123", country=country
    )


@pytest.mark.parametrize(
    ("country", "locale", "said"),
    [
        ("DE", "de", "Ada L., Main St 1, 123 Town, Deutschland"),
        ("DE", "en", "Ada L., Main St 1, 123 Town, Germany"),
        ("ES", "es", "Ada L., Main St 1, 123 Town, España"),
        ("GB", "en", "Ada L., Main St 1, Town 123, United Kingdom"),
        ("US", "ja", "Ada L., Main St 1, Town 123, アメリカ合衆国"),
        ("JP", "ja", "日本 〒123 Town Main St 1 Ada L."),
        ("ZZZ", "en", "Ada L., Main St 1, 123 Town, ZZZ"),
    ],
)
def test_an_address_stands_on_one_line(country: str, locale: str, said: str) -> None:
    """In the order of its country, with the country named in the reader's language; an unknown one by its code."""
    assert wording.address(address(country), locale) == said


def test_a_second_line_of_an_address_is_shown_where_there_is_one() -> None:
    """It stands after the first; an empty one leaves no gap."""
    assert wording.address(address("DE", line2="c/o 12"), "en") == "Ada L., Main St 1, c/o 12, 123 Town, Germany"
    assert wording.address(address("DE", line2=""), "en") == "Ada L., Main St 1, 123 Town, Germany"
    assert wording.address(address("JP", line2="4B"), "ja") == "日本 〒123 Town Main St 1 4B Ada L."


@pytest.mark.parametrize(
    ("tag", "told"),
    [
        ("de-AT", "de-AT"),
        ("de", "de-DE"),
        ("ja", "ja-JP"),
        ("zh-Hant", "zh-Hant-TW"),
        ("zh-Hans-SG", "zh-Hans-SG"),
        ("es-419", "es-ES"),
        ("ca-ES-valencia", "ca-ES"),
        ("eo", "en-US"),
    ],
)
def test_a_language_has_a_country(tag: str, told: str) -> None:
    """The tag's own country, else that where the language is spoken most; a language of no country is the default."""
    assert wording.regional(tag) == told


def test_every_locale_has_a_country() -> None:
    """Whatever a request may be worded for is told as language, perhaps a script, and country."""
    told = re.compile(r"[a-z]{2,3}(-[A-Z][a-z]{3})?-[A-Z]{2}")
    lacking = [tag for tag in locale_identifiers() if not told.fullmatch(wording.regional(tag.replace("_", "-")))]
    assert lacking == []
