"""The service key: what tells the shop's own services from everyone else on the routes between them."""

import hmac
from typing import Annotated

from fastapi import Depends
from fastapi.security import APIKeyHeader

from downstream_stubs.frame.problems import SERVICE_KEY_NEEDED, ProblemError
from downstream_stubs.frame.settings import ServiceSettings

HEADER = "x-service-key"
SERVICE = "service"
"""The subject of those who show the key, where one is wanted: for idempotency."""

_header = APIKeyHeader(name=HEADER, auto_error=False, scheme_name="service-key")


class ServiceKey:
    """A FastAPI dependency, ``Depends(ServiceKey(settings))``: answers 401 without the key of the settings."""

    def __init__(self, settings: ServiceSettings) -> None:
        self._key = settings.service_key.encode()

    async def __call__(self, shown: Annotated[str | None, Depends(_header)]) -> None:
        """Let the request through, or refuse it."""
        if shown is None or not hmac.compare_digest(shown.encode(), self._key):
            detail = f"The header {HEADER} must hold the services' key."
            raise ProblemError(SERVICE_KEY_NEEDED, detail, headers={"www-authenticate": "ServiceKey"})
