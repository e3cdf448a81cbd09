"""``python -m bff_core`` is the command ``bff``."""

from bff_core.cli import main

main()
