"""History: two years of orders, which orders, payments and notifications each remember in their own data file.

The services share no data and no code. What they must agree on when they start (who bought what, how it was paid,
where the parcel is) is told here once and asked for while their data files are filled, never while they serve.
"""

import random
import sqlite3
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import Generic, Literal, TypeVar

from downstream_stubs.products import assortment
from downstream_stubs.products import models as product_models
from downstream_stubs.products import seed as product_seed
from downstream_stubs.users import models as user_models
from downstream_stubs.users import people
from downstream_stubs.users import seed as user_seed

OrderStatus = Literal["paid", "packed", "shipped", "delivered", "cancelled", "returned"]
PaymentStatus = Literal["authorised", "captured", "declined", "voided", "refunded", "partly_refunded"]
ParcelStatus = Literal["preparing", "in_transit", "out_for_delivery", "delivered"]
CancelReason = Literal["card-declined", "customer", "out-of-stock"]
MethodKind = Literal["card", "paypal", "invoice"]

T = TypeVar("T")

SOURCES = (user_models, people, user_seed, product_models, assortment, product_seed)
"""The modules that decide what happened, beside this one: a data file made from history depends on them all."""

ORDERS = 20_000
FIRST_DAY = datetime(2024, 10, 1, tzinfo=UTC)
NOW = datetime(2026, 10, 1, tzinfo=UTC)
"""When history ends: nothing in it is later, apart from what is only expected."""

REGULARS = ("7", "42", "100")
"""Users who buy often, and whose second card is declined."""

DECLINED_LAST4 = "0002"
"""The last four digits of a card that has no money."""

CURRENCY = "EUR"

_FREE_FROM_CENTS = 5_000
_SHIPPING_CENTS = 490
_SHARE_WITHOUT_ORDERS = 0.12
_REGULAR_WEIGHT = 3.0
# By the hour (UTC): asleep, at work, after dinner.
_HOURS = (2, 1, 1, 1, 1, 2, 4, 6, 8, 9, 10, 11, 12, 11, 10, 10, 11, 13, 17, 22, 24, 20, 12, 5)
# Monday first: Sundays are long.
_WEEKDAYS = (1.05, 1.0, 0.95, 0.95, 0.9, 0.95, 1.25)
_CARRIERS: Mapping[str, tuple[str, ...]] = {
    "GB": ("Royal Mail", "Evri"),
    "ES": ("Correos", "SEUR"),
    "DE": ("DHL", "Hermes"),
    "JP": ("Yamato", "Japan Post"),
    "FR": ("Colissimo", "Chronopost"),
    "BR": ("Correios", "Jadlog"),
}
_BRANDS = ("Visa", "Mastercard", "American Express")
_SECONDS: tuple[MethodKind | None, ...] = (None, None, None, "card", "paypal", "invoice")
# Of a hundred orders, how many are of one product, of two or less, and so on; likewise pieces of a product.
_PRODUCTS_AT_ONCE = (45, 73, 88, 96, 100)
_PIECES_AT_ONCE = (80, 94, 98, 100)
_CANCELLED = 0.04
_RETURNED = 0.03
_GOODWILL = 0.015
# By n, counted from the end: whoever looks at the shop as a regular finds an order under way and one on the road.
_PROMISED: Mapping[int, str] = {
    ORDERS - back - position: user_id for back in (0, 150) for position, user_id in enumerate(REGULARS)
}
_WAREHOUSE = "Leipzig"
_HUBS = ("Frankfurt", "Liège", "Madrid", "Paris", "Leipzig")


@dataclass(frozen=True, slots=True)
class PastMethod:
    """How a user can pay. ``brand``, ``last4`` and ``expires`` ("2029-08") are of cards only."""

    id: str
    user_id: str
    kind: MethodKind
    brand: str | None
    last4: str | None
    expires: str | None
    holder: str
    is_default: bool


@dataclass(frozen=True, slots=True)
class PastLine:
    """One product of an order; ``cents`` is the price of one piece at that time."""

    product_id: str
    name: str
    quantity: int
    cents: int


@dataclass(frozen=True, slots=True)
class PastAddress:
    """Where an order went; as it stands in an order."""

    recipient: str
    line1: str
    line2: str | None
    city: str
    postal_code: str
    country: str


@dataclass(frozen=True, slots=True)
class PastPayment:
    """The payment of an order.

    ``captured_at`` is when the money was taken, ``closed_at`` when it was declined or voided, ``refunded_at`` when some
    of it was given back; None if that never happened. ``brand`` and ``last4`` are of cards only.
    """

    status: PaymentStatus
    kind: MethodKind
    brand: str | None
    last4: str | None
    method_id: str
    created_at: datetime
    captured_at: datetime | None
    closed_at: datetime | None
    refunded_cents: int
    refunded_at: datetime | None


@dataclass(frozen=True, slots=True)
class PastEvent:
    """Something that happened to a parcel."""

    at: datetime
    place: str
    status: ParcelStatus


@dataclass(frozen=True, slots=True)
class PastParcel:
    """A box of an order; ``events`` oldest first."""

    id: str
    carrier: str
    tracking_number: str
    status: ParcelStatus
    shipped_at: datetime | None
    expected_at: datetime | None
    delivered_at: datetime | None
    events: tuple[PastEvent, ...]


@dataclass(frozen=True, slots=True)
class PastOrder:
    """An order. A time is None while the order has not got there; ``updated_at`` is the latest of them.

    ``payment`` is None when the stock was gone before anything was paid; ``parcels`` is empty until it is packed.
    """

    n: int
    user_id: str
    status: OrderStatus
    lines: tuple[PastLine, ...]
    shipping_cents: int
    address: PastAddress
    payment: PastPayment | None
    parcels: tuple[PastParcel, ...]
    cancel_reason: CancelReason | None
    placed_at: datetime
    paid_at: datetime | None
    packed_at: datetime | None
    shipped_at: datetime | None
    delivered_at: datetime | None
    cancelled_at: datetime | None
    returned_at: datetime | None

    @property
    def id(self) -> str:
        """Its id in the order service."""
        return str(self.n)

    @property
    def number(self) -> str:
        """What a buyer calls it."""
        return order_number(self.n, self.placed_at)

    @property
    def subtotal_cents(self) -> int:
        """What the products cost."""
        return sum(line.quantity * line.cents for line in self.lines)

    @property
    def total_cents(self) -> int:
        """What was paid, shipping included."""
        return self.subtotal_cents + self.shipping_cents

    @property
    def updated_at(self) -> datetime:
        """When it last changed."""
        times = (self.paid_at, self.packed_at, self.shipped_at, self.delivered_at, self.cancelled_at, self.returned_at)
        return max(at for at in (self.placed_at, *times) if at is not None)


def order_number(n: int, placed_at: datetime) -> str:
    """The number of the n-th order: "2026-000123"."""
    return f"{placed_at.year}-{n:06}"


def shipping_cents(subtotal_cents: int) -> int:
    """What sending costs: nothing from 50.00 on."""
    return 0 if subtotal_cents >= _FREE_FROM_CENTS or subtotal_cents == 0 else _SHIPPING_CENTS


def methods() -> list[PastMethod]:
    """The payment methods of all users, by user and number; a user's first is the default, a card, and valid."""
    return [method for user in _users() for method in _methods(user)]


def joined() -> dict[str, datetime]:
    """When each user joined, by id."""
    return {user.id: user.created_at for user in _users()}


def history() -> list[PastOrder]:
    """All orders, oldest first: n = 1 to 20,000, the same on every machine. Takes about two seconds."""
    chance = random.Random(20_241_001)
    users, products = _users(), _products()
    buyers = _Lottery(users, [user.created_at for user in users], [_keenness(user.id, chance) for user in users])
    popular = [0.2 + 3 * chance.random() ** 3 for _ in products]
    goods = _Lottery(products, [product.created_at for product in products], popular)
    by_id = {user.id: user for user in users}
    wallets = {user.id: list(_methods(user)) for user in users}
    orders = []
    for n, placed_at in enumerate(_times(chance), 1):
        user = buyers.draw(placed_at, chance)
        fate = chance.random()
        if n in _PROMISED:
            user, fate = by_id[_PROMISED[n]], 1.0
        orders.append(_order(n, placed_at, user, wallets[user.id], goods, fate, chance))
    return orders


@dataclass(frozen=True, slots=True)
class _User:
    """What matters here of a user; ``addresses`` the default one first."""

    id: str
    name: str
    created_at: datetime
    addresses: tuple[PastAddress, ...]


@dataclass(frozen=True, slots=True)
class _Product:
    """What matters here of a product; it cost ``cents_before`` until ``reduced_at``."""

    id: str
    name: str
    cents: int
    cents_before: int
    reduced_at: datetime
    created_at: datetime


class _Lottery(Generic[T]):
    """Draws one of those that exist at a time, each as often as its weight says."""

    def __init__(self, what: Sequence[T], since: Sequence[datetime], weights: Sequence[float]) -> None:
        order = sorted(range(len(what)), key=lambda position: since[position])
        self._what = [what[position] for position in order]
        # As numbers: they are compared a dozen times for each draw.
        self._since = [since[position].timestamp() for position in order]
        self._sums = list(accumulate(weights[position] for position in order))

    def draw(self, at: datetime, chance: random.Random) -> T:
        """One that exists at this time; there must be one."""
        existing = bisect_right(self._since, at.timestamp())
        return self._what[bisect_right(self._sums, chance.random() * self._sums[existing - 1], hi=existing - 1)]


def _users() -> list[_User]:
    with closing(sqlite3.connect(":memory:")) as connection:
        user_seed.fill(connection)
        addresses: dict[str, list[PastAddress]] = {}
        for user_id, text in connection.execute("SELECT user_id, address FROM addresses ORDER BY n"):
            one = user_models.Address.model_validate_json(text)
            kept = PastAddress(one.recipient, one.line1, one.line2, one.city, one.postal_code, one.country)
            addresses.setdefault(user_id, []).append(kept)
        profiles = [
            user_models.Profile.model_validate_json(text)
            for (text,) in connection.execute("SELECT profile FROM users ORDER BY n")
        ]
    return [_User(one.id, one.name, one.created_at, tuple(addresses[one.id])) for one in profiles]


def _products() -> list[_Product]:
    with closing(sqlite3.connect(":memory:")) as connection:
        product_seed.fill(connection)
        texts = [text for (text,) in connection.execute("SELECT product FROM products ORDER BY n")]
    found = []
    for text in texts:
        one = product_models.Product.model_validate_json(text)
        cents = _cents(one.price)
        before = _cents(one.list_price) if one.list_price is not None else cents
        found.append(_Product(one.id, one.name, cents, before, one.updated_at, one.created_at))
    return found


def _cents(money: product_models.Money) -> int:
    return int(money.amount.replace(".", ""))


def _keenness(user_id: str, chance: random.Random) -> float:
    """How often a user buys; some never do."""
    never, often = chance.random() < _SHARE_WITHOUT_ORDERS, 0.15 + 2 * chance.random() ** 2
    if user_id in REGULARS:
        return _REGULAR_WEIGHT
    return 0.0 if never else often


def _methods(user: _User) -> Iterator[PastMethod]:
    # Each user's own chance: what one has depends on no other.
    chance = random.Random(f"methods of {user.id}")
    brand = chance.choice(_BRANDS)
    yield PastMethod(
        f"{user.id}-pm1", user.id, "card", brand, _last4(chance), _expires(chance), user.name, is_default=True
    )
    if user.id in REGULARS:
        brand = chance.choice(_BRANDS)
        yield PastMethod(
            f"{user.id}-pm2", user.id, "card", brand, DECLINED_LAST4, _expires(chance), user.name, is_default=False
        )
        return
    kind = chance.choice(_SECONDS)
    if kind == "card":
        brand = chance.choice(_BRANDS)
        yield PastMethod(
            f"{user.id}-pm2", user.id, "card", brand, _last4(chance), _expires(chance), user.name, is_default=False
        )
    elif kind is not None:
        yield PastMethod(f"{user.id}-pm2", user.id, kind, None, None, None, user.name, is_default=False)


def _last4(chance: random.Random) -> str:
    return f"{chance.randint(1_000, 9_999)}"  # never DECLINED_LAST4


def _expires(chance: random.Random) -> str:
    return f"{chance.randint(2029, 2033)}-{chance.randint(1, 12):02}"


def _times(chance: random.Random) -> list[datetime]:
    """When the orders were placed, in order: more from month to month, most on Sunday evenings and before Christmas."""
    days = (NOW - FIRST_DAY).days
    weights = []
    for day in range(days):
        date = FIRST_DAY + timedelta(days=day)
        season = 1.5 if (date.month == 12 and date.day < 21) or (date.month == 11 and date.day > 20) else 1.0
        weights.append((1 + 1.6 * day / days) * _WEEKDAYS[date.weekday()] * season)
    placed = [
        day * 86_400 + hour * 3_600 + chance.randrange(3_600)
        for day, hour in zip(
            chance.choices(range(days), weights, k=ORDERS), chance.choices(range(24), _HOURS, k=ORDERS), strict=True
        )
    ]
    return [FIRST_DAY + timedelta(seconds=second) for second in sorted(placed)]


def _order(
    n: int,
    placed_at: datetime,
    user: _User,
    wallet: Sequence[PastMethod],
    goods: _Lottery[_Product],
    fate: float,
    chance: random.Random,
) -> PastOrder:
    lines = _lines(placed_at, goods, chance)
    shipping = shipping_cents(sum(line.quantity * line.cents for line in lines))
    total = shipping + sum(line.quantity * line.cents for line in lines)
    address = user.addresses[0] if chance.random() < 0.8 else chance.choice(user.addresses)
    # A card that is declined was not paid with; it is what some orders came to nothing by.
    good = [method for method in wallet if method.last4 != DECLINED_LAST4]
    method = wallet[0] if chance.random() < 0.8 else chance.choice(good)

    paid_at = placed_at + timedelta(seconds=chance.randint(1, 8))
    packed_at = paid_at + timedelta(seconds=chance.randint(2 * 3_600, 40 * 3_600))
    shipped_at = packed_at + timedelta(seconds=chance.randint(1 * 3_600, 30 * 3_600))
    delivered_at = shipped_at + timedelta(seconds=chance.randint(86_400, 8 * 86_400))
    returned_at = delivered_at + timedelta(seconds=chance.randint(3 * 86_400, 25 * 86_400))
    rest = chance.random()
    cancel_reason: CancelReason | None = None
    cancelled_at: datetime | None = None
    if fate < _CANCELLED:
        cancel_reason = "card-declined" if rest < 0.4 else "customer" if rest < 0.8 else "out-of-stock"
        waited = chance.randint(60, 5_400) if cancel_reason == "customer" else chance.randint(1, 8)
        cancelled_at = placed_at + timedelta(seconds=waited)
        if cancelled_at >= NOW:
            cancelled_at = cancel_reason = None
    if cancel_reason == "card-declined":
        method = next((one for one in wallet if one.last4 == DECLINED_LAST4), method)
    reached = NOW if cancelled_at is None else cancelled_at

    paid = _reached(paid_at, reached) if cancel_reason in (None, "customer") else None
    packed = _reached(packed_at, reached)
    shipped = _reached(shipped_at, reached)
    delivered = _reached(delivered_at, reached)
    returned = _reached(returned_at, reached) if _CANCELLED <= fate < _CANCELLED + _RETURNED else None
    status: OrderStatus
    if cancelled_at is not None:
        status = "cancelled"
    elif returned is not None:
        status = "returned"
    else:
        status = "delivered" if delivered else "shipped" if shipped else "packed" if packed else "paid"

    refunded, refunded_at = 0, None
    if returned is not None:
        refunded, refunded_at = (total if rest < 0.8 else total - shipping), returned
    elif delivered is not None and rest < _GOODWILL and (later := delivered + timedelta(hours=30)) < NOW:
        refunded, refunded_at = max(total // 10, 1), later
    payment_status: PaymentStatus
    if cancel_reason is not None:
        payment_status = "declined" if cancel_reason == "card-declined" else "voided"
    elif refunded:
        payment_status = "refunded" if refunded == total else "partly_refunded"
    else:
        payment_status = "captured" if shipped else "authorised"
    payment = PastPayment(
        status=payment_status,
        kind=method.kind,
        brand=method.brand,
        last4=method.last4,
        method_id=method.id,
        created_at=paid_at if paid is not None or cancelled_at is None else cancelled_at,
        captured_at=shipped,
        closed_at=cancelled_at,
        refunded_cents=refunded,
        refunded_at=refunded_at,
    )
    parcels: tuple[PastParcel, ...] = ()
    if packed is not None:
        boxes = 2 if len(lines) > 2 and chance.random() < 0.3 else 1
        parcels = tuple(
            _parcel(f"{n}-{box}", address, packed_at, shipped_at, delivered_at, chance) for box in range(1, boxes + 1)
        )
    return PastOrder(
        n=n,
        user_id=user.id,
        status=status,
        lines=lines,
        shipping_cents=shipping,
        address=address,
        payment=None if cancel_reason == "out-of-stock" else payment,
        parcels=parcels,
        cancel_reason=cancel_reason,
        placed_at=placed_at,
        paid_at=paid,
        packed_at=packed,
        shipped_at=shipped,
        delivered_at=delivered,
        cancelled_at=cancelled_at,
        returned_at=returned,
    )


def _reached(at: datetime, until: datetime) -> datetime | None:
    return at if at < until else None


def _lines(placed_at: datetime, goods: _Lottery[_Product], chance: random.Random) -> tuple[PastLine, ...]:
    count = chance.choices((1, 2, 3, 4, 5), cum_weights=_PRODUCTS_AT_ONCE)[0]
    products = {product.id: product for product in (goods.draw(placed_at, chance) for _ in range(count))}
    return tuple(
        PastLine(
            product_id=product.id,
            name=product.name,
            quantity=chance.choices((1, 2, 3, 4), cum_weights=_PIECES_AT_ONCE)[0],
            cents=product.cents if placed_at >= product.reduced_at else product.cents_before,
        )
        for product in products.values()
    )


def _parcel(
    id: str,
    address: PastAddress,
    packed_at: datetime,
    shipped_at: datetime,
    delivered_at: datetime,
    chance: random.Random,
) -> PastParcel:
    seconds = int((delivered_at - shipped_at).total_seconds())
    planned = (
        PastEvent(packed_at, _WAREHOUSE, "preparing"),
        PastEvent(shipped_at, _WAREHOUSE, "in_transit"),
        PastEvent(shipped_at + timedelta(seconds=seconds * 2 // 5), chance.choice(_HUBS), "in_transit"),
        PastEvent(delivered_at - timedelta(seconds=seconds // 10), address.city, "out_for_delivery"),
        PastEvent(delivered_at, address.city, "delivered"),
    )
    carrier = chance.choice(_CARRIERS[address.country])
    tracking_number = f"{carrier[:2].upper()}{chance.randrange(10**10):010}{address.country}"
    late = timedelta(days=chance.choice((-1, 0, 0, 0, 1)))
    expected_at = (delivered_at - late).replace(hour=18, minute=0, second=0, microsecond=0)
    events = tuple(event for event in planned if event.at < NOW)  # one at least: it is packed
    shipped = _reached(shipped_at, NOW)
    return PastParcel(
        id=id,
        carrier=carrier,
        tracking_number=tracking_number,
        status=events[-1].status,
        shipped_at=shipped,
        expected_at=max(expected_at, shipped_at) if shipped is not None else None,
        delivered_at=_reached(delivered_at, NOW),
        events=events,
    )
