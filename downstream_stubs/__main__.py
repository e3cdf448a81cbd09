"""`python -m downstream_stubs`."""

from downstream_stubs.cli import main

main(prog_name="python -m downstream_stubs")
