"""One process that serves a BFF: uvicorn, with the limits that the settings give it."""

from __future__ import annotations

import gc
import math
import socket

from starlette.applications import Starlette
from uvicorn import Server

from bff_core.edge.serving import ConnectionBounds, ServingConfig, end_in_order
from bff_core.settings import Settings

#: How long requests may go on after SIGTERM, in seconds; the time of one request where that is more.
GRACE_S = 5


def run_server(app: Starlette, settings: Settings, listener: socket.socket) -> bool:
    """Serve ``app`` from ``listener`` until SIGTERM or Ctrl-C; whether it could start.

    Ctrl-C ends it in order and silence; SIGTERM does too, and then ends the process as that signal does.
    """
    edge = settings.edge
    end_in_order(app)
    server = Server(
        ServingConfig(
            app,
            ConnectionBounds(edge.max_header_bytes, edge.header_timeout_ms / 1000),
            edge.keep_alive_s,
            timeout_graceful_shutdown=max(GRACE_S, math.ceil(edge.budget_ms / 1000) + 1),
        )
    )
    gc.collect()
    gc.freeze()  # schema and modules live as long as the process: the collector need not look at them again
    try:
        server.run(sockets=[listener])
    except KeyboardInterrupt:  # uvicorn has ended in order and passes the signal on
        return True
    return server.started
