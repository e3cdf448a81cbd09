"""What the payment service answers, and that money is moved once."""

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from downstream_stubs.history import REGULARS, PastOrder, history
from downstream_stubs.payments import PaymentsSettings, create_app
from downstream_stubs.running import running

Bearer = Callable[..., dict[str, str]]
#: An order that the payment service has never heard of.
NEW = "20001"
AT_ONCE = 8


@pytest.fixture(scope="module")
def past() -> list[PastOrder]:
    """What the service began with."""
    return history()


@pytest.fixture
def caller(bearer: Bearer) -> dict[str, str]:
    """The header of user 7, whose second card is declined."""
    return bearer("7")


def euros(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "EUR"}


def pay(
    payments: httpx.Client, caller: dict[str, str], key: str, order_id: str = NEW, amount: str = "40.00", **more: object
) -> httpx.Response:
    order = {"order_id": order_id, "amount": euros(amount), **more}
    return payments.post("/payments", headers={**caller, "idempotency-key": key}, json=order)


def give_back(
    payments: httpx.Client, caller: dict[str, str], key: str, amount: str | None = None, order_id: str = NEW
) -> httpx.Response:
    order = {"order_id": order_id, "amount": None if amount is None else euros(amount)}
    return payments.post("/refunds", headers={**caller, "idempotency-key": key}, json=order)


def latest(payments: httpx.Client, caller: dict[str, str], *order_ids: str) -> list[dict[str, Any]]:
    found = payments.get("/payments", params={"order_ids": ",".join(order_ids)}, headers=caller)
    assert found.status_code == 200, found.text
    return list(found.json()["items"])


def in_fifties(ids: list[str]) -> Iterator[list[str]]:
    return (ids[start : start + 50] for start in range(0, len(ids), 50))


def money(value: dict[str, str]) -> Decimal:
    assert value["currency"] == "EUR"
    return Decimal(value["amount"])


# --- what it begins with


def test_data_is_the_same_bytes_each_time(payments: httpx.Client, data_dir: Path, tmp_path: Path) -> None:
    """The data that the running service began with is that of any other, to the last byte."""
    other = create_app(PaymentsSettings(data_dir=tmp_path))
    other.prepare()
    other.release()
    made = (tmp_path / "payments.seed.sqlite3").read_bytes()
    assert made == (data_dir / "payments.seed.sqlite3").read_bytes()


def test_payments_are_those_of_history(payments: httpx.Client, bearer: Bearer, past: list[PastOrder]) -> None:
    """Every past order that got that far has one payment, with its total, its status and what went back."""
    for user_id in REGULARS:
        orders = {order.id: order for order in past if order.user_id == user_id}
        assert len(orders) >= 25
        found = [one for ids in in_fifties(list(orders)) for one in latest(payments, bearer(user_id), *ids)]
        assert [one["order_id"] for one in found] == [one.id for one in orders.values() if one.payment is not None]
        for one in found:
            order = orders[one["order_id"]]
            assert order.payment is not None
            assert money(one["amount"]) * 100 == order.total_cents
            assert (one["status"], one["user_id"]) == (order.payment.status, user_id)
            assert one["method"]["id"] == order.payment.method_id
            assert money(one["refunded"]) * 100 == order.payment.refunded_cents
            assert (one["captured_at"] is None) == (order.payment.captured_at is None)


def test_sums_add_up(payments: httpx.Client, bearer: Bearer, past: list[PastOrder]) -> None:
    """What went back is the sum of the refunds, never more than was paid, and the status says how much it was."""
    refunded = [order for order in past if order.payment is not None and order.payment.refunded_cents]
    seen = Counter[str]()
    for order in refunded[::20]:
        (one,) = latest(payments, bearer(order.user_id), order.id)
        given = sum(money(refund["amount"]) for refund in one["refunds"])
        assert given == money(one["refunded"]) <= money(one["amount"])
        assert one["status"] == ("refunded" if given == money(one["amount"]) else "partly_refunded")
        assert {(refund["payment_id"], refund["order_id"]) for refund in one["refunds"]} == {(one["id"], order.id)}
        seen[one["status"]] += 1
    assert set(seen) == {"refunded", "partly_refunded"}


def test_everyone_has_one_default_method(payments: httpx.Client, bearer: Bearer) -> None:
    """The default method comes first and is a valid card; those who buy often have a card that is declined too."""
    for user_id in (*REGULARS, "1", "2", "1000"):
        methods = payments.get("/me/payment-methods", headers=bearer(user_id)).json()["items"]
        assert [one["is_default"] for one in methods] == [True] + [False] * (len(methods) - 1)
        assert (methods[0]["kind"], methods[0]["last4"] != "0002") == ("card", True)
        if user_id in REGULARS:
            assert [one["last4"] for one in methods[1:]] == ["0002"]


# --- whose it is


def test_payments_are_their_owners(payments: httpx.Client, bearer: Bearer, caller: dict[str, str]) -> None:
    """Another user's payment is left out of a list, not found by its id, and neither voided nor given back."""
    other = bearer("8")
    paid = pay(payments, caller, "a").json()
    assert latest(payments, other, NEW) == []
    unknown = payments.get("/payments/pay-0", headers=other).json()
    refused = payments.get(f"/payments/{paid['id']}", headers=other)
    assert refused.status_code == 404
    told = {**refused.json(), "instance": "", "detail": refused.json()["detail"].replace(paid["id"], "pay-0")}
    assert told == {**unknown, "instance": ""}
    assert payments.post(f"/payments/{paid['id']}/void", headers=other).status_code == 404
    stolen = give_back(payments, other, "a")
    assert (stolen.status_code, stolen.json()["errors"][0]["name"]) == (422, "order_id")
    assert latest(payments, caller, NEW) == [paid]


def test_methods_are_their_owners(payments: httpx.Client, caller: dict[str, str]) -> None:
    """Nobody pays with another's card, nor learns that it exists."""
    others, none = pay(payments, caller, "a", method_id="8-pm1"), pay(payments, caller, "b", method_id="none")
    assert others.status_code == none.status_code == 422
    assert others.json()["errors"] == none.json()["errors"]
    assert [error["name"] for error in others.json()["errors"]] == ["method_id"]
    assert latest(payments, caller, NEW) == []


def test_same_order_of_two_users(payments: httpx.Client, bearer: Bearer, caller: dict[str, str]) -> None:
    """What one user does about an order stands in no other's way, under the same key either."""
    other = bearer("8")
    first, second = pay(payments, caller, "a").json(), pay(payments, other, "a").json()
    assert first["id"] != second["id"]
    assert (first["user_id"], second["user_id"]) == ("7", "8")
    assert latest(payments, other, NEW) == [second]


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("GET", "/payments?order_ids=1", "payments:read"),
        ("GET", "/payments/pay-1", "payments:read"),
        ("GET", "/me/payment-methods", "payments:read"),
        ("POST", "/payments", "payments:write"),
        ("POST", "/payments/pay-1/void", "payments:write"),
        ("POST", "/refunds", "payments:write"),
    ],
)
def test_routes_need_a_token_and_a_scope(
    payments: httpx.Client, bearer: Bearer, method: str, path: str, scope: str
) -> None:
    """Without a token it is 401, with one that lacks the scope 403; and no answer may be stored."""
    body = {"order_id": NEW, "amount": euros("1.00")} if method == "POST" and "void" not in path else None
    assert payments.request(method, path, json=body).status_code == 401
    lacking = bearer("7", scopes=["orders:read", {"payments:read": "payments:write"}.get(scope, "payments:read")])
    refused = payments.request(method, path, json=body, headers={**lacking, "idempotency-key": "a"})
    assert (refused.status_code, refused.json()["type"]) == (403, "insufficient-scope")
    assert scope in refused.json()["detail"]
    answer = payments.request(method, path, json=body, headers={**bearer("7"), "idempotency-key": "a"})
    assert "no-store" in answer.headers["cache-control"]


# --- paying


def test_payment_is_authorised(payments: httpx.Client, caller: dict[str, str]) -> None:
    """Without a method the default one is used; the payment is found by its order and by its id."""
    answer = pay(payments, caller, "a")
    assert (answer.status_code, answer.headers["cache-control"]) == (201, "private, no-store")
    paid = answer.json()
    assert (paid["status"], paid["amount"], paid["method"]["id"]) == ("authorised", euros("40.00"), "7-pm1")
    assert (paid["captured_at"], paid["refunded"], paid["refunds"]) == (None, euros("0.00"), [])
    assert latest(payments, caller, NEW) == [paid]
    assert payments.get(f"/payments/{paid['id']}", headers=caller).json() == paid


def test_declined_card(payments: httpx.Client, caller: dict[str, str]) -> None:
    """A card without money is a 402 that says so; it is kept as a declined payment and told again for its key."""
    answer = pay(payments, caller, "a", method_id="7-pm2")
    assert (answer.status_code, answer.json()["type"]) == (402, "card-declined")
    assert answer.json()["decline_code"] == "insufficient_funds"
    (kept,) = latest(payments, caller, NEW)
    assert (kept["status"], kept["method"]["last4"], kept["amount"]) == ("declined", "0002", euros("40.00"))
    again = pay(payments, caller, "a", method_id="7-pm2")
    assert (again.status_code, again.json()) == (402, answer.json())
    assert again.headers["idempotent-replayed"] == "true"
    assert latest(payments, caller, NEW) == [kept]


def test_another_card_after_a_declined_one(payments: httpx.Client, caller: dict[str, str]) -> None:
    """A declined payment may be followed by one that holds; the list tells the latest."""
    pay(payments, caller, "a", method_id="7-pm2")
    paid = pay(payments, caller, "b").json()
    assert paid["status"] == "authorised"
    assert latest(payments, caller, NEW) == [paid]


def test_order_is_paid_once(payments: httpx.Client, caller: dict[str, str]) -> None:
    """While a payment of an order holds there is no second one, whatever the key; after it is voided there may be."""
    paid = pay(payments, caller, "a").json()
    second = pay(payments, caller, "b")
    assert (second.status_code, second.json()["type"]) == (409, "already-paid")
    assert second.json()["payment_id"] == paid["id"]
    payments.post(f"/payments/{paid['id']}/void", headers=caller)
    assert pay(payments, caller, "b").json()["status"] == "authorised"


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"amount": euros("0.00")}, "amount.amount"),
        ({"amount": euros("-1.00")}, "amount.amount"),
        ({"amount": euros("1.5")}, "amount.amount"),
        ({"amount": euros("1000000000.00")}, "amount.amount"),
        ({"amount": {"amount": "1.00", "currency": "USD"}}, "amount.currency"),
        ({"amount": {"amount": 1, "currency": "EUR"}}, "amount.amount"),
        ({"order_id": "no id"}, "order_id"),
        ({"order_id": None}, "order_id"),
        ({"method_id": ""}, "method_id"),
        ({"tip": "1.00"}, "tip"),
    ],
)
def test_bad_payments_are_named(
    payments: httpx.Client, caller: dict[str, str], change: dict[str, object], name: str
) -> None:
    """A field that is not acceptable is a 422 that names it, and nothing is paid."""
    order = {"order_id": NEW, "amount": euros("1.00"), **change}
    answer = payments.post("/payments", headers={**caller, "idempotency-key": "a"}, json=order)
    assert (answer.status_code, answer.json()["type"]) == (422, "invalid-body")
    assert [error["name"] for error in answer.json()["errors"]] == [name]
    assert latest(payments, caller, NEW) == []


# --- once


def test_key_is_needed(payments: httpx.Client, caller: dict[str, str]) -> None:
    """Money is never moved without a key."""
    for path, body in (
        ("/payments", {"order_id": NEW, "amount": euros("1.00")}),
        ("/refunds", {"order_id": NEW}),
    ):
        answer = payments.post(path, headers=caller, json=body)
        assert (answer.status_code, answer.json()["type"]) == (400, "idempotency-key-missing")
    assert latest(payments, caller, NEW) == []


def test_same_key_is_one_payment(payments: httpx.Client, caller: dict[str, str]) -> None:
    """The same request again gets the same answer, marked as such, also once the payment has changed."""
    first = pay(payments, caller, "a")
    payments.post(f"/payments/{first.json()['id']}/void", headers=caller)
    again = pay(payments, caller, "a")
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers
    assert latest(payments, caller, NEW)[0]["status"] == "voided"


def test_key_of_another_payment(payments: httpx.Client, caller: dict[str, str]) -> None:
    """A key that was used for another body is a 422, and pays nothing."""
    paid = pay(payments, caller, "a").json()
    reused = pay(payments, caller, "a", amount="41.00")
    assert (reused.status_code, reused.json()["type"]) == (422, "idempotency-key-reused")
    assert pay(payments, caller, "a", order_id="20002").status_code == 422
    assert latest(payments, caller, NEW, "20002") == [paid]


def test_same_key_at_once(payments: httpx.Client, caller: dict[str, str]) -> None:
    """Requests with the same key that come together are one payment with one answer; no number is used up twice."""
    with ThreadPoolExecutor(AT_ONCE) as threads:
        answers = list(threads.map(lambda _: pay(payments, caller, "a"), range(AT_ONCE)))
    assert {answer.status_code for answer in answers} == {201}
    assert {answer.text for answer in answers} == {answers[0].text}
    assert sum("idempotent-replayed" not in answer.headers for answer in answers) == 1
    following = pay(payments, caller, "b", order_id="20002").json()["id"]
    assert int(following.removeprefix("pay-")) == int(answers[0].json()["id"].removeprefix("pay-")) + 1


def test_other_keys_at_once(payments: httpx.Client, caller: dict[str, str]) -> None:
    """Requests for one order under keys of their own are one payment too; the others are told which."""
    with ThreadPoolExecutor(AT_ONCE) as threads:
        answers = list(threads.map(lambda n: pay(payments, caller, f"key {n}"), range(AT_ONCE)))
    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: AT_ONCE - 1}
    (paid,) = latest(payments, caller, NEW)
    assert {answer.json()["payment_id"] for answer in answers if answer.status_code == 409} == {paid["id"]}


def test_answer_that_was_lost(payments: httpx.Client, caller: dict[str, str]) -> None:
    """A payment whose answer is cut off on its way is made; the same key gets its answer."""
    payments.put("/_faults", json={"route": "POST /payments", "truncate": True})
    with pytest.raises(httpx.RemoteProtocolError):
        pay(payments, caller, "a")
    payments.delete("/_faults")
    (made,) = latest(payments, caller, NEW)
    again = pay(payments, caller, "a")
    assert again.json() == made
    assert again.headers["idempotent-replayed"] == "true"


def test_reset_forgets_what_was_paid(payments: httpx.Client, caller: dict[str, str]) -> None:
    """After a reset the same request makes the same payment again, with the same id."""
    first = pay(payments, caller, "a")
    assert payments.post("/_reset").status_code == 204
    assert latest(payments, caller, NEW) == []
    again = pay(payments, caller, "a")
    assert again.json()["id"] == first.json()["id"]
    assert "idempotent-replayed" not in again.headers


# --- voiding


def test_void(payments: httpx.Client, caller: dict[str, str]) -> None:
    """An authorised payment can be voided; again is the same, with a key or without."""
    paid = pay(payments, caller, "a").json()
    voided = payments.post(f"/payments/{paid['id']}/void", headers=caller)
    assert (voided.status_code, voided.json()) == (200, {**paid, "status": "voided"})
    for key in ({}, {"idempotency-key": "a"}, {"idempotency-key": "a"}):
        again = payments.post(f"/payments/{paid['id']}/void", headers={**caller, **key})
        assert (again.status_code, again.json()) == (200, voided.json())
    assert again.headers["idempotent-replayed"] == "true"


def test_key_of_another_void(payments: httpx.Client, caller: dict[str, str]) -> None:
    """A key that voided one payment does not void another."""
    first, second = pay(payments, caller, "a").json(), pay(payments, caller, "b", order_id="20002").json()
    keyed = {**caller, "idempotency-key": "c"}
    assert payments.post(f"/payments/{first['id']}/void", headers=keyed).status_code == 200
    reused = payments.post(f"/payments/{second['id']}/void", headers=keyed)
    assert (reused.status_code, reused.json()["type"]) == (422, "idempotency-key-reused")
    assert latest(payments, caller, "20002") == [second]


@pytest.mark.parametrize("status", ["captured", "declined", "refunded", "partly_refunded"])
def test_what_cannot_be_voided(payments: httpx.Client, bearer: Bearer, past: list[PastOrder], status: str) -> None:
    """A payment that was taken, declined or given back is not voided; the answer says where it stands."""
    order = next(one for one in past if one.payment is not None and one.payment.status == status)
    caller = bearer(order.user_id)
    (paid,) = latest(payments, caller, order.id)
    refused = payments.post(f"/payments/{paid['id']}/void", headers=caller)
    assert (refused.status_code, refused.json()["type"]) == (409, "not-voidable")
    assert refused.json()["status_now"] == status
    assert latest(payments, caller, order.id) == [paid]


# --- giving back


def test_refund_in_parts(payments: httpx.Client, caller: dict[str, str]) -> None:
    """Parts may go back until nothing is left; the last one takes the rest."""
    pay(payments, caller, "a")
    first = give_back(payments, caller, "a", "15.50")
    assert (first.status_code, first.json()["status"], first.json()["amount"]) == (201, "done", euros("15.50"))
    (paid,) = latest(payments, caller, NEW)
    assert (paid["status"], paid["refunded"], paid["refunds"]) == ("partly_refunded", euros("15.50"), [first.json()])
    rest = give_back(payments, caller, "b").json()
    assert rest["amount"] == euros("24.50")
    (paid,) = latest(payments, caller, NEW)
    assert (paid["status"], paid["refunded"]) == ("refunded", euros("40.00"))
    assert paid["refunds"] == [first.json(), rest]


def test_refund_of_too_much(payments: httpx.Client, caller: dict[str, str]) -> None:
    """More than is left is a 422 that names the amount, and gives nothing back; so is nothing at all."""
    pay(payments, caller, "a")
    give_back(payments, caller, "a", "39.99")
    for amount, name in (("0.02", "amount"), ("40.00", "amount"), ("0.00", "amount.amount")):
        refused = give_back(payments, caller, amount, amount)
        assert (refused.status_code, refused.json()["errors"][0]["name"]) == (422, name)
    (paid,) = latest(payments, caller, NEW)
    assert (paid["refunded"], len(paid["refunds"])) == (euros("39.99"), 1)
    assert give_back(payments, caller, "b", "0.01").status_code == 201


@pytest.mark.parametrize("status", ["declined", "voided", "refunded"])
def test_what_cannot_be_given_back(payments: httpx.Client, bearer: Bearer, past: list[PastOrder], status: str) -> None:
    """Of a payment that never was, or has gone back, nothing is given back; the answer says where it stands."""
    order = next(one for one in past if one.payment is not None and one.payment.status == status)
    refused = give_back(payments, bearer(order.user_id), "a", order_id=order.id)
    assert (refused.status_code, refused.json()["type"]) == (409, "not-refundable")
    assert refused.json()["status_now"] == status


def test_captured_payment_is_given_back(payments: httpx.Client, bearer: Bearer, past: list[PastOrder]) -> None:
    """What was taken long ago can be given back, by its owner alone."""
    order = next(one for one in past if one.payment is not None and one.payment.status == "captured")
    refund = give_back(payments, bearer(order.user_id), "a", order_id=order.id)
    assert refund.status_code == 201
    assert money(refund.json()["amount"]) * 100 == order.total_cents
    assert latest(payments, bearer(order.user_id), order.id)[0]["status"] == "refunded"


def test_refunds_at_once_are_never_more_than_the_amount(payments: httpx.Client, caller: dict[str, str]) -> None:
    """Of refunds that come together only as many succeed as there is money for."""
    pay(payments, caller, "a")
    with ThreadPoolExecutor(AT_ONCE) as threads:
        answers = list(threads.map(lambda n: give_back(payments, caller, f"key {n}", "10.00"), range(AT_ONCE)))
    assert sum(answer.status_code == 201 for answer in answers) == 4
    assert {answer.status_code for answer in answers} == {201, 409}
    (paid,) = latest(payments, caller, NEW)
    assert (paid["status"], paid["refunded"], len(paid["refunds"])) == ("refunded", euros("40.00"), 4)


def test_same_refund_at_once(payments: httpx.Client, caller: dict[str, str]) -> None:
    """Requests with the same key that come together are one refund."""
    pay(payments, caller, "a")
    with ThreadPoolExecutor(AT_ONCE) as threads:
        answers = list(threads.map(lambda _: give_back(payments, caller, "a", "10.00"), range(AT_ONCE)))
    assert {(answer.status_code, answer.text) for answer in answers} == {(201, answers[0].text)}
    assert latest(payments, caller, NEW)[0]["refunded"] == euros("10.00")


# --- telling


def told(notifications: httpx.Client, caller: dict[str, str]) -> list[str]:
    """The orders whose refund the user was told of since the tests began."""
    page = notifications.get("/me/notifications", params={"unread": True, "limit": 50}, headers=caller).json()
    return [one["order_id"] for one in page["items"] if one["kind"] == "refund_done" and int(one["order_id"]) > 20_000]


def test_refund_is_told(payments: httpx.Client, notifications: httpx.Client, caller: dict[str, str]) -> None:
    """A refund is told to its owner once, however often it is asked for; one call goes out."""
    pay(payments, caller, "a")
    for _ in range(3):
        give_back(payments, {**caller, "x-request-id": "one-request"}, "a")
    calls = [one for one in notifications.get("/_calls").json()["calls"] if one["method"] == "POST"]
    assert [(one["route"], one["status"]) for one in calls] == [("POST /notifications", 201)]
    assert calls[0]["headers"]["x-request-id"] == "one-request"
    assert not calls[0]["headers"]["authorization"]
    assert told(notifications, caller) == [NEW]


@pytest.mark.parametrize("fault", [{"drop": True}, {"truncate": True}, {"error_rate": 1.0, "status": 429}])
def test_refund_that_cannot_be_told(
    payments: httpx.Client, notifications: httpx.Client, caller: dict[str, str], fault: dict[str, object]
) -> None:
    """A refund is done though nobody can be told; it is told with the next one, and once."""
    for order_id in (NEW, "20002"):
        pay(payments, caller, order_id, order_id)
    notifications.put("/_faults", json={"route": "POST /notifications", **fault})
    assert give_back(payments, caller, "a").status_code == 201
    assert latest(payments, caller, NEW)[0]["status"] == "refunded"
    notifications.delete("/_faults")
    assert give_back(payments, caller, "b", order_id="20002").status_code == 201
    assert told(notifications, caller) == ["20002", NEW]


def test_nobody_to_tell(data_dir: Path, users_url: str, caller: dict[str, str]) -> None:
    """Without a notification service, payments are made and given back all the same."""
    nowhere = "http://127.0.0.1:9"
    with (
        running("payments", data_dir=data_dir, users_url=users_url, notifications_url=nowhere) as url,
        httpx.Client(base_url=url, timeout=5) as payments,
    ):
        payments.post("/_reset")
        assert pay(payments, caller, "a").status_code == 201
        assert give_back(payments, caller, "a").status_code == 201
        payments.post("/_reset")
