"""The node project of this folder: the front ends' own tools, installed once for each lock, and their scripts run."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from graphiql.build import BuildError, Node, find_node, install
from tests.browser.conftest import missing

HERE = Path(__file__).parent

#: The oldest node that the tools here take, by the engines of package.json; GraphiQL's bundler takes older ones.
OLDEST_NODE = 22

#: Seconds: how long one script may take on a busy machine.
PATIENCE = 60


@dataclass(frozen=True, slots=True)
class JavaScript:
    """A node with the packages of this folder."""

    node: Node

    async def run(self, script: str, *arguments: str) -> Any:
        """Run a script of this folder; what it wrote as JSON. Fails with its complaint when it ends with another
        status than 0."""
        done = await self.start(HERE, str(HERE / script), *arguments)
        assert done.status == 0, f"{script} ended with {done.status}:\n{done.complaint}"
        return json.loads(done.output)

    async def tool(self, folder: Path, name: str, *arguments: str) -> Ended:
        """Run a tool that a package brings, in a folder; however it ends."""
        return await self.start(folder, str((HERE / "node_modules" / ".bin" / name).resolve()), *arguments)

    async def start(self, folder: Path, *command: str) -> Ended:
        """Run node in a folder with these arguments; a script that takes too long is killed."""
        process = await asyncio.create_subprocess_exec(
            str(self.node.node),
            *command,
            cwd=folder,
            env=quiet(self.node.environment()),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(PATIENCE):
                output, complaint = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        return Ended(process.returncode or 0, output.decode(), complaint.decode())


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended: its exit status, and what it wrote to its two outputs."""

    status: int
    output: str
    complaint: str


def quiet(environment: dict[str, str]) -> dict[str, str]:
    """An environment in which no tool colours its output or is told to go by way of a proxy."""
    proxies = {name for name in environment if name.lower() in {"http_proxy", "https_proxy", "all_proxy"}}
    return {name: value for name, value in environment.items() if name not in proxies} | {"NO_COLOR": "1"}


@pytest.fixture(scope="session")
def javascript() -> JavaScript:
    """Node with the packages that package-lock.json names; without a registry and without packages the reason why."""
    try:
        node = find_node(OLDEST_NODE)
        install(node, HERE)
    except BuildError as exc:
        missing(str(exc))
        raise
    return JavaScript(node)
