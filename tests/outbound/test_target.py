"""The URL of a call: what httpx would make of the whole text, without parsing it."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bff_core.outbound.target import BaseUrl

BASES = ("http://127.0.0.1:9001", "https://users.internal", "http://[::1]:80/api/v1/", "http://host:8080/a%20b")


@given(
    base=st.sampled_from(BASES),
    steps=st.lists(st.text(min_size=1, max_size=8), max_size=3),
    query=st.none() | st.lists(st.tuples(st.text(max_size=5), st.text(max_size=9)), max_size=3),
)
def test_a_target_is_where_httpx_would_find_it(base: str, steps: list[str], query: Any) -> None:
    """Scheme, host, port, path and query are those that httpx reads from the joined text, and so is every byte sent."""
    target = "".join(f"/{quote(_encodable(step), safe='')}" for step in steps if step not in (".", "..")) or "/"
    if query is not None:
        target += "?" + urlencode([(_encodable(name), _encodable(value)) for name, value in query])
    whole, ours = httpx.URL(base.rstrip("/") + target), BaseUrl(base).at(target)
    assert (ours, str(ours), ours.raw_path) == (whole, str(whole), whole.raw_path)
    assert (ours.raw_scheme, ours.raw_host, ours.port, ours.netloc) == (
        whole.raw_scheme,
        whole.raw_host,
        whole.port,
        whole.netloc,
    )
    assert httpx.Request("GET", ours).headers == httpx.Request("GET", whole).headers


def test_one_target_does_not_change_another() -> None:
    """Each has a URL of its own, and the base stays."""
    base = BaseUrl("http://users/api")
    one, other = base.at("/a?x=1"), base.at("/b")
    assert [str(one), str(other), str(base)] == ["http://users/api/a?x=1", "http://users/api/b", "http://users/api"]


@pytest.mark.parametrize("text", ["http://users", "http://users/", "http://users/api/"])
def test_a_slash_at_the_end_of_the_base_is_passed_over(text: str) -> None:
    """The target brings its own."""
    assert str(BaseUrl(text).at("/a")) == text.rstrip("/") + "/a"


def _encodable(text: str) -> str:
    return text.encode(errors="ignore").decode()
