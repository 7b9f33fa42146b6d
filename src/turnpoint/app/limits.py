"""What an upload may hold, and what the process that reads it may take."""

from __future__ import annotations

from typing import Final

ANSWERS: Final = "answers.json"  # beside an upload: how a clinic's table is to be read
MOST_FILES: Final = 200
MOST_BYTES: Final = 64 * 2**20
MOST_UNPACKED_BYTES: Final = 512 * 2**20
MOST_ROWS: Final = 2_000_000
MOST_TIMES_SMALLER: Final = 100  # packed; a workbook is 5 to 20 times smaller than its sheets
MOST_PROBLEMS: Final = 500  # that one answer lists
READERS: Final = 2  # files of two people at once; a third is told to wait
SECONDS: Final = 60.0
MEMORY_BYTES: Final = 3 * 2**30
