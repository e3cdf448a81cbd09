"""The shop: what the order service asks the other services, in its own words."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import urlencode

from pydantic import BaseModel, TypeAdapter, ValidationError

from downstream_stubs.frame.peer import Peer, PeerProblem, PeerUnknown
from downstream_stubs.frame.problems import IDEMPOTENCY_KEY, INSUFFICIENT_SCOPE, UNAUTHENTICATED, ProblemError
from downstream_stubs.frame.service_key import HEADER as SERVICE_KEY
from downstream_stubs.orders.models import MOST_PRODUCTS, Address
from downstream_stubs.orders.money import in_cents, money
from downstream_stubs.orders.problems import RETRY_SOON, SERVICE_UNAVAILABLE
from downstream_stubs.orders.settings import OrdersSettings

Headers = Mapping[str, str]
"""What is relayed of the request that something is asked for (``peer.relayed``); it holds the buyer's token."""

T = TypeVar("T")
Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Offer:
    """A product as it is sold now; ``cents`` is the price of one piece."""

    product_id: str
    name: str
    cents: int


class KnownAddress(Address):
    """An address of a buyer."""

    id: str
    is_default: bool


class KnownPayment(BaseModel):
    """The payment of an order."""

    id: str
    status: str


class _Product(BaseModel):
    id: str
    name: str
    price: object


class _Products(BaseModel):
    items: list[_Product]


class _Addresses(BaseModel):
    items: list[KnownAddress]


class _Payments(BaseModel):
    items: list[KnownPayment]


class Shop:
    """The four other services; a companion.

    ``offers`` and ``addresses`` are asked before anything has happened and raise a problem if there is no answer. The
    others are steps of something that has begun: they raise PeerProblem if the service said no and PeerUnknown if
    nobody knows what it did. Each bears being asked again: it happens once for one order.
    """

    def __init__(self, settings: OrdersSettings) -> None:
        wait = settings.peer_timeout_s
        self._users = Peer("users", settings.users_url, wait)
        self._products = Peer("products", settings.products_url, wait)
        self._payments = Peer("payments", settings.payments_url, wait)
        self._notifications = Peer("notifications", settings.notifications_url, wait)
        self._service_key = {SERVICE_KEY: settings.service_key}

    @property
    def _peers(self) -> tuple[Peer, ...]:
        return self._users, self._products, self._payments, self._notifications

    async def start(self) -> None:
        """Get ready to ask."""
        for peer in self._peers:
            await peer.start()

    async def stop(self) -> None:
        """Close all connections."""
        for peer in self._peers:
            await peer.stop()

    async def offers(self, product_ids: Iterable[str], headers: Headers) -> dict[str, Offer]:
        """Those products that are sold, by id. Raises a 503 problem."""
        ids = list(product_ids)
        found: dict[str, Offer] = {}
        for start in range(0, len(ids), MOST_PRODUCTS):
            query = urlencode([("id", one) for one in ids[start : start + MOST_PRODUCTS]])
            # Without the token: what the shop sells is told to everyone.
            public = {name: value for name, value in headers.items() if name != "authorization"}
            asked = self._products.ask("GET", f"/products?{query}", headers=public)
            answer = await _before(self._products, asked, _Products)
            for product in answer.items:
                try:
                    found[product.id] = Offer(product.id, product.name, in_cents(product.price))
                except ValueError as error:
                    raise _silent(self._products) from error
        return found

    async def addresses(self, headers: Headers) -> list[KnownAddress]:
        """The buyer's addresses, the default one first. Raises a 401, 403 or 503 problem."""
        asked = self._users.ask("GET", "/me/addresses", headers=headers)
        return (await _before(self._users, asked, _Addresses)).items

    async def reserve(self, order_id: str, lines: Sequence[tuple[str, int]]) -> None:
        """Take the goods of an order out of the stock, all or nothing."""
        body = {"order_id": order_id, "lines": [{"product_id": one, "quantity": many} for one, many in lines]}
        headers = {**self._service_key, IDEMPOTENCY_KEY: _key(order_id)}
        await self._products.ask("POST", "/stock/reservations", json=body, headers=headers)

    async def release(self, order_id: str) -> None:
        """Give the goods of an order back, also those of a reservation that is still on its way."""
        await self._products.ask("POST", f"/stock/reservations/{order_id}/release", headers=self._service_key)

    async def pay(self, order_id: str, cents: int, method_id: str | None, headers: Headers) -> None:
        """Pay for an order."""
        body = {"order_id": order_id, "amount": money(cents).model_dump(), "method_id": method_id}
        asked = self._payments.ask("POST", "/payments", json=body, headers={**headers, IDEMPOTENCY_KEY: _key(order_id)})
        _read(self._payments, await asked, KnownPayment)

    async def payment(self, order_id: str, headers: Headers) -> KnownPayment | None:
        """The payment of an order; None if there is none."""
        answer = await self._payments.ask("GET", "/payments", params={"order_ids": order_id}, headers=headers)
        items = _read(self._payments, answer, _Payments).items
        return items[0] if items else None

    async def void(self, payment_id: str, headers: Headers) -> None:
        """Take a payment back before its money was taken."""
        await self._payments.ask("POST", f"/payments/{payment_id}/void", headers=headers)

    async def notify(self, user_id: str, kind: str, order_id: str) -> None:
        """Tell a user what became of an order."""
        body = {"user_id": user_id, "kind": kind, "order_id": order_id}
        headers = {**self._service_key, IDEMPOTENCY_KEY: f"{kind}-{order_id}"}
        await self._notifications.ask("POST", "/notifications", json=body, headers=headers)


async def twice(ask: Callable[[], Awaitable[T]]) -> T:
    """What was asked, asked once more if nobody knows what came of it."""
    try:
        return await ask()
    except PeerUnknown:
        return await ask()


def refused_token(refusal: PeerProblem) -> ProblemError | None:
    """The problem of a token that another service does not take; None if it said no to something else."""
    kind = {401: UNAUTHENTICATED, 403: INSUFFICIENT_SCOPE}.get(refusal.status)
    if kind is None:
        return None
    return ProblemError(kind, f"The {refusal.peer} service does not take the token.", headers=_CHALLENGE)


def errors_of(refusal: PeerProblem) -> dict[str, str]:
    """The parts at fault that another service named: name to reason."""
    try:
        errors = _ERRORS.validate_python(refusal.body.get("errors"))
    except ValidationError:
        return {}
    return {error.name: error.reason for error in errors}


class _Error(BaseModel):
    name: str
    reason: str


_ERRORS = TypeAdapter(list[_Error])
_CHALLENGE = {"www-authenticate": 'Bearer error="invalid_token"'}


def _key(order_id: str) -> str:
    return f"order-{order_id}"


async def _before(peer: Peer, asked: Awaitable[object], model: type[Model]) -> Model:
    try:
        return _read(peer, await asked, model)
    except PeerProblem as refusal:
        raise refused_token(refusal) or _silent(peer) from refusal
    except PeerUnknown as error:
        raise _silent(peer) from error


def _read(peer: Peer, answer: object, model: type[Model]) -> Model:
    try:
        return model.model_validate(answer)
    except ValidationError as error:
        raise PeerUnknown(peer.name, "answered with something else than it says") from error


def _silent(peer: Peer) -> ProblemError:
    detail = f"The {peer.name} service does not answer, and nothing goes on without it."
    return ProblemError(SERVICE_UNAVAILABLE, detail, headers=RETRY_SOON)
