"""A page's commands as a reader gives them: by a shell, in a folder that is like the project's."""

from __future__ import annotations

import os
import re
import subprocess
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.docs.pages import ROOT

#: The command itself, of the environment that runs the tests.
BFF = Path(sysconfig.get_path("scripts")) / "bff"


@dataclass(frozen=True)
class Folder:
    """A folder that commands are given in, and what their environment has besides; ``.venv/bin/bff`` is there."""

    path: Path
    more: Mapping[str, str]

    def __post_init__(self) -> None:
        scripts = self.path / ".venv" / "bin"
        scripts.mkdir(parents=True)
        (scripts / "bff").symlink_to(BFF)

    @property
    def environment(self) -> dict[str, str]:
        """Ours without what a developer has set for a demo of their own; modules come from the folder, then from us."""
        ours = {key: value for key, value in os.environ.items() if not key.startswith(("BFF_", "STUBS_"))}
        return {**ours, "PYTHONPATH": f"{self.path}{os.pathsep}{ROOT}", **self.more}

    def run(self, line: str, seconds: float = 60) -> subprocess.CompletedProcess[str]:
        """Give one line to the shell."""
        return subprocess.run(
            ["/bin/sh", "-c", line],
            cwd=self.path,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )

    def told(self, line: str) -> str:
        """What a line prints that must work."""
        done = self.run(line)
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        return done.stdout


def section(title: str, into: Path) -> Path:
    """One section of the README as a page of its own."""
    found = re.search(rf"^## {title}\n(.*?)(?=^## )", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert found, f"the README has no section {title!r}"
    page = into / f"{title}.md"
    page.write_text(found[1], encoding="utf-8")
    return page
