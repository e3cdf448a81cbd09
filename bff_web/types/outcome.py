"""How a write can go wrong, as the web shows it: what every mutation has in common."""

from bff_core import contract
from bff_core.graphql.view import computed, shown, view

#: What the services call otherwise than this schema, by their names.
_NAMES = {"version": "cartVersion", "method_id": "paymentMethodId", "body": "input"}


def field_of(problem: contract.FieldProblem) -> str:
    """The path into the input that a service means: "expected_total.amount" is expectedTotal.amount here."""
    return ".".join(_NAMES.get(part) or _camel(part) for part in problem.name.split("."))


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


@view(contract.FieldProblem, description="A part of the input that is not acceptable.")
class FieldError:
    """One field and what is wrong with it."""

    field: str = computed(
        field_of, 'The path into the input, with dots: "expectedTotal.amount". "cart": what is in it.'
    )
    reason: str = shown("What was expected of it, in English.")


@view(contract.Invalid, description="The input is not acceptable; nothing was done.")
class InvalidInput:
    """A refusal by field."""

    errors: list[FieldError] = shown("The parts at fault.")


def _message(_refusal: contract.KeyReused) -> str:
    return "This idempotencyKey was used before with another input; take a new one for a new intention."


@view(contract.KeyReused, description="The idempotencyKey stands for another input already; nothing was done.")
class KeyReused:
    """A refusal that is the client's own doing."""

    message: str = computed(_message, "What to do about it, in English.")


@view(contract.Unknown, description="No answer tells whether it was done. It may have been, or may still be.")
class OutcomeUnknown:
    """Neither done nor refused, as far as anybody knows."""

    reason: str = shown("The code of what came instead of an answer, as in `errors`.")
    ask: str = shown("How to find out, in English.")
    idempotency_key: str | None = shown("The key that it was sent under; null when there was none.")
