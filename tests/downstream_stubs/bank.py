"""A stand-in for the payment service that does what a test tells it to, on a real socket."""

import json
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

Mood = Literal["pay", "pay-hang", "pay-drop", "pay-fail", "hang", "drop", "fail", "decline", "no-method", "token", "no"]
"""What it does when it is asked for a payment. "pay-...": it pays, once for a key, and then gives no answer."""

_REFUSALS: dict[str, tuple[int, dict[str, Any]]] = {
    "decline": (402, {"type": "card-declined", "status": 402, "decline_code": "insufficient_funds"}),
    "no-method": (
        422,
        {"type": "invalid-body", "errors": [{"name": "method_id", "reason": "there is no such method"}]},
    ),
    "token": (401, {"type": "unauthenticated", "status": 401}),
    "no": (409, {"type": "something-else", "status": 409}),
}


class Bank(ThreadingHTTPServer):
    """``moods`` are of the next payments that are asked for, "pay" when there are none left.

    ``asked`` is what was asked, as method, path and idempotency key; ``made`` the payments by key; ``reached`` is set
    once a payment was asked for.
    """

    daemon_threads = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.moods: deque[Mood] = deque()
        self.asked: list[tuple[str, str, str | None]] = []
        self.made: dict[str, dict[str, Any]] = {}
        self.lock = threading.Lock()
        self.reached = threading.Event()
        self.closing = threading.Event()

    @property
    def url(self) -> str:
        """Its base URL."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    @property
    def tries(self) -> list[str | None]:
        """The keys of the payments that were asked for, one after the other."""
        return [key for method, path, key in self.asked if (method, path) == ("POST", "/payments")]

    def will(self, *moods: Mood) -> None:
        """Say what the next payments shall be like."""
        self.moods.extend(moods)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 20
    server: Bank

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        bank = self.server
        with bank.lock:
            bank.asked.append(("GET", self.path, None))
            order_id = self.path.partition("order_ids=")[2]
            found = [one for one in bank.made.values() if one["order_id"] == order_id]
        self._answer(200, {"items": found})

    def do_POST(self) -> None:
        bank = self.server
        body = json.loads(self.rfile.read(int(self.headers.get("content-length", "0"))) or "null")
        key = self.headers.get("idempotency-key")
        with bank.lock:
            bank.asked.append(("POST", self.path, key))
            if self.path != "/payments":
                return self._void(self.path.split("/")[2])
            assert key is not None
            bank.reached.set()
            mood = bank.moods.popleft() if bank.moods else "pay"
            if key in bank.made and mood in ("decline", "no-method", "no"):
                mood = "pay"  # what it has done it cannot refuse any more
            if mood.startswith("pay") and key not in bank.made:
                bank.made[key] = {"id": f"pay-{len(bank.made) + 1}", "status": "authorised", **body}
        if mood == "pay":
            return self._answer(201, bank.made[key])
        if mood in _REFUSALS:
            return self._answer(*_REFUSALS[mood])
        if mood.endswith("fail"):
            return self._answer(503, {"type": "not-ready"})
        if mood.endswith("hang"):
            bank.closing.wait(20)
        self.close_connection = True
        return None

    def _void(self, payment_id: str) -> None:
        (payment,) = (one for one in self.server.made.values() if one["id"] == payment_id)
        payment["status"] = "voided"
        self._answer(200, payment)

    def _answer(self, status: int, body: object) -> None:
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


@contextmanager
def open_bank() -> Iterator[Bank]:
    """A bank that answers until the end of the block."""
    bank = Bank()
    thread = threading.Thread(target=bank.serve_forever, name="bank", kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield bank
    finally:
        bank.closing.set()
        bank.shutdown()
        bank.server_close()
        thread.join()
