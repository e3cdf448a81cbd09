"""Snapshots: a report as text, JSON and GitHub annotations."""

from __future__ import annotations

import json

import pytest

from bff_core.graphql import snapshots
from bff_core.graphql.snapshots import Change, Drift, Fault, Hit, Report, exit_code, render

SAME = Report("mobile", baseline="schema/published/mobile/schema.graphql", released=3)
HIT = Hit("app", "Page", "schema/published/web/operations/app/A.graphql", 3, 5, "refused", "No field 'a'.")
REMOVED = Change("FIELD_REMOVED", True, "Product.sku", "Field Product.sku was removed.", (HIT,))
UNUSED = Change("FIELD_REMOVED", True, "Product.old", "Field Product.old was removed.", ())
SURPRISE = Change(
    "VALUE_ADDED_TO_ENUM",
    False,
    "Stock.SOON",
    "Enum value Stock.SOON was added.",
    (Hit("app", "Page", "schema/published/web/operations/app/A.graphql", 4, 5, "answer"),),
)
BROKEN = Report(
    "web",
    baseline="schema/published/web/schema.graphql",
    baseline_file="schema/published/web/schema.graphql",
    drift=Drift("schema/web.graphql", 7, "-50% off: A\n+60% off: B", 1, 1),
    invalid=(Fault("schema/operations/web/Page.graphql", 2, 3, "No field 'b'."),),
    changes=(REMOVED, UNUSED, SURPRISE),
    unexplained=(HIT,),
    released=4,
)


def test_text() -> None:
    """The text names every finding in a sentence and ends with what to do."""
    assert render([BROKEN]).splitlines() == [
        "web: drift: the live schema is not what schema/web.graphql says (1 line added, 1 removed).",
        "    -50% off: A",
        "    +60% off: B",
        "web: invalid: schema/operations/web/Page.graphql:2:3: No field 'b'.",
        "web: breaking: Field Product.sku was removed.",
        "    Breaks operation Page of client app (schema/published/web/operations/app/A.graphql:3:5): No field 'a'.",
        "web: breaking: Field Product.old was removed.",
        "    Not used by any released operation.",
        "web: breaking: Breaks operation Page of client app "
        "(schema/published/web/operations/app/A.graphql:3:5): No field 'a'.",
        "web: dangerous: Enum value Stock.SOON was added.",
        "    May surprise operation Page of client app "
        "(schema/published/web/operations/app/A.graphql:4:5), which reads it.",
        "web: next: run `make snapshots` and commit the result if the change is meant.",
        "web: next: correct these documents, or the schema.",
        "web: next: keep what released operations use (deprecate it); when a client was released without it, "
        "run `bff schema publish web` with its new operations, or retire a client that is out of use.",
        "web: next: run `bff schema publish web` to accept what no released operation uses.",
    ]


def test_github() -> None:
    """Each finding is one annotation at its line, with percent signs and newlines escaped."""
    lines = render([BROKEN], "github").splitlines()

    assert lines[0] == (
        "::error file=schema/web.graphql,line=7,title=web%3A drift::the live schema is not what "
        "schema/web.graphql says (1 line added, 1 removed). Run `make snapshots`."
        "%0A-50%25 off: A%0A+60%25 off: B"
    )
    assert lines[1] == (
        "::error file=schema/operations/web/Page.graphql,line=2,col=3,title=web%3A invalid operation::No field 'b'."
    )
    assert lines[2].startswith(
        "::error file=schema/published/web/operations/app/A.graphql,line=3,col=5,"
        "title=web%3A breaking change::"
        "Field Product.sku was removed. Breaks operation Page of client app"
    )
    assert lines[3] == (
        "::error file=schema/published/web/schema.graphql,title=web%3A breaking change::"
        "Field Product.old was removed. Not used by any released operation."
    )
    assert lines[4].startswith("::warning file=schema/published/web/operations/app/A.graphql,line=4,")
    assert lines[5].startswith("::error file=schema/published/web/operations/app/A.graphql,line=3,")
    assert [line for line in lines[6:] if not line.startswith("web: next: ")] == []


def test_github_property_escapes() -> None:
    """A file's name with every special character stays one property."""
    fault = Fault("a,b:c%d\r\n.graphql", 1, 1, "m")

    (line, *_) = render([Report("web", invalid=(fault,))], "github").splitlines()

    assert line == "::error file=a%2Cb%3Ac%25d%0D%0A.graphql,line=1,col=1,title=web%3A invalid operation::m"


def test_github_unused_allowed() -> None:
    """An unused change that is allowed is a warning."""
    report = Report("web", against="trunk", changes=(UNUSED,), allow_unused=True)

    assert render([report], "github").splitlines()[0].startswith("::warning title=web%3A breaking change::")
    assert report.exit_code == 0


def test_json() -> None:
    """The JSON has stable keys for several BFFs and the worst exit code."""
    body = json.loads(render([BROKEN, SAME], "json"))

    assert body["exit_code"] == 1
    web, mobile = body["reports"]
    keys = {
        "bff",
        "exit_code",
        "baseline",
        "released_operations",
        "cannot_tell",
        "drift",
        "invalid_operations",
        "changes",
        "broken_operations",
        "next",
    }
    assert set(web) == set(mobile) == keys
    assert (web["exit_code"], mobile["exit_code"]) == (1, 0)
    assert web["drift"] == {
        "file": "schema/web.graphql",
        "line": 7,
        "diff": "-50% off: A\n+60% off: B",
        "added": 1,
        "removed": 1,
    }
    assert web["changes"][0] == {
        "kind": "FIELD_REMOVED",
        "breaking": True,
        "coordinate": "Product.sku",
        "description": "Field Product.sku was removed.",
        "hits": [
            {
                "client": "app",
                "operation": "Page",
                "file": "schema/published/web/operations/app/A.graphql",
                "line": 3,
                "column": 5,
                "effect": "refused",
                "detail": "No field 'a'.",
            }
        ],
    }
    assert mobile["drift"] is None
    assert mobile["changes"] == []


def test_exit_codes() -> None:
    """The exit code is 0 for the same, 1 for any finding, 2 for an obstacle, and of several the worst."""
    stuck = Report("web", obstacles=("x",), changes=(REMOVED,))

    assert SAME.exit_code == 0
    assert Report("web", changes=(SURPRISE,)).exit_code == 0
    assert [Report("web", changes=(each,)).exit_code for each in (REMOVED, UNUSED)] == [1, 1]
    assert Report("web", changes=(REMOVED,), allow_unused=True).exit_code == 1
    assert Report("web", drift=BROKEN.drift).exit_code == 1
    assert Report("web", invalid=BROKEN.invalid).exit_code == 1
    assert Report("web", unexplained=(HIT,)).exit_code == 1
    assert stuck.exit_code == 2
    assert [exit_code([]), exit_code([SAME, BROKEN]), exit_code([BROKEN, stuck, SAME])] == [0, 1, 2]


@pytest.mark.parametrize("format_", ["text", "github"])
def test_several_reports(format_: snapshots.Format) -> None:
    """Several reports stand one after the other, each line under its BFF's name."""
    obstacle = Report("web", obstacles=("schema/web.graphql does not exist.",))

    assert [line for line in render([obstacle, SAME], format_).splitlines() if line] == [
        {
            "text": "web: cannot tell: schema/web.graphql does not exist.",
            "github": "::error title=web%3A cannot tell::schema/web.graphql does not exist.",
        }[format_],
        "mobile: ok: the schema is its snapshot, and breaks none of 3 released operations since "
        "schema/published/mobile/schema.graphql.",
    ]


def test_public_names() -> None:
    """The public names are sorted and exist."""
    assert snapshots.__all__ == sorted(snapshots.__all__, key=lambda name: (not name.isupper(), name))
    assert [name for name in snapshots.__all__ if not hasattr(snapshots, name)] == []
