"""Files that appear whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def appearing_whole(target: Path) -> Iterator[Path]:
    """A path beside the target to write to; renamed to it when all went well, removed when not.

    The ending stays the same, because writers choose the format by it.
    """
    part = target.with_name(f".{target.stem}.{os.getpid()}.part{target.suffix.lower()}")
    try:
        yield part
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
