"""A project with one small BFF, for commands to run in; in this process or as a real one."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bff_core.cli import main


@dataclass(frozen=True)
class Project:
    """A folder with a pyproject.toml; commands run inside of it."""

    root: Path

    def write(self, path: str, text: str) -> Path:
        """A file of the project."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return file

    def bff(self, *arguments: str | Path, environment: Mapping[str, str] | None = None) -> Result:
        """Run the command in this process, with these variables besides its own; it must not raise."""
        result = CliRunner(env=environment).invoke(main, [str(one) for one in arguments])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
        assert "Traceback" not in result.output
        return result

    def start(self, *arguments: str | Path, environment: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        """Run the command as a process of its own, whose environment is nothing but this."""
        return subprocess.Popen(
            [sys.executable, "-m", "bff_core", *map(str, arguments)],
            cwd=self.root,
            env={"PATH": os.defpath, "PYTHONUNBUFFERED": "1", **(environment or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str | Path, environment: Mapping[str, str] | None = None) -> tuple[int, str, str]:
        """As ``start``, to its end: exit code, stdout, stderr."""
        process = self.start(*arguments, environment=environment)
        out, err = process.communicate(timeout=30)
        assert "Traceback" not in out + err
        return process.returncode, out, err


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project whose one BFF is called "desk"; the test runs in its folder."""
    monkeypatch.chdir(tmp_path)
    made = Project(tmp_path)
    made.write("pyproject.toml", '[tool.bff.apps]\ndesk = "tests.edge.desk:DESK"\n')
    return made
