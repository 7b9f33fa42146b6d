"""Reports: one patient or a cohort as a self-contained page, in two languages, for three readers."""
