"""From a credential to the principal it stands for, and the issuer's keys that prove it."""

from bff_core.auth.keyset import KeySet, KeySetOptions, VerificationKey
from bff_core.auth.principal import ANONYMOUS, Credential, Principal
from bff_core.auth.tokens import TokenOptions, TokenVerifier

__all__ = [
    "ANONYMOUS",
    "Credential",
    "KeySet",
    "KeySetOptions",
    "Principal",
    "TokenOptions",
    "TokenVerifier",
    "VerificationKey",
]
