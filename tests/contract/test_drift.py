"""Contract: each way in which declarations and document drift apart is found and said in one sentence."""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any, Literal
from uuid import UUID

import fastapi
import msgspec
import pydantic
import pytest

from bff_core.contract import KeyStyle, LenientEnum, Record, Service
from bff_core.contract.openapi import drift

FILE = "cats.json"
HERE = f"the record {__name__}"


class Mood(LenientEnum):
    """A word that its service may add to."""

    GOOD = "good"
    BAD = "bad"
    UNKNOWN = "?"


class Size(str, Enum):
    """A word that no service may add to."""

    SMALL = "small"


class Toy(Record):
    """A record inside of another, and of itself."""

    name: str
    parts: list[Toy] = msgspec.field(default_factory=list)


class Cat(Record):
    """A record with every kind of field."""

    id: str
    age: int
    weight: float
    asleep: bool
    born: datetime
    day: date
    chip: UUID
    price: Decimal
    mood: Mood
    size: Size
    kind: Literal["cat"]
    toy: Toy
    toys: tuple[Toy, ...]
    names: dict[str, str]
    tail: int = msgspec.field(name="tailLength")
    nick: str | None = None
    lives: int = 9


class Pair(Record):
    """A record with a composite key."""

    mother: str
    number: int = msgspec.field(name="no")


def declare() -> Service:
    """One endpoint of every kind, all as the document says."""
    cats = Service("cats")
    cats.get("GET /cats/{id}", returns=Cat, query={"language": "lang"})
    cats.get("GET /me/cats", returns=list[Cat], at="items", relay=True, scopes=("read",))
    cats.batch("GET /cats", keys="id", returns=Cat, key="id", at="data.items", max_keys=50)
    cats.batch("GET /pets", keys="ids", style=KeyStyle.COMMA, returns=Cat, key="id", at="items", max_keys=20)
    cats.batch("POST /cats/query", keys="ids", returns=Cat, key="id", at="items", max_keys=100)
    cats.batch_many("POST /pairs/query", keys="keys", returns=Pair, key=("mother", "number"), max_keys=10)
    cats.page("GET /cats/search", returns=Cat, max_limit=50, query=("q",), total="total")
    return cats


def ref(name: str) -> dict[str, Any]:
    """A reference to a schema."""
    return {"$ref": f"#/components/schemas/{name}"}


def answer(schema: dict[str, Any]) -> dict[str, Any]:
    """Responses with one good one."""
    return {"200": {"content": {"application/json": {"schema": schema}}}, "404": {"description": "none"}}


def takes(name: str, schema: dict[str, Any], place: str = "query", **more: Any) -> dict[str, Any]:
    """A parameter."""
    return {"name": name, "in": place, "schema": schema, **more}


def thing(required: bool = True, **members: Any) -> dict[str, Any]:
    """The schema of an object whose members are all required, or none."""
    return {"type": "object", "properties": members, "required": list(members) if required else []}


def body(schema: dict[str, Any]) -> dict[str, Any]:
    """A body."""
    return {"required": True, "content": {"application/json": {"schema": schema}}}


STRING = {"type": "string"}
OR_NULL = {"anyOf": [STRING, {"type": "null"}]}
STRINGS = {"type": "array", "items": STRING}
CATS = {"type": "array", "items": ref("Cat")}
LIMIT = {"anyOf": [{"type": "integer", "maximum": 50}, {"type": "null"}]}

DOCUMENT: dict[str, Any] = {
    "openapi": "3.1.0",
    "paths": {
        "/cats/{id}": {
            "parameters": [takes("id", STRING, "path", required=True)],
            "get": {"parameters": [takes("lang", STRING)], "responses": answer(ref("Cat"))},
        },
        "/me/cats": {"get": {"responses": answer(ref("Cats")), "security": [{"bearer": ["read"]}]}},
        "/cats": {
            "get": {
                "parameters": [takes("id", {**STRINGS, "maxItems": 50}, required=True)],
                "responses": answer(thing(data=ref("Cats"))),
            }
        },
        "/pets": {
            "get": {
                "parameters": [takes("ids", {**STRINGS, "maxItems": 50}, explode=False, style="form")],
                "responses": answer(ref("Cats")),
            }
        },
        "/cats/query": {"post": {"requestBody": body(ref("CatQuery")), "responses": answer({"allOf": [ref("Cats")]})}},
        "/pairs/query": {
            "post": {
                "requestBody": body(thing(keys={"type": "array", "items": ref("Pair")})),
                "responses": answer({"type": "array", "items": ref("Pair")}),
            }
        },
        "/cats/search": {
            "get": {
                "parameters": [
                    {"$ref": "#/components/parameters/Limit"},
                    takes("q", STRING),
                    takes("cursor", STRING),
                ],
                "responses": answer(ref("CatPage")),
            }
        },
    },
    "components": {
        "parameters": {"Limit": takes("limit", LIMIT)},
        "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        "schemas": {
            "Cats": thing(items=CATS, total={"type": "integer"}),
            "CatPage": thing(items=CATS, cursors=STRINGS, next=OR_NULL, total={"type": "integer"}),
            "CatQuery": thing(ids={**STRINGS, "maxItems": 100}),
            "Pair": thing(mother=STRING, no={"type": "integer"}),
            "Toy": thing(name=STRING, parts={"type": "array", "items": ref("Toy")}),
            "Cat": thing(
                id=STRING,
                age={"type": "integer"},
                weight={"type": "number"},
                asleep={"type": "boolean"},
                born={"type": "string", "format": "date-time"},
                day={"type": "string", "format": "date"},
                chip={"type": "string", "format": "uuid"},
                price={"type": "string"},
                mood={"enum": ["good", "bad"]},
                size={"type": "string", "enum": ["small"]},
                kind={"const": "cat"},
                toy=ref("Toy"),
                toys={"type": "array", "items": ref("Toy")},
                names={"type": "object", "additionalProperties": STRING},
                tailLength={"type": "integer"},
                nick=OR_NULL,
                lives={"type": "integer"},
                unread={"type": "object"},
            ),
        },
    },
}

Change = Callable[[dict[str, Any]], object]


def found(change: Change, service: Service | None = None) -> list[str]:
    """What has drifted once the document is changed."""
    document = copy.deepcopy(DOCUMENT)
    change(document)
    return drift(service or declare(), document, FILE)


def test_what_is_as_documented_has_not_drifted() -> None:
    """The document below is the declarations' own: whatever is found later comes from the change."""
    assert found(lambda _: None) == []


def field(name: str, schema: dict[str, Any]) -> Change:
    """Document a field of Cat otherwise."""
    return lambda d: d["components"]["schemas"]["Cat"]["properties"].update({name: schema})


def schemas(d: dict[str, Any]) -> Any:
    """The document's schemas."""
    return d["components"]["schemas"]


def get(d: dict[str, Any], path: str) -> Any:
    """The document's GET of a path."""
    return d["paths"][path]["get"]


NULL = {"type": "null"}

FIELDS: dict[str, tuple[Change, list[str]]] = {
    "text for a number": (field("age", STRING), [f"Cat.age is string, {HERE}.Cat.age expects integer"]),
    "fraction for a whole": (
        field("age", {"type": "number"}),
        [f"Cat.age is number, {HERE}.Cat.age expects integer"],
    ),
    "whole for a fraction": (field("weight", {"type": "integer"}), []),
    "number for a text": (
        field("id", {"type": "integer"}),
        [f"Cat.id is integer, {HERE}.Cat.id expects string"],
    ),
    "number for a truth": (
        field("asleep", {"type": "integer"}),
        [f"Cat.asleep is integer, {HERE}.Cat.asleep expects boolean"],
    ),
    "text for a time": (
        field("born", STRING),
        [f"Cat.born is string, {HERE}.Cat.born expects string (date-time)"],
    ),
    "day for a time": (
        field("born", {"type": "string", "format": "date"}),
        [f"Cat.born is string (date), {HERE}.Cat.born expects string (date-time)"],
    ),
    "text for a day": (field("day", STRING), [f"Cat.day is string, {HERE}.Cat.day expects string (date)"]),
    "text for a uuid": (
        field("chip", STRING),
        [f"Cat.chip is string, {HERE}.Cat.chip expects string (uuid)"],
    ),
    "time for a text": (field("id", {"type": "string", "format": "date-time"}), []),
    "number for a decimal": (field("price", {"type": "number"}), []),
    "truth for a decimal": (
        field("price", {"type": "boolean"}),
        [f"Cat.price is boolean, {HERE}.Cat.price expects a decimal (string or number)"],
    ),
    "number for an object": (
        field("toy", {"type": "integer"}),
        [f"Cat.toy is integer, {HERE}.Cat.toy expects Toy (object)"],
    ),
    "object for a number": (
        field("age", ref("Toy")),
        [f"Cat.age is Toy (object), {HERE}.Cat.age expects integer"],
    ),
    "object for an array": (
        field("toys", ref("Toy")),
        [f"Cat.toys is Toy (object), {HERE}.Cat.toys expects an array of Toy (object)"],
    ),
    "array of another kind": (
        field("toys", STRINGS),
        [f"Cat.toys[] is string, {HERE}.Cat.toys expects Toy (object)"],
    ),
    "map of another kind": (
        field("names", {"type": "object", "additionalProperties": {"type": "integer"}}),
        [f"Cat.names{{}} is integer, {HERE}.Cat.names expects string"],
    ),
    "map of anything": (
        field("names", {"type": "object", "additionalProperties": True}),
        [f"Cat.names{{}} is anything, {HERE}.Cat.names expects string"],
    ),
    "anything": (field("age", {}), [f"Cat.age is anything, {HERE}.Cat.age expects integer"]),
    "null": (field("id", OR_NULL), [f"Cat.id is null, {HERE}.Cat.id expects string"]),
    "null by type list": (
        field("age", {"type": ["integer", "null"]}),
        [f"Cat.age is null, {HERE}.Cat.age expects integer"],
    ),
    "null of 3.0": (
        field("age", {"type": "integer", "nullable": True}),
        [f"Cat.age is null, {HERE}.Cat.age expects integer"],
    ),
    "null beside a reference": (
        field("toy", {"oneOf": [ref("Toy"), NULL]}),
        [f"Cat.toy is null, {HERE}.Cat.toy expects Toy (object)"],
    ),
    "null among words": (
        field("mood", {"enum": ["good", None]}),
        [f"Cat.mood is null, {HERE}.Cat.mood expects Mood (enum)"],
    ),
    "null for a default": (
        field("lives", {"anyOf": [{"type": "integer"}, NULL]}),
        [f"Cat.lives is null, {HERE}.Cat.lives expects integer"],
    ),
    "two kinds": (
        field("nick", {"anyOf": [STRING, {"type": "integer"}, NULL]}),
        [f"Cat.nick is integer, {HERE}.Cat.nick expects string or null"],
    ),
    "new word": (
        field("mood", {"enum": ["good", "bad", "sad"]}),
        [f"Cat.mood may be 'sad', {HERE}.Cat.mood expects Mood (enum), which has no such word"],
    ),
    "new constant": (
        field("mood", {"type": "string", "const": "sad"}),
        [f"Cat.mood may be 'sad', {HERE}.Cat.mood expects Mood (enum), which has no such word"],
    ),
    "fewer words": (field("mood", {"enum": ["good"]}), []),
    "any word for a lenient enum": (field("mood", STRING), []),
    "any word for a strict enum": (
        field("size", STRING),
        [f"Cat.size is any string, {HERE}.Cat.size expects Size (enum), which is not lenient"],
    ),
    "number for an enum": (
        field("mood", {"type": "integer"}),
        [f"Cat.mood is integer, {HERE}.Cat.mood expects Mood (enum)"],
    ),
    "another constant": (
        field("kind", {"const": "dog"}),
        [f"Cat.kind may be 'dog', {HERE}.Cat.kind expects one of cat"],
    ),
    "any word for a constant": (
        field("kind", STRING),
        [f"Cat.kind is any string, {HERE}.Cat.kind expects one of cat"],
    ),
    "words for a number": (
        field("age", {"enum": ["one", "two"]}),
        [f"Cat.age is one of one, two, {HERE}.Cat.age expects integer"],
    ),
    "field gone": (
        lambda d: schemas(d)["Cat"]["properties"].pop("age"),
        [f"Cat has no 'age', {HERE}.Cat.age expects integer"],
    ),
    "renamed field gone": (
        lambda d: schemas(d)["Cat"]["properties"].pop("tailLength"),
        [f"Cat has no 'tailLength', {HERE}.Cat.tail expects integer"],
    ),
    "optional field gone": (
        lambda d: schemas(d)["Cat"]["properties"].pop("nick"),
        [f"Cat has no 'nick', {HERE}.Cat.nick expects string or null"],
    ),
    "field not required": (
        lambda d: schemas(d)["Cat"]["required"].remove("age"),
        [f"Cat.age may be missing, {HERE}.Cat.age expects integer"],
    ),
    "field with a default not required": (lambda d: schemas(d)["Cat"]["required"].remove("lives"), []),
    "inside an object": (
        lambda d: schemas(d)["Toy"]["properties"].update(name={"type": "integer"}),
        [f"Toy.name is integer, {HERE}.Toy.name expects string"],
    ),
    "inside an unnamed object": (
        field("toy", thing(name={"type": "integer"}, parts={"type": "array", "items": ref("Toy")})),
        [f"Cat.toy.name is integer, {HERE}.Toy.name expects string"],
    ),
    "inside a merged object": (
        field("toy", {"allOf": [thing(name=STRING), thing(required=False, parts=STRINGS)]}),
        [f"Cat.toy.parts[] is string, {HERE}.Toy.parts expects Toy (object)"],
    ),
    "in one of two objects": (
        field("toy", {"anyOf": [ref("Toy"), ref("Pair")]}),
        [
            f"Pair has no 'name', {HERE}.Toy.name expects string",
            f"Pair has no 'parts', {HERE}.Toy.parts expects an array of Toy (object)",
        ],
    ),
    "reference to nowhere": (field("toy", ref("Gone")), ["Cat.toy: #/components/schemas/Gone leads nowhere"]),
    "reference in a circle": (
        lambda d: schemas(d).update(Toy=ref("Toy")),
        [f"{where}: #/components/schemas/Toy leads in a circle" for where in ("Cat.toy", "Cat.toys[]")],
    ),
    "made of itself": (
        lambda d: schemas(d).update(Toy={"anyOf": [ref("Toy")]}),
        [f"{where}: Toy is made of itself" for where in ("Cat.toy", "Cat.toys[]")],
    ),
}


@pytest.mark.parametrize(("change", "sentences"), FIELDS.values(), ids=FIELDS)
def test_a_field_that_drifted_is_named_once_with_both_types(change: Change, sentences: list[str]) -> None:
    """However many endpoints show a record, each difference is said once: file, field, and both types."""
    # "id" is sent too, in a body, so that one change may tell of both.
    told = [s for s in found(change) if "CatQuery" not in s]
    assert told == [f"{FILE}: {sentence}" for sentence in sentences]


def without(d: dict[str, Any], path: str) -> None:
    """Take a path out of the document."""
    del d["paths"][path]


def renamed(d: dict[str, Any], path: str, other: str) -> None:
    """Give a path another name."""
    d["paths"][other] = d["paths"].pop(path)


def unnamed(d: dict[str, Any], path: str, name: str) -> None:
    """Take a parameter out of a GET."""
    get(d, path)["parameters"] = [p for p in get(d, path)["parameters"] if p.get("name") != name]


def further(d: dict[str, Any], path: str, name: str, place: str = "query") -> None:
    """Require one parameter more."""
    get(d, path)["parameters"].append(takes(name, STRING, place, required=True))


REQUESTS: dict[str, tuple[Change, list[str]]] = {
    "path gone": (
        lambda d: without(d, "/pets"),
        ["there is no GET /pets, which is declared as <Batch cats GET /pets>"],
    ),
    "method gone": (
        lambda d: d["paths"]["/cats/query"].update(put=d["paths"]["/cats/query"].pop("post")),
        ["there is no POST /cats/query, which is declared as <Batch cats POST /cats/query>"],
    ),
    "no paths at all": (
        lambda d: d.pop("paths"),
        [f"there is no {e.method} {e.path}, which is declared as {e!r}" for e in declare().endpoints],
    ),
    "path parameter renamed": (
        lambda d: renamed(d, "/cats/{id}", "/cats/{cat_id}"),
        ["the path is /cats/{cat_id}, the endpoint cats GET /cats/{id} calls its parameters otherwise"],
    ),
    "another path of the same steps": (lambda d: d["paths"].update({"/cats/{x}.json": {}}), []),
    "query parameter gone": (
        lambda d: unnamed(d, "/cats/{id}", "lang"),
        ["GET /cats/{id} has no query parameter 'lang', which the endpoint sends"],
    ),
    "keys gone": (
        lambda d: unnamed(d, "/pets", "ids"),
        ["GET /pets has no query parameter 'ids', which the endpoint sends"],
    ),
    "limit gone": (
        lambda d: get(d, "/cats/search")["parameters"].pop(0),
        ["GET /cats/search has no query parameter 'limit', which the endpoint sends"],
    ),
    "cursor gone": (
        lambda d: unnamed(d, "/cats/search", "cursor"),
        ["GET /cats/search has no query parameter 'cursor', which the endpoint sends"],
    ),
    "a parameter of the same name elsewhere": (
        lambda d: get(d, "/cats/{id}")["parameters"][0].update({"in": "header"}),
        ["GET /cats/{id} has no query parameter 'lang', which the endpoint sends"],
    ),
    "further query parameter": (
        lambda d: further(d, "/cats", "shop"),
        ["GET /cats requires the query parameter 'shop', which the endpoint never sends"],
    ),
    "further header": (
        lambda d: further(d, "/cats", "x-shop", "header"),
        ["GET /cats requires the header parameter 'x-shop', which the endpoint never sends"],
    ),
    "body for a GET": (
        lambda d: get(d, "/cats").update(requestBody=body(STRING)),
        ["GET /cats requires a body, the endpoint sends none"],
    ),
    "fewer keys repeated": (
        lambda d: get(d, "/cats")["parameters"][0]["schema"].update(maxItems=49),
        ["GET /cats takes at most 49 'id', the endpoint's max_keys is 50"],
    ),
    "fewer keys with commas": (
        lambda d: get(d, "/pets")["parameters"][0]["schema"].update(maxItems=19),
        ["GET /pets takes at most 19 'ids', the endpoint's max_keys is 20"],
    ),
    "fewer keys in a body": (
        lambda d: schemas(d)["CatQuery"]["properties"]["ids"].update(maxItems=99),
        ["POST /cats/query takes at most 99 'ids', the endpoint's max_keys is 100"],
    ),
    "as many keys as you like": (lambda d: get(d, "/cats")["parameters"][0]["schema"].pop("maxItems"), []),
    "keys with commas as one text": (lambda d: get(d, "/pets")["parameters"][0].update(schema=STRING), []),
    "keys apart, ours joined": (
        lambda d: get(d, "/pets")["parameters"][0].pop("explode"),
        ["GET /pets takes 'ids' repeated, the endpoint's style is comma"],
    ),
    "keys joined, ours apart": (
        lambda d: get(d, "/cats")["parameters"][0].update(explode=False),
        ["GET /cats takes 'id' separated by commas, the endpoint's style is repeated"],
    ),
    "one key, ours repeated": (
        lambda d: get(d, "/cats")["parameters"][0].update(schema=STRING),
        ["GET /cats takes 'id' once as string, the endpoint repeats it"],
    ),
    "smaller pages": (
        lambda d: d["components"]["parameters"]["Limit"]["schema"]["anyOf"][0].update(maximum=20.0),
        ["GET /cats/search takes a 'limit' of at most 20, the endpoint's max_limit is 50"],
    ),
    "pages below": (
        lambda d: d["components"]["parameters"]["Limit"].update(schema={"type": "integer", "exclusiveMaximum": 50}),
        ["GET /cats/search takes a 'limit' of at most 49, the endpoint's max_limit is 50"],
    ),
    "body keys gone": (
        lambda d: schemas(d).update(CatQuery=thing(names=STRINGS)),
        [
            "POST /cats/query requires 'names' in its body, which the endpoint never sends",
            "POST /cats/query has no 'ids' in its body, which the endpoint sends",
        ],
    ),
    "body keys no array": (
        lambda d: schemas(d).update(CatQuery=thing(ids=STRING)),
        ["CatQuery.ids is string, the endpoint sends an array"],
    ),
    "body keys of another type": (
        lambda d: schemas(d)["CatQuery"]["properties"]["ids"].update(items={"type": "integer"}),
        ["CatQuery.ids[] is integer, the endpoint cats POST /cats/query sends string"],
    ),
    "body is no JSON": (
        lambda d: d["paths"]["/cats/query"]["post"].update(requestBody={"content": {"text/csv": {}}}),
        ["POST /cats/query takes no JSON body, the endpoint sends one"],
    ),
    "no body": (
        lambda d: d["paths"]["/cats/query"]["post"].pop("requestBody"),
        ["POST /cats/query takes no JSON body, the endpoint sends one"],
    ),
    "part of a composite key gone": (
        lambda d: d["paths"]["/pairs/query"]["post"].update(
            requestBody=body(thing(keys={"type": "array", "items": thing(mother=STRING)}))
        ),
        ["POST /pairs/query.keys[] has no 'no', a part of the key of cats POST /pairs/query"],
    ),
    "part of a composite key of another type": (
        lambda d: d["paths"]["/pairs/query"]["post"].update(
            requestBody=body(thing(keys={"type": "array", "items": thing(mother=STRING, no=STRING)}))
        ),
        ["POST /pairs/query.keys[].no is string, the endpoint cats POST /pairs/query sends integer"],
    ),
    "credential wanted": (
        lambda d: get(d, "/cats").update(security=[{"bearer": []}]),
        ["GET /cats requires a credential, the endpoint relays none"],
    ),
    "credential welcome": (lambda d: get(d, "/cats").update(security=[{"bearer": []}, {}]), []),
    "credential wanted by all": (
        lambda d: d.update(security=[{"bearer": ["read"]}]),
        [
            f"{e.method} {e.path} requires a credential, the endpoint relays none"
            for e in declare().endpoints
            if not e.relay
        ],
    ),
    "credential not wanted": (
        lambda d: get(d, "/me/cats").pop("security"),
        ["GET /me/cats requires no credential, the endpoint relays one"],
    ),
    "credential not wanted but refused": (
        lambda d: (get(d, "/me/cats").pop("security"), get(d, "/me/cats")["responses"].update({"401": {}})),
        [],
    ),
    "document without credentials": (
        lambda d: (get(d, "/me/cats").pop("security"), d["components"].pop("securitySchemes")),
        [],
    ),
    "further scope": (
        lambda d: get(d, "/me/cats").update(security=[{"bearer": ["read", "admin"]}]),
        ["GET /me/cats requires the scopes admin, read, the endpoint declares the scopes read"],
    ),
    "scope not wanted": (
        lambda d: get(d, "/me/cats").update(security=[{"bearer": []}]),
        ["GET /me/cats does not require the scopes read, which the endpoint declares"],
    ),
    "scope wanted or another": (
        lambda d: get(d, "/me/cats").update(security=[{"bearer": ["admin"]}, {"bearer": ["read"]}]),
        [],
    ),
}


@pytest.mark.parametrize(("change", "sentences"), REQUESTS.values(), ids=REQUESTS)
def test_a_request_that_drifted_is_said(change: Change, sentences: list[str]) -> None:
    """What we send must be known to the service, be enough for it and be not too much for it."""
    assert found(change) == [f"{FILE}: {sentence}" for sentence in sentences]


PAGE = "the endpoint cats GET /cats/search"

ANSWERS: dict[str, tuple[Change, list[str]]] = {
    "no good answer": (
        lambda d: get(d, "/cats/{id}")["responses"].pop("200"),
        ["GET /cats/{id} documents no JSON answer"],
    ),
    "no JSON answer": (
        lambda d: get(d, "/cats/{id}")["responses"].update({"200": {"content": {"text/html": {}}}}),
        ["GET /cats/{id} documents no JSON answer"],
    ),
    "another good status": (
        lambda d: get(d, "/cats/{id}")["responses"].update({"206": get(d, "/cats/{id}")["responses"].pop("200")}),
        [],
    ),
    "first step gone": (
        lambda d: get(d, "/cats").update(responses=answer(thing(rows=ref("Cats")))),
        ["the answer of GET /cats is object, the endpoint cats GET /cats reads its member 'data'"],
    ),
    "first step may be null": (
        lambda d: get(d, "/cats").update(responses=answer({"anyOf": [thing(data=ref("Cats")), NULL]})),
        ["the answer of GET /cats is object or null, the endpoint cats GET /cats reads its member 'data'"],
    ),
    "first step may be missing": (
        lambda d: get(d, "/cats").update(responses=answer(thing(required=False, data=ref("Cats")))),
        ["the answer of GET /cats.data may be missing, the endpoint cats GET /cats reads its answer there"],
    ),
    "last step gone": (
        lambda d: get(d, "/pets").update(responses=answer(ref("Pair"))),
        ["Pair has no 'items', which the endpoint cats GET /pets reads as an array of Cat (object)"],
    ),
    "last step may be missing": (
        lambda d: get(d, "/pets").update(responses=answer(thing(required=False, items=CATS))),
        ["the answer of GET /pets.items may be missing, the endpoint cats GET /pets expects an array of Cat (object)"],
    ),
    "no list at the end": (
        lambda d: get(d, "/pets").update(responses=answer(thing(items=ref("Cat")))),
        ["the answer of GET /pets.items is Cat (object), the endpoint cats GET /pets expects an array of Cat (object)"],
    ),
    "list instead of one": (
        lambda d: get(d, "/cats/{id}").update(responses=answer(CATS)),
        ["the answer of GET /cats/{id} is array, the endpoint cats GET /cats/{id} expects Cat (object)"],
    ),
    "one may be null": (
        lambda d: get(d, "/cats/{id}").update(responses=answer({"anyOf": [ref("Cat"), NULL]})),
        ["the answer of GET /cats/{id} is null, the endpoint cats GET /cats/{id} expects Cat (object)"],
    ),
    "cursors gone": (
        lambda d: schemas(d)["CatPage"]["properties"].pop("cursors"),
        [f"CatPage has no 'cursors', which {PAGE} reads as an array of string"],
    ),
    "cursors are numbers": (
        lambda d: schemas(d)["CatPage"]["properties"]["cursors"].update(items={"type": "integer"}),
        [f"CatPage.cursors[] is integer, {PAGE} expects string"],
    ),
    "next gone": (
        lambda d: schemas(d)["CatPage"]["properties"].pop("next"),
        [f"CatPage has no 'next', which {PAGE} reads as string or null"],
    ),
    "next is never null": (lambda d: schemas(d)["CatPage"]["properties"].update(next=STRING), []),
    "next may be missing": (lambda d: schemas(d)["CatPage"]["required"].remove("next"), []),
    "next is a number": (
        lambda d: schemas(d)["CatPage"]["properties"].update(next={"type": "integer"}),
        [f"CatPage.next is integer, {PAGE} expects string or null"],
    ),
    "total may be null": (
        lambda d: schemas(d)["CatPage"]["properties"].update(total={"type": ["integer", "null"]}),
        [f"CatPage.total is null, {PAGE} expects integer"],
    ),
    "rows gone": (
        lambda d: schemas(d)["CatPage"]["properties"].pop("items"),
        [f"CatPage has no 'items', which {PAGE} reads as an array of Cat (object)"],
    ),
    "answer leads nowhere": (
        lambda d: get(d, "/pets").update(responses=answer(ref("Gone"))),
        ["GET /pets: #/components/schemas/Gone leads nowhere"],
    ),
}


@pytest.mark.parametrize(("change", "sentences"), ANSWERS.values(), ids=ANSWERS)
def test_an_answer_that_drifted_is_said(change: Change, sentences: list[str]) -> None:
    """The response path must lead to what is declared, through members that are always there."""
    assert found(change) == [f"{FILE}: {sentence}" for sentence in sentences]


def test_a_reference_may_quote_its_path() -> None:
    """A JSON pointer quotes slashes and tildes, and a URL quotes the rest."""

    def change(d: dict[str, Any]) -> None:
        schemas(d)["a/b~c d"] = {"type": "integer"}
        field("age", {"$ref": "#/components/schemas/a~1b~0c%20d"})(d)

    assert found(change) == []


def test_a_record_that_may_hold_anything_fits_everything() -> None:
    """A field declared as Any is not looked into."""

    class Loose(Record):
        toy: Any

    loose = Service("cats")
    loose.get("GET /cats/{id}", returns=Loose)
    assert found(lambda _: None, loose) == []


class Documented(pydantic.BaseModel):
    """What a service of FastAPI says it gives."""

    id: str
    born: datetime
    mood: Literal["good", "bad"]
    nick: str | None


def test_a_document_of_fastapi_is_read_as_it_comes() -> None:
    """What FastAPI itself writes for models, enums, dates and lists needs no help to be understood."""
    app = fastapi.FastAPI()

    def kittens(id: list[str] = fastapi.Query(max_length=5)) -> Any:  # noqa: B008 - how FastAPI is told
        return []

    app.add_api_route("/kittens", kittens, response_model=list[Documented])

    class Kitten(Record):
        id: str
        born: datetime
        mood: Mood
        nick: str | None = None

    service = Service("cats")
    service.batch("GET /kittens", keys="id", returns=Kitten, key="id", max_keys=6)
    assert drift(service, app.openapi(), FILE) == [
        f"{FILE}: GET /kittens takes at most 5 'id', the endpoint's max_keys is 6"
    ]
