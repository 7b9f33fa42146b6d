"""Wide tables, read by a mapping file, and the first mapping that is guessed for one."""

from turnpoint.formats.mapped.cells import read_sheet
from turnpoint.formats.mapped.guessing import guess
from turnpoint.formats.mapped.questions import Guess, Question, quoted
from turnpoint.formats.mapped.reading import MAPPING_ENDING, convert, inspect, recognises

__all__ = [
    "MAPPING_ENDING",
    "Guess",
    "Question",
    "convert",
    "guess",
    "inspect",
    "quoted",
    "read_sheet",
    "recognises",
]
