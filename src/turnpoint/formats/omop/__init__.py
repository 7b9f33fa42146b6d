"""Tables of the OMOP common data model, read: measurements that are markers, drugs, persons and deaths."""

from turnpoint.formats.omop.reading import convert, recognises

__all__ = ["convert", "recognises"]
