"""What can go wrong, as one tree; the class decides who may read the message.

    BffError
    ├── ClientFault          the client's own doing: its message is shown as it is
    │   ├── BadRequest       the request, a variable or an argument is malformed
    │   │   └── DocumentMismatch     an id and a text came together, and the id is another text's
    │   ├── DocumentNotFound     nobody knows a document by this id
    │   │   └── RegistrationNotSupported  nor can one be registered here
    │   ├── DocumentRefused  the policy of this BFF does not let the document run
    │   ├── TooCostly        the operation is well formed and asks for more than one request may
    │   ├── Unauthenticated  a credential is missing, or the one sent is not valid
    │   └── Forbidden        the credential is valid and does not reach this far
    ├── ServiceFault         a service's doing: only the code is shown
    │   ├── Unreachable      no connection, or it broke before the answer was whole
    │   ├── TimedOut         no answer within the time of one attempt
    │   ├── BadStatus        an answer with a status that is no success
    │   ├── BadPayload       an answer that is not what the contract says
    │   └── NotFound         the service has no such thing; a link shows it as null, not as an error
    ├── Refused              a service said no in a way that it declares; a write shows it as data, not as an error
    ├── Rejected             we did not even ask; never counts against the service
    │   ├── BreakerOpen      the service kept failing, and is left alone for a while
    │   ├── BreakerBusy      the service may be well again, and enough calls are trying that
    │   ├── BulkheadFull     the service's permits are taken and the waiting room is full, or the wait was too long
    │   ├── DeadlinePassed   the request has no time left
    │   ├── AuthUnavailable  no key is known to verify a credential with
    │   └── Overloaded       this process has more to do than it can in time, or is ending
    └── Bug                  ours: logged with its trace, shown as INTERNAL

Each class carries the ``extensions.code`` that clients see. Codes are few and stable; ``docs/errors.md`` says how to
choose one over its neighbour.
"""

from __future__ import annotations

from typing import ClassVar, Self


class BffError(Exception):
    """Base of everything this project raises on purpose.

    ``code`` is what a client reads in ``extensions.code``; ``public`` says whether the message may be shown too.
    """

    code: ClassVar[str] = "INTERNAL"
    public: ClassVar[bool] = False

    def again(self) -> Self:
        """The same error, to be raised once more. Raise this where an error is shared by several who fail of it.

        Each raise adds its frames to the error it raises, so a shared one would grow, and hold what the frames of one
        request hold for all the others.
        """
        twin = self.__class__.__new__(self.__class__, *self.args)
        twin.__dict__.update(self.__dict__)
        return twin

    def public_message(self) -> str:
        """The sentence a client may read: a client fault's own message, else one that names nothing inside."""
        return str(self) if self.public else PUBLIC_SENTENCES[self.code]


class ClientFault(BffError):
    """The client's own doing; the message says what was expected and what came."""

    code = "BAD_REQUEST"
    public = True


class BadRequest(ClientFault):
    """The request, a variable or an argument is malformed."""


class DocumentMismatch(BadRequest):
    """An id and a text came together, and the id is another text's."""


class DocumentNotFound(ClientFault):
    """Nobody knows a document by this id. Its message is the very word that Apollo Client and urql look for."""

    code = "PERSISTED_QUERY_NOT_FOUND"

    def __init__(self, message: str = "PersistedQueryNotFound") -> None:
        super().__init__(message)


class RegistrationNotSupported(DocumentNotFound):
    """Nobody knows a document by this hash, and none can be registered: the client must send texts, or released ids."""

    code = "PERSISTED_QUERY_NOT_SUPPORTED"

    def __init__(self, message: str = "PersistedQueryNotSupported") -> None:
        super().__init__(message)


class DocumentRefused(ClientFault):
    """The policy of this BFF does not let the document run. Choose DocumentNotFound for an id that nobody knows."""

    code = "DOCUMENT_REFUSED"


class TooCostly(ClientFault):
    """The operation is well formed and asks for more than one request may. Choose BadRequest for a single argument."""

    code = "TOO_COSTLY"


class Unauthenticated(ClientFault):
    """A credential is missing, or the one sent is not valid. Choose Forbidden when it is valid but too narrow."""

    code = "UNAUTHENTICATED"


class Forbidden(ClientFault):
    """The credential is valid and does not reach this far. Choose Unauthenticated when there is none."""

    code = "FORBIDDEN"


class ServiceFault(BffError):
    """A service's doing. ``service`` names it; the message is for our logs only."""

    code = "SERVICE_ERROR"

    def __init__(self, message: str, *, service: str) -> None:
        super().__init__(message)
        self.service = service


class Unreachable(ServiceFault):
    """No connection, or it broke before the answer was whole; the service may or may not have acted."""

    code = "SERVICE_UNREACHABLE"


class TimedOut(ServiceFault):
    """No answer within the time of one attempt; the service may or may not have acted."""

    code = "SERVICE_TIMEOUT"


class BadStatus(ServiceFault):
    """An answer with a status that is no success. ``retry_after`` is in seconds, None where the service did not say."""

    def __init__(self, message: str, *, service: str, status: int, retry_after: float | None = None) -> None:
        super().__init__(message, service=service)
        self.status = status
        self.retry_after = retry_after


class BadPayload(ServiceFault):
    """An answer, or one element of it, that is not what the contract says; the message names the field path."""

    code = "SERVICE_BAD_PAYLOAD"


class NotFound(ServiceFault):
    """The service has no such thing. A nullable link shows it as null and nothing is degraded."""

    code = "NOT_FOUND"


class Refused(BffError):
    """A service said no to a write, in a way that its command declares; it was certainly not carried out.

    ``problem`` is what it said, as the declared record. A mutation shows it as data. Choose BadStatus for a "no" that
    nobody declared.
    """

    code = "REFUSED"

    def __init__(self, message: str, *, service: str, problem: object) -> None:
        super().__init__(message)
        self.service = service
        self.problem = problem


class Rejected(BffError):
    """We did not even ask. ``retry_after``: seconds until asking again makes sense, None where unknown."""

    code = "OVERLOADED"

    def __init__(self, message: str, *, service: str | None = None, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.service = service
        self.retry_after = retry_after


class BreakerOpen(Rejected):
    """The service kept failing and is left alone; ``retry_after`` is when it may be tried, None where forced open."""

    code = "SERVICE_BREAKER_OPEN"


class BreakerBusy(Rejected):
    """The service is being tried, and that takes no more calls. Choose BreakerOpen while nobody may try."""

    code = "SERVICE_BREAKER_BUSY"


class BulkheadFull(Rejected):
    """Our own permits for this service are taken; the service may be well."""

    code = "SERVICE_BUSY"


class DeadlinePassed(Rejected):
    """The request has no time left for this; what was asked may still be under way."""

    code = "DEADLINE_EXCEEDED"


class AuthUnavailable(Rejected):
    """No key is known to verify a credential with, because the issuer cannot be reached."""

    code = "AUTH_UNAVAILABLE"


class Overloaded(Rejected):
    """This process has more to do than it can in time, or is ending: nothing was done, and it may be asked again."""


class Bug(BffError):
    """Ours: a state that must not be. Logged with its trace; a client sees INTERNAL and nothing else."""

    def again(self) -> Self:
        """Itself: it is logged once however many fail of it, and its frames are what is looked for."""
        return self


#: What a client reads for each code whose message stays inside.
PUBLIC_SENTENCES = {
    "AUTH_UNAVAILABLE": "Signing in cannot be verified right now.",
    "DEADLINE_EXCEEDED": "This part did not arrive within the time of the request.",
    "INTERNAL": "An internal error occurred.",
    "NOT_FOUND": "There is no such thing.",
    "OVERLOADED": "Too much is going on right now.",
    "REFUSED": "A service refused this.",
    "SERVICE_BAD_PAYLOAD": "A service gave an answer that cannot be read.",
    "SERVICE_BREAKER_BUSY": "A service that failed is being tried.",
    "SERVICE_BREAKER_OPEN": "A service that failed is not asked for a while.",
    "SERVICE_BUSY": "Too many calls to a service are under way.",
    "SERVICE_ERROR": "A service failed.",
    "SERVICE_TIMEOUT": "A service did not answer in time.",
    "SERVICE_UNREACHABLE": "A service cannot be reached.",
}
