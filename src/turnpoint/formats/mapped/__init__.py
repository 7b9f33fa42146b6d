"""Wide tables, read by a mapping file, and the first mapping that is guessed for one."""

from turnpoint.formats.mapped.reading import convert, inspect, recognises

__all__ = ["convert", "inspect", "recognises"]
