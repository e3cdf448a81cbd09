"""The codec of commands: a path and a body one way, an answer or nothing the other."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bff_core.contract import Command, Outcome, Record, Service
from bff_core.errors import BadPayload, BadRequest, Bug
from bff_core.outbound.codec import Ask, CommandCodec, codec_for


class Speed(str, Enum):
    """An enum whose str() is its Python name."""

    FAST = "fast"


class Line(Record):
    """A record inside of another."""

    product_id: str = msgspec.field(name="productId")
    price: Decimal


class NewOrder(Record):
    """What is sent."""

    lines: list[Line]
    speed: Speed
    by: datetime
    note: str | None = None


class Change(Record, omit_defaults=True):
    """What is sent of what has changed."""

    note: str | msgspec.UnsetType | None = msgspec.UNSET
    speed: Speed | None = None


class Order(Record):
    """What is read."""

    id: str


ORDER = NewOrder(
    lines=[Line(product_id="7", price=Decimal("1.50"))], speed=Speed.FAST, by=datetime(2026, 5, 4, 12, tzinfo=UTC)
)


def command(
    route: str = "POST /users/{user}/orders/{id}", body: Any = NewOrder, returns: Any = Order, at: str = ""
) -> Command[Any]:
    """A command of a service."""
    made: Command[Any] = Service("orders").command(route, body=body, returns=returns, at=at, drops=[])
    return made


def test_a_body_is_written_as_services_write_it() -> None:
    """Fields have the service's names, enums their words, decimals and times their texts, and None is null."""
    ask = CommandCodec(command()).ask(("u", 7), ORDER)
    assert ask.target == "/users/u/orders/7"
    assert json.loads(ask.body or b"") == {
        "lines": [{"productId": "7", "price": "1.50"}],
        "speed": "fast",
        "by": "2026-05-04T12:00:00Z",
        "note": None,
    }


def test_a_record_may_leave_out_what_has_not_changed() -> None:
    """A PATCH tells "not said" from null by the record's own means."""
    codec = CommandCodec(command("PATCH /orders/{id}", Change))
    assert codec.ask(("7",), Change()) == Ask("/orders/7", b"{}")
    assert codec.ask(("7",), Change(note=None)) == Ask("/orders/7", b'{"note":null}')


def test_no_body_is_none_at_all() -> None:
    """A command without a body sends no bytes, not an empty object."""
    assert CommandCodec(command("DELETE /orders/{id}", None)).ask(("7",), None) == Ask("/orders/7", None)


@pytest.mark.parametrize(
    ("text", "quoted"), [("../x", "..%2Fx"), ("a?b", "a%3Fb"), ("%2f", "%252f"), ("é", "%C3%A9"), ("{id}", "%7Bid%7D")]
)
def test_a_hostile_id_stays_in_its_segment(text: str, quoted: str) -> None:
    """A path parameter is quoted whole, should one get past the pattern."""
    assert CommandCodec(command(body=None)).ask((text, "7"), None).target == f"/users/{quoted}/orders/7"


@pytest.mark.parametrize("value", ["", ".", "..", None, "\ud800"])
def test_what_is_no_id_is_refused(value: object) -> None:
    """A dot segment climbs, and half of a surrogate pair is no text: the client's fault."""
    with pytest.raises(BadRequest):
        CommandCodec(command(body=None)).ask((value, "7"), None)


def test_half_a_surrogate_pair_in_a_body_is_refused() -> None:
    """JSON cannot hold it either: the client's fault, told as for a key."""
    body = msgspec.structs.replace(ORDER, note="\ud800")
    with pytest.raises(BadRequest, match=r"^An argument holds half of a surrogate pair, which is no text\.$"):
        CommandCodec(command()).ask(("u", "7"), body)


@pytest.mark.parametrize(("declared", "given"), [(NewOrder, None), (None, ORDER), (NewOrder, Order(id="7"))])
def test_another_body_than_declared_is_a_bug(declared: Any, given: Any) -> None:
    """Nobody else's record is sent, nor anything where nothing was declared."""
    with pytest.raises(Bug, match=r"^orders POST /users/\{user\}/orders/\{id\}: its body is "):
        CommandCodec(command(body=declared)).ask(("u", "7"), given)


@pytest.mark.parametrize("parameters", [(), ("u",), ("u", "7", "x")])
def test_too_few_or_too_many_parameters_are_refused(parameters: tuple[str, ...]) -> None:
    """Each placeholder has its value, and no value is left over."""
    with pytest.raises(ValueError, match=r"zip\(\)"):
        CommandCodec(command(body=None)).ask(parameters, None)


@pytest.mark.parametrize(
    ("at", "answer"), [("", b'{"id": "7", "more": 1}'), ("data.order", b'{"data": {"order": {"id": "7"}}}')]
)
def test_an_answer_is_read_under_its_path(at: str, answer: bytes) -> None:
    """The response path leads to the value, and what nobody declared is skipped."""
    assert CommandCodec(command(at=at)).outcome(answer) == Outcome("orders", Order(id="7"))


@pytest.mark.parametrize("answer", [b"", b"null", b'{"id": "7"}', b"<html>", b"\xff"])
def test_an_answer_that_is_not_read_may_be_anything(answer: bytes) -> None:
    """With ``returns=None`` there is no value and no error, whatever came."""
    assert CommandCodec(command(returns=None)).outcome(answer) == Outcome("orders")


@pytest.mark.parametrize(
    "answer",
    [b"", b"null", b"<html>", b'{"id": 7}', b'{"id": "7"', b"[]", b"\xff", b'{"id": "\xff"}', b"[" * 100_000, b"NaN"],
)
def test_garbage_is_a_bad_payload(answer: bytes) -> None:
    """An answer that does not fit, none among them, names the command and the service."""
    made = command()
    with pytest.raises(BadPayload) as caught:
        CommandCodec(made).outcome(answer)
    assert str(caught.value).startswith(f"{made.name}: ")
    assert caught.value.service == "orders"


@given(answer=st.binary(max_size=40))
def test_random_bytes_raise_nothing_else(answer: bytes) -> None:
    """Whatever bytes come, there is a value or a BadPayload."""
    try:
        outcome = CommandCodec(command(returns=list[Order])).outcome(answer)
    except BadPayload:
        return
    assert outcome.error is None


def test_a_command_is_no_read() -> None:
    """The codecs of reads know no command, so none goes down their road by mistake."""
    with pytest.raises(Bug, match=r"no codec for <Command orders POST"):
        codec_for(command())
