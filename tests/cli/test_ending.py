"""How a served BFF ends: first it says that it will, and a load balancer has time to notice."""

from __future__ import annotations

import json
import signal
import urllib.error
import urllib.request

from tests.cli.conftest import Project


def said(url: str, query: str | None = None) -> tuple[int, str]:
    """Status and body of a GET, or of one operation by POST."""
    body = None if query is None else json.dumps({"query": query}).encode()
    request = urllib.request.Request(url, body, {"content-type": "application/json"})  # noqa: S310  # loopback
    try:
        with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310  # loopback
            return int(response.status), response.read().decode()
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.read().decode()


def test_a_process_that_is_to_end_says_so_and_answers_on(project: Project) -> None:
    """After SIGTERM /readyz is red while operations are answered as ever on new connections; a second signal ends the
    wait, and the process ends in order and in silence."""
    process = project.start("serve", "desk", environment={"BFF_DESK__SHEDDING__DRAIN_MS": "60000"})
    try:
        assert process.stdout is not None
        url = process.stdout.readline().removeprefix("desk at ").strip().removesuffix("/graphql")
        assert said(f"{url}/graphql", "{ locale }")[0] == 200
        process.send_signal(signal.SIGTERM)
        for _ in range(1000):  # a signal takes a moment
            if "this process is ending" in said(f"{url}/readyz")[1]:
                break
        assert said(f"{url}/readyz") == (503, '{"ready":false,"missing":["this process is ending"]}')
        assert said(f"{url}/healthz")[0] == 200
        assert said(f"{url}/graphql", "{ locale }")[0] == 200
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=20)
        assert (process.returncode, out, err) == (-signal.SIGTERM, "", "")
    finally:
        process.kill()
        process.communicate(timeout=10)
