"""Writes: mutation fields that send a command. How it went is data, as far as anybody can act on it.

    checkout: CheckoutResult | None = write(
        orders.place,
        input=CheckoutInput,
        send=lambda input: Sent(body=orders.PlaceOrder(cart_version=input.cart_version)),
        done=OrderPlaced,
        refusals=(CardDeclined, OutOfStock, Invalid),
        unknown=OutcomeUnknown,
        description="Buy what is in the cart.",
    )

The field shows a union, made here from what the command declares: what was done; each refusal; and *unknown*, when no
answer says whether it was carried out. Anything else (the service was not asked, or the caller may not) is an error
like that of any field, and then the write was certainly not carried out.

Where a command knows idempotency keys, the field takes one from the client, and it is required where the service says
so. The same key again is the same write again, whoever lost its answer.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from types import NoneType
from typing import Annotated, Any, Union

import msgspec
import strawberry
from strawberry.types.base import StrawberryObjectDefinition, has_object_definition

from bff_core.contract import Command, DeclarationError, Done, Outcome, Unknown
from bff_core.errors import BadRequest, ClientFault, NotFound, Refused
from bff_core.graphql.context import Info
from bff_core.graphql.ledger import DegradedSource
from bff_core.graphql.link import METADATA, Argument
from bff_core.graphql.scopes import SCOPES, checked
from bff_core.graphql.view import RECORD

#: What clients may send as a key: what can stand in a path too, so that they can ask by it. So no dot segment.
KEY = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9_\-.:~]{1,100}")

KEY_ARGUMENT = "idempotency_key"


@dataclass(frozen=True, slots=True)
class Sent:
    """What a field's input becomes: the parameters of the command's path, in order, and its body."""

    parameters: tuple[Hashable, ...] = ()
    body: msgspec.Struct | None = None


@dataclass(frozen=True, eq=False)
class Write:
    """What ``write`` declares. ``members``: the views of its union, of which the first shows what was done.

    ``takes_info``: whether ``send`` is told about the request too.
    """

    command: Command[Any]
    send: Callable[..., Sent]
    input: type | None
    members: tuple[type, ...]
    ask: str
    takes_info: bool = False

    @property
    def endpoints(self) -> tuple[Command[Any], ...]:
        """The command that this field sends."""
        return (self.command,)

    @property
    def records(self) -> tuple[Any, ...]:
        """The record that each member of the union is to be a view of."""
        done = Done if self.command.returns is NoneType else self.command.returns
        return (done, *dict.fromkeys(self.command.problems.values()), Unknown)

    async def resolve(self, info: Info, arguments: Mapping[str, Any]) -> Any:
        """How it went, as the record of one member of the union. Raises what is an error and no data."""
        given = arguments.get(KEY_ARGUMENT)
        key = None if given is None else _checked(given)
        given = [arguments["input"]] if self.input else []
        sent = self.send(*given, info) if self.takes_info else self.send(*given)
        outcome = await info.context.scope.send(self.command, sent.parameters, sent.body, idempotency_key=key)
        return self._settled(outcome, key, info)

    def _settled(self, outcome: Outcome[Any], key: str | None, info: Info) -> Any:
        error = outcome.error
        if error is None:
            return Done() if self.command.returns is NoneType else outcome.value
        if isinstance(error, Refused):
            return error.problem
        if outcome.unknown:
            return Unknown(reason=error.code, ask=self.ask, idempotency_key=key)
        if not isinstance(error, ClientFault | NotFound):
            path = info._raw_info.path.as_list()
            info.context.ledger.enter(path, outcome.service, DegradedSource.OMITTED, error)
        raise error.again()


def write(
    command: Command[Any],
    *,
    name: str,
    description: str,
    send: Callable[..., Sent],
    done: type,
    unknown: type,
    ask: str,
    input: type | None = None,
    refusals: Sequence[type] = (),
    scopes: Sequence[str] = (),
    deprecation_reason: str | None = None,
) -> Any:
    """Declare a field of the root of Mutation.

    - ``name``: of the union that the field shows.
    - ``input``: the input type of the field's argument ``input``; None for a field without one.
    - ``send``: turns the input into what is sent, ``send(input)`` or ``send()``; it raises BadRequest for what it
      cannot. One that requires a parameter more is given ``info`` after it, for what the request says, such as its
      locale.
    - ``done``, ``refusals``, ``unknown``: the union's members, views over what the command returns (``Done`` where that
      is not read), over each record of its ``problems``, and over ``Unknown``.
    - ``ask``: tells a client in a sentence how to find out what became of a write that is unknown.
    - ``scopes``: what a token must hold besides the command's.
    """
    where = f"write of {command.name}"
    if not isinstance(command, Command):
        raise DeclarationError(f"{where}: is no command, and a write sends one")
    declared = Write(
        command, send, input, (done, *refusals, unknown), ask, takes_info=_required(send) > (input is not None)
    )
    _check_members(where, declared)
    for member in declared.members:
        _tell_apart(member)
    union = Annotated[
        Union[declared.members],  # type: ignore[name-defined]  # noqa: UP007  # made at run time
        strawberry.union(name, description=f"How it went: {description[0].lower()}{description[1:]}"),
    ]
    return strawberry.field(
        resolver=_resolver(declared),
        graphql_type=union | None,
        description=description,
        deprecation_reason=deprecation_reason,
        metadata={METADATA: declared, SCOPES: checked(where, scopes)},
    )


def key_argument(description: str) -> Argument:
    """The argument by which a client asks what became of a write: the key it was sent under, held to the same rule."""
    return Argument("idempotencyKey", str, description, convert=_checked)


def _check_members(where: str, declared: Write) -> None:
    """The views are over the records that can arrive: each of them, and no other."""
    shown = [getattr(member, RECORD, None) for member in declared.members]
    if shown[0] is not declared.records[0]:
        raise DeclarationError(f"{where}: `done` is a view over {declared.records[0].__name__}")
    if shown[-1] is not Unknown:
        raise DeclarationError(f"{where}: `unknown` is a view over {Unknown.__name__}")
    if lacking := [record.__name__ for record in declared.records if record not in shown]:
        raise DeclarationError(f"{where}: may be refused by {lacking[0]}, which no view in `refusals` is over")
    for member, record in zip(declared.members, shown, strict=True):
        if record not in declared.records or shown.count(record) > 1:
            raise DeclarationError(f"{where}: {member.__name__} is a view over nothing that can arrive, or over it too")


def _tell_apart(member: type) -> None:
    """Which member of a union stands there is told by the value's record."""
    record = getattr(member, RECORD)
    if not has_object_definition(member):
        raise DeclarationError(f"{member.__name__} is no view")
    definition: StrawberryObjectDefinition = member.__strawberry_definition__
    if definition.is_type_of is None:
        definition.is_type_of = lambda value, _info: isinstance(value, record)


def _required(function: Callable[..., Any]) -> int:
    """How many arguments a function cannot be called without."""
    parameters = inspect.signature(function).parameters.values()
    return sum(one.default is one.empty and one.kind is one.POSITIONAL_OR_KEYWORD for one in parameters)


def _resolver(declared: Write) -> Callable[..., Any]:
    async def resolve(root: Any, info: Info, **arguments: Any) -> Any:
        return await declared.resolve(info, arguments)

    parameters = [
        inspect.Parameter("root", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=Any),
        inspect.Parameter("info", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=Info),
    ]
    if declared.input is not None:
        parameters.append(_parameter("input", declared.input, "What to do."))
    command = declared.command
    if command.key_required:
        parameters.append(_parameter(KEY_ARGUMENT, str, _ABOUT_KEYS))
    elif command.idempotency_key:
        optional = _parameter(KEY_ARGUMENT, str | None, f"{_ABOUT_KEYS} Without one it is sent once only.")
        parameters.append(optional.replace(default=None))
    resolve.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # what inspect documents
    resolve.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return resolve


_ABOUT_KEYS = (
    "Names this write among all of yours: 1 to 100 letters, digits or -._~: of your own choice, such as a UUID. Send "
    "the same key again when an answer was lost: it is carried out once, and you get the first answer. Another input "
    "under the same key is refused."
)


def _parameter(name: str, kind: Any, description: str) -> inspect.Parameter:
    annotation = Annotated[kind, strawberry.argument(description=description)]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation)


def _checked(key: str) -> str:
    if not KEY.fullmatch(key):
        raise BadRequest("idempotencyKey must be 1 to 100 letters, digits or -._~: and nothing else.")
    return key


__all__ = ["KEY", "Sent", "Write", "key_argument", "write"]
