"""The screens of the app, card by card: worded in every language, null where there is nothing to say, few calls."""

from __future__ import annotations

from typing import Any

import pytest

from tests.bff_mobile.phone import address, money, order, page, phone, product

LANGUAGES = ("en", "es", "de", "ja")


def plain(text: str) -> str:
    """The text with ordinary spaces."""
    return text.replace("\u00a0", " ").replace("\u202f", " ")


# The feed


FEED = "{ feed { products { id price imageUrl(width: 500) } nextCursor } }"


async def test_the_feed_is_a_page_of_cards() -> None:
    """Ten cards at first, each with its picture, by one call; ``nextCursor`` leads on."""
    async with phone({"/recommendations": page(product("1"), product("2", images=False), next="c1")}) as app:
        reply = await app.ask(FEED)

        assert reply.errors == []
        assert reply.data["feed"] == {
            "products": [
                {"id": "1", "price": "€9.99", "imageUrl": "https://images.test/1.jpg?width=640"},
                {"id": "2", "price": "€9.99", "imageUrl": None},
            ],
            "nextCursor": "c1",
        }
        assert app.targets == ["GET /recommendations?limit=10"]


async def test_the_last_page_has_no_cursor() -> None:
    """Where the list ends there is nothing to go on with."""
    async with phone({"/recommendations": page(product("1"))}) as app:
        assert (await app.ask(FEED)).data["feed"]["nextCursor"] is None


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("{ feed(first: 21) { nextCursor } }", "first must be from 1 to 20, not 21."),
        ("{ orders(first: 11) { nextCursor } }", "first must be from 1 to 10, not 11."),
        ("{ inbox(first: 21) { nextCursor } }", "first must be from 1 to 20, not 21."),
    ],
)
async def test_pages_of_the_app_are_small(query: str, sentence: str) -> None:
    """A page has few rows, and more are refused without a call."""
    async with phone({}) as app:
        assert [error["message"] for error in (await app.ask(query)).errors] == [sentence]
        assert app.targets == []


# Orders


ORDERS = "{ orders { orders { id number status placed total itemCount imageUrl(width: 160) } nextCursor } }"


@pytest.mark.parametrize(
    ("locale", "said"),
    [
        ("en", {"status": "Shipped", "placed": "2 days ago", "total": "€1,219.98", "itemCount": "3 items"}),
        ("es", {"status": "Enviado", "placed": "hace 2 días", "total": "1.219,98 €", "itemCount": "3 artículos"}),
        ("de", {"status": "Versandt", "placed": "vor 2 Tagen", "total": "1.219,98 €", "itemCount": "3 Artikel"}),
        ("ja", {"status": "発送済み", "placed": "2 日前", "total": "€1,219.98", "itemCount": "3点"}),
    ],
)
async def test_an_order_is_a_card(locale: str, said: dict[str, str]) -> None:
    """Status, age, total and count are worded for the locale; the picture is that of the first product."""
    async with phone({"/me/orders": page(order())}) as app:
        (card,) = (await app.ask(ORDERS, locale)).data["orders"]["orders"]

        assert {name: plain(card[name]) for name in said} == said
        assert card["imageUrl"] == "https://images.test/11.jpg?width=160"


async def test_the_pictures_of_all_orders_are_one_call() -> None:
    """Five orders ask for their first products together, and orders of the same product ask once."""
    rows = [order(str(n)) for n in range(1, 5)]
    rows.append(order("5", lines=[{**rows[0]["lines"][0], "product_id": "13"}]))
    async with phone({"/me/orders": page(*rows)}) as app:
        reply = await app.ask(ORDERS)

        assert len(reply.data["orders"]["orders"]) == 5
        assert app.targets == ["GET /products?id=11&id=13", "GET /me/orders?limit=5"]


async def test_an_order_without_lines_has_no_picture() -> None:
    """Nothing is asked for it, and the count says zero."""
    async with phone({"/me/orders": page(order(lines=[]))}) as app:
        (card,) = (await app.ask(ORDERS)).data["orders"]["orders"]

        assert (card["imageUrl"], card["itemCount"]) == (None, "0 items")
        assert app.targets == ["GET /me/orders?limit=5"]


async def test_one_thing_is_counted_as_one() -> None:
    """The plural form follows the number."""
    one = order()
    one["lines"] = [{**one["lines"][0], "quantity": 1}]
    async with phone({"/me/orders": page(one)}) as app:
        (card,) = (await app.ask("{ orders { orders { itemCount } } }")).data["orders"]["orders"]
        assert card == {"itemCount": "1 item"}


# One order


STATUS = """{
  orderStatus(id: "1") {
    headline status cancellable placed total itemCount address payment
    lines { productId name quantity total imageUrl(width: 160) }
    parcels { carrier trackingNumber status arrival latest }
  }
}"""

PAYMENT = {
    "id": "p1",
    "order_id": "1",
    "amount": money("1219.98"),
    "status": "captured",
    "method": {"id": "m", "kind": "card", "brand": "Visa", "last4": "4242"},
    "created_at": "2026-09-29T12:00:00Z",
    "refunded": money("0.00"),
    "refunds": [],
}

PARCEL = {
    "id": "1-1",
    "order_id": "1",
    "carrier": "DHL",
    "tracking_number": "DH1",
    "status": "in_transit",
    "shipped_at": "2026-09-30T12:00:00Z",
    "expected_at": "2026-10-03T12:00:00Z",
    "delivered_at": None,
    "events": [
        {"at": "2026-10-01T09:00:00Z", "place": "Leipzig", "status": "in_transit"},
        {"at": "2026-09-30T09:00:00Z", "place": "Halle", "status": "preparing"},
    ],
}


def one_order(
    *, of: dict[str, Any] | None = None, payment: Any = PAYMENT, parcels: tuple[Any, ...] = (PARCEL,)
) -> dict[str, Any]:
    """What the services answer about one order."""
    return {
        "/orders": {"items": [of or order()]},
        "/payments": {"items": [payment] if payment else []},
        "/parcels": {"items": parcels},
    }


async def test_the_screen_of_an_order() -> None:
    """Everything on it, flat and worded, by one call each to what it is made of."""
    async with phone(one_order()) as app:
        reply = await app.ask(STATUS)

        assert (reply.errors, reply.degraded) == ([], [])
        assert reply.data["orderStatus"] == {
            "headline": "Your order is on its way",
            "status": "Shipped",
            "cancellable": False,
            "placed": "Sep 29, 2026",
            "total": "€1,219.98",
            "itemCount": "3 items",
            "address": "Ada L., Main St 1, 04109 Leipzig, Germany",
            "payment": "Visa ending 4242 - paid",
            "lines": [
                {
                    "productId": "11",
                    "name": "Cup",
                    "quantity": 2,
                    "total": "€19.98",
                    "imageUrl": "https://images.test/11.jpg?width=160",
                },
                {
                    "productId": "12",
                    "name": "Pot",
                    "quantity": 1,
                    "total": "€1,200.00",
                    "imageUrl": "https://images.test/12.jpg?width=160",
                },
            ],
            "parcels": [
                {
                    "carrier": "DHL",
                    "trackingNumber": "DH1",
                    "status": "In transit",
                    "arrival": "Expected on Oct 3, 2026",
                    "latest": "In transit: Leipzig, 3 hours ago",
                }
            ],
        }
        assert sorted(app.targets) == [
            "GET /orders?ids=1",
            "GET /parcels?order_ids=1",
            "GET /payments?order_ids=1",
            "GET /products?id=11&id=12",
        ]


@pytest.mark.parametrize(
    ("locale", "headline", "payment", "arrival", "latest"),
    [
        (
            "es",
            "Tu pedido está en camino",
            "Visa terminada en 4242 - pagado",
            "Llegada prevista: 3 oct 2026",
            "En camino: Leipzig, hace 3 horas",
        ),
        (
            "de",
            "Ihre Bestellung ist unterwegs",
            "Visa mit den Endziffern 4242 - bezahlt",
            "Voraussichtlich am 03.10.2026",
            "Unterwegs: Leipzig, vor 3 Stunden",
        ),
        (
            "ja",
            "商品を発送しました",
            "Visa 末尾4242(支払い済み)",
            "2026/10/03にお届け予定",
            "輸送中(Leipzig、3 時間前)",
        ),
    ],
)
async def test_the_screen_of_an_order_in_other_languages(
    locale: str, headline: str, payment: str, arrival: str, latest: str
) -> None:
    """Its sentences are those of the language, dates and ages included."""
    async with phone(one_order()) as app:
        screen = (await app.ask(STATUS, locale)).data["orderStatus"]

        assert (screen["headline"], screen["payment"]) == (headline, payment)
        assert (screen["parcels"][0]["arrival"], screen["parcels"][0]["latest"]) == (arrival, latest)


@pytest.mark.parametrize("locale", LANGUAGES)
async def test_a_word_nobody_knows_breaks_no_card(locale: str) -> None:
    """New words of the services for statuses and ways to pay: every card is whole and says what is known."""
    event = {"at": "2026-10-01T09:00:00Z", "place": "Leipzig", "status": "teleported"}
    payment = {**PAYMENT, "status": "blessed", "method": {"id": "m", "kind": "barter", "brand": None, "last4": None}}
    parcel = {**PARCEL, "status": "teleported", "events": [event]}
    async with phone(one_order(of=order(status="dreamt"), payment=payment, parcels=(parcel,))) as app:
        reply = await app.ask(STATUS, locale)

        assert (reply.errors, reply.degraded) == ([], [])
        screen = reply.data["orderStatus"]
        said = [screen["headline"], screen["status"], screen["payment"], *screen["parcels"][0].values()]
        assert all(isinstance(text, str) and text.strip() for text in said)
        if locale == "en":
            assert said == [
                "Your order",
                "Status unknown",
                "Other payment method",
                "DHL",
                "DH1",
                "Status unknown",
                "Expected on Oct 3, 2026",
                "Leipzig, 3 hours ago",
            ]


async def test_what_is_absent_is_null() -> None:
    """No payment, no expected day, no event: null, and never a sentence about nothing."""
    parcel = {**PARCEL, "status": "preparing", "expected_at": None, "events": []}
    async with phone(one_order(payment=None, parcels=(parcel,))) as app:
        reply = await app.ask(STATUS)

        screen = reply.data["orderStatus"]
        assert screen["payment"] is None
        assert (screen["parcels"][0]["arrival"], screen["parcels"][0]["latest"]) == (None, None)
        assert (reply.errors, reply.degraded) == ([], [])


async def test_an_order_without_parcels_has_an_empty_list() -> None:
    """Before it is packed there are none; that is known, so it is not null."""
    async with phone(one_order(parcels=())) as app:
        assert (await app.ask(STATUS)).data["orderStatus"]["parcels"] == []


@pytest.mark.parametrize(
    ("delivered_at", "arrival"),
    [("2026-09-29T12:00:00Z", "Delivered 2 days ago"), (None, None)],
)
async def test_a_parcel_that_arrived_says_when(delivered_at: str | None, arrival: str | None) -> None:
    """How long ago, where it is known; a delivered parcel is not expected any more."""
    parcel = {**PARCEL, "status": "delivered", "delivered_at": delivered_at}
    async with phone(one_order(parcels=(parcel,))) as app:
        assert (await app.ask(STATUS)).data["orderStatus"]["parcels"][0]["arrival"] == arrival


async def test_an_order_is_shown_without_the_payment_service() -> None:
    """Its place is null and told; the rest of the screen stands."""
    answers = one_order()
    del answers["/payments"]
    async with phone(answers) as app:
        reply = await app.ask(STATUS)

        assert reply.data["orderStatus"]["payment"] is None
        assert reply.data["orderStatus"]["headline"] == "Your order is on its way"
        assert [entry["path"] for entry in reply.degraded] == ["orderStatus.payment"]


@pytest.mark.parametrize(
    ("method", "said"),
    [
        ({"kind": "card", "brand": "Visa", "last4": None}, "Visa - paid"),
        ({"kind": "card", "brand": None, "last4": "4242"}, "Card ending 4242 - paid"),
        ({"kind": "card", "brand": None, "last4": None}, "Card - paid"),
        ({"kind": "paypal", "brand": None, "last4": None}, "PayPal - paid"),
        ({"kind": "invoice", "brand": None, "last4": None}, "Invoice - paid"),
    ],
)
async def test_a_way_to_pay_says_what_is_known_of_it(method: dict[str, Any], said: str) -> None:
    """What the service does not say leaves no gap in the sentence."""
    async with phone(one_order(payment={**PAYMENT, "method": {"id": "m", **method}})) as app:
        assert (await app.ask(STATUS)).data["orderStatus"]["payment"] == said


# The inbox


INBOX = "{ inbox { notifications { title text when isUnread orderId productId } nextCursor } }"


def notification(kind: str, **other: Any) -> dict[str, Any]:
    """A notification as its service sends it, in English."""
    return {
        "id": kind,
        "kind": kind,
        "title": f"Title of {kind}",
        "body": "Body.",
        "created_at": "2026-09-30T12:00:00Z",
        "read_at": None,
        "order_id": None,
        "product_id": None,
        **other,
    }


@pytest.mark.parametrize(
    ("locale", "title", "when"),
    [
        ("en", "Your order is on its way", "1 day ago"),
        ("es", "Tu pedido está en camino", "hace 1 día"),
        ("de", "Ihre Bestellung ist unterwegs", "vor 1 Tag"),
        ("ja", "商品を発送しました", "1 日前"),
    ],
)
async def test_a_notification_is_worded_by_its_kind(locale: str, title: str, when: str) -> None:
    """The title is ours where the kind is known, and the service's where it is new."""
    rows = (
        notification("order_shipped", order_id="1"),
        notification("meteor", read_at="2026-10-01T00:00:00Z", product_id="2", body=""),
    )
    async with phone({"/me/notifications": page(*rows, next="c1")}) as app:
        reply = await app.ask(INBOX, locale)

        assert reply.data["inbox"] == {
            "notifications": [
                {
                    "title": title,
                    "text": "Body.",
                    "when": when,
                    "isUnread": True,
                    "orderId": "1",
                    "productId": None,
                },
                {
                    "title": "Title of meteor",
                    "text": None,
                    "when": when,
                    "isUnread": False,
                    "orderId": None,
                    "productId": "2",
                },
            ],
            "nextCursor": "c1",
        }
        assert app.targets == ["GET /me/notifications?limit=10"]


@pytest.mark.parametrize(("unread", "badge"), [(0, None), (1, "1"), (99, "99"), (100, "99+"), (12_345, "99+")])
@pytest.mark.parametrize("locale", LANGUAGES)
async def test_the_badge_has_room_for_two_digits(locale: str, unread: int, badge: str | None) -> None:
    """A number up to 99, then 99+, and null for none."""
    async with phone({"/me/notifications/unread-count": {"unread": unread}}) as app:
        assert (await app.ask("{ unreadBadge }", locale)).data == {"unreadBadge": badge}


# The account


async def test_the_account_says_how_to_pay_and_where_things_go() -> None:
    """Payment methods and the default address as sentences."""
    methods = [
        {"id": "1", "kind": "card", "holder": "A", "is_default": True, "brand": "Visa", "last4": "4242"},
        {"id": "2", "kind": "paypal", "holder": "A", "is_default": False, "brand": None, "last4": None},
    ]
    answers = {
        "/me": {
            "id": "7",
            "name": "Ada L.",
            "given_name": "Ada",
            "family_name": "L.",
            "email": "a@example.com",
            "locale": "en",
            "created_at": "2024-05-04T00:00:00Z",
        },
        "/me/payment-methods": {"items": methods},
        "/me/addresses": {
            "items": [
                address(id="1", label="Work", is_default=False, city="Halle"),
                address(id="2", label="Home", is_default=True),
            ]
        },
    }
    query = "{ me { memberSince paymentMethods defaultAddress } }"
    async with phone(answers) as app:
        assert (await app.ask(query)).data["me"] == {
            "memberSince": "Customer since May 4, 2024",
            "paymentMethods": ["Visa ending 4242", "PayPal"],
            "defaultAddress": "Ada L., Main St 1, 04109 Leipzig, Germany",
        }
    async with phone({**answers, "/me/addresses": {"items": []}}) as app:
        assert (await app.ask(query)).data["me"]["defaultAddress"] is None


# The cart


CART = "{ cart { version itemCount total lines { productId name quantity total imageUrl(width: 160) } } }"


def cart(*items: dict[str, Any], total: str) -> dict[str, Any]:
    """A cart as the order service sends it."""
    return {
        "id": "7",
        "version": len(items),
        "items": items,
        "total": money(total),
        "updated_at": "2026-10-01T00:00:00Z",
    }


async def test_the_cart_is_ready_to_check_out() -> None:
    """Its version, and its lines with the names and pictures of their products by one call."""
    item = {"product_id": "11", "quantity": 2, "unit_price": money("9.99"), "added_at": "2026-10-01T00:00:00Z"}
    async with phone({"/me/cart": cart(item, {**item, "product_id": "12", "quantity": 1}, total="29.97")}) as app:
        reply = await app.ask(CART)

        assert reply.data["cart"] == {
            "version": 2,
            "itemCount": "3 items",
            "total": "€29.97",
            "lines": [
                {
                    "productId": "11",
                    "name": "Product 11",
                    "quantity": 2,
                    "total": "€19.98",
                    "imageUrl": "https://images.test/11.jpg?width=160",
                },
                {
                    "productId": "12",
                    "name": "Product 12",
                    "quantity": 1,
                    "total": "€9.99",
                    "imageUrl": "https://images.test/12.jpg?width=160",
                },
            ],
        }
        assert sorted(app.targets) == ["GET /me/cart", "GET /products?id=11&id=12"]


async def test_an_empty_cart_is_a_cart() -> None:
    """Version 0, nothing in it, and nothing asked of the products."""
    async with phone({"/me/cart": cart(total="0.00")}) as app:
        assert (await app.ask(CART)).data["cart"] == {
            "version": 0,
            "itemCount": "0 items",
            "total": "€0.00",
            "lines": [],
        }
        assert app.targets == ["GET /me/cart"]


# Images, and fields of old apps


@pytest.mark.parametrize("width", [0, 1921])
async def test_a_width_nobody_scales_to_is_a_bad_request(width: int) -> None:
    """On a linked picture as on a plain one: the place is null, and the rest of the card stands."""
    async with phone({"/me/orders": page(order())}) as app:
        reply = await app.ask(f"{{ orders {{ orders {{ id imageUrl(width: {width}) }} }} }}")

        assert reply.data["orders"]["orders"] == [{"id": "1", "imageUrl": None}]
        assert [error["extensions"]["code"] for error in reply.errors] == ["BAD_REQUEST"]


async def test_old_names_say_the_same_as_the_new_ones() -> None:
    """A deprecated field is served as its successor is, without a call of its own."""
    review = {
        "id": "r",
        "author_id": "7",
        "rating": 5,
        "title": "Good",
        "body": "Very.",
        "verified_purchase": True,
        "created_at": "2026-09-29T12:00:00Z",
    }
    answers = {
        "/stock/query": {"data": {"items": [{"product_id": "1", "available": 1, "status": "low"}]}},
        "/products/1/reviews": page(review),
    }
    async with phone(answers) as app:
        reply = await app.ask('{ productScreen(id: "1") { availability stock reviews { when written } } }')

        assert reply.data["productScreen"] == {
            "availability": "Only 1 left",
            "stock": "Only 1 left",
            "reviews": [{"when": "2 days ago", "written": "2 days ago"}],
        }
        assert app.targets == ["GET /products?id=1", "POST /stock/query", "GET /products/1/reviews?limit=3"]
