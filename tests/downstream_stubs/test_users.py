"""What the user service answers."""

from collections.abc import Callable

import httpx
import pytest

Bearer = Callable[..., dict[str, str]]
PRIVATE = ("/me", "/me/addresses", "/me/preferences", "/users/7")


def test_me_is_the_subject(users: httpx.Client, bearer: Bearer) -> None:
    """/me and /users/{id} tell the token's subject everything about itself."""
    me = users.get("/me", headers=bearer("7"))
    assert me.status_code == 200
    assert me.json() == users.get("/users/7", headers=bearer("7")).json()
    assert set(me.json()) == {
        "id",
        "name",
        "given_name",
        "family_name",
        "email",
        "phone",
        "locale",
        "avatar_url",
        "tenant",
        "created_at",
    }
    assert me.json()["id"] == "7"


def test_private_answers_are_stored_nowhere(users: httpx.Client, bearer: Bearer) -> None:
    """What belongs to one user says so to every cache."""
    for path in PRIVATE:
        answer = users.get(path, headers=bearer("7"))
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "private, no-store"
        assert answer.headers["vary"] == "authorization"


@pytest.mark.parametrize("path", PRIVATE)
def test_private_routes_need_a_token(users: httpx.Client, path: str) -> None:
    """Without a token, and with something else than one, the answer is 401 with a challenge."""
    for headers in ({}, {"authorization": "Basic dTpw"}, {"authorization": "Bearer rubbish"}):
        answer = users.get(path, headers=headers)
        assert answer.status_code == 401
        assert answer.json()["type"] == "unauthenticated"
        assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("path", PRIVATE)
def test_private_routes_need_a_scope(users: httpx.Client, bearer: Bearer, path: str) -> None:
    """A token without profile:read is refused with 403, and the missing scope is named."""
    answer = users.get(path, headers=bearer("7", scopes=["orders:read", "profile:write"]))
    assert answer.status_code == 403
    assert answer.json()["type"] == "insufficient-scope"
    assert "profile:read" in answer.json()["detail"]


def test_other_users_are_closed(users: httpx.Client, bearer: Bearer) -> None:
    """A user's token opens no other user; one that does not exist is a 404."""
    assert users.get("/users/8", headers=bearer("7")).json()["type"] == "forbidden"
    assert users.get("/users/8", headers=bearer("7")).status_code == 403
    assert users.get("/users/1001", headers=bearer("7")).status_code == 404


def test_addresses_have_one_default(users: httpx.Client, bearer: Bearer) -> None:
    """Each user has one to three addresses, exactly one of them the default, which comes first."""
    counts = set()
    for user_id in range(1, 21):
        items = users.get("/me/addresses", headers=bearer(str(user_id))).json()["items"]
        assert [one["is_default"] for one in items] == [True] + [False] * (len(items) - 1)
        counts.add(len(items))
    assert counts == {1, 2, 3}


def test_profiles_are_public_and_partial(users: httpx.Client) -> None:
    """Profiles need no token, leave unknown ids out, and come by id whatever the order of the question."""
    answer = users.get("/profiles", params={"ids": "9,2,nobody,10,2,0007"})
    assert answer.status_code == 200
    assert [one["id"] for one in answer.json()["items"]] == ["2", "9", "10"]
    assert set(answer.json()["items"][0]) == {"id", "display_name", "avatar_url", "member_since"}
    assert answer.headers["cache-control"] == "public, max-age=60"


@pytest.mark.parametrize(
    "query",
    [
        "",
        "ids=",
        "ids=1,,2",
        "ids=1,",
        "ids=a%20b",
        "ids=%00",
        "ids=" + "x" * 41,
        "ids=1&ids=2",
        "ids=" + ",".join(str(n) for n in range(101)),
    ],
)
def test_bad_profile_ids_are_named(users: httpx.Client, query: str) -> None:
    """Missing, empty, malformed, repeated or too many ids are a 400 that names the parameter."""
    answer = users.get(f"/profiles?{query}")
    assert answer.status_code == 400
    assert {error["name"] for error in answer.json()["errors"]} == {"ids"}


def test_a_hundred_profiles_are_allowed(users: httpx.Client) -> None:
    """The bound on ids includes 100."""
    answer = users.get("/profiles", params={"ids": ",".join(str(n) for n in range(1, 101))})
    assert len(answer.json()["items"]) == 100


def test_profile_changes_in_part(users: httpx.Client, bearer: Bearer) -> None:
    """What is given changes, the rest stays; the full name and the public profile follow."""
    headers = bearer("7")
    before = users.get("/me", headers=headers).json()
    answer = users.patch("/me", headers=headers, json={"given_name": " Zoë ", "phone": "+4915112345678"})
    after = {**before, "given_name": "Zoë", "name": f"Zoë {before['family_name']}", "phone": "+4915112345678"}
    assert (answer.status_code, answer.json()) == (200, after)
    assert (answer.headers["cache-control"], answer.headers["vary"]) == ("private, no-store", "authorization")
    assert users.get("/me", headers=headers).json() == after
    (public,) = users.get("/profiles?ids=7").json()["items"]
    assert public["display_name"] == f"Zoë {before['family_name'][0]}."
    assert users.patch("/me", headers=headers, json={"phone": None}).json() == {**after, "phone": None}
    assert users.patch("/me", headers=headers, json={}).json() == {**after, "phone": None}


def test_family_name_stays_first(users: httpx.Client, bearer: Bearer) -> None:
    """Whoever has the family name first keeps it there, whatever name or locale is taken on."""
    for number in range(1, 100):
        headers = bearer(str(number))
        before = users.get("/me", headers=headers).json()
        if before["name"].startswith(before["family_name"]):
            break
    answer = users.patch("/me", headers=headers, json={"given_name": "Ada", "locale": "en-GB"}).json()
    assert (answer["name"], answer["locale"]) == (f"{before['family_name']} Ada", "en-GB")
    (public,) = users.get("/profiles", params={"ids": before["id"]}).json()["items"]
    assert public["display_name"] == answer["name"]


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"given_name": "", "family_name": " "}, ["given_name", "family_name"]),
        ({"given_name": None}, ["given_name"]),
        ({"given_name": "a\nb"}, ["given_name"]),
        ({"family_name": "x" * 81}, ["family_name"]),
        ({"phone": "0151 2345678"}, ["phone"]),
        ({"phone": "+0123456789"}, ["phone"]),
        ({"locale": "english"}, ["locale"]),
        ({"locale": None}, ["locale"]),
        ({"email": "a@example.com"}, ["email"]),
    ],
)
def test_bad_changes_are_named(
    users: httpx.Client, bearer: Bearer, change: dict[str, object], names: list[str]
) -> None:
    """What a field cannot be, and a field that cannot be changed, is a 422 that names it; nothing changes."""
    headers = bearer("7")
    before = users.get("/me", headers=headers).json()
    answer = users.patch("/me", headers=headers, json=change)
    assert (answer.status_code, answer.json()["type"]) == (422, "invalid-body")
    assert [error["name"] for error in answer.json()["errors"]] == names
    assert users.get("/me", headers=headers).json() == before


def test_changes_need_their_scope(users: httpx.Client, bearer: Bearer) -> None:
    """Reading the profile is no leave to change it."""
    answer = users.patch("/me", headers=bearer("7", scopes=["profile:read"]), json={"given_name": "Ada"})
    assert (answer.status_code, answer.json()["type"]) == (403, "insufficient-scope")
    assert "profile:write" in answer.json()["detail"]


def test_change_happens_once_a_key(users: httpx.Client, bearer: Bearer) -> None:
    """The same key and body are answered as before even though the profile has changed since; another body is a 422."""
    headers = bearer("7")
    keyed = {**headers, "idempotency-key": "one"}
    first = users.patch("/me", headers=keyed, json={"given_name": "Ada"})
    assert "idempotent-replayed" not in first.headers
    users.patch("/me", headers=headers, json={"given_name": "Eva"})
    again = users.patch("/me", headers=keyed, json={"given_name": "Ada"})
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert again.headers["idempotent-replayed"] == "true"
    assert users.get("/me", headers=headers).json()["given_name"] == "Eva"
    other = users.patch("/me", headers=keyed, json={"given_name": "Eva"})
    assert (other.status_code, other.json()["type"]) == (422, "idempotency-key-reused")
    assert users.patch("/me", headers={**bearer("8"), "idempotency-key": "one"}, json={}).json()["id"] == "8"


def test_reset_takes_changes_back(users: httpx.Client, bearer: Bearer) -> None:
    """After a reset the profile is the seed's, and a key is as good as new."""
    keyed = {**bearer("7"), "idempotency-key": "one"}
    before = users.get("/me", headers=keyed).json()
    users.patch("/me", headers=keyed, json={"given_name": "Ada"})
    assert users.post("/_reset").status_code == 204
    assert users.get("/me", headers=keyed).json() == before
    answer = users.patch("/me", headers=keyed, json={"given_name": "Eva"})
    assert (answer.status_code, answer.json()["given_name"]) == (200, "Eva")
