"""Data sets of CDISC as files: SAS transport files and Dataset-JSON, read and written."""
