"""Idempotency: a request that is sent again under the same key happens once and is answered twice alike.

A key belongs to one subject and one route. The answer is kept in the service's own data file with a fingerprint of
what was asked, so it outlives the process and ends with a reset. What is not kept is done again: a failure (5xx), an
attempt that was cut off, a refusal that does not say ``store``. Nothing is kept without a key.
"""

import asyncio
import contextlib
import hashlib
import json
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Header
from pydantic import BaseModel, StringConstraints
from starlette.requests import Request
from starlette.responses import Response

from downstream_stubs.frame.caching import PRIVATE
from downstream_stubs.frame.database import WritableDatabase
from downstream_stubs.frame.problems import IDEMPOTENCY_KEY, IDEMPOTENCY_KEY_REUSED, ProblemError

REPLAYED = "idempotent-replayed"
"""The header of an answer that was kept: "true"."""

Key = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=r"^[\x20-\x7e]+$")]
_WORDS = "the same for every attempt of one request, another for another; 1 to 255 printable ASCII characters"

OptionalKey = Annotated[Key | None, Header(alias=IDEMPOTENCY_KEY, description=_WORDS)]
"""The key of a route that does well with one; write ``key: OptionalKey = None``."""

RequiredKey = Annotated[Key, Header(alias=IDEMPOTENCY_KEY, description=_WORDS)]
"""The key of a route that must not happen twice; without it the answer is a 400 problem."""

Perform = Callable[[], Awaitable[tuple[int, BaseModel]]]
"""Does what was asked; gives status and body, or raises ProblemError."""

Write = Callable[[sqlite3.Connection], tuple[int, BaseModel]]
"""Likewise, inside one transaction."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """Whose key it is, and what was asked under it."""

    subject: str
    route: str
    key: str
    fingerprint: str


@dataclass(slots=True)
class _Turn:
    """The requests of one key that are there at once: one goes on, the others wait for it."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    present: int = 0


class Idempotency:
    """The keys of one service; the routes answer what ``once`` or ``written`` give, with ``response_model``.

    Both take the request, the subject (the caller's, or ``service_key.SERVICE``), the key, and the body as it was
    parsed (None without one). Both raise what the work raises, and a 422 problem `idempotency-key-reused` if the key
    was used for another path or body.
    """

    def __init__(self, database: WritableDatabase) -> None:
        self._database = database
        self._turns: dict[tuple[str, str, str], _Turn] = {}

    def __repr__(self) -> str:
        return f"<Idempotency {len(self._turns)} keys at work>"

    async def once(
        self, request: Request, subject: str, key: str | None, body: BaseModel | None, perform: Perform
    ) -> Response:
        """Perform unless the key has an answer; who comes meanwhile waits for that answer.

        A process that dies between the work and its keeping leaves no answer, so the work has to bear being done
        again; ``written`` does not have that gap. Cancellation keeps nothing and lets the next one in.
        """
        if key is None:
            return _answer(*await perform())
        asked = _asked(request, subject, key, body)
        async with self._turn(asked):
            kept = self._kept(asked)
            if kept is not None:
                return kept
            try:
                answer = _answer(*await perform())
            except ProblemError as problem:
                self._keep_problem(request, asked, problem)
                raise
            with self._database.transaction() as connection:
                _keep(connection, asked, answer)
            return answer

    def written(
        self, request: Request, subject: str, key: str | None, body: BaseModel | None, write: Write
    ) -> Response:
        """Write unless the key has an answer: the work and its answer are kept in one transaction or not at all."""
        if key is None:
            with self._database.transaction() as connection:
                return _answer(*write(connection))
        asked = _asked(request, subject, key, body)
        try:
            with self._database.transaction() as connection:
                kept = self._kept(asked)
                if kept is not None:
                    return kept
                answer = _answer(*write(connection))
                _keep(connection, asked, answer)
                return answer
        except ProblemError as problem:
            self._keep_problem(request, asked, problem)
            raise

    @contextlib.asynccontextmanager
    async def _turn(self, asked: _Asked) -> AsyncIterator[None]:
        entry = (asked.subject, asked.route, asked.key)
        turn = self._turns.setdefault(entry, _Turn())
        turn.present += 1
        try:
            async with turn.lock:
                yield
        finally:
            turn.present -= 1
            if turn.present == 0:
                del self._turns[entry]

    def _kept(self, asked: _Asked) -> Response | None:
        rows = self._database.rows(
            "SELECT fingerprint, status, media_type, headers, body FROM idempotency"
            " WHERE subject = ? AND route = ? AND key = ?",
            [asked.subject, asked.route, asked.key],
        )
        if not rows:
            return None
        (row,) = rows
        if row["fingerprint"] != asked.fingerprint:
            reason = "used before for another path or body"
            raise ProblemError(
                IDEMPOTENCY_KEY_REUSED,
                f"The header {IDEMPOTENCY_KEY} holds a key that was {reason}.",
                errors=[(IDEMPOTENCY_KEY, reason)],
            )
        headers = {**json.loads(row["headers"]), REPLAYED: "true"}
        return Response(row["body"], status_code=row["status"], media_type=row["media_type"], headers=headers)

    def _keep_problem(self, request: Request, asked: _Asked, problem: ProblemError) -> None:
        if problem.store:
            with self._database.transaction() as connection:
                _keep(connection, asked, problem.response(str(request.scope["path"])))


def _asked(request: Request, subject: str, key: str, body: BaseModel | None) -> _Asked:
    route = f"{request.method} {request.scope['route'].path}"
    # What was left out and what was sent as null are two things to a PATCH, so they are two requests.
    sent = None if body is None else body.model_dump(mode="json", exclude_unset=True)
    canonical = json.dumps([request.scope["path"], sent], sort_keys=True, separators=(",", ":"))
    return _Asked(subject, route, key, hashlib.sha256(canonical.encode()).hexdigest())


def _answer(status: int, body: BaseModel) -> Response:
    # A route that answers with a Response of its own gets no header from its dependencies.
    headers = {"cache-control": PRIVATE, "vary": "authorization"}
    content = body.model_dump_json(by_alias=True)
    return Response(content, status_code=status, media_type="application/json", headers=headers)


def _keep(connection: sqlite3.Connection, asked: _Asked, answer: Response) -> None:
    apart = ("content-length", "content-type")
    headers = {name: value for name, value in answer.headers.items() if name not in apart}
    connection.execute(
        # Another process may have been as quick: what it kept stands.
        "INSERT OR IGNORE INTO idempotency VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [
            asked.subject,
            asked.route,
            asked.key,
            asked.fingerprint,
            answer.status_code,
            answer.media_type,
            json.dumps(headers),
            bytes(answer.body),
        ],
    )
