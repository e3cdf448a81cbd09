"""From a text to a document, of bounded length and number of tokens; the parser stops as soon as there are more.

graphql-core's lexer goes through a text character by character in Python, so a comment, a string, a name or a number
costs by its length and not by its one token: a megabyte of it holds the event loop for up to a second. So the length is
looked at first, and that costs nothing.
"""

from __future__ import annotations

from graphql import DocumentNode, GraphQLError, parse

from bff_core.errors import TooCostly
from bff_core.graphql.limits.limits import Limits

#: What graphql-core says when its parser meets one token more, between these two.
_BEFORE, _AFTER = "Syntax Error: Document contains more than ", " tokens. Parsing aborted."


def check_length(text: str, limits: Limits) -> None:
    """Raises TooCostly for a text of more bytes in UTF-8 than may be; it is counted only where that can matter."""
    most = limits.document_bytes
    if len(text) * 4 <= most:
        return
    length = len(text) if len(text) > most or text.isascii() else len(text.encode("utf-8", "surrogatepass"))
    if length > most:
        raise TooCostly(f"The document has {length} bytes or more; limits.document_bytes = {most}.")


def read(text: str, limits: Limits) -> DocumentNode:
    """The document of a text. Raises TooCostly for one that is too long, GraphQLError for one that is none."""
    check_length(text, limits)
    try:
        return parse(text, max_tokens=limits.tokens)
    except GraphQLError as error:
        if error.message.startswith(_BEFORE) and error.message.endswith(_AFTER):
            raise TooCostly(
                f"The document has more than {limits.tokens} tokens; limits.tokens = {limits.tokens}."
            ) from None
        raise
