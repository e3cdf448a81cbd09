"""A real Chromium for the tests of this folder, or the reason why there is none."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from bff_core.edge.graphiql import BUNDLE
from tests.browser.page import GraphiqlPage, Picture, Visit, launched, visiting

BUILD = Path(__file__).parents[2] / "graphiql" / "build.py"


def missing(reason: str) -> None:
    """Skips with the reason; in CI, where nothing may be missing, fails with it."""
    if os.environ.get("CI", "").lower() not in {"", "0", "false"}:
        pytest.fail(f"{reason} (in CI this is an error)", pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def chromium_path() -> Path:
    """Where Chromium is: the environment's CHROMIUM, else Debian's."""
    named = os.environ.get("CHROMIUM")
    found = shutil.which(named) if named else shutil.which("chromium") or shutil.which("/usr/bin/chromium")
    if found is None:
        where = f" at {named}" if named else ""
        missing(f"no Chromium{where}: apt install chromium, or set CHROMIUM to its path")
    return Path(str(found))


@pytest.fixture(scope="session")
def bundle() -> Path:
    """Where GraphiQL is, built from the sources as they are now."""
    check = subprocess.run([sys.executable, BUILD, "--check"], capture_output=True, text=True, check=False)
    if check.returncode:
        missing(check.stdout.strip() or check.stderr.strip())
    return BUNDLE


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium(chromium_path: Path) -> AsyncIterator[Browser]:
    """One browser for all tests; each visit has a profile of its own in it."""
    async with launched(chromium_path) as browser:
        yield browser


@pytest.fixture
def picture(tmp_path: Path) -> Picture:
    """Saves what a page shows as ``<name>.png`` in the folder that the environment's PICTURES names.

    ``PICTURES=docs/pictures pytest tests/browser`` renews the README's pictures; else they are thrown away.
    """
    folder = Path(os.environ.get("PICTURES") or tmp_path)
    folder.mkdir(parents=True, exist_ok=True)

    async def save(page: GraphiqlPage, name: str) -> Path:
        file = folder / f"{name}.png"
        await page.picture(file)
        return file

    return save


@pytest.fixture
def visit(chromium: Browser, bundle: Path) -> Visit:
    """Opens GraphiQL at an address for a while; by its end the visit must have been clean (see Witness)."""
    return partial(visiting, chromium)
