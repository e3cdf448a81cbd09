"""The length of a batch's URL against what its service takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bff_core.contract import Batch, KeyStyle, Record, Service
from bff_core.contract.policy import ID_PATTERN
from bff_core.doctor.targets import long_targets
from bff_core.outbound.codec import codec_for
from tests.doctor.clinic import bff, settings


class Thing(Record):
    """Something with two names."""

    id: str
    language: str


def batch(style: KeyStyle, *, key: Any = "id", pattern: str = "[a-z]{1,50}", max_keys: int = 7) -> Batch[Thing]:
    """A batch of a service that is called birds."""
    route = "POST /things/all" if style is KeyStyle.BODY else "GET /things/all"
    service = Service("birds")
    return service.batch(
        route, keys="thing id", returns=Thing, key=key, max_keys=max_keys, style=style, pattern=pattern
    )


CASES = [
    (batch(KeyStyle.REPEATED), "a" * 50),
    (batch(KeyStyle.COMMA), "a" * 50),
    (batch(KeyStyle.REPEATED, pattern="[a-z]{1,300}", max_keys=1), "a" * 300),
    (batch(KeyStyle.COMMA, key=("id", "language")), ("a" * 50, "b" * 50)),
    (batch(KeyStyle.REPEATED, key=("id", "language")), ("a" * 50, "b" * 50)),
    (batch(KeyStyle.COMMA, pattern="[0-9/é]{60}"), "é" * 60),
    (batch(KeyStyle.REPEATED, pattern="(?:🐦|a){30}"), "🐦" * 30),
    (batch(KeyStyle.REPEATED, pattern=ID_PATTERN), "x" * 100),
]


@pytest.mark.parametrize("path", ["", "/api/v1"])
@pytest.mark.parametrize(("endpoint", "longest"), CASES)
def test_the_longest_url_may_be_as_long_as_the_service_takes(
    tmp_path: Path, endpoint: Batch[Thing], longest: Any, path: str
) -> None:
    """The bound is what the codec makes of the most keys, all of the longest; a byte less, and it is dangerous."""
    made = bff(tmp_path, services=(service_of(endpoint), Service("nests")))
    target = path + codec_for(endpoint).ask([longest] * endpoint.max_keys).target
    assert endpoint.accepts(longest)
    for bytes_, findings in ((len(target), 0), (len(target) - 1, 1)):
        spoilt = settings(
            made,
            SERVICES__BIRDS__URL=f"http://birds.test{path}",
            SERVICES__BIRDS__MAX_URL_BYTES=str(bytes_),
        )
        found = list(long_targets(made, spoilt))
        assert [(finding.severity, finding.about) for finding in found] == [("dangerous", endpoint.name)] * findings


def service_of(endpoint: Batch[Thing]) -> Service:
    """A service that declares this endpoint and no other."""
    service = Service("birds")
    service._add(endpoint)
    return service


def test_the_sentence_says_how_many_keys_would_fit(tmp_path: Path) -> None:
    """The number in the remedy is the largest that is well."""
    for max_keys in (100, 79):
        service = Service("birds")
        service.batch("GET /profiles", keys="ids", style=KeyStyle.COMMA, returns=Thing, key="id", max_keys=max_keys)
        made = bff(tmp_path, services=(service, Service("nests")))
        found = list(long_targets(made, settings(made)))
        if max_keys == 79:
            assert found == []
            continue
        (finding,) = found
        assert finding.sentence == (
            "100 keys of up to 100 bytes (pattern '[A-Za-z0-9_\\\\-.:~]{1,100}') make a path and query of 10113 bytes, "
            "but services.birds.max_url_bytes is 8000"
        )
        assert finding.remedy.startswith("declare max_keys=79 or a pattern that says how long a key really gets, ")


def test_a_url_that_is_too_long_for_one_key_offers_no_number(tmp_path: Path) -> None:
    """Where one key is too many already, no number of keys is a remedy."""
    endpoint = batch(KeyStyle.COMMA, pattern="a{9000}")
    made = bff(tmp_path, services=(service_of(endpoint), Service("nests")))
    (finding,) = long_targets(made, settings(made))
    assert finding.remedy.startswith("declare a pattern that says")


@pytest.mark.parametrize("pattern", [".+", r"\d*", "(?=.{1,9}$)[a-z]+"])
def test_a_key_without_a_longest_is_dangerous(tmp_path: Path, pattern: str) -> None:
    """A pattern that does not end is named, whatever the service takes."""
    endpoint = batch(KeyStyle.REPEATED, pattern=pattern, max_keys=1)
    made = bff(tmp_path, services=(service_of(endpoint), Service("nests")))
    (finding,) = long_targets(made, settings(made, SERVICES__BIRDS__MAX_URL_BYTES="65536"))
    assert (finding.severity, finding.about) == ("dangerous", "birds GET /things/all")
    assert finding.sentence.startswith("a key may be as long as it likes")


def test_keys_in_a_body_make_no_url_long(tmp_path: Path) -> None:
    """A batch that is asked for by POST may have as many and as long keys as it likes."""
    endpoint = batch(KeyStyle.BODY, pattern=".*", max_keys=10_000)
    made = bff(tmp_path, services=(service_of(endpoint), Service("nests")))
    assert list(long_targets(made, settings(made, SERVICES__BIRDS__MAX_URL_BYTES="256"))) == []
