"""An amount of money as the web shows it."""

from bff_core.graphql.view import shown, view
from services import money


@view(money.Money, description="An amount of money.")
class Money:
    """A decimal and a currency."""

    amount: str = shown('A decimal number, such as "12.99".')
    currency: str = shown('The ISO 4217 code, such as "EUR".')
