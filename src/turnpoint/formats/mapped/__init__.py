"""Wide tables, read by a mapping file, the first mapping that is guessed for one, and tables that need none."""

from turnpoint.formats.mapped.document import parsed
from turnpoint.formats.mapped.guessing import as_meaning
from turnpoint.formats.mapped.questions import Guess, Question, quoted
from turnpoint.formats.mapped.reading import MAPPING_ENDING, convert, inspect, recognises
from turnpoint.formats.mapped.unmapped import (
    convert_table,
    first_guess,
    inspect_table,
    option_of,
    recognises_table,
)

__all__ = [
    "MAPPING_ENDING",
    "Guess",
    "Question",
    "as_meaning",
    "convert",
    "convert_table",
    "first_guess",
    "inspect",
    "inspect_table",
    "option_of",
    "parsed",
    "quoted",
    "recognises",
    "recognises_table",
]
