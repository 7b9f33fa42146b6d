"""Which commit a table of results was measured at."""

from __future__ import annotations

import subprocess


def commit() -> str:
    """The short name of the commit that is checked out; empty outside a repository."""
    found = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    return found.stdout.strip()
