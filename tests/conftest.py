"""How Hypothesis looks for examples: the same ones every time where `CI` is set, new ones on every run elsewhere."""

from __future__ import annotations

import os

from hypothesis import settings

# no deadlines: how long one example takes says more about the machine than about the code
settings.register_profile("ci", derandomize=True, deadline=None, database=None, print_blob=True)
settings.register_profile("dev", deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "dev")
