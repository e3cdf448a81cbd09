"""Control: the routes that operate a service and are no part of what it offers."""

import json
from collections.abc import Callable
from typing import Annotated

from fastapi import FastAPI, Query, Response
from pydantic import BaseModel

from downstream_stubs.frame.faults import Fault, Faults
from downstream_stubs.frame.ledger import Ledger
from downstream_stubs.frame.problems import NOT_READY, ProblemError


class FaultList(BaseModel):
    """The faults that are switched on, and the routes that may have some."""

    faults: list[Fault]
    routes: list[str]


class State(BaseModel):
    """Whether a service lives, or is ready."""

    status: str


def add_control_routes(
    app: FastAPI, faults: Faults, ledger: Ledger, *, is_ready: Callable[[], bool], reset: Callable[[], None]
) -> None:
    """Add /_faults, /_calls, /_reset, /healthz and /readyz, all kept out of the OpenAPI document."""

    @app.get("/_faults", include_in_schema=False)
    async def read_faults() -> FaultList:
        return FaultList(faults=faults.entries, routes=faults.table.names)

    @app.put("/_faults", include_in_schema=False)
    async def put_fault(fault: Fault) -> FaultList:
        faults.put(fault)
        return FaultList(faults=faults.entries, routes=faults.table.names)

    @app.delete("/_faults", include_in_schema=False, status_code=204)
    async def clear_faults() -> None:
        faults.clear()

    @app.get("/_calls", include_in_schema=False)
    async def read_calls(since: Annotated[int, Query(ge=0, le=2**53)] = 0) -> Response:
        calls = [call.entry() for call in ledger.since(since)]
        # ASCII only: bodies come from clients and may hold half a surrogate pair, which UTF-8 cannot carry.
        return Response(json.dumps({"calls": calls}), media_type="application/json")

    @app.delete("/_calls", include_in_schema=False, status_code=204)
    async def clear_calls() -> None:
        ledger.clear()

    @app.post("/_reset", include_in_schema=False, status_code=204)
    async def reset_data() -> None:
        reset()

    @app.get("/healthz", include_in_schema=False)
    async def live() -> State:
        return State(status="ok")

    @app.get("/readyz", include_in_schema=False)
    async def ready() -> State:
        if not is_ready():
            raise ProblemError(NOT_READY, "The data file is not open or holds nothing.")
        return State(status="ok")
