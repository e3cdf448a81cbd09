"""How a write can go wrong, as the app shows it: what every mutation has in common."""

from bff_core import contract
from bff_core.graphql.context import Info
from bff_core.graphql.view import computed, shown, view
from bff_mobile.phrases import phrase

#: What the services call otherwise than this schema, by their names.
_NAMES = {"method_id": "paymentMethodId", "body": "input"}

#: The phrase that says what to do about a field; of the others it is to be checked what was entered.
_ABOUT = {
    "cart": "invalid_cart",
    "lines": "invalid_lines",
    "address_id": "invalid_address",
    "payment_method_id": "invalid_payment_method",
    "method_id": "invalid_payment_method",
}


def field_of(problem: contract.FieldProblem) -> str:
    """The path into the input that a service means: "expected_total.amount" is expectedTotal.amount here."""
    return ".".join(_NAMES.get(part) or _camel(part) for part in problem.name.split("."))


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


@view(contract.FieldProblem, description="A part of the input that is not acceptable.")
class FieldError:
    """One field and what is wrong with it; for who writes the app, not for who uses it."""

    field: str = computed(
        field_of, 'The path into the input, with dots: "expectedTotal.amount". "cart", "lines": what is to be bought.'
    )
    reason: str = shown("What was expected of it, in English.")


def _invalid(refusal: contract.Invalid, info: Info) -> str:
    said = next((_ABOUT[problem.name] for problem in refusal.errors if problem.name in _ABOUT), "invalid")
    return phrase(said, info.context.locale)


@view(contract.Invalid, description="The input is not acceptable; nothing was done.")
class InvalidInput:
    """A refusal by field."""

    message: str = computed(_invalid, "What to do about it, worded for the locale.")
    errors: list[FieldError] = shown("The parts at fault.")


def _reused(_refusal: contract.KeyReused, info: Info) -> str:
    return phrase("key_reused", info.context.locale)


@view(contract.KeyReused, description="The idempotencyKey stands for another input already; nothing was done.")
class KeyReused:
    """The app's own mistake: a new intention takes a new key."""

    message: str = computed(_reused, "What to do about it, worded for the locale.")


def _unknown(_unknown: contract.Unknown, info: Info) -> str:
    return phrase("outcome_unknown", info.context.locale)


@view(contract.Unknown, description="No answer tells whether it was done. It may have been, or may still be.")
class OutcomeUnknown:
    """Neither done nor refused, as far as anybody knows."""

    message: str = computed(_unknown, "What to tell who waits for it, worded for the locale.")
    reason: str = shown("The code of what came instead of an answer, as in `errors`.")
    ask: str = shown("How the app finds out, in English.")
    idempotency_key: str | None = shown("The key that it was sent under; null when there was none.")
