"""The factory: puts one service together from its data and its routes."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Protocol, runtime_checkable

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from downstream_stubs.frame import problems
from downstream_stubs.frame.control import add_control_routes
from downstream_stubs.frame.etag import ETagMiddleware
from downstream_stubs.frame.faults import Faults
from downstream_stubs.frame.injection import FaultMiddleware
from downstream_stubs.frame.ledger import Ledger
from downstream_stubs.frame.openapi import refine
from downstream_stubs.frame.recording import RecordingMiddleware
from downstream_stubs.frame.routing import RouteTable, StrictRoute
from downstream_stubs.frame.settings import ServiceSettings


class Resource(Protocol):
    """Something on disk that a service needs: opened before the first request, closed after the last."""

    @property
    def is_open(self) -> bool:
        """Whether it can be used."""

    def open(self) -> None:
        """Make it if need be and open it; does nothing if it is open."""

    def close(self) -> None:
        """Give it back."""


@runtime_checkable
class Resettable(Protocol):
    """A resource that can be put back to what it was when it was made."""

    def reset(self) -> None:
        """Forget whatever was written; cheap if nothing was."""


class Companion(Protocol):
    """Something that lives on the event loop as long as the service answers: a client, or work of its own."""

    async def start(self) -> None:
        """Begin; called once the data is open, before the first request."""

    async def stop(self) -> None:
        """End, and wait for the end; called after the last request, before the data is closed."""


class StubService(FastAPI):
    """One service. Making it touches no file, so that its OpenAPI document can be had without any data."""

    def __init__(
        self,
        *,
        title: str,
        description: str,
        settings: ServiceSettings,
        resources: Sequence[Resource],
        add_routes: Callable[[FastAPI], None],
        companions: Sequence[Companion] = (),
    ) -> None:
        super().__init__(
            title=title,
            description=description,
            version="1",
            docs_url=None,
            redoc_url=None,
            redirect_slashes=False,
            lifespan=_lifespan,
            generate_unique_id_function=lambda route: route.name,
        )
        self.settings = settings
        self.resources = tuple(resources)
        self.companions = tuple(companions)
        self.router.route_class = StrictRoute
        add_routes(self)
        table = RouteTable(self.routes)
        self.faults = Faults(table, settings.fault_seed)
        self.ledger = Ledger(settings.calls_kept)
        add_control_routes(self, self.faults, self.ledger, is_ready=self.is_ready, reset=self.reset)
        self.add_exception_handler(problems.ProblemError, problems.on_problem)
        self.add_exception_handler(RequestValidationError, problems.on_invalid_request)
        self.add_exception_handler(HTTPException, problems.on_http_error)
        self.add_exception_handler(Exception, problems.on_bug)
        # Innermost first: what is added last stands outermost and sees a request first.
        self.add_middleware(ETagMiddleware)
        self.add_middleware(FaultMiddleware, faults=self.faults)
        self.add_middleware(RecordingMiddleware, ledger=self.ledger, table=table, body_limit=settings.body_limit_bytes)

    def prepare(self) -> None:
        """Open all data, made first where it is missing. Raises OSError or sqlite3.Error."""
        for resource in self.resources:
            resource.open()

    def release(self) -> None:
        """Close all data."""
        for resource in self.resources:
            resource.close()

    def reset(self) -> None:
        """Put all data back to what the service started with. Raises sqlite3.Error."""
        for resource in self.resources:
            if isinstance(resource, Resettable):
                resource.reset()

    def is_ready(self) -> bool:
        """Whether all data is there."""
        return all(resource.is_open for resource in self.resources)

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document, made once."""
        is_new = self.openapi_schema is None
        document = super().openapi()
        if is_new:
            refine(document)
        return document


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    assert isinstance(app, StubService)  # noqa: S101 - set by StubService alone
    app.prepare()
    try:
        async with AsyncExitStack() as started:
            for companion in app.companions:
                await companion.start()
                started.push_async_callback(companion.stop)
            yield
    finally:
        app.release()
