"""What a service offers, as plain declarations: services, endpoints, records and outcomes."""

from bff_core.contract.declaration import DeclarationError
from bff_core.contract.jwks import Jwk, JwkSet
from bff_core.contract.outcome import Outcome, Source
from bff_core.contract.policy import Policy, Varies
from bff_core.contract.problem import Done, FieldProblem, Invalid, KeyReused, Unknown
from bff_core.contract.record import Edge, LenientEnum, Page, PageInfo, Record
from bff_core.contract.service import Batch, Command, Endpoint, Get, Key, KeyStyle, Paged, Service
from bff_core.contract.windows import Windows

__all__ = [
    "Batch",
    "Command",
    "DeclarationError",
    "Done",
    "Edge",
    "Endpoint",
    "FieldProblem",
    "Get",
    "Invalid",
    "Jwk",
    "JwkSet",
    "Key",
    "KeyReused",
    "KeyStyle",
    "LenientEnum",
    "Outcome",
    "Page",
    "PageInfo",
    "Paged",
    "Policy",
    "Record",
    "Service",
    "Source",
    "Unknown",
    "Varies",
    "Windows",
]
