"""Money as the services send it."""

from bff_core.contract import Record


class Money(Record):
    """A decimal as text and a currency (ISO 4217); never a float, and never an Int, which ends at 2^31."""

    amount: str
    currency: str
