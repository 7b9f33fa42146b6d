"""PCWG3: prostate cancer by PSA."""
