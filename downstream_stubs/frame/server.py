"""The server: uvicorn with the connection in reach of the faults, and an end that no hung request delays."""

import socket
from collections.abc import Callable

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from downstream_stubs.frame.app import StubService
from downstream_stubs.frame.injection import CONNECTION
from downstream_stubs.frame.problems import MALFORMED_REQUEST, MEDIA_TYPE, problem_bytes


class StubProtocol(HttpToolsProtocol):
    """Uvicorn's protocol; puts its transport into each scope, answers what is no HTTP with a problem."""

    def on_message_begin(self) -> None:
        """Begin a request with the connection in its scope."""
        super().on_message_begin()
        self.scope["extensions"] = {CONNECTION: {"transport": self.transport}}

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP, and close."""
        body = problem_bytes(MALFORMED_REQUEST, msg, "")
        head = (
            "HTTP/1.1 400 Bad Request\r\n"
            f"content-type: {MEDIA_TYPE}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode("ascii") + body)
        self.transport.close()


class StubServer(uvicorn.Server):
    """Serves one service on bound sockets; ``on_started`` is called when it accepts requests."""

    def __init__(self, app: StubService, on_started: Callable[[], None]) -> None:
        config = uvicorn.Config(
            app,
            http=StubProtocol,
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=app.settings.shutdown_grace_s,
        )
        super().__init__(config)
        self._app = app
        self._on_started = on_started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Open the data, listen, and say so."""
        await super().startup(sockets=sockets)
        self._on_started()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let go of what hangs by a fault, then end as uvicorn does."""
        self._app.faults.close()
        await super().shutdown(sockets=sockets)


def bind(host: str, port: int) -> socket.socket:
    """A bound socket; port 0 takes any free one. Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
    except BaseException:
        bound.close()
        raise
    return bound


def url_of(bound: socket.socket) -> str:
    """The base URL under which a bound socket is reached."""
    host, port = bound.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
