"""The example of code generation, schema/codegen.ts, as a front end uses it: with graphql-codegen, and then tsc."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from bff_core.documents.manifest import read_manifest
from tests.clients.javascript import HERE, Ended, JavaScript

ROOT = Path(__file__).parents[2]

TSCONFIG = {
    "compilerOptions": {
        "strict": True,
        "noEmit": True,
        "noUnusedLocals": True,
        "target": "es2022",
        "module": "esnext",
        "moduleResolution": "bundler",
        "skipLibCheck": True,
        "types": [],
    },
    "include": ["typed.ts", "schema/codegen.ts", "generated"],
}


@pytest.fixture
def app(tmp_path: Path, javascript: JavaScript) -> Path:
    """A front end's folder: the schemas and operations, the packages, and code that uses what is generated."""
    shutil.copytree(ROOT / "schema", tmp_path / "schema")
    shutil.copy(HERE / "typed.ts", tmp_path)
    (tmp_path / "tsconfig.json").write_text(json.dumps(TSCONFIG), encoding="utf-8")
    (tmp_path / "node_modules").symlink_to(HERE / "node_modules")
    return tmp_path


async def generate(javascript: JavaScript, app: Path) -> Ended:
    """As the first lines of the example say."""
    return await javascript.tool(app, "graphql-codegen", "--config", "schema/codegen.ts")


async def test_example_makes_types_that_hold(javascript: JavaScript, app: Path) -> None:
    """Types of all operations of both BFFs are generated; what fits them compiles, and what does not is refused.

    The manifest that is generated with them names each operation by the hash of its text.
    """
    done = await generate(javascript, app)
    assert done.status == 0, done.output + done.complaint
    compiled = await javascript.tool(app, "tsc", "--project", "tsconfig.json")
    assert (compiled.status, compiled.output) == (0, "")
    for bff in ("web", "mobile"):
        manifest = read_manifest((app / "generated" / bff / "persisted-documents.json").read_bytes())
        assert len(manifest) == len(list((app / "schema" / "operations" / bff).glob("*.graphql")))


async def test_a_scalar_that_is_not_mapped_stops_the_build(javascript: JavaScript, app: Path) -> None:
    """A scalar that a schema has and the example does not is an error that names it, whether or not it is asked for."""
    with (app / "schema" / "mobile.graphql").open("a", encoding="utf-8") as file:
        file.write("\nscalar Colour\n")
    done = await generate(javascript, app)
    assert done.status == 1
    assert "Unknown scalar type Colour" in done.output + done.complaint
    assert not (app / "generated").exists()
