"""The length of a batch's URL: the longest keys, and as many of them as go into one call, must fit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlsplit

from bff_core.bff import Bff
from bff_core.contract import Batch, KeyStyle
from bff_core.doctor.finding import Finding
from bff_core.doctor.width import longest_in_url
from bff_core.outbound.codec import codec_for
from bff_core.settings import ServiceSettings, Settings


def long_targets(bff: Bff, settings: Settings) -> Iterator[Finding]:
    """Batches whose keys stand in the query and may make it longer than the service takes."""
    for service in bff.services:
        for endpoint in service.endpoints:
            if isinstance(endpoint, Batch) and endpoint.style is not KeyStyle.BODY:
                yield from _judged(endpoint, settings.services[service.name])


def _judged(endpoint: Batch[Any], service: ServiceSettings) -> Iterator[Finding]:
    pattern = endpoint.policy.pattern
    width = longest_in_url(pattern)
    if width is None:
        yield Finding(
            "dangerous",
            endpoint.name,
            f"a key may be as long as it likes (pattern {pattern.pattern!r}), so no URL is long enough for one",
            'declare how long a key gets, as in pattern="[0-9]{1,20}"',
        )
        return
    first, more = _bytes_of_keys(endpoint, width, service.url)
    longest = first + (endpoint.max_keys - 1) * more
    most = service.max_url_bytes
    if longest > most:
        fits = (most - first) // more + 1 if more and first <= most else 0
        yield Finding(
            "dangerous",
            endpoint.name,
            f"{endpoint.max_keys} keys of up to {width} bytes (pattern {pattern.pattern!r}) make a path and query of "
            f"{longest} bytes, but services.{endpoint.service}.max_url_bytes is {most}",
            f"declare {f'max_keys={fits} or ' if fits else ''}a pattern that says how long a key really gets, ask by "
            "POST if the service can be asked so, or raise max_url_bytes if the service and all before it take that",
        )


def _bytes_of_keys(endpoint: Batch[Any], width: int, url: str) -> tuple[int, int]:
    """Bytes of the path and query for one key of the greatest width, and how many each further key adds.

    Both are told by the codec, from keys of one letter, so that nothing here knows how it puts keys together.
    """
    codec = codec_for(endpoint)
    key: Any = ("a",) * len(endpoint.key) if endpoint.composite else "a"
    one, two = (len(codec.ask([key] * keys).target) for keys in (1, 2))
    wider = len(endpoint.key) * (width - 1)
    path = quote(urlsplit(url).path.rstrip("/"), safe="/%:@!$&'()*+,;=~")
    return len(path) + one + wider, two - one + wider
