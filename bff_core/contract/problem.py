"""What a service says when it refuses a write, as records: the extension members of its problem (RFC 9457).

A command declares its refusals by the word that the problem's ``type`` ends with:

    place = orders.command("POST /orders", ..., problems={"card-declined": CardDeclined, "invalid-body": Invalid})

Any record will do; those here are of use to every service.
"""

from __future__ import annotations

from bff_core.contract.record import Record


class FieldProblem(Record):
    """One part of a body that is at fault: the path into it with dots, and what was expected."""

    name: str
    reason: str


class Invalid(Record):
    """Parts of what was sent are not acceptable; ``errors`` may be empty, and says which where the service does."""

    errors: list[FieldProblem] = []  # noqa: RUF012  # msgspec gives each record its own
    detail: str = ""


class KeyReused(Record):
    """The idempotency key was used before, with another body."""

    detail: str = ""


class Unknown(Record):
    """No answer says whether a write was carried out.

    ``reason``: the code of what came instead. ``idempotency_key``: under which to send it again, or to ask; None where
    it had none. ``ask``: how to find out, as a sentence.
    """

    reason: str
    ask: str
    idempotency_key: str | None = None


class Done(Record):
    """A write was carried out whose answer is not read."""
