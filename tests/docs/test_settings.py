"""docs/settings.md: its tables are made from the settings' own models, and compared here.

    .venv/bin/pytest tests/docs/test_settings.py --golden-update

writes them anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from bff_core.bff import Bff
from bff_core.settings import Settings, describe
from bff_mobile.app import mobile
from bff_web.app import web
from downstream_stubs.frame.settings import variables
from downstream_stubs.registry import SETTINGS
from tests.docs.pages import ROOT

PAGE = ROOT / "docs" / "settings.md"
BEGIN, END = "<!-- made by tests/docs/test_settings.py: begin {} -->", "<!-- end {} -->"
UNITS = {"_ms": "ms", "_s": "s", "_bytes": "bytes"}
#: What stands for each name in a table of sections.
EACH = {"services": ".<name>", "windows": '."<route>"'}
RENEW = "renew it with: .venv/bin/pytest tests/docs/test_settings.py --golden-update"


def section_of(field: FieldInfo) -> type[BaseModel] | None:
    """The section that a key opens; None for a plain value."""
    kinds = (field.annotation, *get_args(field.annotation))
    return next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), None)


def sections(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, type[BaseModel]]]:
    """Every section of the settings: its key and its model; ``services.<name>`` stands for each service."""
    for name, field in model.model_fields.items():
        if kind := section_of(field):
            each = EACH[name] if get_origin(field.annotation) is dict else ""
            key = f"{prefix}{name}{each}"
            yield key, kind
            yield from sections(kind, f"{key}.")


def values_of(model: type[BaseModel]) -> Iterator[tuple[str, FieldInfo]]:
    """The keys of a section that hold a value."""
    return ((name, field) for name, field in model.model_fields.items() if section_of(field) is None)


def unit(name: str, field: FieldInfo) -> str:
    """The unit that a key's name ends in; a whole number without one is a count."""
    found = next((word for ending, word in UNITS.items() if name.endswith(ending)), "")
    return found or ("count" if field.annotation is int and name != "port" else "")


def allowed(field: FieldInfo) -> str:
    """The range of a number, the words of a choice, or the kind of anything else."""
    kind = field.annotation
    bounds = {side: getattr(one, side) for one in field.metadata for side in ("ge", "le") if hasattr(one, side)}
    if bounds:
        return f"{bounds['ge']} to {bounds['le']}"
    if kind is bool:
        return "true, false"
    if get_origin(kind) is Literal:
        return ", ".join(get_args(kind))
    if get_origin(kind) is tuple:
        inner = get_args(kind)[0]
        return "some of " + ", ".join(get_args(inner)) if get_origin(inner) is Literal else "words"
    return "text"


def shown(value: Any) -> str:
    """A value as it stands in a settings file."""
    if value is None:
        return "as declared"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple | list):
        return ", ".join(map(str, value)) or "none"
    return f"{value:g}" if isinstance(value, float) else str(value)


def set_by_file(bff: Bff) -> set[str]:
    """The keys that a BFF's own file sets, as ``bff serve NAME --settings`` tells them."""
    return {line.partition(" = ")[0] for line in describe(bff.load_settings({})) if line.endswith(" (file)")}


def own_value(bff: Bff, section: str, name: str) -> str:
    """What a BFF's own file sets, "" where it is silent; of services and routes each different value once."""
    settings, keys = bff.load_settings({}), set_by_file(bff)
    first, _, rest = section.partition(".")
    places: dict[str, Any] = {section: getattr(settings, first)}
    if section.endswith(EACH["windows"]):
        places = {
            f'services.{one}.windows."{route}"': windows
            for one, each in settings.services.items()
            for route, windows in each.windows.items()
        }
    elif first == "services":
        below = rest.removeprefix("<name>")
        places = {
            f"services.{one}{below}": reduce(getattr, below.split(".")[1:], each)
            for one, each in settings.services.items()
        }
    values = [shown(getattr(place, name)) for key, place in places.items() if f"{key}.{name}" in keys]
    return ", ".join(dict.fromkeys(values))


def bff_tables() -> str:
    """A table for each section: every key of the BFFs' settings."""
    text = []
    for key, model in sections(Settings):
        says = (model.__doc__ or "").strip().partition(": ")[2].replace("``", "`")
        text += [f"### `[{key}]`", "", says[:1].upper() + says[1:], ""]
        text += ["| Key | Unit | Allowed | Default | web | mobile | Says |", "|---|---|---|---|---|---|---|"]
        for name, field in values_of(model):
            own = [own_value(bff, key, name) for bff in (web, mobile)]
            default = "-" if field.is_required() else shown(field.default)
            cells = [f"`{name}`", unit(name, field), allowed(field), default, *own, field.description or ""]
            text.append(f"| {' | '.join(cells)} |")
        text.append("")
    return "\n".join(text)


def stub_table() -> str:
    """Every variable of the services to develop against."""
    text = ["| Variable | Allowed | Default | Says |", "|---|---|---|---|"]
    for name, field in sorted(variables(SETTINGS).items()):
        text.append(f"| `{name}` | {allowed(field)} | {shown(field.default)} | {field.description or ''} |")
    return "\n".join(text) + "\n"


PARTS = {"bffs": bff_tables, "stubs": stub_table}


@pytest.mark.parametrize("name", PARTS)
def test_tables_are_the_models(name: str, request: pytest.FixtureRequest) -> None:
    """Every key is on the page with its unit, range, default and the BFFs' own values; nothing else is."""
    text = PAGE.read_text(encoding="utf-8")
    begin, end = BEGIN.format(name), END.format(name)
    before, _, rest = text.partition(begin)
    kept, found, after = rest.partition(end)
    assert found, f"{PAGE} has no part {name}"
    made = f"\n\n{PARTS[name]().strip()}\n\n"
    if request.config.getoption("--golden-update"):
        PAGE.write_text(f"{before}{begin}{made}{end}{after}", encoding="utf-8")
        return
    assert kept == made, f"docs/settings.md is not what the settings are; {RENEW}"


def test_every_key_says_what_it_is_for() -> None:
    """No key is without words, and each number says its unit in them or in its name."""
    for key, model in sections(Settings):
        for name, field in values_of(model):
            assert field.description, f"{key}.{name}"
            kinds = get_args(field.annotation) if get_origin(field.annotation) in (Union, UnionType) else ()
            if field.annotation in (int, float) or int in kinds:
                assert any(hasattr(one, "ge") for one in field.metadata), f"{key}.{name} has no range"
