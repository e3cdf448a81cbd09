"""A real nginx in front of the mobile BFF and the real services: what it keeps, and whom it gives that."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import pytest_asyncio
from starlette.applications import Starlette
from starlette.types import Message, Receive, Scope, Send

from bff_core.app import create_app
from bff_core.documents.ids import sha256_of
from bff_core.settings import Settings, WindowSettings
from bff_mobile.app import mobile
from tests.browser.conftest import missing
from tests.browser.hello import serving
from tests.conftest import Shop
from tests.deploy import front
from tests.deploy.front import NAMES, TEMPLATE, Front

pytestmark = pytest.mark.asyncio(loop_scope="module")

NOT_INSTALLED = "nginx is not installed; on Debian: apt install nginx-light"

#: By name, the ids of the operations in schema/operations/mobile.
IDS = {each.operations[0].name: each.ids[0] for each in reversed(mobile.trusted)}

SHOP, OTHER = "https://shop.example", "https://other.example"


@dataclass
class Counting:
    """The BFF, how often it was asked, and by how many at once at most; who wants a cookie is set one."""

    app: Starlette
    asked: list[str] = field(default_factory=list)
    now: int = 0
    most: int = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As the BFF, but for ``x-set-cookie``."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        self.asked.append(f"{scope['method']} {scope['path']}")

        async def with_cookie(message: Message) -> None:
            if message["type"] == "http.response.start" and b"x-set-cookie" in headers:
                message["headers"].append((b"set-cookie", b"who=7"))
            await send(message)

        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await self.app(scope, receive, with_cookie)
        finally:
            self.now -= 1


@dataclass
class Edge:
    """nginx, the BFF behind it and the services behind that."""

    front: Front
    bff: Counting
    shop: Shop

    @property
    def asked(self) -> int:
        """How often the BFF was asked so far."""
        return len(self.bff.asked)

    def calls(self) -> int:
        """How often the services were asked for what a product's page shows, since they forgot."""
        asked = [*self.shop.calls("products"), *self.shop.calls("users")]
        return sum(not call["path"].startswith(("/tokens", "/.well-known")) for call in asked)

    async def get(
        self, document: str, variables: dict[str, Any] | None = None, user: str | None = None, **headers: str
    ) -> httpx.Response:
        """A GET of a document by its id; ``x_y`` is the header ``x-y``."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if user is not None:
            named["authorization"] = f"Bearer {self.shop.token(user)}"
        params = {"documentId": f"sha256:{IDS[document]}"}
        if variables is not None:
            params["variables"] = json.dumps(variables)
        return await self.front.mobile.get("/graphql", params=params, headers=named)

    async def post(self, text: str, document: str, user: str | None = None) -> httpx.Response:
        """A POST of a text with its hash."""
        headers = {} if user is None else {"authorization": f"Bearer {self.shop.token(user)}"}
        body = {"query": text, "extensions": {"persistedQuery": {"version": 1, "sha256Hash": document}}}
        return await self.front.mobile.post("/graphql", json=body, headers=headers)


def kept(response: httpx.Response) -> str:
    """What nginx says of where an answer came from."""
    return str(response.headers.get("x-cache-status"))


def short(settings: Settings) -> Settings:
    """Stock that serves for a while, so that a product's page does, and a feed that serves for two seconds."""
    products = settings.services["products"]
    windows = {
        **products.windows,
        "POST /stock/query": WindowSettings(fresh_s=30),
        "GET /recommendations": WindowSettings(fresh_s=2.9, stale_s=0, stale_if_error_s=0),
    }
    products = products.model_copy(update={"windows": windows})
    return settings.model_copy(update={"services": {**settings.services, "products": products}})


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(running_shop: Shop) -> AsyncIterator[Edge]:
    """All of it, once for this file. The BFF keeps nothing itself, so that each of its answers costs calls."""
    if front.nginx() is None:
        missing(NOT_INSTALLED)
    settings = running_shop.settings(
        mobile,
        CACHE__MAX_BYTES="0",
        DOCUMENTS__POLICY="registered",
        DOCUMENTS__APQ="true",
        DOCUMENTS__SAY_REGISTERED="false",
        EDGE__ALLOWED_ORIGINS=f"{SHOP},{OTHER}",
        EDGE__BUDGET_MS="5000",
        EDGE__TRUSTED_PROXIES="127.0.0.1",
        RATES__CLIENT_PER_MINUTE="0",
        SERVICES__ALL__ATTEMPT_TIMEOUT_MS="2000",
        SERVICES__ALL__BREAKER__METRICS_ONLY="true",
        SERVICES__ALL__RETRY__RETRIES="0",
        SERVICES__ALL__RETRY__HEDGING="false",
    )
    bff = Counting(create_app(mobile, short(settings)))
    async with serving(bff) as url, front.running("127.0.0.1:1", urlsplit(url).netloc) as nginx:
        yield Edge(nginx, bff, running_shop)


@pytest.fixture
def edge(running: Edge) -> Iterator[Edge]:
    """The services well, before and after, and their calls forgotten."""
    for service in running.shop.urls:
        running.shop.mend(service)
    running.shop.forget()
    yield running
    for service in running.shop.urls:
        running.shop.mend(service)


async def test_the_configuration_is_one() -> None:
    """``nginx -t`` has nothing to say against it, filled in by the names that stand in it and no others."""
    if front.nginx() is None:
        missing(NOT_INSTALLED)
    with front.prepared("127.0.0.1:8000", "127.0.0.1:8001") as one:
        checked = front.check(one)
    assert (checked.returncode, checked.stderr.count("[")) == (0, 0), checked.stderr
    text = TEMPLATE.read_text(encoding="utf-8")
    assert set(NAMES) == {part.partition("}")[0] for part in text.split("${")[1:]}


async def test_a_public_page_is_fetched_once_for_everybody_who_reads_its_language(edge: Edge) -> None:
    """Two users and nobody, in two languages: two answers of the BFF, and no call of a service for the others."""
    seen: dict[str, list[httpx.Response]] = {"de-DE": [], "en-GB": []}
    before = edge.asked
    for user in ("7", "42", None):
        for language in ("de-DE", "en-GB"):
            answer = await edge.get("ProductScreen", {"id": "1"}, user, accept_language=language)
            seen[language].append(answer)
            if user == "7":
                costs = edge.calls()
    assert edge.asked - before == 2
    assert (edge.calls(), costs > 2) == (costs, True)
    for language, answers in seen.items():
        assert [kept(answer) for answer in answers] == ["MISS", "HIT", "HIT"], language
        assert answers[0].json()["data"]["productScreen"]["name"]
        assert len({answer.content for answer in answers}) == 1
        assert answers[0].headers["cache-control"].startswith("public, max-age=")
        assert len({answer.headers["x-request-id"] for answer in answers}) == 3
    assert "€" in seen["de-DE"][0].text
    assert seen["de-DE"][0].content != seen["en-GB"][0].content


async def test_nobody_waits_for_somebody_elses_answer(edge: Edge) -> None:
    """Many who ask for their own by the same URL are in the BFF at the same time, and not one after the other."""
    edge.shop.fault("users", latency_ms=150)
    edge.bff.most = 0
    tokens = [edge.shop.token(user) for user in ("7", "42", "100")]
    answers = await asyncio.gather(*(edge.get("MeScreen", authorization=f"Bearer {token}") for token in tokens))
    assert len({answer.json()["data"]["me"]["id"] for answer in answers}) == 3
    assert edge.bff.most > 1


async def test_variables_and_media_types_are_answers_of_their_own(edge: Edge) -> None:
    """Another product, another width, another Accept: each is asked for."""
    before = edge.asked
    for variables in ({"id": "3"}, {"id": "4"}, {"id": "3", "width": 320}):
        assert kept(await edge.get("ProductScreen", variables)) == "MISS"
    other = await edge.get("ProductScreen", {"id": "3"}, accept="application/graphql-response+json")
    assert (kept(other), other.headers["content-type"][:33]) == ("MISS", "application/graphql-response+json")
    assert edge.asked - before == 4


async def test_each_page_of_the_web_is_told_that_it_may_read_the_answer(edge: Edge) -> None:
    """A kept answer names the origin it was given to, so it is kept for each apart."""
    for state in ("MISS", "HIT"):
        for origin in (SHOP, OTHER):
            answer = await edge.get("ProductScreen", {"id": "5"}, origin=origin)
            assert (kept(answer), answer.headers["access-control-allow-origin"]) == (state, origin)


async def test_what_is_ones_own_is_never_shared_or_kept(edge: Edge) -> None:
    """Each user is answered by the BFF, with what is theirs; no file of it is left, whoever asks how often."""
    before = edge.asked
    emails = set()
    for _ in range(2):
        for user in ("7", "42"):
            answer = await edge.get("MeScreen", user=user)
            emails.add(answer.json()["data"]["me"]["email"])
            assert (kept(answer), answer.headers["cache-control"]) == ("MISS", "private, no-cache")
            assert "authorization" in answer.headers["vary"]
    assert (len(emails), edge.asked - before) == (2, 4)
    stranger = await edge.get("MeScreen")
    assert (stranger.json()["data"], stranger.headers["cache-control"]) == ({"me": None}, "private, no-store")
    assert edge.front.kept(IDS["MeScreen"]) == []


async def test_who_holds_their_own_answer_is_told_so_through_the_cache(edge: Edge) -> None:
    """The client's own tag reaches the BFF, whose 304 comes back and is kept by nobody; another's tag tells nothing."""
    whole = await edge.get("MeScreen", user="7")
    held = await edge.get("MeScreen", user="7", if_none_match=whole.headers["etag"])
    assert (held.status_code, held.content, held.headers["etag"]) == (304, b"", whole.headers["etag"])
    assert (await edge.get("MeScreen", user="42", if_none_match=whole.headers["etag"])).status_code == 200


async def test_a_public_answer_that_a_client_holds_is_kept_whole_or_not_at_all(edge: Edge) -> None:
    """A 304 to a client that holds the page is no answer for the next, who holds nothing."""
    tag = (await edge.get("ProductScreen", {"id": "6"})).headers["etag"]
    for path in edge.front.kept(IDS["ProductScreen"]):
        path.unlink()
    held = await edge.get("ProductScreen", {"id": "6"}, if_none_match=tag)
    assert (held.status_code, kept(held), edge.front.kept(IDS["ProductScreen"])) == (304, "MISS", [])
    whole = await edge.get("ProductScreen", {"id": "6"})
    assert (whole.status_code, kept(whole), whole.headers["etag"]) == (200, "MISS", tag)
    before = edge.asked
    again = await edge.get("ProductScreen", {"id": "6"}, if_none_match=tag)
    assert (again.status_code, kept(again), edge.asked - before) == (304, "HIT", 0)


async def test_after_its_time_an_answer_is_asked_for_anew(edge: Edge) -> None:
    """It serves for its seconds without the BFF; then one request asks, by its tag, and its headers count anew."""
    first = await edge.get("Feed", {"first": 3})
    assert kept(first) == "MISS"
    assert first.headers["cache-control"] in {f"public, max-age={age}, must-revalidate" for age in (1, 2)}
    before = edge.asked
    states: list[str] = []
    async with asyncio.timeout(10):
        while not states or states[-1] == "HIT":
            answer = await edge.get("Feed", {"first": 3})
            states.append(kept(answer))
            assert (answer.status_code, answer.content) == (200, first.content)
            # whoever asked later knows by it how much of max-age was gone
            assert answer.headers["date"] == first.headers["date"]
    assert (states[0], states[-1], edge.asked - before) == ("HIT", "REVALIDATED", 1)


async def test_what_lacks_something_is_never_kept(edge: Edge) -> None:
    """While a service is down each answer says so and is the BFF's own; the first whole one is kept."""
    edge.shop.fault("users", status=500, error_rate=1.0)
    before = edge.asked
    for _ in range(2):
        answer = await edge.get("ProductScreen", {"id": "7"})
        assert (kept(answer), answer.headers["cache-control"]) == ("MISS", "private, no-store")
        assert "users" in answer.headers["x-degraded"]
    edge.shop.mend("users")
    states = [kept(await edge.get("ProductScreen", {"id": "7"})) for _ in range(2)]
    assert (states, edge.asked - before) == (["MISS", "HIT"], 3)


async def test_an_unknown_document_is_never_kept(edge: Edge) -> None:
    """By the same URL it is not found, then registered by a POST, then answered, and then kept."""
    text = 'query New { productScreen(id: "8") { name } }'
    document = sha256_of(text)
    extensions = json.dumps({"persistedQuery": {"version": 1, "sha256Hash": document}})

    async def by_hash() -> httpx.Response:
        return await edge.front.mobile.get("/graphql", params={"extensions": extensions})

    for _ in range(2):
        unknown = await by_hash()
        assert unknown.json()["errors"][0]["message"] == "PersistedQueryNotFound"
        assert (kept(unknown), unknown.headers["cache-control"]) == ("MISS", "private, no-store")
    posted = await edge.post(text, document)
    assert (posted.status_code, posted.headers["cache-control"]) == (200, "private, no-store")
    known = [await by_hash() for _ in range(2)]
    assert [kept(answer) for answer in known] == ["MISS", "HIT"]
    assert known[1].json()["data"]["productScreen"]["name"]


async def test_what_sets_a_cookie_is_never_kept(edge: Edge) -> None:
    """Whatever else it says of itself: a cookie is one client's."""
    for _ in range(2):
        answer = await edge.get("ProductScreen", {"id": "9"}, x_set_cookie="1")
        assert (kept(answer), answer.headers["set-cookie"]) == ("MISS", "who=7")
    plain = await edge.get("ProductScreen", {"id": "9"})
    assert (kept(plain), "set-cookie" in plain.headers) == ("MISS", False)


async def test_a_broken_credential_is_refused_or_not_looked_at(edge: Edge) -> None:
    """A page that is kept serves whoever asks; one that is not is asked for, and that is refused and not kept."""
    bad = {"authorization": "Bearer nonsense"}
    refused = await edge.get("ProductScreen", {"id": "10"}, **bad)
    assert (refused.status_code, kept(refused), refused.headers["cache-control"]) == (401, "MISS", "private, no-store")
    assert kept(await edge.get("ProductScreen", {"id": "10"})) == "MISS"
    served_all_the_same = await edge.get("ProductScreen", {"id": "10"}, **bad)
    assert (served_all_the_same.status_code, kept(served_all_the_same)) == (200, "HIT")


async def test_purging_is_removing_files(edge: Edge) -> None:
    """The runbook's way: the files that name a document are removed, and it is asked for anew; others stay."""
    await edge.get("ProductScreen", {"id": "11"})
    await edge.get("Feed", {"first": 4})
    for path in edge.front.kept(IDS["ProductScreen"]):
        path.unlink()
    assert kept(await edge.get("ProductScreen", {"id": "11"})) == "MISS"
    assert kept(await edge.get("ProductScreen", {"id": "11"})) == "HIT"


@pytest.mark.parametrize("path", ["/metrics", "/graphiql", "/graphiql/token", "/schema.graphql", "/readyz", "/"])
async def test_what_is_not_for_the_world_is_not_there(edge: Edge, path: str) -> None:
    """nginx says so itself, and the BFF is not asked."""
    before = edge.asked
    answer = await edge.front.mobile.get(path)
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (404, "NOT_FOUND")
    assert (answer.headers["cache-control"], edge.asked - before) == ("private, no-store", 0)


async def test_the_request_keeps_its_name_and_whom_it_came_from(edge: Edge) -> None:
    """A client's id goes on and comes back; one that is none is replaced by one that is also in the answer."""
    known = await edge.get("MeScreen", x_request_id="mine-1")
    assert known.headers.get_list("x-request-id") == ["mine-1"]
    strange = await edge.get("MeScreen", x_request_id="<mine>")
    assert len(strange.headers["x-request-id"]) == 32


async def test_methods_and_sizes(edge: Edge) -> None:
    """HEAD is no GET here either; a large body is refused by the BFF, a larger one before it, both in JSON."""
    head = await edge.front.mobile.head("/graphql", params={"documentId": f"sha256:{IDS['Feed']}"})
    assert (head.status_code, head.headers["allow"]) == (405, "GET, POST")
    before = edge.asked
    large = await edge.front.mobile.post("/graphql", json={"query": "#" * 1_100_000})
    assert (large.status_code, "1048576" in large.text, edge.asked - before) == (413, True, 1)
    larger = await edge.front.mobile.post("/graphql", json={"query": "#" * 2_200_000})
    assert (larger.status_code, larger.json()["errors"][0]["extensions"]["code"]) == (413, "BAD_REQUEST")
    assert edge.asked - before == 1


async def test_a_bff_that_is_not_there(edge: Edge) -> None:
    """JSON with a code that promises nothing about a write, and no page of nginx's own."""
    answer = await edge.front.web.post("/graphql", json={"query": "{ __typename }"})
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (502, "SERVICE_UNREACHABLE")
    assert (answer.headers["cache-control"], answer.headers["content-type"]) == (
        "private, no-store",
        "application/json",
    )
