"""What the notification service answers, and that everybody reads only their own."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from downstream_stubs.history import REGULARS, history
from downstream_stubs.notifications import NotificationsSettings, create_app

Bearer = Callable[..., dict[str, str]]
SERVICE = {"x-service-key": "shop-development"}
AT_ONCE = 8
PHONE = {"platform": "ios", "token": "secret-token", "app_version": "3.14.1", "locale": "de-DE"}


@pytest.fixture
def caller(bearer: Bearer) -> dict[str, str]:
    """The header of user 7."""
    return bearer("7")


def tell(notifications: httpx.Client, key: str, **order: object) -> httpx.Response:
    order = {"user_id": "7", "kind": "order_placed", "order_id": "20001", **order}
    return notifications.post("/notifications", headers={**SERVICE, "idempotency-key": key}, json=order)


def unread(notifications: httpx.Client, caller: dict[str, str]) -> int:
    return int(notifications.get("/me/notifications/unread-count", headers=caller).json()["unread"])


def page(notifications: httpx.Client, caller: dict[str, str], **query: str | int | bool) -> dict[str, Any]:
    answer = notifications.get("/me/notifications", params=query, headers=caller)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def whole(notifications: httpx.Client, caller: dict[str, str], **query: str | int | bool) -> list[dict[str, Any]]:
    """All pages one after the other."""
    found = page(notifications, caller, **query)
    items = list(found["items"])
    while found["next"] is not None:
        found = page(notifications, caller, cursor=found["next"], **query)
        items += found["items"]
    return items


# --- what it begins with


def test_data_is_the_same_bytes_each_time(notifications: httpx.Client, data_dir: Path, tmp_path: Path) -> None:
    """The data that the running service began with is that of any other, to the last byte."""
    other = create_app(NotificationsSettings(data_dir=tmp_path))
    other.prepare()
    other.release()
    made = (tmp_path / "notifications.seed.sqlite3").read_bytes()
    assert made == (data_dir / "notifications.seed.sqlite3").read_bytes()


def test_inbox_is_about_what_happened(notifications: httpx.Client, bearer: Bearer) -> None:
    """Each order that arrived in the last weeks of history was told to its buyer, and everyone was welcomed."""
    delivered = [order for order in history() if order.delivered_at is not None and order.n > 19_000]
    for user_id in REGULARS:
        items = whole(notifications, bearer(user_id), limit=50)
        arrived = {one["order_id"] for one in items if one["kind"] == "order_delivered"}
        mine = {order.id for order in delivered if order.user_id == user_id}
        assert mine
        assert mine <= arrived
        assert items[-1]["kind"] == "welcome"
    assert [one["kind"] for one in whole(notifications, bearer("1"))][-1] == "welcome"


def test_regulars_have_something_unread(notifications: httpx.Client, bearer: Bearer) -> None:
    """Users 7, 42 and 100 have unread notifications, the newest among them, and older ones that were read."""
    for user_id in REGULARS:
        found = page(notifications, bearer(user_id), limit=50)
        assert all(one["read_at"] is None for one in found["items"][:3])
        assert 3 <= unread(notifications, bearer(user_id)) < found["total"]


# --- reading


def test_pages_are_newest_first(notifications: httpx.Client, caller: dict[str, str]) -> None:
    """Pages hold each notification once, newest first, and every cursor continues behind its item."""
    items = whole(notifications, caller, limit=50)
    assert [one["created_at"] for one in items] == sorted((one["created_at"] for one in items), reverse=True)
    assert len({one["id"] for one in items}) == len(items) == page(notifications, caller)["total"]
    assert whole(notifications, caller, limit=3) == items
    first = page(notifications, caller, limit=5)
    assert len(first["cursors"]) == 5
    assert first["next"] == first["cursors"][-1]
    assert page(notifications, caller, limit=2, cursor=first["cursors"][1])["items"] == items[2:4]


def test_new_ones_move_nothing(notifications: httpx.Client, caller: dict[str, str]) -> None:
    """A notification that comes between two pages shifts neither."""
    items = whole(notifications, caller, limit=50)
    first = page(notifications, caller, limit=3)
    tell(notifications, "a")
    assert page(notifications, caller, limit=3, cursor=first["next"])["items"] == items[3:6]


def test_counts_add_up(notifications: httpx.Client, caller: dict[str, str]) -> None:
    """Unread ones and read ones are all of them; the count is that of the unread ones."""
    items = whole(notifications, caller, limit=50)
    new, old = whole(notifications, caller, unread=True, limit=4), whole(notifications, caller, unread=False, limit=50)
    assert new == [one for one in items if one["read_at"] is None]
    assert old == [one for one in items if one["read_at"] is not None]
    assert unread(notifications, caller) == len(new) == page(notifications, caller, unread=True)["total"]
    assert page(notifications, caller, unread=False)["total"] == len(old)


def test_notifications_by_id(notifications: httpx.Client, caller: dict[str, str]) -> None:
    """Notifications come by id, each once and oldest first; unknown ones are left out."""
    items = page(notifications, caller, limit=4)["items"]
    ids = ",".join([*(one["id"] for one in items), items[0]["id"], "none"])
    found = notifications.get("/notifications", params={"ids": ids}, headers=caller)
    assert found.json()["items"] == items[::-1]
    assert found.headers["cache-control"] == "private, no-store"


# --- whose it is


def test_notifications_are_their_owners(notifications: httpx.Client, bearer: Bearer, caller: dict[str, str]) -> None:
    """Another user's notifications are not found, and cannot be marked as read."""
    other = bearer("42")
    mine = [one["id"] for one in page(notifications, caller, unread=True)["items"]]
    before = unread(notifications, caller), unread(notifications, other)
    assert notifications.get("/notifications", params={"ids": ",".join(mine)}, headers=other).json() == {"items": []}
    marked = notifications.post("/me/notifications/read", headers=other, json={"ids": mine})
    assert marked.json() == {"updated": 0, "unread": before[1]}
    assert (unread(notifications, caller), unread(notifications, other)) == before


def test_cursors_are_their_owners(notifications: httpx.Client, bearer: Bearer, caller: dict[str, str]) -> None:
    """A cursor of another user, or of another question, is a 400 that names it."""
    cursor = page(notifications, caller, limit=1)["next"]
    for headers, query in ((bearer("42"), {}), (caller, {"unread": "true"}), (caller, {"unread": "false"})):
        refused = notifications.get("/me/notifications", params={"cursor": cursor, **query}, headers=headers)
        assert (refused.status_code, refused.json()["errors"][0]["name"]) == (400, "cursor")


@pytest.mark.parametrize(
    ("method", "path", "body", "scope"),
    [
        ("GET", "/me/notifications", None, "notifications:read"),
        ("GET", "/me/notifications/unread-count", None, "notifications:read"),
        ("GET", "/notifications?ids=1", None, "notifications:read"),
        ("GET", "/me/devices", None, "notifications:read"),
        ("POST", "/me/notifications/read", {}, "notifications:write"),
        ("PUT", "/me/devices/phone", PHONE, "notifications:write"),
    ],
)
def test_routes_need_a_token_and_a_scope(
    notifications: httpx.Client, bearer: Bearer, method: str, path: str, body: object, scope: str
) -> None:
    """Without a token it is 401, with one that lacks the scope 403; and no answer may be stored."""
    assert notifications.request(method, path, json=body, headers=SERVICE).status_code == 401
    others = {"notifications:read": "notifications:write", "notifications:write": "notifications:read"}
    refused = notifications.request(method, path, json=body, headers=bearer("7", scopes=[others[scope]]))
    assert (refused.status_code, refused.json()["type"]) == (403, "insufficient-scope")
    assert scope in refused.json()["detail"]
    answer = notifications.request(method, path, json=body, headers=bearer("7"))
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "private, no-store")


# --- marking as read


def test_some_are_read(notifications: httpx.Client, caller: dict[str, str]) -> None:
    """Those named are read from then on; named again they are not updated."""
    before = unread(notifications, caller)
    ids = [one["id"] for one in page(notifications, caller, unread=True, limit=2)["items"]]
    marked = notifications.post("/me/notifications/read", headers=caller, json={"ids": [*ids, ids[0], "none"]})
    assert marked.json() == {"updated": 2, "unread": before - 2}
    assert unread(notifications, caller) == before - 2
    found = notifications.get("/notifications", params={"ids": ",".join(ids)}, headers=caller).json()
    assert all(one["read_at"] is not None for one in found["items"])
    again = notifications.post("/me/notifications/read", headers=caller, json={"ids": ids})
    assert again.json() == {"updated": 0, "unread": before - 2}


def test_read_long_ago(notifications: httpx.Client, caller: dict[str, str]) -> None:
    """What was read keeps the time of its reading, however often it is marked, by its id or with all."""
    old = page(notifications, caller, unread=False, limit=2)["items"]
    ids = [one["id"] for one in old]
    for body in ({"ids": ids}, {}):
        notifications.post("/me/notifications/read", headers=caller, json=body)
        found = notifications.get("/notifications", params={"ids": ",".join(ids)}, headers=caller).json()
        assert found["items"] == old[::-1]


@pytest.mark.parametrize("body", [{}, {"ids": None}])
def test_all_are_read(
    notifications: httpx.Client, bearer: Bearer, caller: dict[str, str], body: dict[str, object]
) -> None:
    """Without ids all of the caller's are read, and nobody else's."""
    before, others = unread(notifications, caller), unread(notifications, bearer("42"))
    marked = notifications.post("/me/notifications/read", headers=caller, json=body)
    assert marked.json() == {"updated": before, "unread": 0}
    assert page(notifications, caller, unread=True)["total"] == 0
    assert unread(notifications, bearer("42")) == others > 0


def test_reading_again_under_the_same_key(notifications: httpx.Client, caller: dict[str, str]) -> None:
    """The same request under the same key tells again what it did, and does nothing to what came since."""
    headers = {**caller, "idempotency-key": "a"}
    first = notifications.post("/me/notifications/read", headers=headers, json={})
    tell(notifications, "a")
    again = notifications.post("/me/notifications/read", headers=headers, json={})
    assert again.json() == first.json()
    assert again.headers["idempotent-replayed"] == "true"
    assert unread(notifications, caller) == 1
    other = notifications.post("/me/notifications/read", headers=headers, json={"ids": ["none"]})
    assert (other.status_code, other.json()["type"]) == (422, "idempotency-key-reused")


@pytest.mark.parametrize("ids", [[], ["a b"], [1], ["x"] * 101, "1"])
def test_bad_ids_are_named(notifications: httpx.Client, caller: dict[str, str], ids: object) -> None:
    """Ids that are none, too many or no list are a 422 that names them, and nothing is marked."""
    before = unread(notifications, caller)
    refused = notifications.post("/me/notifications/read", headers=caller, json={"ids": ids})
    assert refused.status_code == 422
    assert all(error["name"].startswith("ids") for error in refused.json()["errors"])
    assert unread(notifications, caller) == before


# --- devices


def test_device_is_registered(notifications: httpx.Client, bearer: Bearer, caller: dict[str, str]) -> None:
    """A device is registered and changed by the same request; its token is never shown, nor the device to others."""
    assert notifications.get("/me/devices", headers=caller).json() == {"items": []}
    first = notifications.put("/me/devices/phone", headers=caller, json=PHONE)
    assert first.status_code == 200
    assert set(first.json()) == {"id", "platform", "app_version", "locale", "registered_at"}
    newer = notifications.put("/me/devices/phone", headers=caller, json={**PHONE, "app_version": "3.15.0"}).json()
    assert newer == {**first.json(), "app_version": "3.15.0"}
    tablet = notifications.put("/me/devices/tablet", headers=caller, json={**PHONE, "token": "other"}).json()
    found = notifications.get("/me/devices", headers=caller)
    assert found.json() == {"items": [newer, tablet]}
    assert PHONE["token"] not in found.text
    assert notifications.get("/me/devices", headers=bearer("42")).json() == {"items": []}


def test_same_device_id_of_two_users(notifications: httpx.Client, bearer: Bearer, caller: dict[str, str]) -> None:
    """A device id is its user's own: another user's device of that name is another one."""
    mine = notifications.put("/me/devices/phone", headers=caller, json=PHONE).json()
    notifications.put(
        "/me/devices/phone", headers=bearer("42"), json={**PHONE, "token": "other", "platform": "android"}
    )
    assert notifications.get("/me/devices", headers=caller).json() == {"items": [mine]}


def test_device_changes_hands(notifications: httpx.Client, bearer: Bearer, caller: dict[str, str]) -> None:
    """Who signs in on a device takes it over: its former user is told nothing there any more."""
    notifications.put("/me/devices/phone", headers=caller, json=PHONE)
    notifications.put("/me/devices/mine", headers=bearer("42"), json=PHONE)
    assert notifications.get("/me/devices", headers=caller).json() == {"items": []}
    assert [one["id"] for one in notifications.get("/me/devices", headers=bearer("42")).json()["items"]] == ["mine"]


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"platform": "windows"}, "platform"),
        ({"token": ""}, "token"),
        ({"token": "x" * 401}, "token"),
        ({"app_version": "one two"}, "app_version"),
        ({"locale": "german"}, "locale"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_bad_devices_are_named(
    notifications: httpx.Client, caller: dict[str, str], change: dict[str, object], name: str
) -> None:
    """A field that is not acceptable is a 422 that names it, and no device is registered."""
    refused = notifications.put("/me/devices/phone", headers=caller, json={**PHONE, **change})
    assert (refused.status_code, [error["name"] for error in refused.json()["errors"]]) == (422, [name])
    assert notifications.get("/me/devices", headers=caller).json() == {"items": []}


# --- telling


def test_service_tells_a_user(notifications: httpx.Client, bearer: Bearer, caller: dict[str, str]) -> None:
    """What a service says happened is worded, unread, the newest of its user's, and of no other's."""
    before = unread(notifications, caller), unread(notifications, bearer("42"))
    answer = tell(notifications, "a")
    assert answer.status_code == 201
    new = answer.json()
    assert (new["kind"], new["order_id"], new["product_id"], new["read_at"]) == ("order_placed", "20001", None, None)
    assert new["title"]
    assert new["body"]
    assert page(notifications, caller, limit=1)["items"] == [new]
    assert (unread(notifications, caller), unread(notifications, bearer("42"))) == (before[0] + 1, before[1])


def test_every_kind_has_words_of_its_own(notifications: httpx.Client) -> None:
    """No two kinds say the same."""
    kinds = (
        "welcome",
        "order_placed",
        "order_shipped",
        "order_delivered",
        "order_cancelled",
        "payment_declined",
        "refund_done",
        "price_drop",
    )
    said = [tell(notifications, kind, kind=kind, product_id="1").json() for kind in kinds]
    assert len({one["title"] for one in said}) == len({one["body"] for one in said}) == len(kinds)


@pytest.mark.parametrize("key", [{}, {"x-service-key": "wrong"}, {"x-service-key": ""}])
def test_only_services_tell(notifications: httpx.Client, caller: dict[str, str], key: dict[str, str]) -> None:
    """A user's token tells nobody anything, not even its own user."""
    before = page(notifications, caller)["total"]
    order = {"user_id": "7", "kind": "welcome"}
    refused = notifications.post("/notifications", headers={**caller, **key, "idempotency-key": "a"}, json=order)
    assert (refused.status_code, refused.json()["type"]) == (401, "service-key-needed")
    assert page(notifications, caller)["total"] == before


def test_told_once(notifications: httpx.Client, caller: dict[str, str]) -> None:
    """The same key tells once, also at once; another body under it is a 422, no key a 400."""
    before = unread(notifications, caller)
    with ThreadPoolExecutor(AT_ONCE) as threads:
        answers = list(threads.map(lambda _: tell(notifications, "a"), range(AT_ONCE)))
    assert {(answer.status_code, answer.text) for answer in answers} == {(201, answers[0].text)}
    assert sum("idempotent-replayed" not in answer.headers for answer in answers) == 1
    assert unread(notifications, caller) == before + 1
    assert tell(notifications, "a", order_id="20002").json()["type"] == "idempotency-key-reused"
    missing = notifications.post("/notifications", headers=SERVICE, json={"user_id": "7", "kind": "welcome"})
    assert (missing.status_code, missing.json()["type"]) == (400, "idempotency-key-missing")
    assert unread(notifications, caller) == before + 1


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"order_id": None}, "order_id"),
        ({"kind": "price_drop"}, "product_id"),
        ({"kind": "gossip"}, "kind"),
        ({"user_id": "no id"}, "user_id"),
        ({"title": "mine"}, "title"),
    ],
)
def test_what_cannot_be_told(
    notifications: httpx.Client, caller: dict[str, str], change: dict[str, object], name: str
) -> None:
    """What lacks the id it must be about, or is of no known kind, is a 422 that names it; nothing is told."""
    before = unread(notifications, caller)
    refused = tell(notifications, "a", **change)
    assert (refused.status_code, [error["name"] for error in refused.json()["errors"]]) == (422, [name])
    assert unread(notifications, caller) == before


def test_reset_forgets_what_was_told(notifications: httpx.Client, caller: dict[str, str]) -> None:
    """After a reset the inbox is what it was, and the same key tells anew under the same id."""
    before = page(notifications, caller)
    first = tell(notifications, "a").json()
    notifications.post("/_reset")
    assert page(notifications, caller) == before
    assert tell(notifications, "a").json()["id"] == first["id"]
