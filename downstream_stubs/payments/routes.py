"""The routes of the payment service; all of them are private."""

import sqlite3
from typing import Annotated

from fastapi import Depends, FastAPI, Path, Query, Request, Response, Security

from downstream_stubs.frame.auth import Caller, Verifier
from downstream_stubs.frame.caching import PRIVATE, cache_control
from downstream_stubs.frame.idempotency import Idempotency, OptionalKey, RequiredKey
from downstream_stubs.frame.openapi import refusals
from downstream_stubs.frame.parameters import COMMA_SEPARATED, CommaIdList, Id
from downstream_stubs.frame.peer import relayed
from downstream_stubs.frame.problems import KEYS_UNAVAILABLE
from downstream_stubs.payments.models import (
    AlreadyPaidProblem,
    DeclinedProblem,
    Methods,
    Payment,
    PaymentOrder,
    Payments,
    Refund,
    RefundOrder,
    StandingProblem,
)
from downstream_stubs.payments.notices import Notices
from downstream_stubs.payments.store import (
    ALREADY_PAID,
    CARD_DECLINED,
    NOT_REFUNDABLE,
    NOT_VOIDABLE,
    Declined,
    PaymentStore,
)

_PRIVATE = [Depends(cache_control(PRIVATE))]
_READ = refusals(KEYS_UNAVAILABLE)


def add_routes(
    app: FastAPI, store: PaymentStore, idempotency: Idempotency, notices: Notices, verifier: Verifier
) -> None:
    """Add what the payment service offers."""
    reader = Security(verifier, scopes=["payments:read"])
    writer = Security(verifier, scopes=["payments:write"])

    @app.get("/payments", dependencies=_PRIVATE, tags=["payments"], responses=_READ)
    async def read_payments(
        order_ids: Annotated[
            CommaIdList,
            Query(
                min_length=1,
                max_length=50,
                description="1 to 50 ids, separated by commas",
                json_schema_extra={COMMA_SEPARATED: True},
            ),
        ],
        caller: Annotated[Caller, reader],
    ) -> Payments:
        """The latest payment of each of these orders; those of other users are left out like unknown ones."""
        return Payments(items=store.latest(caller.subject, order_ids))

    @app.get("/payments/{payment_id}", dependencies=_PRIVATE, tags=["payments"], responses=_READ)
    async def read_payment(payment_id: Annotated[Id, Path()], caller: Annotated[Caller, reader]) -> Payment:
        """One payment of the token's subject."""
        return store.payment(caller.subject, payment_id)

    @app.get("/me/payment-methods", dependencies=_PRIVATE, tags=["me"], responses=_READ)
    async def read_my_payment_methods(caller: Annotated[Caller, reader]) -> Methods:
        """What the token's subject can pay with, the default one first."""
        return Methods(items=store.methods(caller.subject))

    @app.post(
        "/payments",
        dependencies=_PRIVATE,
        tags=["payments"],
        status_code=201,
        response_model=Payment,
        responses=refusals((CARD_DECLINED, DeclinedProblem), (ALREADY_PAID, AlreadyPaidProblem), KEYS_UNAVAILABLE),
    )
    async def pay(
        request: Request, order: PaymentOrder, caller: Annotated[Caller, writer], key: RequiredKey
    ) -> Response:
        """Authorise the payment of an order. Only one of an order holds; a declined one may be followed by another."""

        def write(connection: sqlite3.Connection) -> tuple[int, Payment]:
            return 201, store.authorise(connection, store.attempt(caller.subject, order))

        try:
            return idempotency.written(request, caller.subject, key, order, write)
        except Declined as declined:
            # The refusal undid its transaction. Given again under the same key it is an answer and does not come here.
            store.remember(declined)
            raise

    @app.post(
        "/payments/{payment_id}/void",
        dependencies=_PRIVATE,
        tags=["payments"],
        response_model=Payment,
        responses=refusals((NOT_VOIDABLE, StandingProblem), KEYS_UNAVAILABLE),
    )
    async def void_payment(
        request: Request,
        payment_id: Annotated[Id, Path()],
        caller: Annotated[Caller, writer],
        key: OptionalKey = None,
    ) -> Response:
        """Give up a payment before the money is taken; again is no harm."""

        def write(connection: sqlite3.Connection) -> tuple[int, Payment]:
            return 200, store.void(connection, caller.subject, payment_id)

        return idempotency.written(request, caller.subject, key, None, write)

    @app.post(
        "/refunds",
        dependencies=_PRIVATE,
        tags=["refunds"],
        status_code=201,
        response_model=Refund,
        responses=refusals((NOT_REFUNDABLE, StandingProblem), KEYS_UNAVAILABLE),
    )
    async def refund(
        request: Request, order: RefundOrder, caller: Annotated[Caller, writer], key: RequiredKey
    ) -> Response:
        """Give back some of what was paid for an order, never more than is left; its owner is told."""

        def write(connection: sqlite3.Connection) -> tuple[int, Refund]:
            return 201, store.refund(connection, caller.subject, order)

        answer = idempotency.written(request, caller.subject, key, order, write)
        await notices.deliver({name: value for name, value in relayed(request).items() if name != "authorization"})
        return answer
