"""A BFF whose settings file is not there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from bff_core.bff import Bff
from tests.edge.desk import DESK

UNSET: Bff = replace(DESK, settings=Path(__file__).with_name("nowhere.toml"))
