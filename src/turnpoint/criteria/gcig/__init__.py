"""GCIG: ovarian cancer by CA-125, alone and together with RECIST 1.1."""
