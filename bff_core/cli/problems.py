"""From an exception that a person can do something about to one sentence and an exit code."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import click


def stop(message: str, exit_code: int) -> NoReturn:
    """Say what is wrong on stderr, and end."""
    click.echo(message, err=True)
    sys.exit(exit_code)


@contextmanager
def told(*kinds: type[Exception], exit_code: int = 2) -> Iterator[None]:
    """Turn these exceptions into their message and ``exit_code``; all others pass."""
    try:
        yield
    except kinds as error:
        stop(str(error), getattr(error, "exit_code", exit_code))
