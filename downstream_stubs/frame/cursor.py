"""Cursors: where a page ended, as text that only the same question to the same service can be continued with.

A cursor holds the sort keys of one item (a keyset), so that rows added before it move nothing. Its seal
covers the question too (route, filter, order): a cursor of another question is refused like one made up.
"""

import base64
import binascii
import hashlib
import hmac
import json
from typing import Annotated

from pydantic import StringConstraints

from downstream_stubs.frame.problems import INVALID_PARAMETER, ProblemError

_SEAL_BYTES = 9

Key = str | int | float
Cursor = Annotated[str, StringConstraints(min_length=1, max_length=256, pattern=r"^[A-Za-z0-9_-]+$")]
"""A cursor as it stands in a URL."""


class Cursors:
    """Makes and reads the cursors of one service."""

    def __init__(self, service: str) -> None:
        # Not a secret: it keeps out mistakes, not attackers, and must be the same on every machine so that
        # recorded answers stay valid.
        self._key = f"cursors of {service}".encode()

    def make(self, question: tuple[Key | None, ...], keys: tuple[Key, ...]) -> str:
        """The cursor behind the item with these sort keys."""
        payload = json.dumps(keys, separators=(",", ":")).encode()
        return base64.urlsafe_b64encode(self._seal(question, payload) + payload).rstrip(b"=").decode()

    def read(self, question: tuple[Key | None, ...], cursor: str) -> list[Key]:
        """The sort keys in a cursor. Raises a 400 problem naming `cursor` for a foreign one."""
        try:
            raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            raw = b""
        seal, payload = raw[:_SEAL_BYTES], raw[_SEAL_BYTES:]
        if not hmac.compare_digest(seal, self._seal(question, payload)):
            reason = "not a cursor of this question"
            raise ProblemError(INVALID_PARAMETER, f"Not acceptable: cursor ({reason}).", errors=[("cursor", reason)])
        keys: list[Key] = json.loads(payload)
        return keys

    def _seal(self, question: tuple[Key | None, ...], payload: bytes) -> bytes:
        message = json.dumps(question).encode() + b"\n" + payload
        return hmac.new(self._key, message, hashlib.sha256).digest()[:_SEAL_BYTES]
