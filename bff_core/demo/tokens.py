"""Demo room: a token to try things with, asked of the issuer that the table names."""

from collections.abc import Sequence

from bff_core.demo.problem import DemoProblem
from bff_core.demo.wire import NoAnswer, exchange


def ask_token(url: str, *, user: str, ttl_s: int, scopes: Sequence[str] = ()) -> str:
    """A token of this user, valid for ``ttl_s`` seconds, with the issuer's own scopes where none are named.

    Errors: DemoProblem when the issuer cannot be reached or refuses.
    """
    body: dict[str, object] = {"user_id": user, "ttl_s": ttl_s}
    if scopes:
        body["scopes"] = list(scopes)
    try:
        answer = exchange("POST", url, body=body)
    except NoAnswer as error:
        raise DemoProblem(f"No token from {url}: {error}; is the demo running? Start it with bff demo.") from error
    if not answer.ok:
        raise DemoProblem(f"{url} gives no token for user {user!r}: {answer.reason()}.")
    content = answer.json()
    token = content.get("access_token") if isinstance(content, dict) else None
    if not isinstance(token, str):
        raise DemoProblem(f"{url} answered without an access_token.")
    return token
