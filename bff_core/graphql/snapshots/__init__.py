"""Snapshots: what a BFF's schema is and what released clients use of it, as files that a change is held to.

The schema folder of the repository:

    schema/
      web.graphql                               the schema main has for the BFF "web"   (`export` writes it)
      operations/web/*.graphql                  the documents of main                   (written by hand)
      published/web/schema.graphql              the schema released clients rely on     (`publish` writes it)
      published/web/operations/spa/*.graphql    the documents of the released "spa"     (`publish` writes it)
      published/web/operations/ios@4.2/...      those of version 4.2 of "ios", with the ids that it sends (`add`)
      published/web/supported.txt               which of these clients are supported    (a line each)

Each document is self-contained, as it is sent: it carries its own fragments, and may hold several operations.
A client is any name that people will recognise in a report; versions that live side by side are clients of
their own. A client that `supported.txt` does not name may break, and its documents are not served; without that
file all are supported.

`check` compares a live schema with all of it and returns a `Report` (exit code 0 same, 1 drift or breaking, 2
cannot tell), which `render` turns into text, JSON or GitHub annotations. Three questions are answered, each
on its own:

1. Is the snapshot the live schema? If not, that is drift.
2. Do the documents of main fit the live schema?
3. Does a change since the published schema (or since `against`) break an operation of a released client?

A breaking change that no released operation uses still fails the check, since unpublished clients are not
known here; publishing accepts it, on record, or `allow_unused` lets it pass. Nothing here needs the network,
settings or a secret; only a git reference as `against` starts another program, git.

Known limit: directives *applied* to a schema's elements (other than deprecated, specifiedBy and oneOf) are
not part of a graphql-core schema once it is running, so they are not compared.
"""

from bff_core.graphql.snapshots.changes import Change, Hit
from bff_core.graphql.snapshots.check import Fault, Report, check
from bff_core.graphql.snapshots.errors import BadDocument, CannotTell, NotServed, PublishRefused, SnapshotError
from bff_core.graphql.snapshots.folder import Folder
from bff_core.graphql.snapshots.publish import Written, export, publish, retire
from bff_core.graphql.snapshots.report import FORMATS, Format, exit_code, hit_sentence, render
from bff_core.graphql.snapshots.sdl import Drift
from bff_core.graphql.snapshots.trusted import Named, Trusted, add, client_of, own_manifest, trusted

__all__ = [
    "FORMATS",
    "BadDocument",
    "CannotTell",
    "Change",
    "Drift",
    "Fault",
    "Folder",
    "Format",
    "Hit",
    "Named",
    "NotServed",
    "PublishRefused",
    "Report",
    "SnapshotError",
    "Trusted",
    "Written",
    "add",
    "check",
    "client_of",
    "exit_code",
    "export",
    "hit_sentence",
    "own_manifest",
    "publish",
    "render",
    "retire",
    "trusted",
]
