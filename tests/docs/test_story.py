"""The README's five minutes, lived through: the real demo, each command in order, and what the tables say of it.

What takes a minute (a product named as ``stale``) is not waited for; ``tests/faults`` has it, with a clock that leaps.
"""

from __future__ import annotations

import base64
import json
import re
import shlex
import shutil
import socket
import subprocess
import sys
import threading
import time
import tomllib
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tests.conftest import Shop
from tests.docs.pages import ROOT, code_in, commands, tables
from tests.docs.shell import Folder, section
from tests.docs.test_walk import QUIET

T = TypeVar("T")

#: So that nobody waits for half a minute until a service is asked again, nor fails on a busy machine.
ENVIRONMENT = {
    "BFF_WEB__SERVICES__ALL__BREAKER__TIMEOUT_S": "1",
    "BFF_MOBILE__SERVICES__ALL__BREAKER__TIMEOUT_S": "1",
    "BFF_DEMO_READY_TIMEOUT_S": "120",
}
READY = "Ctrl-C ends everything."
WITHIN_S = 20


def product(number: int) -> str:
    """The web's id of a product."""
    return base64.b64encode(f"Product:{number}".encode()).decode()


def eventually(look: Callable[[], T]) -> T:
    """Look again and again until what is asserted holds; each look asks a server, so nothing spins."""
    deadline = time.monotonic() + WITHIN_S
    while True:
        try:
            return look()
        except AssertionError:
            if time.monotonic() > deadline:
                raise


@dataclass(frozen=True)
class Seen:
    """One answer."""

    data: Any
    errors: list[Any]
    degraded: list[Any]

    @property
    def whole(self) -> bool:
        """Whether nothing is missing or replaced."""
        return not self.errors and not self.degraded

    @property
    def error_paths(self) -> list[list[Any]]:
        """Which fields have an error."""
        return sorted((error["path"] for error in self.errors), key=str)

    @property
    def named(self) -> set[tuple[str, str, str]]:
        """Each degradation's path, service and source."""
        return {(one["path"], one["service"], one["source"]) for one in self.degraded}


@dataclass
class Walk:
    """A running demo, and who walks through it. ``ran``: the tabs that were run."""

    folder: Folder
    ports: Mapping[str, int]
    output: list[str]
    ran: set[str] = field(default_factory=set)
    before: dict[str, Any] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)

    def url(self, bff: str) -> str:
        """Where a BFF is."""
        return f"http://127.0.0.1:{self.ports[bff]}/graphql"

    def here(self, line: str) -> str:
        """A command with the ports of this demo in place of those of pyproject.toml."""
        for name, table in demo_table()["processes"].items():
            line = line.replace(f"127.0.0.1:{table['port']}", f"127.0.0.1:{self.ports[name]}")
        return line

    def token(self, user: str) -> str:
        """A token, fetched once: the issuer is down at times."""
        if user not in self.tokens:
            self.tokens[user] = self.folder.told(f".venv/bin/bff token --user {user}").strip()
        return self.tokens[user]

    def tab(self, bff: str, operation: str, user: str | None = "7", **variables: Any) -> Seen:
        """Run a tab of GraphiQL, with its own variables or others; the status is 200 whatever fails."""
        self.ran.add(operation)
        file = self.folder.path / "schema" / "operations" / bff / f"{operation}.graphql"
        own = file.with_suffix(".variables.json")
        given = (json.loads(own.read_text()) if own.exists() else {}) | variables
        body = {"query": file.read_text(), "variables": given, "operationName": operation}
        headers = {"content-type": "application/json"} | (
            {"authorization": f"Bearer {self.token(user)}"} if user else {}
        )
        request = urllib.request.Request(self.url(bff), json.dumps(body).encode(), headers)  # noqa: S310  # loopback
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310  # loopback
            assert answer.status == 200
            found = json.load(answer)
        return Seen(found["data"], found.get("errors", []), found.get("extensions", {}).get("degraded", []))

    def whole(self, bff: str, operation: str, user: str | None = "7") -> Any:
        """What a tab shows, as soon as nothing of it is missing."""

        def look() -> Any:
            seen = self.tab(bff, operation, user)
            assert seen.whole, (operation, seen.errors, seen.degraded)
            return seen.data

        return eventually(look)

    # What the first table says, row by row.

    def windows_open(self) -> None:
        """GraphiQL of both, signed in as user 7."""
        for bff in ("web", "mobile"):
            request = urllib.request.Request(self.url(bff), headers={"accept": "text/html"})  # noqa: S310  # loopback
            with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310  # loopback
                page = answer.read().decode()
            assert f"<title>{bff} · GraphiQL" in page
            config = re.search(r'<script type="application/json" id="config">(.*?)</script>', page)
            assert config or "is not built" in page
            if config:
                assert json.loads(config[1])["defaultUser"] == "7"

    def one_product_twice(self) -> None:
        """Rich for the web; flat, worded and with one picture for the app."""
        rich = self.whole("web", "ProductPage")["product"]
        flat = self.whole("mobile", "ProductScreen")["productScreen"]
        assert rich["name"] == flat["name"]
        assert isinstance(rich["price"], dict)
        assert isinstance(flat["price"], str)
        assert len(rich["images"]) > 1
        assert isinstance(flat["imageUrl"], str)
        self.before |= {"ProductPage": rich, "ProductScreen": flat}

    def what_was_bought(self) -> None:
        """Orders with lines, parcels and payments, and one of them as a screen."""
        orders = self.whole("web", "OrderHistory")["orders"]["edges"]
        assert all(edge["node"]["payment"] and edge["node"]["lines"] for edge in orders)
        assert any(edge["node"]["parcels"] for edge in orders)
        screen = self.whole("mobile", "OrderStatus")["orderStatus"]
        assert screen["payment"]
        assert screen["parcels"]
        assert screen["lines"]
        self.before |= {"OrderHistory": orders, "OrderStatus": screen}

    def each_user_their_own(self) -> None:
        """Another user has another card; nobody has an error, and what is public."""
        mine, theirs = (self.whole("mobile", "MeScreen", user)["me"] for user in ("7", "42"))
        assert (mine["id"], theirs["id"]) == ("7", "42")
        assert self.tab("mobile", "MeScreen", None).error_paths == [["me"]]
        assert self.whole("mobile", "ProductScreen", None)

    # What the second table says, command by command.

    def payments_are_gone(self) -> None:
        """Only what was paid is missing, and is named; a checkout that cannot know says so."""
        orders = [{"node": {**edge["node"], "payment": None}, "cursor": edge["cursor"]} for edge in self.before_orders]

        def history() -> None:
            seen = self.tab("web", "OrderHistory")
            assert seen.data["orders"]["edges"] == orders
            assert seen.error_paths == [["orders", "edges", index, "node", "payment"] for index in range(len(orders))]
            assert seen.named == {("orders.edges.node.payment", "payments", "omitted")}

        def status() -> None:
            seen = self.tab("mobile", "OrderStatus")
            assert seen.data["orderStatus"] == {**self.before["OrderStatus"], "payment": None}
            assert seen.error_paths == [["orderStatus", "payment"]]
            assert seen.named == {("orderStatus.payment", "payments", "omitted")}

        eventually(history)
        eventually(status)
        assert self.tab("web", "AddToCart").data["addToCart"]["__typename"] == "CartChanged"
        checkout = self.tab("web", "Checkout").data["checkout"]
        assert checkout["__typename"] == "OutcomeUnknown"
        assert "checkoutOutcome" in checkout["ask"]

        def outcome() -> None:
            found = self.tab("web", "CheckoutOutcome").data["checkoutOutcome"]
            assert found
            assert found["state"] == "PENDING"
            self.before["order"] = found["order"]["number"]

        eventually(outcome)

    def payments_are_back(self) -> None:
        """All as before, and the checkout has come to its end: one order, however often it is sent."""

        def outcome() -> None:
            found = self.tab("web", "CheckoutOutcome").data["checkoutOutcome"]
            assert (found["state"], found["order"]["number"]) == ("PLACED", self.before["order"])

        def again() -> None:
            found = self.tab("web", "Checkout").data["checkout"]
            assert found["__typename"] == "CheckoutDone"
            assert found["order"]["number"] == self.before["order"]

        def history() -> None:
            seen = self.tab("web", "OrderHistory")
            assert seen.whole
            newest, *older = seen.data["orders"]["edges"]
            assert newest["node"]["number"] == self.before["order"]
            assert [edge["node"] for edge in older] == [edge["node"] for edge in self.before_orders[: len(older)]]

        eventually(outcome)
        eventually(again)
        eventually(history)
        assert self.whole("mobile", "OrderStatus")["orderStatus"] == self.before["OrderStatus"]

    @property
    def before_orders(self) -> list[Any]:
        """The orders that there were before anything was bought."""
        found: list[Any] = self.before["OrderHistory"]
        return found

    def users_are_gone(self) -> None:
        """Names that were looked at are kept; others are called a customer, and it is said why."""
        assert self.whole("web", "ProductPage")["product"]["reviews"] == self.before["ProductPage"]["reviews"]
        seen = self.tab("web", "ProductPage", id=product(5))
        names = [edge["node"]["author"]["displayName"] for edge in seen.data["product"]["reviews"]["edges"]]
        assert set(names) == {"A customer"}
        assert not seen.errors
        assert seen.named == {("product.reviews.edges.node.author", "users", "fallback")}

    def all_is_well(self) -> None:
        """The product as it was at first, in both windows."""
        rich = self.whole("web", "ProductPage")["product"]
        assert rich["reviews"] == self.before["ProductPage"]["reviews"]
        assert rich["stock"]
        assert self.whole("mobile", "ProductScreen")["productScreen"]["availability"]

    def products_are_gone(self) -> None:
        """The product as it was without its stock; one that nobody has looked at is null."""
        before = self.before["ProductPage"]
        related = [{**one, "stock": None} for one in before["related"]]

        def page() -> None:
            seen = self.tab("web", "ProductPage")
            assert seen.data["product"] == {**before, "stock": None, "related": related}
            assert ["product", "stock"] in seen.error_paths
            assert ("product.stock", "products", "omitted") in seen.named

        eventually(page)
        unseen = self.tab("web", "ProductPage", id=product(60))
        assert unseen.data["product"] is None
        assert unseen.named == {("product", "products", "omitted")}

    def stock_is_slow(self) -> None:
        """The web waits and is whole; the app answers without stock, after two attempts and within its second."""

        def app() -> None:
            seen = self.tab("mobile", "ProductScreen")
            assert seen.data["productScreen"] == {**self.before["ProductScreen"], "availability": None}
            assert [(one["path"], one["reason"]) for one in seen.degraded] == [
                ("productScreen.availability", "SERVICE_TIMEOUT")
            ]

        eventually(app)
        assert self.whole("web", "ProductPage")["product"]["stock"]

    def says(self, *words: str) -> Callable[[str], None]:
        """A check of what a command printed."""

        def look(printed: str) -> None:
            assert all(word in printed for word in words), printed

        return look

    def card(self, printed: str) -> None:
        """The answer to the curl command."""
        assert json.loads(printed)["data"]["me"]["name"]


#: What is to be seen after each command of the walk; by how it begins.
AFTER: dict[str, Callable[[Walk, str], None]] = {
    "bff demo stop payments": lambda walk, _: walk.payments_are_gone(),
    "bff demo start payments": lambda walk, _: walk.payments_are_back(),
    "bff demo stop users": lambda walk, _: walk.users_are_gone(),
    "bff demo start users": lambda walk, _: walk.all_is_well(),
    "bff demo stop products": lambda walk, _: walk.products_are_gone(),
    "bff demo start products": lambda walk, _: walk.all_is_well(),
    "bff fault products --latency 700": lambda walk, _: walk.stock_is_slow(),
    "bff fault products --clear": lambda walk, _: walk.all_is_well(),
    "bff demo status": lambda walk, printed: walk.says("A demo is running", *walk.ports)(printed),
    "bff token": lambda walk, printed: walk.says(".")(printed),
    "curl": lambda walk, printed: walk.card(printed),
}
#: What other tests run: commands that need no demo, and the one that writes into the project.
ELSEWHERE = (*(f"bff {line}" for line in QUIET), "make snapshots")


@cache
def demo_table() -> dict[str, Any]:
    """The demo as pyproject.toml has it."""
    table: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["bff"]["demo"]
    return table


def plain(line: str) -> str:
    """A command as it is spoken of: without the folder."""
    return line.removeprefix(".venv/bin/")


def looked_after(line: str) -> Callable[[Walk, str], None] | None:
    """What is to be seen after a command, if the walk knows it."""
    return next((look for start, look in AFTER.items() if plain(line).startswith(start)), None)


def lines_of(page: Path) -> list[str]:
    """The section's commands of the walk, in order."""
    lines = [shlex.join(words) for words in commands(page)]
    # What a shell replaces must stay as the page has it; only its first words tell whether it is of the walk.
    raw = [line for text in page.read_text("utf-8").split("```sh\n")[1:] for line in text.split("```")[0].splitlines()]
    assert len(lines) == len(raw)
    return [line for line in raw if not plain(line).startswith(ELSEWHERE)]


def test_every_command_of_the_walk_is_lived_through(tmp_path: Path) -> None:
    """The walk leaves out no command of the section, and the table speaks of none that the section does not give."""
    page = section("Five minutes", tmp_path)
    lines = lines_of(page)
    assert [line for line in lines if looked_after(line) is None] == []
    assert [start for start in AFTER if not any(plain(line).startswith(start) for line in lines)] == []
    spoken = [code_in(row["After"])[0].rstrip(" …") for rows in tables(page) for row in rows if "After" in row]
    assert spoken
    assert [one for one in spoken if not any(plain(line).startswith(one) for line in lines)] == []


@contextmanager
def demo(folder: Folder) -> Iterator[Walk]:
    """The demo, ready, on ports of its own."""
    with ExitStack() as stack:
        held = {name: stack.enter_context(socket.create_server(("127.0.0.1", 0))) for name in demo_table()["processes"]}
        ports = {name: int(server.getsockname()[1]) for name, server in held.items()}
    words = [f"--port={name}={port}" for name, port in ports.items()]
    output: list[str] = []
    ready = threading.Event()
    with subprocess.Popen(
        [".venv/bin/bff", "demo", *words],
        cwd=folder.path,
        env=folder.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:

        def read() -> None:
            assert process.stdout is not None
            for line in process.stdout:
                output.append(line)
                if READY in line:
                    ready.set()
            ready.set()

        reader = threading.Thread(target=read)
        reader.start()
        try:
            assert ready.wait(150)
            assert any(READY in line for line in output), "".join(output)
            yield Walk(folder, ports, output)
            process.terminate()
            assert process.wait(20) == 0
        finally:
            process.kill()
            reader.join()


@pytest.fixture
def folder(tmp_path: Path, running_shop: Shop) -> Folder:
    """A project of its own; its shop is not made anew, since the tests' services have made the same one."""
    (tmp_path / "pyproject.toml").symlink_to(ROOT / "pyproject.toml")
    (tmp_path / "schema").symlink_to(ROOT / "schema")
    data = tmp_path / ".demo" / "data"
    data.mkdir(parents=True)
    for seed in running_shop.data.glob("*.seed.sqlite3"):
        shutil.copyfile(seed, data / seed.name)
    return Folder(tmp_path, ENVIRONMENT)


def test_five_minutes_are_as_the_readme_tells_them(folder: Folder) -> None:
    """Each row of the first table, then each command in order, shows what the README says; no tab is left out."""
    page = section("Five minutes", folder.path)
    with demo(folder) as walk:
        walk.windows_open()
        walk.one_product_twice()
        walk.what_was_bought()
        walk.each_user_their_own()
        for line in lines_of(page):
            look = looked_after(line)
            assert look is not None
            for given in ways_to_give(walk.here(line)):
                look(walk, folder.told(given))
        printed = [line for line in "".join(walk.output).splitlines() if line.startswith("curl ")]
        assert len(printed) == 2
        for line in printed:
            for given in ways_to_give(line):
                assert json.loads(folder.told(given))["data"]
        tabs = {file.stem for file in (ROOT / "schema" / "operations").rglob("*.graphql")}
        named = tabs & set(re.findall(r"\b[A-Z]\w+", page.read_text("utf-8")))
        assert named - walk.ran == {"AccountPage"}  # its plan is shown, by a test of its own


def ways_to_give(line: str) -> list[str]:
    """A command as it is; a curl command also by what stands in for curl, or by that alone where there is no curl."""
    if not line.startswith("curl "):
        return [line]
    sender = shlex.quote(str(Path(__file__).with_name("sender.py")))
    stand_in = f'curl() {{ {shlex.quote(sys.executable)} {sender} "$@"; }}; {line}'
    return [line, stand_in] if shutil.which("curl") else [stand_in]
