"""Money: cents inside, text outside."""

from downstream_stubs.history import CURRENCY
from downstream_stubs.orders.models import Money


def money(cents: int) -> Money:
    """An amount of the shop's currency."""
    return Money(amount=f"{cents // 100}.{cents % 100:02}", currency=CURRENCY)


def in_cents(amount: object) -> int:
    """The cents of an amount as JSON has it. Raises ValueError for what is none of the shop's currency."""
    read = Money.model_validate(amount)
    if read.currency != CURRENCY:
        raise ValueError(f"{read.currency} is not the shop's currency")
    return int(read.amount.replace(".", ""))
