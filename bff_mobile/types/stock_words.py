"""How much of a product there is, in words."""

from bff_core.graphql.context import Info
from bff_mobile import wording
from bff_mobile.phrases import counted, phrase
from services import products


def availability_text(stock: products.Stock, info: Info) -> str:
    """Whether it can be had, worded; how many are left where they are few."""
    locale = info.context.locale
    if stock.status is products.StockStatus.LOW:
        return counted("stock_low", stock.available, locale, count=wording.number(stock.available, locale))
    return phrase(f"stock_{stock.status.value}", locale)
