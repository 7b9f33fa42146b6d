"""iRECIST: RECIST 1.1 for immunotherapy, where a progression must be confirmed."""
