"""Values worded for a locale, so that the app shows what it gets. Source of all words: Unicode CLDR, through babel."""

from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache

from babel import Locale
from babel.core import get_global
from babel.dates import format_date, format_timedelta
from babel.numbers import format_currency, format_decimal, format_percent

from bff_mobile.phrases import DEFAULT, counted
from services import orders, users
from services.money import Money

#: Countries whose addresses have the town before the postal code (Universal Postal Union).
TOWN_FIRST = frozenset(("AU", "BR", "CA", "GB", "IE", "IN", "NZ", "US"))


@lru_cache(maxsize=256)
def _locale(tag: str) -> Locale:
    return Locale.parse(tag, sep="-")


def price(money: Money, locale: str) -> str:
    """``12,99 €`` for de-DE, ``€12.99`` for en-GB."""
    return format_currency(Decimal(money.amount), money.currency, locale=_locale(locale))


def prices(each: Money, quantity: int, locale: str) -> str:
    """What so many of a thing cost together."""
    return price(Money(amount=str(Decimal(each.amount) * quantity), currency=each.currency), locale)


def reduction(before: Money, now: Money, locale: str) -> str | None:
    """``-20%``; None where the currencies differ or nothing was reduced."""
    was, is_now = Decimal(before.amount), Decimal(now.amount)
    if before.currency != now.currency or was <= is_now:
        return None
    return format_percent((is_now - was) / was, format="#,##0%", locale=_locale(locale))


def number(value: float, locale: str) -> str:
    """``1,234.5`` for en, ``1.234,5`` for de."""
    return format_decimal(value, locale=_locale(locale))


def items(count: int, locale: str) -> str:
    """``1 item``, ``1,234 items``."""
    return counted("items", count, locale, count=number(count, locale))


def day(moment: datetime, locale: str) -> str:
    """``May 4, 2024`` for en-US, ``04.05.2024`` for de-DE."""
    return format_date(moment, format="medium", locale=_locale(locale))


def ago(moment: datetime, now: float, locale: str) -> str:
    """``2 days ago``. ``now``: seconds since 1970 UTC; a moment in the future reads ``in 2 days``."""
    return format_timedelta(timedelta(seconds=moment.timestamp() - now), add_direction=True, locale=_locale(locale))


def address(of: orders.ShippingAddress | users.Address, locale: str) -> str:
    """An address on one line, in the order of its country, with the country's name in the locale's language."""
    country = _locale(locale).territories.get(of.country, of.country)
    if of.country == "JP":
        parts = (country, f"〒{of.postal_code}", of.city, of.line1, of.line2, of.recipient)
        return " ".join(part for part in parts if part)
    town = f"{of.city} {of.postal_code}" if of.country in TOWN_FIRST else f"{of.postal_code} {of.city}"
    return ", ".join(part for part in (of.recipient, of.line1, of.line2, town, country) if part)


def regional(tag: str) -> str:
    """The tag with its country, for who takes no language without one: ``de-DE`` for de, ``zh-Hant-TW`` for zh-Hant.

    The country is the one where the language is spoken most (CLDR, likely subtags), also in place of a region that is
    no country, such as that of es-419. Variants are left off. A language of no country, such as Esperanto, is told
    things in the default's, as it is everywhere in the app.
    """
    locale = _locale(tag)
    parts = [locale.language, locale.script] if locale.script else [locale.language]
    if locale.territory and locale.territory.isalpha():
        return "-".join((*parts, locale.territory))
    likely = get_global("likely_subtags")
    found = likely.get("_".join(parts)) or likely.get(locale.language) or ""
    country = found.rpartition("_")[2]
    return "-".join((*parts, country)) if country.isalpha() else regional(DEFAULT)
