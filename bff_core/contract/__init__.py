"""What a service offers, as plain declarations: services, endpoints, records and outcomes."""

from bff_core.contract.declaration import DeclarationError
from bff_core.contract.jwks import Jwk, JwkSet
from bff_core.contract.outcome import Outcome, Source
from bff_core.contract.record import Edge, LenientEnum, Page, PageInfo, Record
from bff_core.contract.service import Batch, Endpoint, Get, Key, KeyStyle, Paged, Service

__all__ = [
    "Batch",
    "DeclarationError",
    "Edge",
    "Endpoint",
    "Get",
    "Jwk",
    "JwkSet",
    "Key",
    "KeyStyle",
    "LenientEnum",
    "Outcome",
    "Page",
    "PageInfo",
    "Paged",
    "Record",
    "Service",
    "Source",
]
