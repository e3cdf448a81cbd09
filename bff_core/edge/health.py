"""Whether the process lives (/healthz) and whether it should get traffic (/readyz)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

#: Names what is still missing; empty when the process is ready.
Missing = Callable[[], Sequence[str]]


def health_routes(missing: Missing) -> list[Route]:
    """``/healthz`` is 200 while the loop runs; ``/readyz`` is 503 and says why while something is missing."""

    async def healthz(_: Request) -> Response:
        return JSONResponse({"status": "alive"})

    async def readyz(_: Request) -> Response:
        lacking = list(missing())
        return JSONResponse({"ready": not lacking, "missing": lacking}, status_code=503 if lacking else 200)

    return [Route("/healthz", healthz), Route("/readyz", readyz)]
