"""Running: a service on a real socket inside a test, ready when it is handed over and gone afterwards."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from downstream_stubs.frame.server import StubServer, bind, url_of
from downstream_stubs.registry import STUBS

_START_S = 90.0


@contextmanager
def running(name: str, *, data_dir: Path, host: str = "127.0.0.1", port: int = 0, **settings: object) -> Iterator[str]:
    """Run one service by name in a thread and hand over its base URL, without a slash at the end.

    Port 0 takes any free one. ``settings`` are those of the service (``issuer=...``). Raises OSError if the
    port is taken and RuntimeError if the service does not start.
    """
    app = STUBS[name].make(data_dir=data_dir, host=host, port=port, **settings)
    started = threading.Event()
    ended = threading.Event()
    server = StubServer(app, on_started=started.set)

    def serve(bound: socket.socket) -> None:
        try:
            server.run(sockets=[bound])
        except SystemExit:
            pass  # how uvicorn says that the start failed; its log says why
        finally:
            ended.set()
            started.set()

    with bind(host, port) as bound:
        url = url_of(bound)
        thread = threading.Thread(target=serve, args=(bound,), name=f"stub {name}")
        thread.start()
        try:
            if not started.wait(_START_S) or ended.is_set():
                raise RuntimeError(f"the service {name} did not start; its log says why")
            yield url
        finally:
            server.should_exit = True
            thread.join()
