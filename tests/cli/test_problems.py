"""From an exception to a sentence and an exit code, and nothing else."""

from __future__ import annotations

import pytest

from bff_core.cli.problems import stop, told


class Special(Exception):
    """Says its exit code itself."""

    exit_code = 7


def test_stop_speaks_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    """The sentence goes to stderr, so that what is piped stays clean."""
    with pytest.raises(SystemExit) as end:
        stop("a sentence", 3)
    assert end.value.code == 3
    assert capsys.readouterr() == ("", "a sentence\n")


@pytest.mark.parametrize(("error", "code"), [(KeyError("a"), 2), (Special("b"), 7)])
def test_named_exceptions_are_told(error: Exception, code: int, capsys: pytest.CaptureFixture[str]) -> None:
    """An exception of the kinds named becomes its message, and 2 unless it says otherwise."""
    with pytest.raises(SystemExit) as end, told(KeyError, Special):
        raise error
    assert end.value.code == code
    assert capsys.readouterr().err == f"{error}\n"


def test_other_exceptions_pass() -> None:
    """A bug keeps its trace."""
    with pytest.raises(ZeroDivisionError), told(KeyError):
        raise ZeroDivisionError
