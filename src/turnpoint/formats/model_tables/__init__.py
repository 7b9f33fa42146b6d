"""Tables of NONMEM, Monolix and nlmixr2, read and written: `table` has their columns, `declaration` what they mean."""

from turnpoint.formats.model_tables.out import DIALECTS, write_model_table
from turnpoint.formats.model_tables.reading import convert, recognises

__all__ = ["DIALECTS", "convert", "recognises", "write_model_table"]
