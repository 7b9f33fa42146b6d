"""The version, read by the build and by `turnpoint --version`."""

__version__ = "0.1.0"
