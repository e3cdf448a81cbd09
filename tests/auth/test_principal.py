"""Who asks, and the credential that nothing shows."""

from __future__ import annotations

import copy
import pickle

import pytest

from bff_core.auth import ANONYMOUS, Credential, Principal


def test_no_credential_is_anonymous() -> None:
    """Anonymous has no subject and no scope; anybody with a subject is not anonymous."""
    assert ANONYMOUS.anonymous
    assert ANONYMOUS.scopes == frozenset()
    assert not Principal(subject="7").anonymous


def test_equal_principals_are_one_key() -> None:
    """Principals with the same claims are equal and hash alike, so they can key what is private."""
    one, two = (Principal("7", "i", "t", frozenset({"a", "b"}), 1.0) for _ in range(2))
    assert one == two
    assert len({one, two, Principal("8", "i", "t", frozenset({"a", "b"}), 1.0)}) == 2


def test_a_credential_shows_its_token_only_to_who_relays_it() -> None:
    """Neither repr, str, format nor pickle gives the token away; the header's value does."""
    credential = Credential("s3cret.token.x")
    for shown in (repr(credential), str(credential), f"{credential}", f"{[credential]}"):
        assert "s3cret" not in shown
    for leak in (pickle.dumps, copy.copy):
        with pytest.raises(TypeError, match="pickled"):
            leak(credential)
    assert credential.authorization == "Bearer s3cret.token.x"
