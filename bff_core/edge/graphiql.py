"""GraphiQL as one BFF serves it to developers: the page, its files, and a token for the user chosen in it.

Everything comes from this process and the page runs under a strict Content-Security-Policy; its files are
built by ``graphiql/build.py`` into ``static/graphiql`` here. For development only: whoever reaches these
routes can be any user the issuer knows, so the composition root leaves them out elsewhere.
"""

from __future__ import annotations

import hashlib
import html
import json
import logging
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from bff_core.errors import BffError, ClientFault

log = logging.getLogger(__name__)

#: A user's id to a bearer token. It raises what it likes: the page shows what a client may read of it.
TokenIssuer = Callable[[str], Awaitable[str]]

BUNDLE: Final = Path(__file__).parent / "static" / "graphiql"

#: Nothing from another host, no inline script, no eval, no frame.
#: Styles are the one loose end: Monaco 0.52 writes its theme and every line's position as inline styles and
#: has no place for a nonce, so without 'unsafe-inline' there the editor is unreadable. Its icon font is a
#: data: URL.
CONTENT_SECURITY_POLICY: Final = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self' 'unsafe-inline'",
        "worker-src 'self'",
        "connect-src 'self'",
        "font-src 'self' data:",
        "img-src 'self' data:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ]
)

#: Bytes; a user's id needs far less.
TOKEN_REQUEST_LIMIT: Final = 4096
USER_ID_LIMIT: Final = 128

_HASHED_NAME = re.compile(r"-[A-Z0-9]{8}\.\w+$")


@dataclass(frozen=True, slots=True)
class Tab:
    """An operation that waits ready in a tab of its own. ``variables`` is JSON text, empty for none."""

    name: str
    query: str
    variables: str = ""


@dataclass(frozen=True, slots=True)
class DemoUser:
    """A user to sign in as: the id the token issuer knows, and what the list shows."""

    id: str
    label: str


@dataclass(frozen=True, slots=True)
class Graphiql:
    """What one BFF's page shows.

    ``endpoint`` is where it sends operations, ``assets_url`` where its files are, both paths of this host.
    ``token_url`` is None where nobody can sign in; the list of users is then not shown. ``default_user`` is
    signed in when the page opens; None: anonymous. ValueError when these do not fit together.
    """

    title: str
    endpoint: str = "/graphql"
    tabs: Sequence[Tab] = ()
    users: Sequence[DemoUser] = ()
    default_user: str | None = None
    token_url: str | None = "/graphiql/token"  # noqa: S105 - an address
    assets_url: str = "/graphiql/assets"
    client_name: str = "graphiql"
    bundle: Path = BUNDLE

    def __post_init__(self) -> None:
        for name in ("endpoint", "token_url", "assets_url"):
            path = getattr(self, name)
            if path is not None and (not path.startswith("/") or path.startswith("//")):
                raise ValueError(f"GraphiQL's {name} is a path of this host that begins with one '/', not {path!r}.")
        known = [user.id for user in self.users]
        if self.default_user is not None and self.default_user not in known:
            raise ValueError(f"GraphiQL's default user {self.default_user!r} is not among its users {known}.")


def read_tabs(folder: Path) -> tuple[Tab, ...]:
    """One tab for each ``*.graphql`` of a folder, by name, with the variables beside it.

    The variables of ``product.graphql`` are in ``product.variables.json``, or there are none. A folder that
    is not there gives no tabs. ValueError names a file of variables that is no JSON object.
    """
    return tuple(
        Tab(path.stem, path.read_text(encoding="utf-8"), _variables(path.with_suffix(".variables.json")))
        for path in sorted(folder.glob("*.graphql"))
    )


def _variables(path: Path) -> str:
    if not path.is_file():
        return ""
    text = path.read_text(encoding="utf-8")
    try:
        value = json.loads(text)
    except ValueError as exc:
        raise ValueError(f"{path} is not JSON: {exc}.") from exc
    if not isinstance(value, dict):
        raise ValueError(f"{path} holds a JSON {type(value).__name__}; variables are an object.")
    return text.strip()


def wants_page(method: str, accept: str | None) -> bool:
    """Whether a request to the endpoint comes from a browser's address bar: a GET that names ``text/html``.

    ``*/*`` does not count: GraphQL clients and curl send it.
    """
    if method not in {"GET", "HEAD"} or not accept:
        return False
    for part in accept.lower().split(","):
        media_type, _, parameters = part.partition(";")
        if media_type.strip() == "text/html":
            return re.search(r"(^|;)\s*q=0(\.0*)?\s*(;|$)", parameters) is None
    return False


def graphiql_page(options: Graphiql) -> Response:
    """The page, or while the bundle is not built a page that says how to build it; both with status 200."""
    files = _bundle_files(options.bundle)
    body = _not_built_html(options) if files is None else _page_html(options, files)
    headers = {
        "Content-Security-Policy": CONTENT_SECURITY_POLICY,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        # The same address answers GraphQL, and the page names files that the next build renames.
        "Cache-Control": "no-store",
        "Vary": "Accept",
    }
    return HTMLResponse(body, headers=headers)


def graphiql_routes(options: Graphiql, issue_token: TokenIssuer | None = None) -> list[BaseRoute]:
    """The page's files and, with an issuer, the route that hands out tokens; the endpoint serves the page.

    ``POST token_url {"user": "7"}`` answers ``{"token": "…"}`` or ``{"error": "a sentence"}``: 400 when the
    request is malformed, 415 when it is not JSON, 200 when the issuer failed, since the page goes on without
    a token. ValueError when ``options`` and ``issue_token`` do not fit together.
    """
    routes: list[BaseRoute] = [
        Mount(
            options.assets_url,
            _HashedFiles(directory=options.bundle, check_dir=False),
            name="graphiql-assets",
        )
    ]
    if options.token_url is not None:
        if issue_token is None:
            raise ValueError(
                "GraphiQL has a token_url but nobody who issues tokens: pass issue_token or token_url=None."
            )
        routes.append(Route(options.token_url, _token_endpoint(issue_token), methods=["POST"], name="graphiql-token"))
    return routes


class _HashedFiles(StaticFiles):
    """Static files whose names change with their contents, so a browser may keep them for good."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        kept = "public, max-age=31536000, immutable" if _HASHED_NAME.search(path) else "no-cache"
        response.headers["Cache-Control"] = kept
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response


def _token_endpoint(issue_token: TokenIssuer) -> Callable[[Request], Awaitable[Response]]:
    async def token(request: Request) -> Response:
        # JSON only: a form on another site can post text here, but not this media type without asking first.
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            return _sentence("The body is JSON: send Content-Type: application/json.", 415)
        try:
            user = await _user_of(request)
        except ValueError as exc:
            return _sentence(str(exc), 400)
        try:
            return _no_store(JSONResponse({"token": await issue_token(user)}))
        except ClientFault as exc:
            return _sentence(str(exc), 200)
        except BffError as exc:
            log.warning("no token for GraphiQL's user %r: %s", user, exc)
            why = exc.public_message().rstrip(".")
        except Exception as exc:  # whatever it is, the page goes on without a token
            log.exception("no token for GraphiQL's user %r", user)
            why = type(exc).__name__
        return _sentence(f"No token for user {user} ({why}); anonymous queries still work.", 200)

    return token


async def _user_of(request: Request) -> str:
    """The id that the body names. ValueError says what was expected."""
    expected = 'The body is {"user": "an id"}'
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > TOKEN_REQUEST_LIMIT:
            raise ValueError(f"{expected}, at most {TOKEN_REQUEST_LIMIT} bytes.")
    try:
        value = json.loads(body)
    except ValueError as exc:
        raise ValueError(f"{expected}; this is not JSON.") from exc
    user = value.get("user") if isinstance(value, dict) else None
    if not isinstance(user, str) or not user.strip():
        raise ValueError(f"{expected}, and the id is a string that is not empty.")
    if len(user) > USER_ID_LIMIT:
        raise ValueError(f"{expected}, and the id has at most {USER_ID_LIMIT} characters.")
    return user.strip()


def _sentence(message: str, status: int) -> Response:
    return _no_store(JSONResponse({"error": message}, status_code=status))


def _no_store(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    return response


@dataclass(frozen=True, slots=True)
class _BundleFiles:
    """The hashed names that the page itself refers to."""

    script: str
    style: str
    icon: str


def _bundle_files(bundle: Path) -> _BundleFiles | None:
    """What the build wrote, None when it did not. Read at each visit: a new build needs no restart."""
    try:
        manifest = json.loads((bundle / "manifest.json").read_text(encoding="utf-8"))
        return _BundleFiles(manifest["script"], manifest["style"], manifest["icon"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _page_html(options: Graphiql, files: _BundleFiles) -> str:
    base = html.escape(options.assets_url.rstrip("/"))
    endpoint = html.escape(options.endpoint)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{html.escape(options.title)} · GraphiQL</title>
<link rel="icon" type="image/svg+xml" href="{base}/{html.escape(files.icon)}">
<link rel="stylesheet" href="{base}/{html.escape(files.style)}">
<script type="application/json" id="config">{_as_script_data(_config(options))}</script>
<script type="module" src="{base}/{html.escape(files.script)}"></script>
</head>
<body>
<div id="root"><p class="opening">Opening GraphiQL…</p></div>
<noscript>GraphiQL needs JavaScript; its endpoint does not: POST to {endpoint}.</noscript>
</body>
</html>
"""


def _not_built_html(options: Graphiql) -> str:
    title = html.escape(options.title)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{title} · GraphiQL is not built</title>
<link rel="icon" href="data:,">
<style>body {{ font: 16px/1.5 system-ui, sans-serif; margin: 3rem; max-width: 40rem }}</style>
</head>
<body>
<h1>{title}</h1>
<p>GraphiQL is not built yet: run <code>make graphiql</code> (or <code>make demo</code>), then reload this
page.</p>
<p>The GraphQL endpoint works without it: POST to <code>{html.escape(options.endpoint)}</code>.</p>
</body>
</html>
"""


def _config(options: Graphiql) -> Mapping[str, object]:
    """What the page's script reads, in its own spelling."""
    tabs = [{"query": tab.query, "variables": tab.variables} for tab in options.tabs]
    return {
        "title": options.title,
        "endpoint": options.endpoint,
        "clientName": options.client_name,
        "tabs": tabs,
        # Where the page keeps a visitor's tabs: other operations, other place, so the new ones are seen.
        "tabsKey": hashlib.sha256(json.dumps(tabs).encode()).hexdigest()[:12],
        "users": [asdict(user) for user in options.users],
        "defaultUser": options.default_user,
        "tokenUrl": options.token_url,
    }


def _as_script_data(value: Mapping[str, object]) -> str:
    """JSON that no HTML parser can take for markup, whatever it contains (``</script>``, ``<!--``)."""
    text = json.dumps(value)  # ASCII only, so U+2028 and its kin are escaped as well
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
