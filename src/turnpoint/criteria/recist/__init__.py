"""RECIST 1.1: the response at every visit, the best one, and what else a trial reports of them."""
