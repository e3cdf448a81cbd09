"""The firewall: every rule stops the start with one sentence, and both BFFs' schemas pass."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Annotated, Any

import pytest
import strawberry

from bff_core.contract import Edge, Page, Record, Service
from bff_core.graphql.context import Info
from bff_core.graphql.firewall import complaints, misfit
from bff_core.graphql.link import Argument, link, opaque
from bff_core.graphql.schema import SchemaError, build_schema
from bff_core.graphql.scopes import SCOPES
from bff_core.graphql.view import computed, shown, view
from tests.graphql.shelf import SCHEMA, SERVICES

garden = Service("garden")


class Colour(str, Enum):
    """A colour."""

    RED = "red"


class Soil(Record):
    """What plants stand in."""

    depth: int


class Plant(Record):
    """A plant."""

    id: str
    bed_id: str
    rival_id: str | None
    seed_ids: list[str]
    colour: Colour
    soil: Soil
    planted: datetime
    tags: list[str]
    notes: list[str | None]
    height: int | None = None


class Bed(Record):
    """Where plants stand."""

    id: str


plant_by_id = garden.batch("GET /plants", keys="ids", returns=Plant, key="id", max_keys=5)
bed_by_id = garden.batch("GET /beds", keys="ids", returns=Bed, key="id", max_keys=5)
pair = garden.batch("GET /pairs", keys="keys", returns=Plant, key=("id", "bed_id"), max_keys=5)
plants_of = garden.batch_many("GET /plants/by-bed", keys="bed", returns=Plant, key="bed_id", max_keys=5)
care = garden.get("GET /plants/{plant_id}/care", returns=Soil, query=("season",))
found = garden.page("GET /search", returns=Plant, query=("q",), max_limit=10)
words = garden.get("GET /words", returns=str)
elsewhere = Service("elsewhere").get("GET /thing", returns=Bed)

NO_PLANT = Plant(
    id="",
    bed_id="",
    rival_id=None,
    seed_ids=[],
    colour=Colour.RED,
    soil=Soil(depth=0),
    planted=datetime(2026, 1, 1),
    tags=[],
    notes=[],
)

BedView = view(Bed, name="Bed", description="A bed.")(
    type("BedView", (), {"__annotations__": {"id": strawberry.ID}, "id": shown("An id.")})
)


def _words(record: Any, _info: Info) -> str:
    return str(record)


def maybe(kind: Any) -> Any:
    """A type or null."""
    return kind | None


def many(kind: Any) -> Any:
    """A list of a type."""
    return list[kind]


def plant_view(name: str = "Plant", **fields: Any) -> Any:
    """A view of Plant with these fields: annotation and declaration."""
    body = {field: declaration for field, (_, declaration) in fields.items()}
    annotations = {field: kind for field, (kind, _) in fields.items()}
    return view(Plant, name=name, description="A plant.")(
        type(name, (), {"__annotations__": annotations, "__module__": __name__, **body})
    )


def root(**fields: tuple[Any, Any]) -> Any:
    """A Query with these fields: annotation and declaration."""
    body = {field: declaration for field, (_, declaration) in fields.items()}
    annotations = {field: kind for field, (kind, _) in fields.items()}
    return strawberry.type(
        type("Query", (), {"__annotations__": annotations, "__module__": __name__, **body}), description="A root."
    )


ID = Argument("id", strawberry.ID, "An id.")


def complain(query: Any) -> list[str]:
    """What the firewall says of a schema with this root."""
    return complaints(strawberry.Schema(query=query), (garden,))


def of_plant(kind: Any, declaration: Any, *, listed: bool = False) -> list[str]:
    """What the firewall says of one field of a plant that the root leads to, alone or in a list."""
    plant = plant_view(field=(kind, declaration))
    if listed:
        return complain(root(plants=(maybe(many(plant)), link(plants_of, key=ID, description="Plants."))))
    return complain(root(plant=(maybe(plant), link(plant_by_id, key=ID, description="A plant."))))


# The rules, one by one


def test_a_root_field_that_calls_a_service_is_nullable() -> None:
    """A failure at the root ends there; critical and fallback are no way around."""
    sentence = "Query.bed: is a root field that calls a service, so it must be nullable"
    assert complain(root(bed=(BedView, link(bed_by_id, key=ID, description="")))) == [sentence]
    assert complain(root(bed=(BedView, link(bed_by_id, key=ID, critical=True, description="")))) == [sentence]
    fallback = link(bed_by_id, key=ID, fallback=Bed(id=""), description="")
    assert complain(root(bed=(BedView, fallback))) == [sentence]
    assert complain(root(bed=(maybe(BedView), link(bed_by_id, key=ID, description="")))) == []


def test_an_opaque_root_field_is_nullable() -> None:
    """A resolver by code is held to the same."""

    @strawberry.type(description="A root.")
    class Query:
        @opaque(bed_by_id, description="A bed.")
        async def bed(self, info: Info) -> str:
            return ""

    assert complain(Query) == ["Query.bed: is a root field that calls a service, so it must be nullable"]


def test_an_opaque_field_is_nullable() -> None:
    """Below the root too, and nothing else can be said for it."""

    @view(Bed, description="A bed.")
    class OpaqueBed:
        @opaque(bed_by_id, description="A word.")
        async def word(self, info: Info) -> str:
            return ""

        @opaque(bed_by_id, description="A word.")
        async def maybe(self, info: Info) -> str | None:
            return None

    assert complain(root(bed=(OpaqueBed | None, link(bed_by_id, key=ID, description="")))) == [
        "OpaqueBed.word: calls a service by code, so it must be nullable"
    ]


def test_a_link_that_cannot_be_null_says_what_then() -> None:
    """It has a fallback or is critical."""
    assert of_plant(BedView, link(bed_by_id, key="bed_id", description="")) == [
        "Plant.field: cannot be null and crosses to a service: make it nullable, give it a fallback, "
        "or say critical=..."
    ]
    assert of_plant(maybe(BedView), link(bed_by_id, key="bed_id", description="")) == []
    assert of_plant(BedView, link(bed_by_id, key="bed_id", fallback=Bed(id=""), description="")) == []
    assert of_plant(BedView, link(bed_by_id, key="bed_id", critical=True, description="")) == []


def test_a_critical_link_never_takes_the_whole_answer() -> None:
    """Between it and the root something can be null: a field, or an element of a list on the way."""
    inner = plant_view("Inner", bed=(BedView, link(bed_by_id, key="bed_id", critical="no bed", description="")))

    def plain(kind: Any) -> Any:
        body = {"__annotations__": {"inner": kind}, "__module__": __name__, "inner": strawberry.field(description="")}
        return strawberry.type(type("Outer", (), body), description="Needs no service itself.")

    def outer(kind: Any) -> Any:
        return root(outer=(kind, strawberry.field(resolver=lambda: None, description="", graphql_type=kind)))

    sentence = "Inner.bed: is critical, and nothing between it and the root can be null: it would take all of `data`"
    assert complain(outer(plain(inner))) == [sentence]
    assert complain(outer(many(plain(many(inner))))) == [sentence]
    assert complain(outer(maybe(plain(inner)))) == []
    assert complain(outer(many(maybe(plain(inner))))) == []
    assert complain(outer(plain(maybe(inner)))) == []


def test_a_critical_link_inside_a_list_says_why() -> None:
    """There it can take a whole list along; a sentence shows that somebody thought of it."""
    assert of_plant(BedView, link(bed_by_id, key="bed_id", critical=True, description=""), listed=True) == [
        "Plant.field: is critical inside a list: say why, critical='...'"
    ]
    assert of_plant(BedView, link(bed_by_id, key="bed_id", critical="no bed", description=""), listed=True) == []


def test_a_list_reaches_through_plain_fields() -> None:
    """A type counts as listed when a list leads to it by way of others."""
    inner = plant_view("Inner", bed=(BedView, link(bed_by_id, key="bed_id", critical=True, description="")))
    edge = view(Edge[Plant], name="PlantEdge", description="An edge.")(
        type("PlantEdge", (), {"__annotations__": {"node": inner}, "node": shown("A plant.")})
    )
    page = view(Page[Plant], name="PlantPage", description="A page.")(
        type("PlantPage", (), {"__annotations__": {"edges": many(edge)}, "edges": shown("Edges.")})
    )
    search = link(found, key=Argument("q", str, "Words."), description="")
    assert complain(root(search=(maybe(page), search))) == [
        "Inner.bed: is critical inside a list: say why, critical='...'"
    ]


def test_a_list_over_keys_drops_what_is_missing_or_has_gaps() -> None:
    """A list whose elements cannot be null says what becomes of a missing one."""
    plant = plant_view("Seed", id=(strawberry.ID, shown("An id.")))
    sentence = 'Plant.field: is a list whose elements cannot be null: say missing="drop", or make them nullable'
    assert of_plant(maybe(many(plant)), link(plant_by_id, key="seed_ids", description="")) == [sentence]
    assert of_plant(maybe(many(plant)), link(plant_by_id, key="seed_ids", missing="drop", description="")) == []
    assert of_plant(maybe(many(maybe(plant))), link(plant_by_id, key="seed_ids", description="")) == []


def test_a_list_argument_is_a_list_over_keys() -> None:
    """Keys from the client are held to the same."""
    plant = plant_view("Seed", id=(strawberry.ID, shown("An id.")))
    ids = Argument("ids", list[strawberry.ID], "Ids.")
    assert complain(root(plants=(maybe(many(plant)), link(plant_by_id, key=ids, description="")))) == [
        'Query.plants: is a list whose elements cannot be null: say missing="drop", or make them nullable'
    ]
    assert complain(root(plants=(maybe(plant), link(plant_by_id, key=ids, description="")))) == [
        "Query.plants: has a list of keys and is no list"
    ]


def test_a_list_of_keys_is_shown_as_a_list() -> None:
    """Many keys are many things."""
    assert of_plant(maybe(BedView), link(bed_by_id, key="seed_ids", description="")) == [
        "Plant.field: has a list of keys and is no list"
    ]


def test_one_key_is_not_shown_as_a_list() -> None:
    """One key is one thing, unless ``show`` makes a list of it."""
    assert of_plant(maybe(many(BedView)), link(bed_by_id, key="bed_id", description="")) == [
        "Plant.field: shows a list of Bed, but garden GET /beds gives Bed: give it a view of that, or show=..."
    ]
    tags = link(plant_by_id, key="rival_id", show=lambda plant, _info: plant.tags, description="")
    assert of_plant(maybe(many(str)), tags) == []


def test_many_things_for_a_key_are_shown_as_a_list() -> None:
    """An endpoint that gives any number for a key gives a list without gaps."""
    plant = plant_view("Other", id=(strawberry.ID, shown("An id.")))
    assert of_plant(maybe(many(plant)), link(plants_of, key="bed_id", description="")) == []
    assert of_plant(maybe(plant), link(plants_of, key="bed_id", description="")) == [
        "Plant.field: shows Plant, but garden GET /plants/by-bed gives "
        "list[tests.graphql.test_firewall.Plant]: give it a view of that, or show=..."
    ]


def test_a_link_whose_key_may_be_absent_can_be_null() -> None:
    """A parent without the key has nothing there; whoever cannot show that must have a fallback."""
    sentence = "Plant.field: cannot be null, but its key 'rival_id' can"
    plant = plant_view("Rival", id=(strawberry.ID, shown("An id.")))
    assert of_plant(plant, link(plant_by_id, key="rival_id", critical=True, description="")) == [sentence]
    assert of_plant(plant, link(plant_by_id, key="rival_id", fallback=NO_PLANT, description="")) == []
    assert of_plant(maybe(plant), link(plant_by_id, key="rival_id", description="")) == []
    assert of_plant(plant, link(pair, key=("rival_id", "bed_id"), critical=True, description="")) == [sentence]
    in_path = link(
        care, key={"plant_id": "rival_id", "season": "id"}, critical=True, fan_out=1, show=_words, description=""
    )
    assert of_plant(str, in_path) == [sentence]
    in_query = link(
        care, key={"plant_id": "id", "season": "rival_id"}, critical=True, fan_out=1, show=_words, description=""
    )
    assert of_plant(str, in_query) == []


def test_a_link_without_a_batch_form_says_how_far_it_fans_out() -> None:
    """Under a parent every key is a call; the declaration says how many at once."""
    season = Argument("season", str, "When.", default="spring")
    key: dict[str, str | Argument] = {"plant_id": "id", "season": season}
    assert of_plant(str | None, link(care, key=key, show=_words, description="")) == [
        "Plant.field: calls garden GET /plants/{plant_id}/care once per parent: say fan_out=..., how many at once"
    ]
    assert of_plant(str | None, link(care, key=key, show=_words, fan_out=2, description="")) == []
    at_root = link(care, key={"plant_id": ID, "season": season}, show=_words, description="")
    assert complain(root(care=(str | None, at_root))) == []


def test_a_key_is_taken_from_the_record() -> None:
    """An attribute that is not there is named."""
    assert of_plant(maybe(BedView), link(bed_by_id, key="bed", description="")) == [
        "Plant.field: takes its key from 'bed' of Plant, which has none"
    ]
    assert complain(root(bed=(maybe(BedView), link(bed_by_id, key="bed_id", description="")))) == [
        "Query.bed: takes its key from 'bed_id' of its parent, which is no view of a record"
    ]


def test_a_link_shows_the_view_of_what_arrives() -> None:
    """A view of another record, or none where there is no ``show``, is refused."""
    assert of_plant(maybe(BedView), link(plant_by_id, key="rival_id", description="")) == [
        "Plant.field: shows Bed, but garden GET /plants gives Plant: give it a view of that, or show=..."
    ]
    assert of_plant(str | None, link(bed_by_id, key="bed_id", description="")) == [
        "Plant.field: shows str, but garden GET /beds gives Bed: give it a view of that, or show=..."
    ]
    assert of_plant(str | None, link(bed_by_id, key="bed_id", show=lambda bed, _: bed.id, description="")) == []
    assert complain(root(words=(str | None, link(words, description="")))) == []
    search = link(found, key=Argument("q", str, "Words."), description="")
    assert complain(root(search=(maybe(BedView), search)))[0].startswith(
        "Query.search: shows Bed, but garden GET /search gives bff_core.contract.record.Page["
    )


def test_a_plain_field_is_in_the_record() -> None:
    """A field without a resolver that the record lacks is named."""
    assert of_plant(str, shown("A word.")) == ["Plant.field: Plant has no such field"]
    assert of_plant(str, computed(lambda plant: plant.id, "A word.")) == []


def test_only_declared_services_are_called() -> None:
    """An endpoint of a service that the BFF does not name has no channel."""
    assert complain(root(bed=(maybe(BedView), link(elsewhere, description="")))) == [
        "Query.bed: calls elsewhere GET /thing, but the BFF does not declare the service 'elsewhere'"
    ]


# Scopes


@view(Bed, name="Vault", description="A bed that not everybody may see.", scopes=["garden:read"])
class VaultView:
    """A view that needs a scope."""

    id: strawberry.ID = shown("An id.")


def test_a_field_that_needs_scopes_is_nullable() -> None:
    """Who lacks one loses the field and not its parent; a fallback or critical is no way around."""
    sentence = "Plant.field: needs scopes, so it must be nullable"
    for kind, said in ((str, [sentence]), (maybe(str), [])):
        assert of_plant(kind, computed(lambda plant: plant.id, "A word.", scopes=["garden:read"])) == said
    bed: dict[str, Any] = {"key": "bed_id", "scopes": ["garden:read"], "description": ""}
    assert of_plant(BedView, link(bed_by_id, **bed, fallback=Bed(id=""))) == [sentence]
    assert of_plant(BedView, link(bed_by_id, **bed, critical=True)) == [sentence]
    assert of_plant(maybe(BedView), link(bed_by_id, **bed)) == []
    plant = plant_view(id=(strawberry.ID, shown("An id.", scopes=["garden:read"])))
    assert complain(root(plant=(maybe(plant), link(plant_by_id, key=ID, description="A plant.")))) == [
        "Plant.id: needs scopes, so it must be nullable"
    ]


def test_a_root_field_that_needs_scopes_is_nullable() -> None:
    """Also one that calls no service."""
    word = strawberry.field(
        resolver=lambda: "", graphql_type=str, metadata={SCOPES: frozenset({"a"})}, description="A word."
    )
    assert complain(root(a_word=(str, word))) == ["Query.a_word: needs scopes, so it must be nullable"]


def test_a_field_that_shows_a_view_with_scopes_is_nullable() -> None:
    """Whoever leads there by a link, by the record itself, or by a list; the list's elements may be there or not."""
    sentence = "Plant.field: shows Vault, which needs scopes, so it must be nullable"
    assert of_plant(VaultView, link(bed_by_id, key="bed_id", fallback=Bed(id=""), description="")) == [sentence]
    assert of_plant(maybe(VaultView), link(bed_by_id, key="bed_id", description="")) == []
    beds: dict[str, Any] = {"key": "seed_ids", "missing": "drop", "description": ""}
    assert of_plant(many(VaultView), link(bed_by_id, **beds, critical=True)) == [sentence]
    assert of_plant(maybe(many(VaultView)), link(bed_by_id, **beds)) == []
    soil = view(Soil, name="Deep", description="Soil.", scopes=["deep"])(
        type("Deep", (), {"__annotations__": {"depth": int}, "depth": shown("Centimetres.")})
    )
    for kind, said in ((soil, ["Plant.soil: " + sentence[13:].replace("Vault", "Deep")]), (maybe(soil), [])):
        plant = plant_view(soil=(kind, shown("Soil.")))
        assert complain(root(plant=(maybe(plant), link(plant_by_id, key=ID, description="A plant.")))) == said


def test_a_field_that_may_show_a_view_with_scopes_is_nullable_and_so_are_its_elements() -> None:
    """Behind an interface or a union it is told for each element what it is."""

    @strawberry.interface(description="A thing.")
    class Grown:
        id: strawberry.ID = strawberry.field(description="An id.")

    @view(Bed, name="Cellar", description="A bed.", scopes=["cellar"])
    class Cellar(Grown):
        id: strawberry.ID = shown("An id.")

    @view(Plant, name="Herb", description="A plant.")
    class Herb(Grown):
        id: strawberry.ID = shown("An id.")

    def told(kind: Any) -> list[str]:
        grown = strawberry.field(resolver=lambda: None, graphql_type=kind, description="Things.")
        query = root(grown=(kind, grown))
        return complaints(strawberry.Schema(query=query, types=[Cellar, Herb]), (garden,))

    alone = "Query.grown: may show Cellar, which needs scopes, so it must be nullable"
    assert told(Grown) == [alone]
    assert told(maybe(Grown)) == []
    for kind in (many(Grown), many(maybe(Grown)), maybe(many(Grown)), maybe(many(many(maybe(Grown))))):
        assert told(kind) == [f"{alone}, and its elements too"]
    assert told(maybe(many(maybe(Grown)))) == []
    either: Any = Annotated[Cellar | Herb, strawberry.union("CellarOrHerb")]
    assert told(either) == [alone]
    assert told(maybe(either)) == []


def test_what_an_interfaces_field_needs_is_needed_on_every_type() -> None:
    """A type that declares the field anew must not open it; one that inherits it keeps its scopes."""

    @strawberry.interface(description="A thing.")
    class Marked:
        id: strawberry.ID | None = computed(lambda record: record.id, "An id.", scopes=["a", "b"])

    def told(**fields: Any) -> list[str]:
        body = {"__module__": __name__, "__annotations__": dict.fromkeys(fields, strawberry.ID | None), **fields}
        kind = view(Bed, name="Bed", description="A bed.")(type("Kind", (Marked,), body))
        return complain(root(bed=(maybe(kind), link(bed_by_id, key=ID, description=""))))

    assert told() == []
    assert told(id=shown("An id.", scopes=["a", "b", "c"])) == []
    assert told(id=shown("An id.", scopes=["b"])) == [
        "Bed.id: needs the scopes a in Marked, so it must say so here too"
    ]
    assert told(id=shown("An id.")) == ["Bed.id: needs the scopes a, b in Marked, so it must say so here too"]


# Types of plain fields

ColourEnum = strawberry.enum(Colour, description="A colour.")
SoilView = view(Soil, name="Soil", description="Soil.")(
    type("SoilView", (), {"__annotations__": {"depth": int}, "depth": shown("Centimetres.")})
)


@pytest.mark.parametrize(
    ("name", "kind", "sentence"),
    [
        ("id", strawberry.ID, None),
        ("id", str, None),
        ("id", str | None, None),
        ("id", int, "the record's str does not fit int"),
        ("id", list[str], "the record's str is no list"),
        ("height", int | None, None),
        ("height", int, "the record's int | None may be null, but the field cannot"),
        ("height", float | None, None),
        ("height", str | None, "the record's int does not fit str"),
        ("rival_id", strawberry.ID | None, None),
        ("rival_id", strawberry.ID, "the record's str | None may be null, but the field cannot"),
        ("colour", ColourEnum, None),
        ("colour", str, "the record's Colour does not fit str"),
        ("soil", SoilView, None),
        ("soil", BedView, "the record's Soil does not fit BedView"),
        ("soil", str, "the record's Soil does not fit str"),
        ("planted", datetime, None),
        ("planted", str, "the record's datetime does not fit str"),
        ("tags", list[str], None),
        ("tags", list[str | None], None),
        ("tags", list[int], "the record's str does not fit int"),
        ("tags", str, "the record's list[str] is a list, but the field is none"),
        ("notes", list[str | None], None),
        ("notes", list[str], "the record's str | None may be null, but the field cannot"),
    ],
)
def test_a_plain_fields_type_fits_the_records(name: str, kind: Any, sentence: str | None) -> None:
    """What the record holds can be shown as the field's type, null and lists included."""
    field: dict[str, Any] = {name: (kind, shown("A field."))}
    plant = plant_view(**field)
    said = complain(root(plant=(maybe(plant), link(plant_by_id, key=ID, description="A plant."))))
    assert said == ([] if sentence is None else [f"Plant.{name}: {sentence}"])


def test_only_a_list_says_how_long_it_gets() -> None:
    """``at_most`` on a field that is no list would bound nothing, so it is told; a list may be nullable."""
    assert of_plant_field("height", maybe(int), shown("Centimetres.", at_most=3)) == [
        "Plant.height: says at_most and is no list"
    ]
    assert of_plant_field("height", int, computed(lambda _plant: 1, "One.", at_most=3)) == [
        "Plant.height: says at_most and is no list"
    ]
    assert of_plant_field("tags", many(str), shown("Words.", at_most=3)) == []
    assert of_plant_field("tags", maybe(many(str)), shown("Words.", at_most=3)) == []


def of_plant_field(name: str, kind: Any, declaration: Any) -> list[str]:
    """What the firewall says of a plant with one plain field of this name."""
    field: dict[str, Any] = {name: (kind, declaration)}
    plant = plant_view(**field)
    return complain(root(plant=(maybe(plant), link(plant_by_id, key=ID, description="A plant."))))


def test_misfit_tells_of_one_type() -> None:
    """The rule for types alone, as other checks may use it."""
    assert misfit(str, str) is None
    assert misfit(int, str) == "the record's int does not fit str"


# All of it


def test_every_complaint_is_told_at_once() -> None:
    """A schema with several faults says them all, a sentence a line, and is not served."""
    query = root(
        bed=(BedView, link(bed_by_id, key=ID, description="")),
        other=(maybe(BedView), link(elsewhere, description="")),
    )
    with pytest.raises(SchemaError) as caught:
        build_schema(query, (garden,))
    assert str(caught.value).splitlines() == [
        "Query.bed: is a root field that calls a service, so it must be nullable",
        "Query.other: calls elsewhere GET /thing, but the BFF does not declare the service 'elsewhere'",
    ]


def test_an_interface_or_union_is_told_apart_at_run_time() -> None:
    """A link to an interface or a union is not held to one record."""

    @strawberry.interface(description="A thing.")
    class Grown:
        id: strawberry.ID = strawberry.field(description="An id.")

    either: Any = Annotated[BedView | plant_view("P", id=(strawberry.ID, shown("An id."))), strawberry.union("Either")]
    query = root(
        grown=(Grown | None, link(bed_by_id, key=ID, description="")),
        either=(maybe(either), link(bed_by_id, key=ID, description="")),
    )
    assert complain(query) == []


def test_a_schema_that_keeps_all_rules_has_no_complaints() -> None:
    """The bookshelf may be served."""
    assert complaints(SCHEMA, SERVICES) == []
