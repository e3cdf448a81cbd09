"""Contract: commands are held to the document too: what is sent must be taken there, and be enough."""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal
from uuid import UUID

import fastapi
import msgspec
import pydantic
import pytest

from bff_core.contract import LenientEnum, Record, Service
from bff_core.contract.openapi import drift

FILE = "cats.json"
HERE = f"the record {__name__}"
NEW_CAT = "the endpoint cats POST /owners/{owner}/cats"


class Mood(LenientEnum):
    """A word that its service may add to; UNKNOWN is never sent."""

    GOOD = "good"
    UNKNOWN = "?"


class Size(str, Enum):
    """A word that no service may add to."""

    SMALL = "small"


class Rank(int, Enum):
    """A number that is a word."""

    FIRST = 1


class Toy(Record):
    """A record inside of another, and of itself."""

    name: str
    parts: list[Toy] = msgspec.field(default_factory=list)


class NewCat(Record):
    """What is sent, with every kind of field."""

    age: int
    weight: float
    asleep: bool
    born: datetime
    day: date
    chip: UUID
    price: Decimal
    mood: Mood
    size: Size
    rank: Rank
    kind: Literal["cat"]
    toy: Toy
    toys: tuple[Toy, ...]
    names: dict[str, str]
    tail: int = msgspec.field(name="tailLength")
    nick: str | None = None
    lives: int = 9
    extra: Any = None


class Change(Record, omit_defaults=True):
    """What is sent of what has changed."""

    nick: str | None = None
    lives: int = 9


class Told(Record):
    """What is sent where "not said" is something else than null."""

    nick: str | msgspec.UnsetType | None = msgspec.UNSET


class Bowl(Record, tag="bowl"):
    """One of two things that may be sent, told apart by a tag."""

    size: int


class Bed(Record, tag="bed"):
    """The other."""

    soft: bool


class Gift(Record):
    """Holds either."""

    thing: Bowl | Bed


class Cat(Record):
    """What is read."""

    id: str


def declare() -> Service:
    """One command of every kind, all as the document says."""
    cats = Service("cats")
    cats.command("POST /owners/{owner}/cats", body=NewCat, returns=Cat, at="cat", drops=[])
    cats.command("PATCH /cats/{id}", body=Change, returns=Cat, drops=[], relay=True, scopes=["write"])
    cats.command("PUT /cats/{id}/nick", body=Told, returns=None, drops=[], varies=["locale"])
    cats.command("PUT /cats/{id}/gift", body=Gift, returns=None, drops=[])
    cats.command("DELETE /cats/{id}", returns=None, drops=[])
    cats.command("POST /cats/{id}/naps", returns=Cat, drops=[], idempotency_key=False)
    return cats


def ref(name: str) -> dict[str, Any]:
    """A reference to a schema."""
    return {"$ref": f"#/components/schemas/{name}"}


def answer(schema: dict[str, Any]) -> dict[str, Any]:
    """An answer with a body."""
    return {"content": {"application/json": {"schema": schema}}}


def thing(*optional: str, **members: Any) -> dict[str, Any]:
    """The schema of an object whose members are all required but the optional ones."""
    return {"type": "object", "properties": members, "required": [name for name in members if name not in optional]}


def body(schema: dict[str, Any]) -> dict[str, Any]:
    """A body."""
    return {"required": True, "content": {"application/json": {"schema": schema}}}


STRING = {"type": "string"}
INTEGER = {"type": "integer"}
NULL = {"type": "null"}
OR_NULL = {"anyOf": [STRING, NULL]}
KEY = {"name": "Idempotency-Key", "in": "header", "schema": STRING}
ID = {"name": "id", "in": "path", "schema": STRING, "required": True}
OWNER = {"name": "owner", "in": "path", "schema": STRING, "required": True}

DOCUMENT: dict[str, Any] = {
    "openapi": "3.1.0",
    "paths": {
        "/owners/{owner}/cats": {
            "post": {
                "parameters": [OWNER, KEY],
                "requestBody": body(ref("NewCat")),
                "responses": {"201": answer(thing(cat=ref("Cat"))), "200": answer(thing(cat=ref("Cat")))},
            }
        },
        "/cats/{id}": {
            "parameters": [ID],
            "patch": {
                "parameters": [KEY],
                "requestBody": body(thing("nick", "lives", nick=STRING, lives=INTEGER)),
                "responses": {"200": answer(ref("Cat"))},
                "security": [{"bearer": ["write"]}],
            },
            "delete": {"responses": {"204": {"description": "gone"}}},
        },
        "/cats/{id}/nick": {
            "parameters": [ID],
            "put": {
                "parameters": [{"name": "Accept-Language", "in": "header", "required": True, "schema": STRING}],
                "requestBody": body(thing("nick", nick=OR_NULL)),
                "responses": {"204": {}},
            },
        },
        "/cats/{id}/gift": {
            "parameters": [ID],
            "put": {
                "requestBody": body(thing(thing={"oneOf": [ref("Bowl"), ref("Bed")]})),
                "responses": {"204": {}},
            },
        },
        "/cats/{id}/naps": {"parameters": [ID], "post": {"responses": {"200": answer(ref("Cat"))}}},
    },
    "components": {
        "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        "schemas": {
            "Cat": thing(id=STRING),
            "Bowl": thing(type={"const": "bowl"}, size=INTEGER),
            "Bed": thing(type={"const": "bed"}, soft={"type": "boolean"}),
            "Toy": thing("parts", name=STRING, parts={"type": "array", "items": ref("Toy")}),
            "NewCat": thing(
                "nick",
                "lives",
                "extra",
                "unsent",
                age=INTEGER,
                weight={"type": "number"},
                asleep={"type": "boolean"},
                born={"type": "string", "format": "date-time"},
                day={"type": "string", "format": "date"},
                chip={"type": "string", "format": "uuid"},
                price={"type": "string"},
                mood={"enum": ["good", "bad"]},
                size={"type": "string", "enum": ["small", "large"]},
                rank={"enum": [1, 2]},
                kind={"const": "cat"},
                toy=ref("Toy"),
                toys={"type": "array", "items": ref("Toy")},
                names={"type": "object", "additionalProperties": STRING},
                tailLength=INTEGER,
                nick=OR_NULL,
                lives=INTEGER,
                extra=INTEGER,
                unsent=STRING,
            ),
        },
    },
}

Change_ = Callable[[dict[str, Any]], object]


def found(change: Change_, service: Service | None = None) -> list[str]:
    """What has drifted once the document is changed."""
    document = copy.deepcopy(DOCUMENT)
    change(document)
    return drift(service or declare(), document, FILE)


def schemas(d: dict[str, Any]) -> Any:
    """The document's schemas."""
    return d["components"]["schemas"]


def operation(d: dict[str, Any], method: str, path: str) -> Any:
    """One operation of the document."""
    return d["paths"][path][method]


def field(name: str, schema: dict[str, Any]) -> Change_:
    """Document a field of NewCat otherwise."""
    return lambda d: schemas(d)["NewCat"]["properties"].update({name: schema})


def test_what_is_as_documented_has_not_drifted() -> None:
    """The document above is the declarations' own: whatever is found later comes from the change."""
    assert found(lambda _: None) == []


FIELDS: dict[str, tuple[Change_, list[str]]] = {
    "number for a text": (
        field("nick", {"anyOf": [INTEGER, NULL]}),
        [f"NewCat.nick is integer or null, {HERE}.NewCat.nick sends string"],
    ),
    "no null": (field("nick", STRING), [f"NewCat.nick is string, {HERE}.NewCat.nick sends null"]),
    "whole for a fraction": (
        field("weight", INTEGER),
        [f"NewCat.weight is integer, {HERE}.NewCat.weight sends number"],
    ),
    "fraction for a whole": (field("age", {"type": "number"}), []),
    "more than we send": (field("age", {"anyOf": [INTEGER, STRING, NULL]}), []),
    "anything": (field("age", {}), []),
    "text for a time": (field("born", STRING), []),
    "day for a time": (
        field("born", {"type": "string", "format": "date"}),
        [f"NewCat.born is string (date), {HERE}.NewCat.born sends string (date-time)"],
    ),
    "number for a time": (
        field("born", INTEGER),
        [f"NewCat.born is integer, {HERE}.NewCat.born sends string (date-time)"],
    ),
    "number for a decimal": (
        field("price", {"type": "number"}),
        [f"NewCat.price is number, {HERE}.NewCat.price sends a decimal (string)"],
    ),
    "text for a truth": (
        field("asleep", STRING),
        [f"NewCat.asleep is string, {HERE}.NewCat.asleep sends boolean"],
    ),
    "word gone": (
        field("size", {"enum": ["large"]}),
        [f"NewCat.size is one of large, {HERE}.NewCat.size may send 'small'"],
    ),
    "lenient word gone": (
        field("mood", {"enum": ["bad"]}),
        [f"NewCat.mood is one of bad, {HERE}.NewCat.mood may send 'good'"],
    ),
    "any word": (field("size", STRING), []),
    "another constant": (
        field("kind", {"const": "dog"}),
        [f"NewCat.kind is one of dog, {HERE}.NewCat.kind may send 'cat'"],
    ),
    "number for words": (field("size", INTEGER), [f"NewCat.size is integer, {HERE}.NewCat.size sends Size (enum)"]),
    "any number for a rank": (field("rank", INTEGER), []),
    "any fraction for a rank": (field("rank", {"type": "number"}), []),
    "words for a text": (
        field("nick", {"anyOf": [{"enum": ["Tom"]}, NULL]}),
        [f"NewCat.nick is one of Tom, {HERE}.NewCat.nick sends any string"],
    ),
    "words for a number": (
        field("tailLength", {"type": "integer", "enum": [1, 2]}),
        [f"NewCat.tailLength is one of 1, 2, {HERE}.NewCat.tail sends any integer"],
    ),
    "array of another kind": (
        field("toys", {"type": "array", "items": STRING}),
        [f"NewCat.toys[] is string, {HERE}.NewCat.toys sends Toy (object)"],
    ),
    "one for an array": (
        field("toys", ref("Toy")),
        [f"NewCat.toys is Toy (object), {HERE}.NewCat.toys sends an array of Toy (object)"],
    ),
    "map of another kind": (
        field("names", {"type": "object", "additionalProperties": INTEGER}),
        [f"NewCat.names{{}} is integer, {HERE}.NewCat.names sends string"],
    ),
    "map of anything": (field("names", {"type": "object"}), []),
    "no map": (
        field("names", {"type": "object", "additionalProperties": False}),
        [f"NewCat.names takes no members but its own, {HERE}.NewCat.names sends an object of string"],
    ),
    "what is held as anything": (field("extra", STRING), []),
    "field gone": (
        lambda d: (
            schemas(d)["NewCat"]["properties"].pop("tailLength"),
            schemas(d)["NewCat"]["required"].remove("tailLength"),
        ),
        [f"NewCat has no 'tailLength', {HERE}.NewCat.tail sends integer"],
    ),
    "field gone where any is taken": (
        lambda d: (
            schemas(d)["NewCat"]["properties"].pop("lives"),
            schemas(d)["NewCat"].update(additionalProperties=True),
        ),
        [],
    ),
    "field gone where texts are taken": (
        lambda d: (
            schemas(d)["NewCat"]["properties"].pop("lives"),
            schemas(d)["NewCat"].update(additionalProperties=STRING),
        ),
        [f"NewCat.lives is string, {HERE}.NewCat.lives sends integer"],
    ),
    "another field required": (
        lambda d: schemas(d)["NewCat"]["required"].append("unsent"),
        [f"NewCat requires 'unsent', which {HERE}.NewCat never sends"],
    ),
    "field that only answers have required": (
        lambda d: (
            schemas(d)["NewCat"]["required"].append("unsent"),
            field("unsent", {"type": "string", "readOnly": True})(d),
        ),
        [],
    ),
    "field with a default required": (lambda d: schemas(d)["NewCat"]["required"].append("lives"), []),
    "inside an object": (
        lambda d: schemas(d)["Toy"]["properties"].update(name=INTEGER),
        [f"Toy.name is integer, {HERE}.Toy.name sends string"],
    ),
    "required inside an object": (
        lambda d: schemas(d).update(
            Toy=thing(name=STRING, parts={"type": "array", "items": ref("Toy")}, colour=STRING)
        ),
        [f"Toy requires 'colour', which {HERE}.Toy never sends"],
    ),
    "one of two objects will do": (field("toy", {"anyOf": [ref("Cat"), ref("Toy")]}), []),
    "neither of two objects will do": (
        field("toy", {"anyOf": [ref("Cat"), ref("Cat")]}),
        [
            f"Cat has no 'name', {HERE}.Toy.name sends string",
            f"Cat has no 'parts', {HERE}.Toy.parts sends an array of Toy (object)",
            f"Cat requires 'id', which {HERE}.Toy never sends",
        ],
    ),
    "reference to nowhere": (field("toy", ref("Gone")), ["NewCat.toy: #/components/schemas/Gone leads nowhere"]),
    "inside one of two": (
        lambda d: schemas(d)["Bowl"]["properties"].update(size=STRING),
        [f"Bowl.size is string, {HERE}.Bowl.size sends integer"],
    ),
    "another tag": (
        lambda d: schemas(d)["Bowl"]["properties"].update(type={"const": "dish"}),
        [f"Bowl.type is one of dish, {HERE}.Bowl may send 'bowl'"],
    ),
    "tag gone": (
        lambda d: schemas(d).update(Bowl=thing(size=INTEGER)),
        [f"Bowl has no 'type', {HERE}.Bowl sends one of bowl"],
    ),
}


@pytest.mark.parametrize(("change", "sentences"), FIELDS.values(), ids=FIELDS)
def test_a_body_that_drifted_is_said(change: Change_, sentences: list[str]) -> None:
    """Each value that our record can hold must be taken, and what is required must always be sent."""
    assert found(change) == [f"{FILE}: {sentence}" for sentence in sentences]


REQUESTS: dict[str, tuple[Change_, list[str]]] = {
    "method gone": (
        lambda d: d["paths"]["/cats/{id}"].pop("delete"),
        ["there is no DELETE /cats/{id}, which is declared as <Command cats DELETE /cats/{id}>"],
    ),
    "route gone": (
        lambda d: d["paths"].pop("/cats/{id}/naps"),
        ["there is no POST /cats/{id}/naps, which is declared as <Command cats POST /cats/{id}/naps>"],
    ),
    "parameter renamed": (
        lambda d: d["paths"].update({"/cats/{cat}/naps": d["paths"].pop("/cats/{id}/naps")}),
        ["the path is /cats/{cat}/naps, the endpoint cats POST /cats/{id}/naps calls its parameters otherwise"],
    ),
    "query required": (
        lambda d: operation(d, "delete", "/cats/{id}").update(
            parameters=[{"name": "sure", "in": "query", "required": True}]
        ),
        ["DELETE /cats/{id} requires the query parameter 'sure', which the endpoint never sends"],
    ),
    "body wanted": (
        lambda d: operation(d, "delete", "/cats/{id}").update(requestBody=body(thing())),
        ["DELETE /cats/{id} requires a body, the endpoint sends none"],
    ),
    "body not wanted": (
        lambda d: operation(d, "patch", "/cats/{id}").pop("requestBody"),
        ["PATCH /cats/{id} takes no JSON body, the endpoint sends one"],
    ),
    "body is no object": (
        lambda d: operation(d, "patch", "/cats/{id}").update(requestBody=body({"type": "array"})),
        ["the body of PATCH /cats/{id} is array, the endpoint cats PATCH /cats/{id} sends Change (object)"],
    ),
    "left out by default": (
        lambda d: operation(d, "patch", "/cats/{id}").update(requestBody=body(thing(nick=STRING, lives=INTEGER))),
        [
            f"the body of PATCH /cats/{{id}} requires 'lives', which {HERE}.Change may leave out",
            f"the body of PATCH /cats/{{id}} requires 'nick', which {HERE}.Change may leave out",
        ],
    ),
    "left out when unset": (
        lambda d: operation(d, "put", "/cats/{id}/nick").update(requestBody=body(thing(nick=OR_NULL))),
        [f"the body of PUT /cats/{{id}}/nick requires 'nick', which {HERE}.Told may leave out"],
    ),
    "null beside unset": (
        lambda d: operation(d, "put", "/cats/{id}/nick").update(requestBody=body(thing("nick", nick=STRING))),
        [f"the body of PUT /cats/{{id}}/nick.nick is string, {HERE}.Told.nick sends null"],
    ),
    "key required of one that may leave it out": (
        lambda d: operation(d, "post", "/owners/{owner}/cats")["parameters"].__setitem__(1, {**KEY, "required": True}),
        [
            "POST /owners/{owner}/cats requires the header 'idempotency-key', which the endpoint may leave out; "
            'declare it with idempotency_key="required"'
        ],
    ),
    "key in small letters": (
        lambda d: operation(d, "post", "/owners/{owner}/cats")["parameters"][1].update(name="idempotency-key"),
        [],
    ),
    "key not known": (
        lambda d: operation(d, "patch", "/cats/{id}").pop("parameters"),
        [
            "PATCH /cats/{id} has no header 'idempotency-key', under which the endpoint may be sent twice; "
            "declare it with idempotency_key=False"
        ],
    ),
    "key required of one that sends none": (
        lambda d: operation(d, "post", "/cats/{id}/naps").update(parameters=[{**KEY, "required": True}]),
        ["POST /cats/{id}/naps requires the header parameter 'Idempotency-Key', which the endpoint never sends"],
    ),
    "locale required of one that does not vary": (
        lambda d: operation(d, "delete", "/cats/{id}").update(
            parameters=[{"name": "accept-language", "in": "header", "required": True}]
        ),
        ["DELETE /cats/{id} requires the header parameter 'accept-language', which the endpoint never sends"],
    ),
    "credential not wanted": (
        lambda d: operation(d, "patch", "/cats/{id}").pop("security"),
        ["PATCH /cats/{id} requires no credential, the endpoint relays one"],
    ),
    "credential wanted": (
        lambda d: operation(d, "delete", "/cats/{id}").update(security=[{"bearer": []}]),
        ["DELETE /cats/{id} requires a credential, the endpoint relays none"],
    ),
    "another scope": (
        lambda d: operation(d, "patch", "/cats/{id}").update(security=[{"bearer": ["admin"]}]),
        ["PATCH /cats/{id} requires the scopes admin, the endpoint declares the scopes write"],
    ),
}


@pytest.mark.parametrize(("change", "sentences"), REQUESTS.values(), ids=REQUESTS)
def test_a_request_that_drifted_is_said(change: Change_, sentences: list[str]) -> None:
    """Route, parameters, headers, credential and the body as a whole must be known to the service, and enough."""
    assert found(change) == [f"{FILE}: {sentence}" for sentence in sentences]


ANSWERS: dict[str, tuple[Change_, list[str]]] = {
    "no answer to read": (
        lambda d: operation(d, "patch", "/cats/{id}").update(responses={"204": {}}),
        ["PATCH /cats/{id} documents no JSON answer"],
    ),
    "no good answer": (
        lambda d: operation(d, "patch", "/cats/{id}").update(responses={"400": answer(ref("Cat"))}),
        ["PATCH /cats/{id} documents no JSON answer"],
    ),
    "one of two answers is another": (
        lambda d: operation(d, "post", "/owners/{owner}/cats")["responses"].update(
            {"200": answer(thing(cat=thing(id=INTEGER)))}
        ),
        [f"the answer of POST /owners/{{owner}}/cats.cat.id is integer, {HERE}.Cat.id expects string"],
    ),
    "path to the answer gone": (
        lambda d: operation(d, "post", "/owners/{owner}/cats")["responses"].update({"201": answer(ref("Cat"))}),
        [f"Cat has no 'cat', which {NEW_CAT} reads as Cat (object)"],
    ),
    "field read is gone": (
        lambda d: operation(d, "patch", "/cats/{id}").update(responses={"200": answer(thing(name=STRING))}),
        [f"the answer of PATCH /cats/{{id}} has no 'id', {HERE}.Cat.id expects string"],
    ),
    "answer that nobody reads": (
        lambda d: operation(d, "delete", "/cats/{id}").update(responses={"200": answer(STRING)}),
        [],
    ),
}


@pytest.mark.parametrize(("change", "sentences"), ANSWERS.values(), ids=ANSWERS)
def test_an_answer_that_drifted_is_said(change: Change_, sentences: list[str]) -> None:
    """Every good answer must be one that can be read, unless nobody reads it."""
    assert found(change) == [f"{FILE}: {sentence}" for sentence in sentences]


class Wanted(pydantic.BaseModel):
    """What a service of FastAPI says it takes."""

    name: str
    born: datetime
    mood: Literal["good", "bad"] = "good"
    nick: str | None = None


def test_a_document_of_fastapi_is_read_as_it_comes() -> None:
    """What FastAPI itself writes for a model in a body and a header needs no help to be understood."""
    app = fastapi.FastAPI()

    def make(wanted: Wanted, idempotency_key: Annotated[str | None, fastapi.Header()] = None) -> Any:
        return wanted

    app.add_api_route("/kittens", make, methods=["POST"], status_code=201, response_model=Wanted)

    class NewKitten(Record):
        name: str
        mood: Mood
        nick: str | None = None

    class Kitten(Record):
        name: str

    service = Service("cats")
    service.command("POST /kittens", body=NewKitten, returns=Kitten, drops=[])
    record = f"the record {NewKitten.__module__}.{NewKitten.__qualname__}"
    assert drift(service, app.openapi(), FILE) == [f"{FILE}: Wanted requires 'born', which {record} never sends"]
