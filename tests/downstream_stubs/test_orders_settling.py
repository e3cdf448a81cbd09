"""Orders on their way while another service does not answer: never lost, never paid twice, never keeping stock."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from downstream_stubs.running import running
from tests.downstream_stubs.bank import Bank, Mood, open_bank
from tests.downstream_stubs.market import Market, fault, mend

Bearer = Callable[..., dict[str, str]]
AT_ONCE = 6
PLENTY = "1"
RESERVE, RELEASE, NOTIFY = (
    "POST /stock/reservations",
    "POST /stock/reservations/{order_id}/release",
    "POST /notifications",
)
UNKNOWN: tuple[Mood, ...] = ("hang", "drop", "fail", "pay-hang", "pay-drop", "pay-fail")


@pytest.fixture
def bank() -> Iterator[Bank]:
    """A payment service that does as it is told."""
    with open_bank() as opened:
        yield opened


@contextmanager
def another(
    data_dir: Path, users_url: str, products_url: str, notifications_url: str, payments_url: str, **settings: object
) -> Iterator[httpx.Client]:
    """One more order service over the same data, that waits for nobody long."""
    told: dict[str, Any] = {"users_url": users_url, "products_url": products_url, "payments_url": payments_url}
    told |= {"notifications_url": notifications_url, "peer_timeout_s": 1.5, "errand_pause_s": 3600, **settings}
    with running("orders", data_dir=data_dir, **told) as url, httpx.Client(base_url=url, timeout=20) as client:
        yield client


Another = Callable[..., Any]


@pytest.fixture
def opened(data_dir: Path, users_url: str, products_url: str, notifications_url: str, bank: Bank) -> Another:
    """Opens one more order service that pays at the bank."""

    def start(**settings: object) -> Any:
        return another(data_dir, users_url, products_url, notifications_url, bank.url, **settings)

    return start


@pytest.fixture
def at_bank(market: Market, opened: Another) -> Iterator[Market]:
    """User 7 in front of an order service that pays at the bank."""
    with opened() as client:
        yield market.at(client)


def refused(answer: httpx.Response, status: int, type: str) -> dict[str, Any]:
    """The problem, which must be this one."""
    assert (answer.status_code, answer.json()["type"]) == (status, type), answer.text
    return dict(answer.json())


def pending(answer: httpx.Response, type: str) -> str:
    """The id of the order about which nobody knows yet."""
    problem = refused(answer, 503, type)
    assert answer.headers["retry-after"] == "1"
    return str(problem["order_id"])


@pytest.mark.parametrize("mood", UNKNOWN)
def test_an_unknown_payment_goes_on_under_its_key(at_bank: Market, bank: Bank, mood: Mood) -> None:
    """Without an answer from the bank the order is pending; the same key pays it, once, whatever the bank had done."""
    before = at_bank.stock(PLENTY)
    version = at_bank.add(PLENTY, 2)["version"]
    bank.will(mood, mood)
    order_id = pending(at_bank.place("k", cart_version=version), "payment-unknown")
    assert at_bank.order(order_id)["status"] == "pending"
    assert at_bank.stock(PLENTY) == before - 2
    assert at_bank.cart()["version"] == version
    answer = at_bank.place("k", cart_version=version)
    assert (answer.status_code, answer.json()["id"], answer.json()["status"]) == (201, order_id, "paid")
    assert bank.tries == [f"order-{order_id}"] * 3
    assert list(bank.made) == [f"order-{order_id}"]
    assert at_bank.order_ids() == [order_id]
    assert at_bank.stock(PLENTY) == before - 2
    assert len(at_bank.asked(at_bank.products, RESERVE)) == 1
    assert at_bank.cart()["items"] == []
    assert at_bank.notices(order_id) == ["order_placed"]


@pytest.mark.parametrize("mood", UNKNOWN)
def test_one_more_try_is_enough(at_bank: Market, bank: Bank, mood: Mood) -> None:
    """A payment of which nothing is known is asked for once more under its key before anybody is told."""
    at_bank.add(PLENTY)
    bank.will(mood)
    order_id = at_bank.place("k").json()["id"]
    assert bank.tries == [f"order-{order_id}"] * 2
    assert list(bank.made) == [f"order-{order_id}"]


def test_who_asks_for_the_placement_settles_it(at_bank: Market, bank: Bank) -> None:
    """Asked what came of a key, the service tries to bring a pending order to its end, and tells how it stands."""
    at_bank.add(PLENTY)
    bank.will("drop", "drop")
    order_id = pending(at_bank.place("k"), "payment-unknown")
    bank.will("drop", "drop")
    told = {"key": "k", "state": "pending", "order_id": order_id, "problem": None}
    assert at_bank.placement("k").json() == told
    assert at_bank.placement("k").json() == {**told, "state": "placed"}
    assert at_bank.order(order_id)["status"] == "paid"
    assert len(bank.made) == 1
    assert bank.tries == [f"order-{order_id}"] * 5


def test_who_may_only_read_settles_nothing(at_bank: Market, bank: Bank, bearer: Bearer) -> None:
    """A token that could not have placed the order is told how it stands, and nothing is asked for."""
    at_bank.add(PLENTY)
    bank.will("drop", "drop")
    pending(at_bank.place("k"), "payment-unknown")
    reader = at_bank.by(bearer("7", scopes=["orders:read"]))
    assert reader.placement("k").json()["state"] == "pending"
    assert len(bank.tries) == 2


@pytest.mark.parametrize("first", ["drop", "hang", "fail"])
def test_unknown_then_declined(at_bank: Market, bank: Bank, first: Mood) -> None:
    """A payment that turns out to be declined ends the order, gives the stock back, and is told alike from then on."""
    before = at_bank.stock(PLENTY)
    version = at_bank.add(PLENTY)["version"]
    bank.will(first, first, "decline")
    order_id = pending(at_bank.place("k", cart_version=version), "payment-unknown")
    for _ in range(2):
        assert refused(at_bank.place("k", cart_version=version), 402, "card-declined")["order_id"] == order_id
    assert at_bank.stock(PLENTY) == before
    assert at_bank.notices(order_id) == ["payment_declined"]
    assert len(bank.tries) == 3
    assert bank.made == {}


def test_a_placement_is_declined_by_asking(at_bank: Market, bank: Bank) -> None:
    """A decline that is found out by asking for the placement is what the key leads to as well."""
    version = at_bank.add(PLENTY)["version"]
    bank.will("drop", "drop", "decline")
    order_id = pending(at_bank.place("k", cart_version=version), "payment-unknown")
    told = {"key": "k", "state": "cancelled", "order_id": order_id, "problem": "card-declined"}
    assert at_bank.placement("k").json() == told
    refused(at_bank.place("k", cart_version=version), 402, "card-declined")
    assert len(bank.tries) == 3


def test_another_body_while_pending(at_bank: Market, bank: Bank) -> None:
    """A pending order goes on under the same request only."""
    version = at_bank.add(PLENTY)["version"]
    bank.will("drop", "drop")
    order_id = pending(at_bank.place("k", cart_version=version), "payment-unknown")
    refused(at_bank.place("k", cart_version=version, address_id="7-1"), 422, "idempotency-key-reused")
    refused(at_bank.reorder(order_id, "k"), 422, "idempotency-key-reused")
    assert len(bank.tries) == 2
    assert at_bank.order_ids() == [order_id]


def test_the_same_cart_while_pending(at_bank: Market, bank: Bank) -> None:
    """While an order of the cart is pending, another key does not buy the cart a second time."""
    version = at_bank.add(PLENTY)["version"]
    bank.will("drop", "drop")
    order_id = pending(at_bank.place("k", cart_version=version), "payment-unknown")
    problem = refused(at_bank.place("other", cart_version=version), 409, "stale-cart")
    assert (problem["cart_version"], problem["order_id"]) == (version, order_id)
    assert at_bank.order_ids() == [order_id]


def test_many_at_once_under_one_key(at_bank: Market, bank: Bank) -> None:
    """Many requests under one key, while the bank often is silent, make one order, one payment and one reservation."""
    before = at_bank.stock(PLENTY)
    version = at_bank.add(PLENTY)["version"]
    bank.will("pay-drop", "drop", "fail", "pay-fail", "drop")
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(lambda _: at_bank.place("k", cart_version=version), range(AT_ONCE)))
    assert {answer.status_code for answer in answers} == {201, 503}
    (order_id,) = at_bank.order_ids()
    assert {answer.json()["id"] for answer in answers if answer.status_code == 201} == {order_id}
    assert list(bank.made) == [f"order-{order_id}"]
    assert len(at_bank.asked(at_bank.products, RESERVE)) == 1
    assert at_bank.stock(PLENTY) == before - 1


def test_two_services_over_the_same_data(at_bank: Market, opened: Another, bank: Bank) -> None:
    """Two order services asked under one key at once make one order and one payment."""
    before = at_bank.stock(PLENTY)
    version = at_bank.add(PLENTY)["version"]
    bank.will("pay-drop", "drop", "pay-fail", "drop")
    with opened() as client, ThreadPoolExecutor(AT_ONCE) as pool:
        markets = [at_bank, at_bank.at(client)] * (AT_ONCE // 2)
        answers = list(pool.map(lambda one: one.place("k", cart_version=version), markets))
        assert at_bank.at(client).place("k", cart_version=version).status_code == 201
    assert {answer.status_code for answer in answers} <= {201, 503}
    (order_id,) = at_bank.order_ids()
    assert list(bank.made) == [f"order-{order_id}"]
    assert at_bank.stock(PLENTY) == before - 1
    assert at_bank.notices(order_id) == ["order_placed"]


def test_two_services_begin_one_order(at_bank: Market, opened: Another, bank: Bank) -> None:
    """Two order services that begin under one key at the same moment begin one order, cart or not."""
    at_bank.add(PLENTY)
    earlier = at_bank.place("first").json()["id"]
    before = at_bank.stock(PLENTY)
    fault(at_bank.products, "GET /products", latency_ms=300)
    with opened() as client, ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda one: one.reorder(earlier, "k"), [at_bank, at_bank.at(client)]))
    mend(at_bank.products)
    assert [answer.status_code for answer in answers] == [201, 201]
    order_id, *others = at_bank.order_ids()
    assert others == [earlier]
    assert [answer.json()["id"] for answer in answers] == [order_id] * 2
    assert list(bank.made) == [f"order-{earlier}", f"order-{order_id}"]
    assert at_bank.stock(PLENTY) == before - 1


def test_who_asks_at_once_settles_once(at_bank: Market, bank: Bank) -> None:
    """Many who ask for a pending placement at once have the bank asked once."""
    at_bank.add(PLENTY)
    bank.will("drop", "drop")
    pending(at_bank.place("k"), "payment-unknown")
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(lambda _: at_bank.placement("k").json()["state"], range(AT_ONCE)))
    assert answers == ["placed"] * AT_ONCE
    assert len(bank.tries) == 3


def test_an_order_outlives_its_service(market: Market, opened: Another, bank: Bank) -> None:
    """A service that ended with an order pending goes on with it when it is started again."""
    version = market.add(PLENTY)["version"]
    bank.will("pay-drop", "drop")
    with opened() as client:
        order_id = pending(market.at(client).place("k", cart_version=version), "payment-unknown")
    with opened() as client:
        answer = market.at(client).place("k", cart_version=version)
    assert (answer.status_code, answer.json()["id"]) == (201, order_id)
    assert list(bank.made) == [f"order-{order_id}"]


def test_a_token_that_ends_on_the_way(at_bank: Market, bank: Bank) -> None:
    """A token that the bank does not take ends nothing: with a better one the same key goes on."""
    version = at_bank.add(PLENTY)["version"]
    bank.will("token")
    refused(at_bank.place("k", cart_version=version), 401, "unauthenticated")
    assert at_bank.placement("k").json()["state"] == "placed"
    assert at_bank.place("k", cart_version=version).status_code == 201
    assert len(bank.made) == 1


def test_a_bank_that_refuses(at_bank: Market, bank: Bank) -> None:
    """What else the bank refuses ends the order too, and gives the stock back."""
    before = at_bank.stock(PLENTY)
    at_bank.add(PLENTY)
    bank.will("no")
    order_id = refused(at_bank.place("k"), 409, "payment-refused")["order_id"]
    assert at_bank.stock(PLENTY) == before
    assert at_bank.order(order_id)["status"] == "cancelled"
    bank.will("no-method")
    problem = refused(at_bank.place("k2"), 422, "invalid-body")
    assert [one["name"] for one in problem["errors"]] == ["payment_method_id"]
    assert at_bank.stock(PLENTY) == before


def test_a_pending_order_is_stopped_with_its_payment(at_bank: Market, bank: Bank) -> None:
    """Stopping an order whose payment is unknown finds the payment out first, and voids it."""
    before = at_bank.stock(PLENTY)
    version = at_bank.add(PLENTY)["version"]
    bank.will("pay-drop", "drop")
    order_id = pending(at_bank.place("k", cart_version=version), "payment-unknown")
    stopped = at_bank.cancel(order_id)
    assert (stopped.status_code, stopped.json()["status"]) == (200, "cancelled")
    assert [one["status"] for one in bank.made.values()] == ["voided"]
    assert at_bank.stock(PLENTY) == before
    assert bank.tries == [f"order-{order_id}"] * 3


def test_an_unknown_payment_cannot_be_stopped(at_bank: Market, bank: Bank) -> None:
    """While nobody knows whether it is paid, an order is not stopped: it stays pending, and can be stopped later."""
    before = at_bank.stock(PLENTY)
    at_bank.add(PLENTY)
    bank.will("drop", "drop", "drop", "drop")
    order_id = pending(at_bank.place("k"), "payment-unknown")
    assert pending(at_bank.cancel(order_id), "payment-unknown") == order_id
    assert at_bank.order(order_id)["status"] == "pending"
    assert at_bank.stock(PLENTY) == before - 1
    assert at_bank.cancel(order_id).json()["status"] == "cancelled"
    assert at_bank.stock(PLENTY) == before


def test_a_reset_on_the_way(at_bank: Market, bank: Bank) -> None:
    """Who was placing an order when the data was put back is told to begin again, and can."""
    version = at_bank.add(PLENTY)["version"]
    bank.will("hang")
    with ThreadPoolExecutor(1) as pool:
        placed = pool.submit(at_bank.place, "k", cart_version=version)
        assert bank.reached.wait(10)
        at_bank.orders.post("/_reset")
        assert refused(placed.result(), 503, "service-unavailable")["detail"].startswith("The data was put back")
    assert at_bank.order_ids() == []
    at_bank.add(PLENTY)
    assert at_bank.place("k").status_code == 201


@pytest.mark.parametrize("what", [{"drop": True}, {"truncate": True}, {"error_rate": 1.0}, {"garbage": True}])
def test_an_unknown_reservation_goes_on_under_its_key(market: Market, what: dict[str, Any]) -> None:
    """Without an answer about the stock nothing is paid; the same key reserves it, once, whatever had been reserved."""
    before = market.stock(PLENTY)
    version = market.add(PLENTY, 2)["version"]
    fault(market.products, RESERVE, **what)
    order_id = pending(market.place("k", cart_version=version), "stock-unknown")
    assert market.order(order_id)["status"] == "pending"
    assert market.placement("k").json()["state"] == "pending"
    assert market.asked(market.payments, "POST /payments") == []
    mend(market.products)
    answer = market.place("k", cart_version=version)
    assert (answer.status_code, answer.json()["id"]) == (201, order_id)
    assert market.stock(PLENTY) == before - 2
    assert market.order_ids() == [order_id]


@pytest.mark.parametrize("what", [{"drop": True}, {"truncate": True}])
def test_an_order_with_an_unknown_reservation_is_stopped(market: Market, what: dict[str, Any]) -> None:
    """Stopped before anything was paid, it gives back what may have been reserved; its key leads to nothing more."""
    before = market.stock(PLENTY)
    version = market.add(PLENTY, 2)["version"]
    fault(market.products, RESERVE, **what)
    order_id = pending(market.place("k", cart_version=version), "stock-unknown")
    mend(market.products)
    assert market.cancel(order_id).json()["status"] == "cancelled"
    assert market.stock(PLENTY) == before
    assert refused(market.place("k", cart_version=version), 409, "order-cancelled")["order_id"] == order_id
    told = {"key": "k", "state": "cancelled", "order_id": order_id, "problem": "order-cancelled"}
    assert market.placement("k").json() == told
    assert market.stock(PLENTY) == before
    assert market.asked(market.payments, "POST /payments") == []


@pytest.mark.parametrize("what", [{"drop": True}, {"truncate": True}, {"error_rate": 1.0}])
def test_a_release_that_failed_is_tried_again(market: Market, what: dict[str, Any]) -> None:
    """A cancelled order keeps no stock: who asks for it next has it given back, once."""
    before = market.stock(PLENTY)
    market.add(PLENTY, 2)
    fault(market.products, RELEASE, **what)
    order_id = refused(market.place("k", payment_method_id="7-pm2"), 402, "card-declined")["order_id"]
    mend(market.products)
    assert market.order(order_id)["status"] == "cancelled"
    assert market.stock(PLENTY) == before
    calls = len(market.asked(market.products, RELEASE))
    market.order(order_id)
    assert len(market.asked(market.products, RELEASE)) == calls == 2


def test_a_release_is_tried_again_without_anybody_asking(market: Market, opened: Another, bank: Bank) -> None:
    """While the service runs it looks after what is due, and ends with nothing due."""
    before = market.stock(PLENTY)
    with opened(errand_pause_s=0.05) as client:
        buyer = market.at(client)
        buyer.add(PLENTY, 2)
        fault(buyer.products, RELEASE, error_rate=1.0)
        fault(buyer.notifications, NOTIFY, error_rate=1.0)
        bank.will("decline")
        order_id = refused(buyer.place("k"), 402, "card-declined")["order_id"]
        mend(buyer.products)
        mend(buyer.notifications)
        for _ in range(500):  # requests, each of which takes a few milliseconds
            if buyer.stock(PLENTY) == before and buyer.notices(order_id):
                break
        assert buyer.stock(PLENTY) == before
        assert buyer.notices(order_id) == ["payment_declined"]


@pytest.mark.parametrize("what", [{"drop": True}, {"truncate": True}, {"error_rate": 1.0}])
def test_a_buyer_is_told_in_the_end(market: Market, what: dict[str, Any]) -> None:
    """An order does not wait for the notification service; the buyer is told once, by the next request about it."""
    market.add(PLENTY)
    fault(market.notifications, NOTIFY, **what)
    order_id = market.place("k").json()["id"]
    mend(market.notifications)
    assert market.order(order_id)["status"] == "paid"
    assert market.notices(order_id) == ["order_placed"]


def test_nobody_waits_for_a_notification(market: Market) -> None:
    """A notification service that hangs keeps the buyer waiting for a second at most."""
    market.add(PLENTY)
    fault(market.notifications, NOTIFY, hang=True)
    answer = market.place("k")
    assert answer.status_code == 201
    assert answer.elapsed.total_seconds() < 1.9
    mend(market.notifications)
