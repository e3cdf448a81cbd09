"""From what a request names, a text or an id, to the document that runs; decided by the policy of the BFF.

    open         any text runs; an id runs what it stands for
    registered   a text runs only if a manifest holds it, or a client registered it (APQ, where that is on)
    trusted      an id of a manifest runs; a text does not, whatever it says

Registering is done in two steps, so that nothing is kept under a hash but what a client could run: ``find`` gives the
text, whose hash must be the one that came with it, and ``keep`` follows when it has been parsed, validated and limited.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from bff_core.documents.found import Found
from bff_core.documents.ids import is_hash, sha256_of
from bff_core.documents.registrations import Registrations
from bff_core.errors import (
    BadRequest,
    DocumentMismatch,
    DocumentNotFound,
    DocumentRefused,
    RegistrationNotSupported,
)

Policy = Literal["open", "registered", "trusted"]


@dataclass(frozen=True, slots=True)
class DocumentOptions:
    """``policy``: see above. ``apq_bytes``: room for what clients register, bytes; 0 where they cannot.

    ``say_registered``: every answer says whether its document is registered, so the hash of every text is needed.
    """

    policy: Policy = "registered"
    apq_bytes: int = 0
    say_registered: bool = False


class Documents:
    """The documents that one BFF knows. Process scope.

    ``trusted``: by each id that a client may send, what stands in the manifests.
    """

    def __init__(self, options: DocumentOptions, trusted: Iterable[tuple[str, Found]] = ()) -> None:
        self._options = options
        self._by_id = dict(trusted)
        self._by_text = {found.text: found for found in self._by_id.values()}
        self._registrations = Registrations(options.apq_bytes) if options.apq_bytes else None

    @property
    def says_registered(self) -> bool:
        """Whether answers say if their document is registered."""
        return self._options.say_registered

    def find(self, text: str | None, document: str | None = None, *, apq: bool = False) -> Found:
        """The document of a request that sent ``text``, an id, or both; ``apq``: it speaks Apollo's protocol.

        Raises DocumentNotFound or RegistrationNotSupported for an id that nobody knows, DocumentMismatch for one that
        is another text's, DocumentRefused for what the policy does not let run.
        """
        if document is None:
            return self._of_text(text)
        known = self._by_id.get(document)
        if known is None and self._registrations is not None:
            known = self._registrations.get(document)
        if known is not None:
            if text is not None and text != known.text:
                raise DocumentMismatch("The text is not the one that this id stands for.")
            return known
        if text is None or not is_hash(document):
            if apq and self._registrations is None:
                raise RegistrationNotSupported()
            raise DocumentNotFound()
        if sha256_of(text) != document:
            raise DocumentMismatch("The id is a hash, and not that of the text: SHA-256 over its UTF-8 bytes.")
        if apq and self._registrations is not None:
            return Found(text, document, registers=True)
        return replace(self._of_text(text), id=document)

    def keep(self, found: Found) -> Found:
        """Register what ``find`` gave to be registered; it has been prepared, so it is whole and within the limits."""
        kept = replace(found, registered=True, registers=False)
        if found.id is not None and self._registrations is not None:
            self._registrations.keep(found.id, kept)
        return kept

    def _of_text(self, text: str | None) -> Found:
        if text is None:
            raise BadRequest("The request has neither a query nor the id of a document.")
        policy = self._options.policy
        if policy == "trusted":
            raise DocumentRefused("Only documents of a released app run here: send the id of one, not a text.")
        known = self._by_text.get(text)
        if known is not None:
            return known
        if policy == "open" and not self._options.say_registered:
            return Found(text)
        document = sha256_of(text)
        if self._registrations is not None and (known := self._registrations.get(document)) is not None:
            return known
        if policy == "registered":
            raise DocumentRefused("Only registered documents run here, and this one is not.")
        return Found(text, document)
