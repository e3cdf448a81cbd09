"""The codec of gets and pages: parameters in their places, one value or one page back."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from enum import Enum
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bff_core.contract import Endpoint, Get, Outcome, Page, Paged, PageInfo, Record, Service
from bff_core.errors import BadPayload, BadRequest, Bug
from bff_core.outbound.codec import Ask, codec_for

TEXT = st.text(st.characters(exclude_categories=["Cs"]))


class Cat(Record):
    """A row."""

    name: str


class Sort(str, Enum):
    """An enum whose str() is its Python name."""

    NEWEST = "newest"


def get(at: str = "", returns: Any = Cat) -> Get[Any]:
    """One cat of a house, in some language."""
    return Service("cats").get(
        "GET /houses/{house}/cats/{id}",
        returns=returns,
        query={"language": "lang", "asleep": "asleep"},
        at=at,
    )


def page(total: str | None = "total", items: str = "items") -> Paged[Cat]:
    """The cats of a house."""
    return Service("cats").page(
        "GET /houses/{house}/cats", returns=Cat, max_limit=50, query=("sort",), total=total, items=items
    )


def target(endpoint: Endpoint[Any], *key: Any) -> str:
    """Path and query for a key."""
    return codec_for(endpoint).ask([key]).target


def outcome(endpoint: Endpoint[Any], answer: Any) -> Any:
    """What an answer means."""
    body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    [only] = codec_for(endpoint).outcomes([("h",)], body)
    return only


# --- what is sent


def test_parameters_stand_in_path_and_query() -> None:
    """Path parameters fill their places, query parameters have the service's names, and None is not sent."""
    assert codec_for(get()).ask([("h", 7, "de", True)]) == Ask("/houses/h/cats/7?lang=de&asleep=true")
    assert target(get(), "h", "7", None, False) == "/houses/h/cats/7?asleep=false"
    assert target(get(), "h", "7", None, None) == "/houses/h/cats/7"


def test_limit_and_cursor_are_sent_beside_the_parameters() -> None:
    """The limit always, the cursor once there is one, by the names that were declared."""
    assert target(page(), "h", None, 10, None) == "/houses/h/cats?limit=10"
    assert target(page(), "h", "name", 10, "c=") == "/houses/h/cats?sort=name&limit=10&cursor=c%3D"
    offset = Service("cats").page("GET /cats", returns=Cat, max_limit=5, limit="per", cursor="from")
    assert target(offset, 5, "20") == "/cats?per=5&from=20"


def test_enums_and_times_are_sent_as_services_write_them() -> None:
    """An enum is its word and a time ISO 8601, never Python's own name or form of it."""
    assert target(page(), "h", Sort.NEWEST, 10, None) == "/houses/h/cats?sort=newest&limit=10"
    noon = datetime(2026, 5, 4, 12, tzinfo=UTC)
    assert parse_qsl(urlsplit(target(get(), "h", "7", noon, None)).query) == [("lang", "2026-05-04T12:00:00Z")]


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("../x", "..%2Fx"),
        ("a?b", "a%3Fb"),
        ("%2f", "%252f"),
        ("a#b", "a%23b"),
        ("a\x00", "a%00"),
        ("é", "%C3%A9"),
        ("{house}", "%7Bhouse%7D"),
        ("...", "..."),
        ("a;b", "a%3Bb"),
        ("a:b", "a%3Ab"),
    ],
)
def test_a_hostile_id_stays_in_its_segment(text: str, quoted: str) -> None:
    """A path parameter is quoted whole, and what httpx makes of it is the same path."""
    whole = target(get(), "h", text, None, None)
    assert whole == f"/houses/h/cats/{quoted}"
    assert httpx.URL("http://cats" + whole).raw_path.decode() == whole


@pytest.mark.parametrize("value", ["", ".", ".."])
def test_a_dot_segment_is_refused(value: str) -> None:
    """Quoting leaves dots alone and a dot segment climbs, so it is the client's fault and nothing is sent."""
    with pytest.raises(BadRequest, match="is not an id"):
        target(get(), "h", value, None, None)


def test_a_missing_path_parameter_is_refused() -> None:
    """None in a path is not the text "None"."""
    with pytest.raises(BadRequest, match="A path parameter is missing"):
        target(get(), None, "7", None, None)


@pytest.mark.parametrize("key", [("\ud800", "7", None, None), ("h", "7", "\udfff", None)])
def test_half_a_surrogate_pair_is_the_clients_fault(key: tuple[Any, ...]) -> None:
    """A lone surrogate can stand neither in a path nor in a query."""
    with pytest.raises(BadRequest, match="half of a surrogate pair"):
        target(get(), *key)


@given(house=TEXT, id=TEXT, language=TEXT)
def test_whatever_is_sent_is_read_back_exactly(house: str, id: str, language: str) -> None:
    """For every text that is not refused, decoding gives exactly the values and nothing leaves its place."""
    try:
        whole = target(get(), house, id, language, None)
    except BadRequest:
        assert {house, id} & {"", ".", ".."}
        return
    parts = urlsplit(httpx.URL("http://cats" + whole).raw_path.decode())
    assert [unquote(step) for step in parts.path.split("/")] == ["", "houses", house, "cats", id]
    assert parse_qsl(parts.query, keep_blank_values=True) == [("lang", language)]
    assert parts.fragment == ""


# --- what comes back


@pytest.mark.parametrize(
    ("at", "answer"),
    [("", {"name": "Tom", "fur": 1}), ("data.cat", {"data": {"cat": {"name": "Tom"}, "x": []}})],
)
def test_a_value_is_found_under_its_response_path(at: str, answer: Any) -> None:
    """The value may be the answer itself or lie deep in it."""
    assert outcome(get(at), answer) == Outcome("cats", Cat(name="Tom"))


def test_a_get_may_give_a_list() -> None:
    """A get whose value is a list gives all of it."""
    assert outcome(get("items", list[Cat]), {"items": [{"name": "Tom"}]}).value == [Cat(name="Tom")]


def test_a_bad_row_of_a_list_costs_no_other() -> None:
    """A row that cannot be read is left out and told, by its place and what was wrong; the others stand."""
    got = outcome(get("items", list[Cat]), {"items": [{"name": "Tom"}, {"name": 5}, {"name": "Ada"}]})
    assert got.value == [Cat(name="Tom"), Cat(name="Ada")]
    assert [str(flaw) for flaw in got.flaws] == [
        "cats GET /houses/{house}/cats/{id}: element 1: Expected `str`, got `int` - at `$.name`"
    ]


def paged(names: list[Any], **more: Any) -> dict[str, Any]:
    """A page as the service sends it: cursor ``c0`` for the first row, and so on."""
    rows = [{"name": name} for name in names]
    return {"items": rows, "cursors": [f"c{n}" for n in range(len(rows))], "next": None, "total": 9, **more}


def test_a_page_keeps_the_order_and_the_cursors_of_its_service() -> None:
    """Nothing is sliced or numbered here: rows, cursors, what follows and the total are the service's own."""
    got = outcome(page(), paged(["Tom", "Ada"], next="c1"))
    assert isinstance(got.value, Page)
    assert [(edge.cursor, edge.node.name) for edge in got.value.edges] == [("c0", "Tom"), ("c1", "Ada")]
    assert got.value.page_info == PageInfo(True, False, "c0", "c1")
    assert got.value.total_count == 9
    assert got.flaws == ()


def test_the_last_page_has_nothing_after_it() -> None:
    """Without a next cursor the page is the last one, and ends at its last row's cursor."""
    for last in ({"next": None}, {"next": ""}):
        assert outcome(page(), paged(["Tom", "Ada"], **last)).value.page_info == PageInfo(False, False, "c0", "c1")
    without = paged(["Tom"])
    del without["next"]
    assert outcome(page(), without).value.page_info == PageInfo(False, False, "c0", "c0")


def test_an_empty_page_has_no_cursors() -> None:
    """A page without rows stands nowhere."""
    assert outcome(page(), paged([], total=0)).value == Page((), PageInfo(False, False, None, None), 0)


def test_a_service_that_does_not_count_has_no_total() -> None:
    """Without a declared total none is looked for."""
    assert outcome(page(total=None), paged(["Tom"], total="many")).value.total_count is None


def test_rows_of_a_page_may_lie_deeper_than_its_cursors() -> None:
    """``items`` is a response path; cursors, next and total stand at the top."""
    answer = {"data": {"rows": [{"name": "Tom"}]}, "cursors": ["c"], "next": None, "total": 1}
    assert [node.name for node in outcome(page(items="data.rows"), answer).value.nodes] == ["Tom"]


def test_a_bad_row_of_a_page_is_left_out_and_told() -> None:
    """The other rows keep their own cursors, and the page still ends where the service says."""
    got = outcome(page(), paged(["Tom", 7, "Ada", None]))
    assert [(edge.cursor, edge.node.name) for edge in got.value.edges] == [("c0", "Tom"), ("c2", "Ada")]
    assert [str(flaw) for flaw in got.flaws] == [
        "cats GET /houses/{house}/cats: element 1: Expected `str`, got `int` - at `$.name`",
        "cats GET /houses/{house}/cats: element 3: Expected `str`, got `null` - at `$.name`",
    ]
    assert all(isinstance(flaw, BadPayload) for flaw in got.flaws)
    # Not c2: whoever walks on must not be given the bad row again.
    assert got.value.page_info == PageInfo(False, False, "c0", "c3")


@pytest.mark.parametrize("cursors", [[], ["c0"], ["c0", "c1", "c2"]])
def test_rows_and_cursors_must_be_as_many(cursors: list[str]) -> None:
    """With a cursor too few or too many nobody knows whose each one is."""
    with pytest.raises(BadPayload, match=f"2 rows with {len(cursors)} cursors"):
        outcome(page(), paged(["Tom", "Ada"], cursors=cursors))


@pytest.mark.parametrize(
    "wrong",
    [{"cursors": None}, {"cursors": [1, 2]}, {"next": 7}, {"total": "9"}, {"total": None}, {"items": None}],
)
def test_a_frame_that_does_not_fit_is_a_bad_payload(wrong: dict[str, Any]) -> None:
    """Rows without their cursors, or without the total that was declared, are no page."""
    with pytest.raises(BadPayload):
        outcome(page(), paged(["Tom", "Ada"]) | wrong)


def test_an_unknown_kind_of_endpoint_is_a_bug() -> None:
    """There is a codec for each kind of endpoint and for nothing else."""
    with pytest.raises(Bug, match="no codec for"):
        codec_for(object())  # type: ignore[arg-type]  # the misuse under test
