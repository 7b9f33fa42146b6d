"""Tables of the OMOP common data model, read: measurements that are markers, drugs, persons and deaths."""

from turnpoint.formats.omop.reading import convert, inspect, recognises

__all__ = ["convert", "inspect", "recognises"]
