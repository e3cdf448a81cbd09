"""What the answers say to caches in front: for whom, how long, what varies; and when a client need not be sent one."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from bff_core.documents.ids import sha256_of
from bff_core.edge.caching import etag_of, is_among
from bff_core.edge.http import GRAPHQL_JSON, JSON
from bff_core.telemetry.facts import RequestFinished
from bff_core.testing.transport import json_reply
from tests.edge.desk import Desk, Script, answer_word, desk

APQ = {"DOCUMENTS__APQ": "true"}

SAYING = '{ saying(id: "1") { text } }'  # fresh 10, stale if error 600, negative 10
FABLE = '{ fable(id: "1") { text } }'  # fresh 20, stale 30, stale if error 300, negative 0
MOTTO = '{ motto(id: "1") { text } }'  # fresh 60, no_stale; varies by locale and client
WORD = '{ word(id: "1") { text } }'  # without windows
DIARY = "{ diary { latest } }"  # relays the credential


async def register(room: Desk, text: str) -> dict[str, str]:
    """Let a document be registered; the parameters to ask for it by id."""
    extensions = {"persistedQuery": {"version": 1, "sha256Hash": sha256_of(text)}}
    answer = await room.client.http.post("/graphql", json={"query": text, "extensions": extensions})
    assert answer.status_code == 200, answer.text
    return {"documentId": f"sha256:{sha256_of(text)}"}


async def by_id(room: Desk, text: str, **headers: str) -> httpx.Response:
    """The answer to a registered document, asked for by id in a GET; nothing is kept here of its registration."""
    asked = await register(room, text)
    await room.clock.advance(100_000)
    return await room.get(asked, **headers)


def control(response: httpx.Response) -> str:
    """What the answer says to caches."""
    return str(response.headers["cache-control"])


def varies(response: httpx.Response) -> set[str]:
    """The headers by which it may be another."""
    return set(response.headers["vary"].split(", "))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (SAYING, "public, max-age=10, stale-if-error=600"),
        (FABLE, "public, max-age=20, stale-while-revalidate=30, stale-if-error=300"),
        (MOTTO, "public, max-age=60, must-revalidate"),
        ('{ saying(id: "1") { text } fable(id: "1") { text } }', "public, max-age=10, stale-if-error=300"),
        ('{ motto(id: "1") { text } fable(id: "1") { text } }', "public, max-age=20, must-revalidate"),
    ],
)
async def test_a_public_answer_serves_as_long_as_the_first_of_its_parts(text: str, said: str) -> None:
    """Each window is the least of the parts', which have all just come."""
    async with desk(APQ) as room:
        assert control(await by_id(room, text)) == said


@pytest.mark.parametrize("text", [WORD, DIARY, SAYING[:-1] + WORD[1:], SAYING[:-1] + DIARY[1:], "{ echo }"])
async def test_what_is_not_public_belongs_to_who_asked(text: str) -> None:
    """A part without a window, one that relays the credential, no part at all: nobody else's, and to be asked about."""
    async with desk(APQ) as room:
        token = room.token
        await register(room, text)
        answer = await room.get({"documentId": sha256_of(text)}, authorization=f"Bearer {token}")
        assert (answer.status_code, control(answer)) == (200, "private, no-cache")
        assert {"authorization", "cookie", "accept", "accept-language"} <= varies(answer)


async def test_only_a_registered_document_by_its_id_is_shared() -> None:
    """The same text itself, in a GET or beside an id that nobody knew, is kept by who asked; by POST by nobody."""
    async with desk({**APQ, "DOCUMENTS__POLICY": "open"}) as room:
        assert control(await room.get({"query": SAYING})) == "private, no-cache"
        asked = {"query": SAYING, "documentId": sha256_of(SAYING)}
        assert control(await room.get(asked)) == "private, no-cache"
        known = await register(room, SAYING)
        assert control(await room.get(asked)).startswith("public")
        assert control(await room.get({"query": SAYING})) == "private, no-cache"
        posted = await room.client.http.post("/graphql", json=known)
        assert (posted.status_code, control(posted), "etag" in posted.headers) == (200, "private, no-store", False)


async def test_a_text_is_not_shared_where_it_is_known_either() -> None:
    """Under a policy that looks texts up: the URL that is kept should be the short one, and the one that others use."""
    async with desk({**APQ, "DOCUMENTS__POLICY": "registered"}) as room:
        known = await register(room, SAYING)
        assert control(await room.get({"query": SAYING})) == "private, no-cache"
        assert control(await room.get(known)).startswith("public")


async def test_a_setting_leaves_everything_to_who_asked() -> None:
    """With ``caching.shared`` off nothing is public."""
    async with desk({**APQ, "CACHING__SHARED": "false"}) as room:
        assert control(await by_id(room, SAYING)) == "private, no-cache"


async def test_what_was_kept_here_has_used_up_some_of_its_time() -> None:
    """The age of a kept part is taken off, so that nobody calls it fresh for longer than its window; no Age is sent."""
    async with desk(APQ) as room:
        asked = await register(room, FABLE)
        await room.clock.advance(13.2)  # the registration itself was answered, and its fable is kept
        answer = await room.get(asked)
        assert len(room.transports["words"].requests) == 1
        assert control(answer) == "public, max-age=6, stale-while-revalidate=30, stale-if-error=300"
        assert "age" not in answer.headers


async def test_what_serves_as_old_is_handed_on_as_old() -> None:
    """Past its window, while it is asked for anew: not fresh at all, and its further windows are partly used up."""
    async with desk(APQ) as room:
        asked = await register(room, FABLE)
        await room.clock.advance(25)
        answer = await room.get(asked)
        assert answer.json() == {"data": {"fable": {"text": "word 1"}}}
        assert control(answer) == "public, max-age=0, stale-while-revalidate=25, stale-if-error=295"
        await room.clock.settle()
        assert control(await room.get(asked)).startswith("public, max-age=20, ")  # the refresh has landed


async def test_the_oldest_part_counts() -> None:
    """A part that has just come makes one beside it no younger, whichever endpoint that is."""
    async with desk(APQ) as room:
        both = await register(room, SAYING[:-1] + FABLE[1:])
        await room.clock.advance(8)
        assert control(await room.get(both)) == "public, max-age=2, stale-if-error=300"
        many = await register(room, '{ sayings(ids: ["1", "2"]) { text } }')
        assert control(await room.get(many)).startswith("public, max-age=2, ")


async def test_the_time_that_the_request_took_counts() -> None:
    """A part that came first has aged while the answer waited for the last one."""
    async with desk(APQ) as room:
        asked = await register(room, SAYING[:-1] + FABLE[1:])
        await room.clock.advance(100_000)
        room.transports["words"].hold()
        task = asyncio.create_task(room.get(asked))
        await room.clock.settle()
        await room.clock.advance(0.7)
        room.transports["words"].let_go()
        assert control(await task) == "public, max-age=9, stale-if-error=300"


async def test_that_there_is_no_such_thing_serves_for_seconds() -> None:
    """Null for a missing thing is no error; it is fresh as long as its endpoint says of missing things, never old."""
    nothing = Script(words=lambda _: json_reply([]))
    async with desk({**APQ}, script=nothing) as room:
        answer = await by_id(room, SAYING)
        assert (answer.json(), control(answer)) == ({"data": {"saying": None}}, "public, max-age=10, must-revalidate")
        await room.clock.advance(4)
        assert control(await room.get({"documentId": sha256_of(SAYING)})) == "public, max-age=6, must-revalidate"
        assert control(await by_id(room, FABLE)) == "public, max-age=0, must-revalidate"


@pytest.mark.parametrize(
    ("text", "further"),
    [
        (SAYING, set()),
        (SAYING[:-1] + " locale }", {"accept-language"}),
        (MOTTO, {"accept-language", "apollographql-client-name"}),
    ],
)
async def test_a_public_answer_varies_by_what_can_change_it(text: str, further: set[str]) -> None:
    """By media type and origin always; by language and client where a resolver or a service was told them."""
    async with desk(APQ) as room:
        assert varies(await by_id(room, text)) == {"accept", "origin"} | further


async def test_a_locale_named_by_the_request_itself_varies_by_no_header() -> None:
    """It stands in the URL then; a name that is none leaves it to the header."""
    async with desk(APQ) as room:
        asked = await register(room, SAYING[:-1] + " locale }")
        named = await room.get({**asked, "variables": '{"locale": "de-AT"}'}, accept_language="fr")
        assert (named.json()["data"]["locale"], varies(named)) == ("de-AT", {"accept", "origin"})
        unknown = await room.get({**asked, "variables": '{"locale": "no such"}'}, accept_language="fr")
        assert unknown.json()["data"]["locale"] == "fr"
        assert "accept-language" in varies(unknown)


async def test_words_that_depend_on_the_time_serve_for_a_minute_in_all() -> None:
    """The setting bounds all windows together, since "2 days ago" is wrong before the thing it is said of is old."""
    async with desk({**APQ, "CACHING__TIMED_WORDS_S": "25"}) as room:
        answer = await by_id(room, FABLE[:-1] + " now }")
        assert control(answer) == "public, max-age=20, stale-while-revalidate=5, stale-if-error=5"
        long = await by_id(room, MOTTO[:-1] + " now }")
        assert control(long) == "public, max-age=25, must-revalidate"


async def test_a_public_answer_is_made_for_nobody_in_particular() -> None:
    """Also a resolver that looks who asks, where nothing says so, finds nobody; the same text unshared finds them."""
    text = SAYING[:-1] + " reader }"
    async with desk(APQ) as room:
        bearer = f"Bearer {room.token}"
        asked = await register(room, text)
        shared = await room.get(asked, authorization=bearer)
        assert (shared.json()["data"]["reader"], control(shared)[:6]) == (None, "public")
        alone = await room.get({"query": text}, authorization=bearer)
        assert (alone.json()["data"]["reader"] is None, control(alone)) == (False, "private, no-cache")


async def test_a_credential_that_is_none_is_refused_all_the_same() -> None:
    """A public document with a broken token: 401, kept by nobody."""
    async with desk(APQ) as room:
        asked = await register(room, SAYING)
        answer = await room.get(asked, authorization="Bearer nonsense")
        assert (answer.status_code, control(answer)) == (401, "private, no-store")


async def test_nothing_is_kept_of_an_answer_that_lacks_something() -> None:
    """An error, a degradation, an old value that stands in, a refusal: no cache may keep them, and none has a tag."""
    answers: list[Any] = []
    async with desk(
        APQ, script=Script(words=lambda request: answers.pop() if answers else answer_word(request))
    ) as room:
        asked = await register(room, SAYING)
        failing = await register(room, SAYING[:-1] + " crash }")
        await room.clock.advance(300)
        answers.append(json_reply({}, 500))
        old = await room.get(asked)
        assert old.json()["extensions"]["degraded"][0]["source"] == "stale"
        await room.clock.advance(100_000)
        answers.append(json_reply({}, 500))
        seen = [old, await room.get(asked), await room.get(failing), await room.get({"documentId": "0" * 64})]
        seen += [await room.get({"query": "{"}), await room.get({}), await room.get({"query": "mutation { note }"})]
        for answer in seen:
            assert (control(answer), "etag" in answer.headers) == ("private, no-store", False), answer.text
        assert control(await room.get(asked)).startswith("public, max-age=10")


async def test_a_client_that_holds_the_answer_is_sent_its_head_alone() -> None:
    """A 304 with the headers that the 200 would have had, as they are now; the services are asked as ever."""
    async with desk({**APQ, "EDGE__ALLOWED_ORIGINS": "https://shop.example"}) as room:
        asked = await register(room, SAYING[:-1] + " locale }")
        await room.clock.advance(100_000)
        origin = {"origin": "https://shop.example"}
        whole = await room.get(asked, **origin)
        await room.clock.advance(4)
        held = await room.get(asked, if_none_match=whole.headers["etag"], **origin)
        assert (held.status_code, held.content) == (304, b"")
        for name in ("etag", "vary", "access-control-allow-origin"):
            assert held.headers[name] == whole.headers[name]
        assert control(held) == "public, max-age=6, stale-if-error=600"
        assert {"content-type", "content-length"} & set(held.headers) == set()
        assert held.headers["x-request-id"] != whole.headers["x-request-id"]
        assert room.observer.of(RequestFinished)[-1].status == 304


@pytest.mark.parametrize("text", [SAYING, WORD])
async def test_an_answer_that_has_changed_is_sent_whole(text: str) -> None:
    """The old tag does not stop it; neither does one of another media type, language or person."""
    said = ["one", "two"]
    words = Script(words=lambda request: json_reply([{"id": "1", "text": said[0]}]))
    async with desk(APQ, script=words) as room:
        asked = await register(room, text)
        first = await room.get(asked)
        other = await room.get(asked, if_none_match=first.headers["etag"], accept=GRAPHQL_JSON)
        assert other.status_code == 200
        said.pop(0)
        await room.clock.advance(100_000)
        second = await room.get(asked, if_none_match=first.headers["etag"])
        assert (second.status_code, second.headers["etag"] == first.headers["etag"]) == (200, False)


async def test_a_private_tag_is_one_persons() -> None:
    """Two who read the same bytes hold different tags, so that neither's tells what the other has read."""
    async with desk() as room:
        mine = await room.get({"query": DIARY}, authorization=f"Bearer {room.token}")
        other = room.mint.token(subject="8", clock=room.clock)
        yours = await room.get({"query": DIARY}, authorization=f"Bearer {other}")
        assert mine.content == yours.content
        assert mine.headers["etag"] != yours.headers["etag"]
        tag = mine.headers["etag"]
        assert (await room.get({"query": DIARY}, authorization=f"Bearer {other}", if_none_match=tag)).status_code == 200
        mine_again = await room.get({"query": DIARY}, authorization=f"Bearer {room.token}", if_none_match=tag)
        assert (mine_again.status_code, control(mine_again)) == (304, "private, no-cache")


async def test_a_degraded_answer_is_sent_whole_whatever_a_client_holds() -> None:
    """Also for ``*``, which stands for any whole answer."""
    async with desk(script=Script(words=lambda _: json_reply({}, 500))) as room:
        answer = await room.get({"query": WORD}, if_none_match="*")
        assert (answer.status_code, control(answer)) == (200, "private, no-store")


async def test_a_post_and_a_head_have_no_part_in_it() -> None:
    """A POST is answered whole whatever it says it holds; HEAD is no method here."""
    async with desk() as room:
        answer = await room.post(b'{"query": "{ echo }"}', if_none_match="*")
        assert (answer.status_code, answer.json()) == (200, {"data": {"echo": "hey"}})
        head = await room.client.http.head("/graphql", params={"query": "{ echo }"})
        assert (head.status_code, head.headers["allow"]) == (405, "GET, POST")


ETAG = '"0123"'


@pytest.mark.parametrize(
    ("held", "among"),
    [
        ('"0123"', True),
        ('W/"0123"', True),
        ("*", True),
        (" * ", True),
        ('"x", "0123"', True),
        ('W/"x",W/"0123",', True),
        ('"a,b" , "0123"', True),
        ('"a, b", "0123"', False),  # a tag holds no space
        ('"x"', False),
        ('"x", "y"', False),
        ('"01234"', False),
        ("0123", False),
        ('"0123', False),
        ('"x" "0123"', False),
        ('"0123" and more', False),
        ('w/"0123"', False),
        ("", False),
        ('"x, 0123"', False),
        ('"x", *', False),
    ],
)
def test_tags_are_compared_as_the_standard_says(held: str, among: bool) -> None:
    """Lists, weak ones, any; what is not well-formed names none."""
    assert is_among(ETAG, held) is among


def test_a_tag_is_of_bytes_media_type_and_person() -> None:
    """Each of them makes another; the same make the same, in every process."""
    tags = {
        etag_of(body, kind, whose) for body in (b"a", b"b") for kind in (JSON, GRAPHQL_JSON) for whose in ("", "me")
    }
    assert len(tags) == 8
    assert etag_of(b"a", JSON, "") == '"ef5695c594f4a5a015d5a46db675f21d"'
