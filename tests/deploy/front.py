"""The real nginx of deploy/nginx on loopback, filled in as its container is: by the names of its template alone."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

TEMPLATE = Path(__file__).parents[2] / "deploy" / "nginx" / "nginx.conf.template"

#: The names that stand for something; envsubst is told them, and leaves nginx's own variables alone.
NAMES = (
    "BFF_MOBILE_ADDRESS",
    "BFF_WEB_ADDRESS",
    "NGINX_FOLDER",
    "NGINX_HOST",
    "NGINX_MOBILE_PORT",
    "NGINX_WEB_PORT",
)

#: Who runs it where the tests are run by root: nobody, as in its container.
NOBODY = 65534

#: Seconds; nothing waits for it but a test that fails.
PATIENCE = 10.0


def nginx() -> str | None:
    """Where it is installed; Debian keeps it where only root looks."""
    return shutil.which("nginx", path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin"]))


def filled(values: Mapping[str, str]) -> str:
    """The configuration, as ``envsubst '$A $B …'`` makes it of the template."""
    return re.sub(r"\$\{([A-Z_]+)\}", lambda found: values[found[1]], TEMPLATE.read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Prepared:
    """A filled-in configuration in a folder of its own; ``web`` and ``mobile``: the ports to listen on."""

    folder: Path
    web: int
    mobile: int

    @property
    def command(self) -> list[str]:
        """Start it; its log goes to standard error from the first line on."""
        return [nginx() or "nginx", "-p", str(self.folder), "-e", "stderr", "-c", str(self.folder / "nginx.conf")]


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def prepared(web: str, mobile: str) -> Iterator[Prepared]:
    """The configuration for BFFs at these addresses, in a folder that whoever runs it may write to."""
    with tempfile.TemporaryDirectory(prefix="nginx-") as made:
        folder, ports = Path(made), (free_port(), free_port())
        values = {
            "BFF_MOBILE_ADDRESS": mobile,
            "BFF_WEB_ADDRESS": web,
            "NGINX_FOLDER": made,
            "NGINX_HOST": "127.0.0.1",
            "NGINX_MOBILE_PORT": str(ports[1]),
            "NGINX_WEB_PORT": str(ports[0]),
        }
        (folder / "nginx.conf").write_text(filled(values), encoding="utf-8")
        if os.geteuid() == 0:
            os.chown(folder, NOBODY, NOBODY)
        yield Prepared(folder, *ports)


def check(front: Prepared) -> subprocess.CompletedProcess[str]:
    """What ``nginx -t`` says of it."""
    return subprocess.run(
        [*front.command, "-t"],
        stdout=subprocess.DEVNULL,  # a pipe of ours is no file that nobody may open again by its name
        stderr=subprocess.PIPE,
        text=True,
        timeout=PATIENCE,
        check=False,
        user=_user(),
    )


@dataclass(frozen=True)
class Front:
    """nginx, running; ``web`` and ``mobile`` are clients of the ports before the two BFFs."""

    folder: Path
    web: httpx.AsyncClient
    mobile: httpx.AsyncClient

    def kept(self, document: str = "") -> list[Path]:
        """The files of what its cache holds, of one document where given."""
        files = (path for path in (self.folder / "cache").rglob("*") if path.is_file())
        return [path for path in files if document.encode() in path.read_bytes()]


@asynccontextmanager
async def running(web: str, mobile: str) -> AsyncIterator[Front]:
    """nginx in front of BFFs at these addresses; nobody's process, and ended by its id."""
    with prepared(web, mobile) as front:
        process = await asyncio.create_subprocess_exec(
            *front.command, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL, user=_user()
        )
        try:
            async with (
                httpx.AsyncClient(base_url=f"http://127.0.0.1:{front.web}", timeout=PATIENCE) as to_web,
                httpx.AsyncClient(base_url=f"http://127.0.0.1:{front.mobile}", timeout=PATIENCE) as to_mobile,
            ):
                await _ready(process, to_web)
                yield Front(front.folder, to_web, to_mobile)
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()


async def _ready(process: asyncio.subprocess.Process, client: httpx.AsyncClient) -> None:
    async with asyncio.timeout(PATIENCE):
        while True:
            assert process.returncode is None, "nginx ended; nginx -t says why"
            try:
                if (await client.get("/healthz")).status_code == 204:
                    return
            except httpx.TransportError:
                await asyncio.sleep(0.02)


def _user() -> int | None:
    return NOBODY if os.geteuid() == 0 else None
