"""Problems: what the order service says no with, beside what every service does."""

from downstream_stubs.frame.problems import Kind, ProblemError

CARD_DECLINED = Kind("card-declined", 402, "The card was declined")
STALE_CART = Kind("stale-cart", 409, "The cart has changed since it was seen")
PRICE_CHANGED = Kind("price-changed", 409, "It costs something else now")
OUT_OF_STOCK = Kind("out-of-stock", 409, "There is not enough of it")
PAYMENT_REFUSED = Kind("payment-refused", 409, "The payment service refuses this payment")
ORDER_CANCELLED = Kind("order-cancelled", 409, "The order was cancelled before it was paid")
NOT_CANCELLABLE = Kind("not-cancellable", 409, "The order cannot be cancelled any more")
STOCK_UNKNOWN = Kind("stock-unknown", 503, "It is not known yet whether the goods are reserved")
PAYMENT_UNKNOWN = Kind("payment-unknown", 503, "It is not known yet whether the order is paid")
SERVICE_UNAVAILABLE = Kind("service-unavailable", 503, "A service that this needs does not answer")

RETRY_SOON = {"retry-after": "1"}
"""Headers of a 503 that another attempt in a second may end."""


def gone() -> ProblemError:
    """The problem of who was at work on an order when the data was reset."""
    return ProblemError(SERVICE_UNAVAILABLE, "The data was put back meanwhile; begin again.", headers=RETRY_SOON)
