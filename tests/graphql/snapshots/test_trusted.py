"""Snapshots: trusted documents: main's and the supported clients', known by hash and by the ids of their manifests."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from graphql import build_schema

from bff_core.documents.ids import sha256_of
from bff_core.documents.manifest import write_manifest
from bff_core.graphql.snapshots import (
    BadDocument,
    CannotTell,
    Folder,
    NotServed,
    PublishRefused,
    SnapshotError,
    Trusted,
    Written,
    add,
    check,
    own_manifest,
    publish,
    retire,
    trusted,
)
from tests.graphql.snapshots.repository import OLD, Repository, changed

PAGE = "query Page { product(id: 1) { name } }"
DETAIL = "query Detail { product(id: 1) { sku } }"
WITHOUT_SKU = changed(" sku: String", "")


def released(repository: Repository, client: str, operations: dict[str, str], sdl: str = OLD) -> Written:
    """A release of a client whose build made this manifest, in Relay's form."""
    file = repository.path / f"{client}.json"
    file.write_text(json.dumps(operations), encoding="utf-8")
    return add("web", build_schema(sdl), repository.root, client=client, manifest=file)


def documents(repository: Repository, sdl: str | None = OLD) -> list[Trusted]:
    """The trusted documents, held to a schema."""
    return trusted(Folder(repository.root, "web"), build_schema(sdl) if sdl else None)


def refused(repository: Repository, sdl: str = OLD) -> str:
    """The sentence that says why the documents are not served."""
    with pytest.raises(SnapshotError) as caught:
        documents(repository, sdl)
    return str(caught.value)


def supports(repository: Repository, *lines: str) -> None:
    """The file says that these clients are supported."""
    (repository.root / "published/web/supported.txt").write_text("\n".join(lines), encoding="utf-8")


def test_a_manifest_is_filed_as_a_published_client(repository: Repository) -> None:
    """Its documents byte for byte, with the ids it sends; found by their hash and by that id."""
    text = "# ü\r\n" + PAGE
    done = released(repository, "ios@4.2", {"one": text, sha256_of(DETAIL): DETAIL})
    assert done.written == (
        "schema/published/web/operations/ios@4.2/Detail.graphql",
        "schema/published/web/operations/ios@4.2/Page.graphql",
        "schema/published/web/operations/ios@4.2/ids.json",
        "schema/published/web/schema.graphql",
    )
    detail, page = documents(repository)
    assert (detail.text, detail.ids) == (DETAIL, (sha256_of(DETAIL),))
    assert (page.client, page.text, page.id, page.ids) == ("ios@4.2", text, "one", (sha256_of(text), "one"))
    assert [(one.name, one.kind) for one in page.operations] == [("Page", "query")]
    assert released(repository, "ios@4.2", {"one": text, sha256_of(DETAIL): DETAIL}) == Written()


def test_what_a_supported_version_asks_may_not_go(repository: Repository) -> None:
    """The check of the schema and the start name operation, client and version."""
    released(repository, "ios@4.1", {"1": PAGE})
    released(repository, "ios@4.2", {"1": PAGE, "2": DETAIL})
    assert repository.check(OLD).exit_code == 0
    report = repository.check(WITHOUT_SKU)
    (hit,) = [hit for change in report.breaking for hit in change.hits]
    assert (report.exit_code, hit.operation, hit.client) == (1, "Detail", "ios@4.2")
    sentence = refused(repository, WITHOUT_SKU)
    assert "operation Detail of client ios@4.2" in sentence
    assert "Cannot query field 'sku'" in sentence


def test_a_version_that_is_not_supported_may_break(repository: Repository) -> None:
    """It is neither held to nor served, and stands in the folder all the same."""
    released(repository, "ios@4.1", {"1": PAGE})
    released(repository, "ios@4.2", {"2": DETAIL})
    supports(repository, "# only the old one", "", "ios@4.1  # until spring")
    assert [one.client for one in documents(repository, WITHOUT_SKU)] == ["ios@4.1"]
    report = repository.check(WITHOUT_SKU)
    assert (report.released, report.unused) == (1, report.breaking)
    everything = trusted(Folder(repository.root, "web"), build_schema(WITHOUT_SKU), unsupported=True)
    assert [(one.client, one.supported) for one in everything] == [("ios@4.1", True), ("ios@4.2", False)]


def test_publishing_keeps_the_file_of_supported_versions(repository: Repository) -> None:
    """A client that is added or published gets its line, what people wrote there stays, and retiring takes it out."""
    released(repository, "ios@4.1", {"1": PAGE})
    supports(repository, "# ours", "ios@4.1")
    released(repository, "ios@4.2", {"2": DETAIL})
    file = repository.root / "published/web/supported.txt"
    assert file.read_text() == "# ours\nios@4.1\nios@4.2\n"
    page = repository.path / "Page.graphql"
    page.write_text(PAGE)
    publish("web", build_schema(OLD), repository.root, client="spa", operations=[page])
    assert file.read_text() == "# ours\nios@4.1\nios@4.2\nspa\n"
    done = retire("web", repository.root, "ios@4.1")
    assert done.removed == (
        "schema/published/web/operations/ios@4.1/Page.graphql",
        "schema/published/web/operations/ios@4.1/ids.json",
    )
    assert file.read_text() == "# ours\nios@4.2\nspa\n"
    assert {one.client for one in documents(repository)} == {"ios@4.2", "spa"}


def test_a_supported_version_of_which_nothing_is_published(repository: Repository) -> None:
    """A folder that is lost, or a line misspelt, is no silent end of support."""
    released(repository, "ios@4.1", {"1": PAGE})
    supports(repository, "ios@4.1", "ios@4.3")
    assert "ios@4.3 is supported, and no operations of it are published" in refused(repository)
    assert repository.check(OLD).exit_code == 2


def test_an_operation_that_is_gone(repository: Repository) -> None:
    """A file taken out of a supported version's folder is named with the version."""
    released(repository, "ios@4.1", {"1": PAGE, "2": DETAIL})
    (repository.root / "published/web/operations/ios@4.1/Detail.graphql").unlink()
    assert "Operation Detail of client ios@4.1 is gone" in refused(repository)


@pytest.mark.parametrize("change", ["edited", "added"])
def test_an_operation_that_is_not_what_the_manifest_said(repository: Repository, change: str) -> None:
    """A text edited under its hash, or one that no manifest brought, is not served."""
    released(repository, "ios@4.1", {sha256_of(PAGE): PAGE})
    folder = repository.root / "published/web/operations/ios@4.1"
    name = "Page" if change == "edited" else "Other"
    (folder / f"{name}.graphql").write_text(DETAIL)
    assert f"{name}.graphql is not what" in refused(repository)


@pytest.mark.parametrize("ids", ["{", "[]", '{"Page": 1}', "null"])
def test_ids_that_cannot_be_read(repository: Repository, ids: str) -> None:
    """The file is named."""
    released(repository, "ios@4.1", {"1": PAGE})
    (repository.root / "published/web/operations/ios@4.1/ids.json").write_text(ids)
    assert "ids.json is no JSON object" in refused(repository)


def test_a_release_does_not_lose_an_operation(repository: Repository) -> None:
    """What is out asks for what it was built with; another build of it may add, and another version may do anything."""
    released(repository, "ios@4.1", {"1": PAGE, "2": DETAIL})
    with pytest.raises(PublishRefused, match=r"ios@4[.]1 is supported and asks for Detail"):
        released(repository, "ios@4.1", {"1": PAGE})
    assert len(documents(repository)) == 2
    released(repository, "ios@4.2", {"1": PAGE})
    supports(repository, "ios@4.2")
    released(repository, "ios@4.1", {"1": PAGE})
    assert [one.client for one in documents(repository)] == ["ios@4.1", "ios@4.2"]


def test_an_id_is_one_documents(repository: Repository) -> None:
    """Two releases may share an id and its text, never an id alone; nothing is written then."""
    released(repository, "ios@4.1", {"1": PAGE})
    released(repository, "ios@4.2", {"1": PAGE})
    with pytest.raises(NotServed, match="The id 1 stands for two texts"):
        released(repository, "android@1", {"1": DETAIL})
    assert not (repository.root / "published/web/operations/android@1").exists()


@pytest.mark.parametrize(
    ("operations", "sentence"),
    [
        ({"1": "query A { nowhere }"}, "operation A: Cannot query field 'nowhere'"),
        ({"1": "{ search { name } }"}, "one operation, and that has a name"),
        ({"1": "query A { search { name } } query B { search { name } }"}, "one operation, and that has a name"),
        ({"1": PAGE, "2": PAGE + " "}, "two operations called Page"),
        ({}, "no operation"),
    ],
)
def test_what_cannot_be_added(repository: Repository, operations: dict[str, str], sentence: str) -> None:
    """The sentence says which operation, and nothing is written."""
    with pytest.raises(PublishRefused, match=sentence):
        released(repository, "ios@4.1", operations)
    assert not (repository.root / "published").exists()


def test_a_text_that_is_no_graphql(repository: Repository) -> None:
    """The manifest and the id are named."""
    with pytest.raises(BadDocument, match=r"ios@4.1[.]json: operation 17:1:8"):
        released(repository, "ios@4.1", {"17": "query {"})


def test_a_name_that_the_text_does_not_have(repository: Repository) -> None:
    """Apollo's form says names of its own, and they must be the texts'."""
    file = repository.path / "apollo.json"
    operation = {"id": sha256_of(PAGE), "name": "Other", "type": "query", "body": PAGE}
    file.write_text(json.dumps({"format": "apollo-persisted-query-manifest", "version": 1, "operations": [operation]}))
    with pytest.raises(PublishRefused, match="operation Other is called Page in its text"):
        add("web", build_schema(OLD), repository.root, client="ios@4.1", manifest=file)


@pytest.mark.parametrize("client", ["", "../x", "a/b", "-a", "a" * 65])
def test_a_client_needs_a_name(repository: Repository, client: str) -> None:
    """It becomes a folder's."""
    file = repository.path / "m.json"
    file.write_text(json.dumps({"1": PAGE}))
    with pytest.raises(PublishRefused, match="no name for a client"):
        add("web", build_schema(OLD), repository.root, client=client, manifest=file)


def test_a_manifest_that_cannot_be_read(repository: Repository) -> None:
    """A folder is no file."""
    with pytest.raises(CannotTell, match="cannot be read"):
        add("web", build_schema(OLD), repository.root, client="ios", manifest=repository.path)


def test_mains_own_operations_are_trusted(repository: Repository) -> None:
    """They come first, and their manifest can be taken back in by what is built with it."""
    folder = repository.root / "operations/web"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "Page.graphql").write_bytes(b"# \xc3\xbc\r\n" + PAGE.encode())
    released(repository, "ios@4.1", {"1": DETAIL})
    assert [(one.client, one.id) for one in documents(repository)] == [
        ("", sha256_of("# ü\r\n" + PAGE)),
        ("ios@4.1", "1"),
    ]
    file = repository.path / "own.json"
    file.write_text(
        write_manifest(own_manifest(Folder(repository.root, "web"), build_schema(OLD))), encoding="utf-8", newline=""
    )
    add("web", build_schema(OLD), repository.root, client="spa", manifest=file)
    assert {one.text for one in documents(repository) if one.client == "spa"} == {"# ü\r\n" + PAGE}
    (folder / "Bad.graphql").write_text("query Bad { nowhere }")
    assert "operation Bad of main does not fit the schema" in refused(repository)


def test_what_is_filed_is_what_check_looks_at(repository: Repository) -> None:
    """One folder, one set: the schema's check counts exactly the documents that are served of clients."""
    released(repository, "ios@4.1", {"1": PAGE, "2": DETAIL})
    repository.has(OLD)
    assert check("web", build_schema(OLD), repository.root).released == len(documents(repository, None)) == 2


def test_nothing_is_trusted_where_nothing_is_filed(tmp_path: Path) -> None:
    """An empty folder has no documents and no complaint."""
    assert trusted(Folder(tmp_path, "web")) == []
