"""An amount that goes back and forth: what is agreed to is said to the cent, and not in words."""

import strawberry

from bff_core.graphql.view import shown, view
from services import money


@view(money.Money, description="An amount to send back as it is. What to show stands worded beside it.")
class ExactMoney:
    """A decimal and a currency."""

    amount: str = shown('A decimal number, such as "12.99".')
    currency: str = shown('The ISO 4217 code, such as "EUR".')


@strawberry.input(description="As ExactMoney, for what is sent.")
class ExactMoneyInput:
    """A decimal and a currency."""

    amount: str = strawberry.field(description='A decimal number, such as "12.99".')
    currency: str = strawberry.field(description='The ISO 4217 code, such as "EUR".')


def sent_money(input: ExactMoneyInput | None) -> money.Money | None:
    """An amount as the services take it; whether it is one is for them to say."""
    return None if input is None else money.Money(amount=input.amount, currency=input.currency)
