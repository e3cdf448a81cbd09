"""The command ``bff``: one file a group of commands; each imports what it needs when it is called.

Exit codes: 0 done, 1 a finding or the world is not as needed, 2 the command was wrong or nothing can be told.
"""

from bff_core.cli.main import main

__all__ = ["main"]
