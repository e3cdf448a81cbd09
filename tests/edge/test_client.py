"""Which client asks: only names of the known list become labels, and only a version that looks like one is kept."""

from __future__ import annotations

import pytest

from bff_core.edge.client import NAME_HEADER, OTHER, VERSION_HEADER, Client, KnownClients

CLIENTS = KnownClients(["kiosk", "web-app"])


def test_known_name_becomes_the_label() -> None:
    """A name of the list is the client's name, with the version it sends."""
    assert CLIENTS.identify({NAME_HEADER: "kiosk", VERSION_HEADER: "4.2.0-rc.1+build_7"}) == Client(
        "kiosk", "4.2.0-rc.1+build_7"
    )


@pytest.mark.parametrize("name", ["", "Kiosk", "kiosk ", "kiosk,web-app", "x" * 10_000, "\n", "ki\u00f6sk"])
def test_any_other_name_is_other(name: str) -> None:
    """A name that is not on the list, letter for letter, is counted as "other"."""
    assert CLIENTS.identify({NAME_HEADER: name}).name == OTHER


def test_a_list_without_names_knows_nobody() -> None:
    """Without known clients every client is "other", also one that sends that word."""
    nobody = KnownClients([])
    assert [nobody.identify(headers).name for headers in ({}, {NAME_HEADER: "other"})] == [OTHER, OTHER]


@pytest.mark.parametrize("version", ["", "1.0 beta", "1\n", "x" * 41, "<1>", "1;2", "\u0661"])
def test_a_version_that_does_not_look_like_one_is_dropped(version: str) -> None:
    """What is no version of at most 40 plain characters is left out of every log line."""
    assert CLIENTS.identify({NAME_HEADER: "kiosk", VERSION_HEADER: version}) == Client("kiosk", "")


def test_the_longest_version_is_kept() -> None:
    """Forty characters are a version."""
    assert CLIENTS.identify({VERSION_HEADER: "1" * 40}).version == "1" * 40


@pytest.mark.parametrize(("sent", "known"), [("4.1", "4.1"), ("4.10", OTHER), ("", OTHER), ("4.1 ", OTHER)])
def test_only_a_known_version_becomes_a_label(sent: str, known: str) -> None:
    """A version of the list is a label as it is; any other is "other" there, and only a log says what was sent."""
    client = KnownClients(["kiosk"], ["4.1", "4.2"]).identify({NAME_HEADER: "kiosk", VERSION_HEADER: sent})
    assert client.known_version == known
    assert client.version == (sent if sent.strip() == sent else "")
