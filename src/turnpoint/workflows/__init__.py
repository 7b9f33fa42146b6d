"""One use case a file: the command line and the Python API call these, and only these."""
