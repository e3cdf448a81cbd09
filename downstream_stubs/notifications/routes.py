"""The routes of the notification service: private ones for users, one for the shop's own services."""

import sqlite3
from typing import Annotated

from fastapi import Depends, FastAPI, Path, Query, Request, Response, Security

from downstream_stubs.frame.auth import Caller, Verifier
from downstream_stubs.frame.caching import PRIVATE, cache_control
from downstream_stubs.frame.cursor import Cursor
from downstream_stubs.frame.idempotency import Idempotency, OptionalKey, RequiredKey
from downstream_stubs.frame.openapi import refusals
from downstream_stubs.frame.parameters import COMMA_SEPARATED, CommaIdList, Id
from downstream_stubs.frame.problems import KEYS_UNAVAILABLE
from downstream_stubs.frame.service_key import SERVICE, ServiceKey
from downstream_stubs.notifications.models import (
    Device,
    DeviceOrder,
    Devices,
    Notification,
    NotificationOrder,
    NotificationPage,
    Notifications,
    ReadOrder,
    ReadOutcome,
    UnreadCount,
)
from downstream_stubs.notifications.store import NotificationStore

_PRIVATE = [Depends(cache_control(PRIVATE))]
_VERIFIED = refusals(KEYS_UNAVAILABLE)


def add_routes(
    app: FastAPI, store: NotificationStore, idempotency: Idempotency, verifier: Verifier, service_key: ServiceKey
) -> None:
    """Add what the notification service offers."""
    reader = Security(verifier, scopes=["notifications:read"])
    writer = Security(verifier, scopes=["notifications:write"])

    @app.get("/me/notifications", dependencies=_PRIVATE, tags=["inbox"], responses=_VERIFIED)
    async def read_my_notifications(
        caller: Annotated[Caller, reader],
        unread: Annotated[
            bool | None, Query(description="true: only unread ones; false: only those that were read")
        ] = None,
        limit: Annotated[int, Query(ge=1, le=50, description="most items on the page")] = 20,
        cursor: Annotated[
            Cursor | None, Query(description="from `cursors` or `next` of an answer to the same question")
        ] = None,
    ) -> NotificationPage:
        """One page of what the token's subject was told, newest first."""
        return store.page(caller.subject, unread, limit, cursor)

    @app.get("/me/notifications/unread-count", dependencies=_PRIVATE, tags=["inbox"], responses=_VERIFIED)
    async def read_my_unread_count(caller: Annotated[Caller, reader]) -> UnreadCount:
        """How many notifications the token's subject has not read."""
        return UnreadCount(unread=store.unread(caller.subject))

    @app.post(
        "/me/notifications/read", dependencies=_PRIVATE, tags=["inbox"], response_model=ReadOutcome, responses=_VERIFIED
    )
    async def mark_as_read(
        request: Request, order: ReadOrder, caller: Annotated[Caller, writer], key: OptionalKey = None
    ) -> Response:
        """Mark notifications as read, or all of them; those of other users are passed over like unknown ones."""

        def write(connection: sqlite3.Connection) -> tuple[int, ReadOutcome]:
            return 200, store.read(connection, caller.subject, order)

        return idempotency.written(request, caller.subject, key, order, write)

    @app.get("/me/devices", dependencies=_PRIVATE, tags=["devices"], responses=_VERIFIED)
    async def read_my_devices(caller: Annotated[Caller, reader]) -> Devices:
        """The devices of the token's subject, the first registered one first."""
        return Devices(items=store.devices(caller.subject))

    @app.put("/me/devices/{device_id}", dependencies=_PRIVATE, tags=["devices"], responses=_VERIFIED)
    async def register_device(
        device_id: Annotated[Id, Path()], order: DeviceOrder, caller: Annotated[Caller, writer]
    ) -> Device:
        """Register a device or tell what changed; with the token of another's device it is taken over from there."""
        return store.register(caller.subject, device_id, order)

    @app.get("/notifications", dependencies=_PRIVATE, tags=["notifications"], responses=_VERIFIED)
    async def read_notifications(
        ids: Annotated[
            CommaIdList,
            Query(
                min_length=1,
                max_length=50,
                description="1 to 50 ids, separated by commas",
                json_schema_extra={COMMA_SEPARATED: True},
            ),
        ],
        caller: Annotated[Caller, reader],
    ) -> Notifications:
        """Notifications by id, oldest first; those of other users are left out like unknown ones."""
        return Notifications(items=store.notifications(caller.subject, ids))

    @app.post(
        "/notifications",
        dependencies=[*_PRIVATE, Depends(service_key)],
        tags=["notifications"],
        status_code=201,
        response_model=Notification,
    )
    async def notify(request: Request, order: NotificationOrder, key: RequiredKey) -> Response:
        """Tell a user something: for the shop's own services, which say what happened and leave the words to us."""

        def write(connection: sqlite3.Connection) -> tuple[int, Notification]:
            return 201, store.tell(connection, order)

        return idempotency.written(request, SERVICE, key, order, write)
