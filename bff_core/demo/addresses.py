"""Demo room: where the processes are now, for commands that talk to them from another terminal."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bff_core.demo import control
from bff_core.demo.table import DemoTable


@dataclass(frozen=True, slots=True)
class Addresses:
    """The address of every process by name, and where tokens are asked for (None: nowhere)."""

    urls: Mapping[str, str]
    token_url: str | None


def find_addresses(project: Path, table: DemoTable) -> Addresses:
    """As the running demo says, since its command line may have moved ports; without one, as table and
    environment say.

    The second is for processes that something else started, such as a compose file.
    """
    try:
        answer = control.ask(project, {"do": "addresses"}, timeout_s=5.0)
    except control.NoDemo:
        urls = {name: spec.url for name, spec in table.processes.items()}
        return Addresses(urls=urls, token_url=table.token.url if table.token else None)
    return Addresses(urls=answer["urls"], token_url=answer["token_url"])
