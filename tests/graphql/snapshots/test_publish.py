"""Snapshots: what released clients use is written by publishing, and only when it breaks nobody."""

from __future__ import annotations

from pathlib import Path

import pytest
from graphql import build_schema

from bff_core.graphql.snapshots import BadDocument, CannotTell, PublishRefused, publish, retire
from tests.graphql.snapshots.repository import OLD, Repository, changed

PAGE = "query Page { product(id: 1) { name } }"
NEW = changed(" sku: String", "")


def files(repository: Repository) -> dict[str, str]:
    """Everything below published/, by its path."""
    folder = repository.root / "published"
    return {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}


def document(repository: Repository, name: str, text: str) -> Path:
    """A document of a client, outside of the schema folder."""
    path = repository.path / name
    path.write_text(text)
    return path


def test_a_first_client(repository: Repository) -> None:
    """Publishing writes the schema and the client's documents, byte for byte, and names them."""
    path = document(repository, "Page.graphql", "# kept\r\n" + PAGE)

    done = publish("web", build_schema(OLD), repository.root, client="app", operations=[path])

    assert done.written == (
        "schema/published/web/operations/app/Page.graphql",
        "schema/published/web/schema.graphql",
    )
    assert done.removed == ()
    written = repository.root / "published/web/operations/app/Page.graphql"
    assert written.read_bytes() == path.read_bytes()
    assert repository.check(OLD).exit_code == 0


def test_a_client_again(repository: Repository) -> None:
    """Publishing a client again replaces its documents and leaves the others' alone."""
    repository.released("spa", PAGE).released("app", PAGE, "query Old { search { name } }")
    path = document(repository, "A.graphql", "query Page { product(id: 1) { price } }")

    done = publish("web", build_schema(OLD), repository.root, client="app", operations=[path])

    assert done.written == ("schema/published/web/operations/app/A.graphql",)
    assert done.removed == ("schema/published/web/operations/app/B.graphql",)
    assert sorted(files(repository)) == [
        "web/operations/app/A.graphql",
        "web/operations/spa/A.graphql",
        "web/schema.graphql",
    ]


def test_a_client_leaves_what_it_used(repository: Repository) -> None:
    """A removed field that only this client used is published with its new documents."""
    repository.released("app", "query Page { product(id: 1) { sku } }").released("spa", PAGE)
    path = document(repository, "A.graphql", PAGE)
    assert repository.check(NEW).exit_code == 1

    publish("web", build_schema(NEW), repository.root, client="app", operations=[path])

    assert repository.check(NEW).exit_code == 0


def test_another_client_would_break(repository: Repository) -> None:
    """Publishing is refused, with nothing written, when another client's operation would break."""
    repository.released("app", PAGE).released("spa", "query Detail { product(id: 1) { sku } }")
    before = files(repository)
    path = document(repository, "A.graphql", "query Page { product(id: 1) { price } }")

    with pytest.raises(PublishRefused) as refused:
        publish("web", build_schema(NEW), repository.root, client="app", operations=[path])

    assert refused.value.exit_code == 1
    assert str(refused.value).splitlines() == [
        "Nothing was published, because it would break released clients of web:",
        "  Field Product.sku was removed. Breaks operation Detail of client spa "
        "(schema/published/web/operations/spa/A.graphql:1:33): Cannot query field 'sku' on type 'Product'.",
        "Keep what they use, publish their new operations, or retire clients that are out of use.",
    ]
    assert files(repository) == before


def test_an_answer_that_changes_for_another_client(repository: Repository) -> None:
    """A field that may now be null is refused like a removed one when another client reads it."""
    repository.released("spa", "query Detail { product(id: 1) { price } }")

    with pytest.raises(PublishRefused, match=r"Breaks operation Detail of client spa .* which reads it"):
        publish("web", build_schema(changed("price: String!", "price: String")), repository.root)


def test_the_schema_alone(repository: Repository) -> None:
    """Publishing without a client accepts a breaking change that no released operation uses."""
    repository.released("app", PAGE)
    assert repository.check(NEW).exit_code == 1

    done = publish("web", build_schema(NEW), repository.root)

    assert done.written == ("schema/published/web/schema.graphql",)
    assert repository.check(NEW).exit_code == 0


def test_publishing_restores_a_lost_schema(repository: Repository) -> None:
    """A lost published schema is written anew if the released operations fit, and is not if they do not."""
    repository.released("app", "query Page { product(id: 1) { sku } }")
    (repository.root / "published/web/schema.graphql").unlink()

    with pytest.raises(PublishRefused, match="Cannot query field 'sku'"):
        publish("web", build_schema(NEW), repository.root)
    assert publish("web", build_schema(OLD), repository.root).written == ("schema/published/web/schema.graphql",)


def test_a_document_that_does_not_fit(repository: Repository) -> None:
    """A client's document that the schema does not take is refused with its file and line."""
    path = document(repository, "Page.graphql", "query Page {\n  product(id: 1) { colour }\n}")

    with pytest.raises(PublishRefused, match=r"Page\.graphql:2: Cannot query field 'colour'"):
        publish("web", build_schema(OLD), repository.root, client="app", operations=[path])

    assert files(repository) == {}


def test_a_document_that_does_not_parse(repository: Repository) -> None:
    """A document with a syntax error cannot be published, and its place is named."""
    path = document(repository, "Page.graphql", "query Page {\n")

    with pytest.raises(BadDocument) as bad:
        publish("web", build_schema(OLD), repository.root, client="app", operations=[path])

    assert (bad.value.file, bad.value.line, bad.value.exit_code) == ("Page.graphql", 2, 2)
    assert files(repository) == {}


def test_a_missing_document(repository: Repository) -> None:
    """A file that is not there is one sentence."""
    with pytest.raises(CannotTell, match=r"^gone\.graphql does not exist$"):
        publish(
            "web",
            build_schema(OLD),
            repository.root,
            client="app",
            operations=[repository.path / "gone.graphql"],
        )


def test_two_documents_of_one_name(repository: Repository) -> None:
    """Two documents that would be written to one file are refused."""
    (repository.path / "other").mkdir()
    paths = [document(repository, "A.graphql", PAGE), document(repository, "other/A.graphql", PAGE)]

    with pytest.raises(PublishRefused, match=r"Two documents for app are called A\.graphql"):
        publish("web", build_schema(OLD), repository.root, client="app", operations=paths)


@pytest.mark.parametrize("client", ["", "..", "a/b", "../web", ".hidden", "a b", "x" * 65])
def test_a_name_that_is_no_folder(repository: Repository, client: str) -> None:
    """A client's name cannot lead out of the folder of clients."""
    path = document(repository, "A.graphql", PAGE)

    with pytest.raises(PublishRefused, match="is no name for a client"):
        publish("web", build_schema(OLD), repository.root, client=client, operations=[path])

    assert files(repository) == {}


def test_a_client_without_documents(repository: Repository) -> None:
    """A client with nothing to publish is refused; so are documents of nobody."""
    with pytest.raises(PublishRefused, match="There is no operation to publish for app"):
        publish("web", build_schema(OLD), repository.root, client="app", operations=[repository.root])
    with pytest.raises(PublishRefused, match="name it with --client"):
        publish("web", build_schema(OLD), repository.root, operations=[repository.root])


def test_retire(repository: Repository) -> None:
    """A retired client's documents are gone and no longer hold a field in place."""
    repository.released("app@4", "query Page { product(id: 1) { sku } }").released("app@5", PAGE)

    done = retire("web", repository.root, "app@4")

    assert done.removed == ("schema/published/web/operations/app@4/A.graphql",)
    assert [change.coordinate for change in repository.check(NEW).unused] == ["Product.sku"]


@pytest.mark.parametrize("client", ["ios", "..", "", "."])
def test_retire_nobody(repository: Repository, client: str) -> None:
    """A client that was never published is named beside those that were; nothing else can be removed."""
    repository.released("app", PAGE)

    with pytest.raises(CannotTell, match="is not a published client of web; published are: app"):
        retire("web", repository.root, client)

    assert len(files(repository)) == 2
