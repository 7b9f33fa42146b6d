"""Links that were published, as their transcriptions in the model library nlmixr2lib give them.

Both are log-normal accelerated failure times in days, and neither gives the covariance of its estimates: predictions by
them carry the uncertainty of the patient's curve, and none of the link.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from turnpoint.lifetimes.link import INTERCEPT, Link, LinkCard, Term

# μ = 1.079 + 0.97695 ln(TTG + 100) - 0.00197 BASE + 0.319 (Asian) - 0.264 (ever smoked), ln σ = -0.24; TTG in days.
# Of the paper's simulated patients 97.5 % have a TTG below 399 days.
CLARET: Final = Link(
    name="claret",
    family="log-normal",
    terms=(
        Term(INTERCEPT, 1.079),
        Term("log_time_to_growth", 0.97695),
        Term("baseline_mm", -0.00197),
        Term("asian", 0.319),
        Term("ever_smoked", -0.264),
    ),
    log_scale=-0.24,
    longest_time_to_growth_weeks=57.0,
    card=LinkCard(
        method="published",
        data="MONET1: carboplatin and paclitaxel, with or without motesanib",
        disease="non-small-cell lung cancer, first line",
        source="Claret 2014, Clin Pharmacol Ther, doi:10.1038/clpt.2014.11",
        patients=934,
    ),
)

# μ = 6.94 - 6.91 kg/(kg + 0.109) - 0.00366 (TSb - 100) + 0.0124 (TTG - 39.9) + 0.0452 (albumin - 39.4)
#     + 0.0194 (total protein - 71) - 0.0141 (NLR - 4.1), ln σ = -0.331; kg and TTG by weeks.
# Drawn from the paper's parameters, the longest 2.5 % of TTG begin at 71 to 186 weeks, by treatment; its trials ran for
# about two years.
STRUEMPER: Final = Link(
    name="struemper",
    family="log-normal",
    terms=(
        Term(INTERCEPT, 6.94),
        Term("saturating_growth", -6.91),
        Term("baseline_mm", -0.00366, 100.0),
        Term("time_to_growth_weeks", 0.0124, 39.9),
        Term("albumin_g_per_l", 0.0452, 39.4),
        Term("total_protein_g_per_l", 0.0194, 71.0),
        Term("neutrophil_to_lymphocyte_ratio", -0.0141, 4.1),
    ),
    log_scale=-0.331,
    longest_time_to_growth_weeks=104.0,
    card=LinkCard(
        method="published",
        data="seven trials of docetaxel, chemo-immunotherapy and pembrolizumab",
        disease="non-small-cell lung cancer",
        source="Struemper 2025, CPT Pharmacometrics Syst Pharmacol, doi:10.1002/psp4.70002",
        patients=786,
    ),
)

PUBLISHED: Final[Mapping[str, Link]] = MappingProxyType({link.name: link for link in (CLARET, STRUEMPER)})
