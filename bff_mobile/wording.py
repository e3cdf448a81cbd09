"""Values worded for a locale, so that the app shows what it gets. Source of all words: Unicode CLDR, through babel."""

from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache

from babel import Locale
from babel.dates import format_date, format_timedelta
from babel.numbers import format_currency, format_decimal, format_percent

from services.money import Money


@lru_cache(maxsize=256)
def _locale(tag: str) -> Locale:
    return Locale.parse(tag, sep="-")


def price(money: Money, locale: str) -> str:
    """``12,99 €`` for de-DE, ``€12.99`` for en-GB."""
    return format_currency(Decimal(money.amount), money.currency, locale=_locale(locale))


def reduction(before: Money, now: Money, locale: str) -> str | None:
    """``-20%``; None where the currencies differ or nothing was reduced."""
    was, is_now = Decimal(before.amount), Decimal(now.amount)
    if before.currency != now.currency or was <= is_now:
        return None
    return format_percent((is_now - was) / was, format="#,##0%", locale=_locale(locale))


def number(value: float, locale: str) -> str:
    """``1,234.5`` for en, ``1.234,5`` for de."""
    return format_decimal(value, locale=_locale(locale))


def day(moment: datetime, locale: str) -> str:
    """``May 4, 2024`` for en-US, ``04.05.2024`` for de-DE."""
    return format_date(moment, format="medium", locale=_locale(locale))


def ago(moment: datetime, now: float, locale: str) -> str:
    """``2 days ago``. ``now``: seconds since 1970 UTC; a moment in the future reads ``in 2 days``."""
    return format_timedelta(timedelta(seconds=moment.timestamp() - now), add_direction=True, locale=_locale(locale))
