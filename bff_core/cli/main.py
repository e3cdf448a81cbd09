"""The command ``bff`` and the commands that stand right under it."""

from __future__ import annotations

import click

from bff_core.cli.doctor import doctor
from bff_core.cli.explain import explain
from bff_core.cli.operations import operations
from bff_core.cli.schema import schema
from bff_core.cli.serve import serve
from bff_core.demo.commands import demo, fault, token


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="bff", message="bff %(version)s")
def main() -> None:
    """GraphQL Backends-for-Frontend: serve them, look at their plans and health, hold their schemas, try them out."""


for command in (serve, schema, operations, explain, doctor, demo, fault, token):
    main.add_command(command)
