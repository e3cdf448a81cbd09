"""What is open to everybody who reaches the BFF."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address

from bff_core.bff import Bff
from bff_core.doctor.finding import Finding
from bff_core.settings import Settings


def open_doors(bff: Bff, settings: Settings) -> Iterator[Finding]:
    """GraphiQL, introspection and documents of anybody's making where others than this machine can reach them."""
    edge, documents = settings.edge, settings.documents
    if _loopback(edge.host):
        return
    if edge.graphiql:
        anybody = ", and whoever opens it can sign in as any user" if bff.development_token else ""
        yield Finding(
            "warning",
            "edge.graphiql",
            f"GraphiQL is served at {edge.host} to whoever asks{anybody}",
            "set it to false where others than developers reach this address",
        )
    if edge.introspection:
        yield Finding(
            "warning",
            "edge.introspection",
            f"the whole schema is told at {edge.host} to whoever asks",
            "set it to false where others than developers reach this address",
        )
    if documents.policy == "open":
        yield Finding(
            "warning",
            "documents.policy",
            f"any document runs that reaches {edge.host}",
            "set it to registered or trusted where others than developers reach this address",
        )
    elif documents.apq and documents.policy == "registered":
        yield Finding(
            "warning",
            "documents.apq",
            f"whoever reaches {edge.host} can register a document and run it, so that every valid one runs",
            "set it to false where only what apps were built with is meant to run",
        )


def _loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:  # a name, and nobody knows here what it stands for
        return False
