"""What happened in two years, as the services that remember it are told."""

import sqlite3
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from itertools import pairwise

import pytest

from downstream_stubs.history import (
    DECLINED_LAST4,
    FIRST_DAY,
    NOW,
    ORDERS,
    REGULARS,
    PastOrder,
    history,
    methods,
    shipping_cents,
)
from downstream_stubs.products import seed as product_seed
from downstream_stubs.products.models import Product
from downstream_stubs.users import seed as user_seed
from downstream_stubs.users.models import Address, Profile

Past = Sequence[PastOrder]


@pytest.fixture(scope="module")
def profiles() -> dict[str, Profile]:
    """All users by id."""
    with closing(sqlite3.connect(":memory:")) as connection:
        user_seed.fill(connection)
        found = [Profile.model_validate_json(text) for (text,) in connection.execute("SELECT profile FROM users")]
    return {one.id: one for one in found}


@pytest.fixture(scope="module")
def sold() -> dict[str, Product]:
    """All products by id."""
    with closing(sqlite3.connect(":memory:")) as connection:
        product_seed.fill(connection)
        found = [Product.model_validate_json(text) for (text,) in connection.execute("SELECT product FROM products")]
    return {one.id: one for one in found}


def test_history_is_the_same_each_time(past: Past) -> None:
    """Who asks twice is told the same."""
    assert history() == past
    assert methods() == methods()


def test_orders_are_numbered_as_they_were_placed(past: Past) -> None:
    """20,000 orders, n from 1 on, none placed before the one it follows, all within the two years."""
    assert [order.n for order in past] == list(range(1, ORDERS + 1))
    assert all(one.placed_at <= other.placed_at for one, other in pairwise(past))
    assert past[0].placed_at >= FIRST_DAY
    assert past[-1].placed_at < NOW
    assert past[122].number == "2024-000123"


def test_the_shop_grows(past: Past) -> None:
    """The second year has more orders than the first; evenings and Sundays have more than mornings and Fridays."""
    years = Counter((order.placed_at - FIRST_DAY).days // 365 for order in past)
    assert years[1] > 1.3 * years[0]
    hours = Counter(order.placed_at.hour for order in past)
    assert hours[20] > 2 * hours[8]
    days = Counter(order.placed_at.weekday() for order in past)
    assert days[6] > days[4]


def test_buyers_and_goods_existed(past: Past, profiles: dict[str, Profile], sold: dict[str, Product]) -> None:
    """Nobody bought before being a user, nothing was bought before it was sold, and it cost what it cost then."""
    for order in past:
        assert profiles[order.user_id].created_at <= order.placed_at
        assert len({line.product_id for line in order.lines}) == len(order.lines) >= 1
        for line in order.lines:
            product = sold[line.product_id]
            assert product.created_at <= order.placed_at
            assert line.name == product.name
            assert 1 <= line.quantity <= 99
            was_reduced = product.list_price is not None and order.placed_at < product.updated_at
            price = product.list_price if was_reduced else product.price
            assert price is not None
            assert f"{line.cents // 100}.{line.cents % 100:02}" == price.amount
        assert order.shipping_cents == shipping_cents(order.subtotal_cents)


def test_orders_go_to_their_buyers(past: Past) -> None:
    """Each address is one of the buyer's own."""
    with closing(sqlite3.connect(":memory:")) as connection:
        user_seed.fill(connection)
        rows = connection.execute("SELECT user_id, address FROM addresses").fetchall()
    known = {
        (user_id, one.recipient, one.line1, one.line2, one.city, one.postal_code, one.country)
        for user_id, one in ((user_id, Address.model_validate_json(text)) for user_id, text in rows)
    }
    for order in past:
        to = order.address
        found = (order.user_id, to.recipient, to.line1, to.line2, to.city, to.postal_code, to.country)
        assert found in known


def test_some_buy_often_and_some_never(past: Past) -> None:
    """The regulars have 25 orders and more, one of them still under way; some users have none."""
    counts = Counter(order.user_id for order in past)
    for user_id in REGULARS:
        assert counts[user_id] >= 25
        standing = {order.status for order in past if order.user_id == user_id}
        assert {"paid", "shipped", "delivered"} <= standing
    assert 800 < len(counts) < 950


def test_most_orders_arrived(past: Past) -> None:
    """About four in a hundred are cancelled, three returned; what is older than a fortnight is at its end."""
    counts = Counter(order.status for order in past)
    assert 0.03 < counts["cancelled"] / ORDERS < 0.05
    assert 0.02 < counts["returned"] / ORDERS < 0.04
    assert counts["delivered"] / ORDERS > 0.9
    assert counts["paid"] > 0
    assert counts["packed"] > 0
    assert counts["shipped"] > 0
    for order in past:
        if (NOW - order.placed_at).days >= 14:
            assert order.status in ("delivered", "cancelled", "returned")


def test_times_fit_where_an_order_stands(past: Past) -> None:
    """Each order went step by step, has the times of the steps it took and no others, and none from after the end."""
    steps = ("paid", "packed", "shipped", "delivered", "returned")
    for order in past:
        taken = [order.paid_at, order.packed_at, order.shipped_at, order.delivered_at, order.returned_at]
        if order.status == "cancelled":
            assert order.cancelled_at is not None
            taken = [at for at in taken if at is not None]
            assert all(at is not None and at <= order.cancelled_at for at in taken)
            assert (order.paid_at is not None) == (order.cancel_reason == "customer")
            assert order.updated_at == order.cancelled_at
        else:
            reached = steps.index(order.status) + 1
            assert all(at is not None for at in taken[:reached])
            assert not any(taken[reached:])
            assert order.cancel_reason is None
            assert order.cancelled_at is None
        times = [order.placed_at, *(at for at in taken if at is not None)]
        assert times == sorted(times)
        assert order.updated_at < NOW


def test_payments_fit_their_orders(past: Past) -> None:
    """What was sent was paid for, what came back was refunded, what came to nothing was never charged."""
    expected = {
        "paid": {"authorised"},
        "packed": {"authorised"},
        "shipped": {"captured"},
        "delivered": {"captured", "partly_refunded"},
        "returned": {"refunded", "partly_refunded"},
    }
    by_reason = {"card-declined": "declined", "customer": "voided"}
    wallets: dict[str, set[str]] = {}
    for method in methods():
        wallets.setdefault(method.user_id, set()).add(method.id)
    for order in past:
        payment = order.payment
        if order.cancel_reason == "out-of-stock":
            assert payment is None
            continue
        assert payment is not None
        if order.cancel_reason is not None:
            assert payment.status == by_reason[order.cancel_reason]
        else:
            assert payment.status in expected[order.status]
        assert payment.method_id in wallets[order.user_id]
        assert payment.captured_at == order.shipped_at
        is_refunded = payment.status in ("refunded", "partly_refunded")
        assert is_refunded == (payment.refunded_cents > 0) == (payment.refunded_at is not None)
        assert (payment.status == "refunded") == (payment.refunded_cents == order.total_cents)
        assert payment.refunded_cents <= order.total_cents


def test_parcels_fit_their_orders(past: Past) -> None:
    """An order has parcels once it is packed; they are where it is, and have told so on the way."""
    expected = {
        "packed": {"preparing"},
        "shipped": {"in_transit", "out_for_delivery"},
        "delivered": {"delivered"},
        "returned": {"delivered"},
    }
    ids = [parcel.id for order in past for parcel in order.parcels]
    assert len(set(ids)) == len(ids)
    for order in past:
        assert (len(order.parcels) > 0) == (order.packed_at is not None)
        for parcel in order.parcels:
            assert parcel.status in expected[order.status]
            assert parcel.shipped_at == order.shipped_at
            assert parcel.delivered_at == order.delivered_at
            assert (parcel.expected_at is not None) == (parcel.shipped_at is not None)
            times = [event.at for event in parcel.events]
            assert times == sorted(times)
            assert times[-1] < NOW
            assert parcel.events[-1].status == parcel.status
    assert any(len(order.parcels) > 1 for order in past)


def test_everyone_can_pay(profiles: dict[str, Profile]) -> None:
    """Everyone has a valid card, the default; some have something else; the regulars' second card is declined."""
    wallets: dict[str, list[str]] = {}
    for method in methods():
        wallet = wallets.setdefault(method.user_id, [])
        assert method.id == f"{method.user_id}-pm{len(wallet) + 1}"
        assert method.is_default == (not wallet)
        assert method.holder == profiles[method.user_id].name
        assert (method.kind == "card") == (None not in (method.brand, method.last4, method.expires))
        if not wallet:
            assert method.kind == "card"
        assert (method.last4 == DECLINED_LAST4) == (method.user_id in REGULARS and bool(wallet))
        wallet.append(method.id)
    assert sorted(wallets) == sorted(profiles)
    assert {len(wallet) for wallet in wallets.values()} == {1, 2}


@pytest.mark.parametrize(("subtotal", "shipping"), [(0, 0), (1, 490), (4_999, 490), (5_000, 0)])
def test_shipping(subtotal: int, shipping: int) -> None:
    """Sending is free from 50.00 on, and nothing costs nothing."""
    assert shipping_cents(subtotal) == shipping
