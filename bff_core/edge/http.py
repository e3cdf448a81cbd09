"""GraphQL over HTTP: from a request's bytes to what was asked, from an answer to bytes, status and headers.

Source: the GraphQL-over-HTTP specification (2025 draft), https://graphql.github.io/graphql-over-http/draft/.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import msgspec
from starlette.datastructures import QueryParams
from starlette.responses import Response

from bff_core.documents.ids import read_hash, read_id
from bff_core.edge.caching import NO_STORE, VARY, Caching, etag_of, is_among
from bff_core.errors import BadRequest, BffError, ClientFault, DocumentNotFound, DocumentRefused, Unauthenticated

GRAPHQL_JSON = "application/graphql-response+json"
JSON = "application/json"

#: What of an answer is degraded, without its body: ``users;fallback=3, products;stale=1;omitted=2``. A List of
#: RFC 9651: a service is a Token, each way in which values of it stand in or are missing a parameter with their number.
DEGRADED_HEADER = "x-degraded"
#: The most services that it names; the rest is added up under ``*``, so that no proxy's limit on headers is met.
MOST_NAMED = 16
_THE_REST = "*"

#: The longest Accept header whose meaning is kept, in characters.
MOST_KEPT = 200

#: The parameters of a GET and the members of a POST's body; each may stand there once.
PARAMETERS = ("query", "variables", "operationName", "extensions", "documentId", "doc_id")
_QUOTED = tuple(f'"{name}"'.encode() for name in PARAMETERS)

#: What JSON passes over between its parts.
_SPACE = b" \t\r\n"


class HttpRefusal(ClientFault):
    """A request refused for its HTTP alone: ``status`` 405, 406, 413 or 415, and the headers that go with it."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.headers = dict(headers or {})


class MethodRefused(HttpRefusal):
    """A method that may not be used, or not for this operation; ``allow`` are those that may."""

    code = "METHOD_NOT_ALLOWED"

    def __init__(self, message: str, allow: Iterable[str]) -> None:
        super().__init__(405, message, {"allow": ", ".join(allow)})


@dataclass(frozen=True, slots=True)
class Asked:
    """What a client asks to have executed; at least one of ``query`` and ``document``.

    ``document``: an id, as ``documents.ids`` reads it. ``apq``: that came by Apollo's protocol, so that a text beside
    it registers it. ``by_get``: the request must not change anything.
    """

    query: str | None
    variables: dict[str, Any]
    operation_name: str | None
    by_get: bool
    document: str | None = None
    apq: bool = False

    @property
    def register(self) -> bool:
        """Whether the text is to be kept under its hash."""
        return self.apq and self.query is not None


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back. ``started`` is False when nothing was executed, and ``data`` is then left out.

    ``status`` is the HTTP status where it is settled already; None leaves it to ``respond``. ``degraded`` counts by
    ``(service, source)`` what ``extensions.degraded`` lists. ``unfit``: it was GraphQL that could be read, and does not
    fit the schema, its own variables or our limits. ``caching``: what caches may do with it; None: nothing.
    """

    errors: list[dict[str, Any]] = field(default_factory=list)
    data: dict[str, Any] | None = None
    extensions: dict[str, Any] = field(default_factory=dict)
    started: bool = False
    unfit: bool = False
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    degraded: Mapping[tuple[str, str], int] = field(default_factory=dict)
    caching: Caching | None = None


@dataclass(frozen=True, slots=True)
class Statuses:
    """On what the drafts of the specification differ, for application/graphql-response+json alone.

    ``unfit``: of what was read and does not fit, 400 or 422. ``partial``: of data beside errors, 200 or 294.
    """

    unfit: int = 400
    partial: int = 200

    def of(self, answer: Answer, media_type: str) -> int:
        """The status of an answer; plain JSON, which older clients read, is 200 whenever it is GraphQL at all."""
        if answer.status is not None:
            return answer.status
        if media_type == JSON:
            return 200
        if answer.started:
            return self.partial if answer.errors else 200
        return self.unfit if answer.unfit else 400


#: As the audited draft has it.
STATUSES = Statuses()


class _PersistedQuery(msgspec.Struct, rename="camel"):
    """Apollo's automatic persisted queries."""

    version: int
    sha256_hash: str


class _Extensions(msgspec.Struct, rename="camel"):
    persisted_query: _PersistedQuery | None = None


class _Body(msgspec.Struct):
    query: str | None = None
    variables: dict[str, Any] | None = None
    operation_name: str | None = msgspec.field(default=None, name="operationName")
    extensions: _Extensions | None = None
    document_id: str | None = msgspec.field(default=None, name="documentId")
    doc_id: str | None = None


_body_decoder = msgspec.json.Decoder(_Body)
_extensions_decoder = msgspec.json.Decoder(_Extensions | None)
_variables_decoder = msgspec.json.Decoder(dict[str, Any] | None)


def check_post(headers: Mapping[str, str]) -> None:
    """Refuse a POST for its headers, before its body is read. Raises HttpRefusal (415).

    Only JSON passes: a form on another site can post text or form fields with a user's cookies, but not this
    media type without asking first.
    """
    content_type = headers.get("content-type", "")
    if content_type != JSON:  # as nearly all say it
        _check_content_type(content_type)
    if headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise HttpRefusal(415, "The body must not be compressed.", {"accept-encoding": "identity"})


def _check_content_type(content_type: str) -> None:
    media_type, *parameters = _pieces(content_type)
    if media_type != JSON:
        raise HttpRefusal(415, f"The body must be {JSON}.", {"accept-post": JSON})
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "charset" and value.strip(' "') not in ("utf-8", "utf8"):
            raise HttpRefusal(415, "The body must be in UTF-8.", {"accept-post": f"{JSON}; charset=utf-8"})


def read_post(body: bytes) -> Asked:
    """What the body of a POST asks. Raises BadRequest for one that is no request."""
    try:
        read = _body_decoder.decode(body)
    except msgspec.ValidationError as exc:
        if body.lstrip(_SPACE).startswith(b"["):
            raise BadRequest("The body must be one request; a list of them (a batch) is not taken.") from None
        raise BadRequest(f"The body is no GraphQL request: {exc}.") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BadRequest("The body is not JSON in UTF-8, or nested too deeply.") from None
    if b"\\u" in body or any(body.count(name) > 1 for name in _QUOTED):
        _check_once(body)
    document, apq = _document(read.document_id, read.doc_id, read.extensions)
    return _asked(read.query, read.variables, read.operation_name, document, apq=apq, by_get=False)


def _check_once(body: bytes) -> None:
    """Refuse a request that has one of its members twice: who looked at it before us may have taken the other one.

    Called only where that can be: a name stands there more than once, or is perhaps written with an escape. Members
    inside of variables are the client's own business; the last one counts, as everywhere. Raises BadRequest.
    """

    def once(pairs: list[tuple[str, Any]]) -> list[str]:
        return [name for name, _ in pairs]

    try:
        # The outermost object is the last to be put together. Numbers are not read: they may be endless.
        names = json.loads(body, object_pairs_hook=once, parse_int=len, parse_float=len)
    except (ValueError, RecursionError):
        raise BadRequest("The body is not JSON in UTF-8, or nested too deeply.") from None
    for name in PARAMETERS:
        if names.count(name) > 1:
            raise BadRequest(f"{name} must not stand there more than once.")


def read_get(params: QueryParams) -> Asked:
    """What a GET asks by its query string. Raises BadRequest for what is no request."""
    for name in PARAMETERS:
        if len(params.getlist(name)) > 1:  # a cache or firewall before us may have looked at the other one
            raise BadRequest(f"{name} must not stand there more than once.")
    try:
        variables = _variables_decoder.decode(params.get("variables") or "null")
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise BadRequest("variables must be a JSON object, not nested too deeply.") from None
    try:
        extensions = _extensions_decoder.decode(params.get("extensions") or "null")
    except msgspec.ValidationError as exc:
        raise BadRequest(f"extensions is not as GraphQL clients send it: {exc}.") from None
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise BadRequest("extensions must be a JSON object, not nested too deeply.") from None
    document, apq = _document(params.get("documentId"), params.get("doc_id"), extensions)
    operation_name = params.get("operationName") or None
    return _asked(params.get("query"), variables, operation_name, document, apq=apq, by_get=True)


def _document(document_id: str | None, doc_id: str | None, extensions: _Extensions | None) -> tuple[str | None, bool]:
    """The id that a request names in one way or several, and whether that is Apollo's. Raises BadRequest."""
    persisted = extensions.persisted_query if extensions is not None else None
    if document_id is None and doc_id is None and persisted is None:
        return None, False
    ids: set[str | None] = set()
    if persisted is not None:
        if persisted.version != 1:
            raise BadRequest("extensions.persistedQuery.version must be 1.")
        ids.add(read_hash(persisted.sha256_hash))
    ids.update(read_id(given) for given in (document_id, doc_id) if given is not None)
    if None in ids:
        raise BadRequest("The id of a document is a SHA-256 in 64 hexadecimal digits, or what a manifest calls it.")
    if len(ids) > 1:
        raise BadRequest("The request names two documents by different ids.")
    return ids.pop(), persisted is not None


def _asked(
    query: str | None,
    variables: dict[str, Any] | None,
    operation_name: str | None,
    document: str | None,
    *,
    apq: bool,
    by_get: bool,
) -> Asked:
    if not query or query.isspace():  # some clients send an empty text beside an id
        if document is None:
            raise BadRequest("The request has neither a query nor the id of a document.")
        query = None
    return Asked(query, variables or {}, operation_name, by_get, document, apq)


def negotiate(accept: str | None) -> str:
    """The media type to answer with. Raises HttpRefusal (406) when the client takes none of ours.

    What is said of a type by name counts before what a wildcard says of it. Where both are equally welcome, the
    one named first wins; a wildcard or no header at all means plain JSON.
    """
    if not accept or not accept.strip():
        return JSON
    # What clients say does not change from request to request; what is too long to be kept is read anew.
    return _negotiated(accept) if len(accept) <= MOST_KEPT else _negotiated.__wrapped__(accept)


@lru_cache(maxsize=256)
def _negotiated(accept: str) -> str:
    ranges: dict[str, tuple[float, int]] = {}
    for number, part in enumerate(accept.split(",")):
        media_type, *parameters = _pieces(part)
        ranges.setdefault(media_type, (-_quality(parameters), number))
    offers = []
    for own in (JSON, GRAPHQL_JSON):
        said = next((ranges[name] for name in (own, "application/*", "*/*") if name in ranges), None)
        if said is not None and said[0] < 0:
            offers.append((said, own))
    if not offers:
        raise HttpRefusal(406, f"Answers are {GRAPHQL_JSON} or {JSON}.")
    return min(offers, key=lambda offer: offer[0])[1]


def _pieces(header: str) -> list[str]:
    return [piece.strip().lower() for piece in header.split(";")]


def _quality(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                quality = float(value)
            except ValueError:
                return 0.0
            return quality if 0 <= quality <= 1 else 0.0
    return 1.0


def respond(answer: Answer, media_type: str, if_none_match: str = "", statuses: Statuses = STATUSES) -> Response:
    """The HTTP response.

    A request that could not be executed is a 400; for plain JSON only when the request itself was malformed
    (``answer.status`` says so). A field's error is a 200. ``statuses`` may say otherwise.

    What caches may keep has an entity tag; a client that holds it already, as ``if_none_match`` says, gets a 304.
    """
    body: dict[str, Any] = {}
    if answer.errors:
        body["errors"] = answer.errors
    if answer.started:
        body["data"] = answer.data
    if answer.extensions:
        body["extensions"] = answer.extensions
    status = statuses.of(answer, media_type)
    encoded, kept = _encode(body), _kept(answer, status)
    tagged: Mapping[str, str] = {}
    if kept is not None:
        tagged = {"etag": etag_of(encoded, media_type, kept.whose), **kept.headers()}
        if if_none_match and is_among(tagged["etag"], if_none_match):
            return Response(status_code=304, headers={**tagged, **answer.headers})
    headers = {
        "content-type": f"{media_type}; charset=utf-8",
        "cache-control": NO_STORE,
        "x-content-type-options": "nosniff",
        "vary": VARY,
        **tagged,
        **({DEGRADED_HEADER: degraded_list(answer.degraded)} if answer.degraded else {}),
        **answer.headers,
    }
    return Response(encoded, status, headers)


def _kept(answer: Answer, status: int) -> Caching | None:
    """What caches may do with an answer that is whole; what lacks something must not stand in its place for a while."""
    whole = status == 200 and answer.started and not answer.errors and not answer.degraded
    return answer.caching if whole else None


def degraded_list(counts: Mapping[tuple[str, str], int]) -> str:
    """The value of ``x-degraded``: services and their sources by the alphabet, whatever the order of the counts."""
    named = {name: name for name in sorted({service for service, _ in counts})[:MOST_NAMED]}
    members: dict[str, Counter[str]] = {name: Counter() for name in (*named, _THE_REST)}
    for (service, source), count in counts.items():
        members[named.get(service, _THE_REST)][source] += count
    return ", ".join(
        ";".join((name, *(f"{source}={count}" for source, count in sorted(sources.items()))))
        for name, sources in members.items()
        if sources
    )


def _encode(body: dict[str, Any]) -> bytes:
    try:
        return msgspec.json.encode(body)
    except UnicodeEncodeError:  # half of a surrogate pair, which UTF-8 cannot hold and JSON can only escape
        return json.dumps(body).encode("ascii")


def refusal(fault: ClientFault) -> Answer:
    """A request that is answered without being executed; the fault says with which status."""
    if isinstance(fault, DocumentNotFound | DocumentRefused):  # GraphQL all right, and no document to run
        return Answer([error(fault)])
    if isinstance(fault, HttpRefusal):
        status, headers = fault.status, fault.headers
    elif isinstance(fault, Unauthenticated):
        status, headers = 401, {"www-authenticate": 'Bearer error="invalid_token"'}
    else:
        status, headers = 400, {}
    return Answer([error(fault)], status=status, headers=headers)


def error(cause: BffError, **where: Any) -> dict[str, Any]:
    """One of ``errors``: what a client may read of it, its place (``path``, ``locations``) and its code."""
    return {"message": cause.public_message(), **where, "extensions": {"code": cause.code}}
