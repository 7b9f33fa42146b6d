"""CDISC ADaM, written: ADSL, ADTR, ADRS and ADTTE. `variables` has the rules they share."""
