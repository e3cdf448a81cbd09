"""The windows in force: what endpoints declare, and what the settings of one BFF may change of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from bff_core.contract import Record, Service, Windows
from bff_core.settings import Settings, SettingsError, load
from bff_core.windows import windows_in_force, windows_of


class Fish(Record):
    """Something in a pond."""

    id: str


ponds = Service("ponds")
by_id = ponds.batch("GET /fish", keys="id", returns=Fish, key="id", max_keys=5, fresh=10, stale=20, stale_if_error=30)
one = ponds.get("GET /fish/{id}", returns=Fish, fresh=1, negative=0.5)
depth = ponds.get("GET /depth", returns=Fish, fresh=1, no_stale=True)
weather = ponds.get("GET /weather", returns=Fish)
boats = Service("boats")
boat = boats.get("GET /boats/{id}", returns=Fish, fresh=5)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The file of settings, still without windows."""
    made = tmp_path / "settings.toml"
    made.write_text("[edge]\nport = 0\n[services.ponds]\nurl = 'http://p'\n[services.boats]\nurl = 'http://b'\n")
    return made


def settings(file: Path, more: str = "") -> Settings:
    """The file's settings, and what a test adds."""
    file.write_text(file.read_text(encoding="utf-8") + more, encoding="utf-8")
    return load("pier", ["ponds", "boats"], file, {})


def test_without_settings_windows_are_as_declared(file: Path) -> None:
    """Every endpoint that is kept is there with its own windows; one without fresh= is not."""
    assert windows_in_force((ponds, boats), settings(file)) == {
        by_id: Windows(10, 20, 30, 2),
        one: Windows(1, 0, 0, 0.5),
        depth: Windows(1, 0, 0, 2),
        boat: Windows(5, 0, 0, 2),
    }


def test_a_setting_changes_what_it_names_and_no_more(file: Path) -> None:
    """What is set wins, zero too; what is not stays as declared, and so do the other routes."""
    made = settings(
        file,
        "[services.ponds.windows.'GET /fish']\nfresh_s = 7\nstale_s = 0\n"
        "[services.ponds.windows.'GET /fish/{id}']\nstale_if_error_s = 60\nnegative_s = 0\n",
    )
    assert windows_of(by_id, made) == Windows(7, 0, 30, 2)
    assert windows_of(one, made) == Windows(1, 0, 60, 0)
    assert windows_of(boat, made) == Windows(5)
    assert windows_of(weather, made) is None


def test_no_stale_may_be_fresh_for_longer(file: Path) -> None:
    """An endpoint that is never stale takes another fresh window, and a stale one of nothing."""
    made = settings(file, "[services.ponds.windows.'GET /depth']\nfresh_s = 3\nstale_s = 0\n")
    assert windows_in_force((ponds, boats), made)[depth] == Windows(3)


def test_a_route_of_two_kinds_is_overridden_for_both_that_are_kept(file: Path) -> None:
    """A route that is declared as a get and as a batch has one section; it applies to what is kept of it."""
    lakes = Service("ponds")
    many = lakes.batch("GET /fish", keys="id", returns=Fish, key="id", max_keys=5, fresh=10)
    every = lakes.get("GET /fish", returns=list[Fish])
    made = settings(file, "[services.ponds.windows.'GET /fish']\nfresh_s = 7\n")
    assert windows_in_force((lakes,), made) == {many: Windows(7)}
    assert windows_of(every, made) is None


def test_every_problem_is_told_at_once(file: Path) -> None:
    """A route nobody has, one that is not kept, and a stale window where none may be: a line each, in one error."""
    made = settings(
        file,
        "[services.ponds.windows.'GET /fsh']\nfresh_s = 1\n"
        "[services.ponds.windows.'GET /weather']\nnegative_s = 1\n"
        "[services.ponds.windows.'GET /depth']\nstale_s = 1\nstale_if_error_s = 2.5\n"
        "[services.boats.windows.zzz]\nfresh_s = 1\n"
        "[services.boats.windows.'GET /fish']\nfresh_s = 1\n",
    )
    with pytest.raises(SettingsError) as caught:
        windows_in_force((ponds, boats), made)
    assert caught.value.problems == (
        'services.ponds.windows."GET /fsh": ponds has no such route; did you mean "GET /fish" or "GET /fish/{id}"?',
        'services.ponds.windows."GET /weather": declares no fresh=, so nothing of it may be kept',
        'services.ponds.windows."GET /depth".stale_s = 1: is declared no_stale, so it must be 0',
        'services.ponds.windows."GET /depth".stale_if_error_s = 2.5: is declared no_stale, so it must be 0',
        'services.boats.windows."zzz": boats has no such route; routes are "GET /boats/{id}"',
        'services.boats.windows."GET /fish": boats has no such route; routes are "GET /boats/{id}"',
    )


def test_an_empty_section_changes_nothing(file: Path) -> None:
    """A route without any window under it is as declared."""
    assert windows_of(boat, settings(file, "[services.boats.windows.'GET /boats/{id}']\n")) == Windows(5)
