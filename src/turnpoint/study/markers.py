"""Tumour markers that Turnpoint knows: names, LOINC codes, canonical units, conversions, reference change.

Sources: LOINC codes of serum or plasma tests from the mCODE STU4 and MII Onkologie value sets (this material
contains content from LOINC, loinc.org, used under its licence). Reference change values from the papers named
beside them. Usual upper limits of adults are orientation only (assays differ, not verified against one source);
nothing is computed from them when the data give `upper_limit`. Usual lower limits are round numbers at or above what
the labels of common automated assays state as the low end of the measuring range (Roche Elecsys, Abbott Architect,
Beckman Access, Siemens Centaur; recalled, not verified against one source), so that "below it" is true of most of them;
they serve only where a laboratory wrote 0 instead of its limit.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from types import MappingProxyType
from typing import Final

from turnpoint.study.schema import fold
from turnpoint.study.units import Dimension, Unit, parse

# One-sided 95 %: the z that the published reference change values below were made with, and every bound of error.
ONE_SIDED_95: Final = 1.645
_ERKAL = "doi:10.1080/00365510701601699"
_TUXEN = "Tuxen et al. 1999, doi:10.1006/gyno.1999.5414"
_SOELETORMOS = "Söletormos et al. 1993 (its own analytical CV and z)"


@dataclass(frozen=True, slots=True)
class Conversion:
    """A conversion between dimensions that holds for one marker only.

    Attributes:
        ratio: how many canonical base units (g/L, mol/L, U/L) one base unit of the other dimension is.
        source: where the number is from.
        exact: false when it depends on the assay or is not verified; its use is then a warning.
    """

    ratio: Fraction
    source: str
    exact: bool = True


@dataclass(frozen=True, slots=True)
class Marker:
    """One known marker.

    Attributes:
        name: canonical name, as in `Study.markers`.
        unit: canonical unit.
        synonyms: other names; case, spaces and punctuation do not matter.
        loinc: LOINC codes of this quantity.
        conversions: by dimension, for units of another dimension than the canonical one.
        reference_change_pct: one-sided 95 % reference change value in percent, on the linear scale as published:
            a rise smaller than this is within biological and assay variation; None when no source was found.
        reference_change_source: where it is from.
        usual_lower_limit: what usual assays cannot measure below, in `unit`: what 0 is read as below.
        usual_upper_limit: usual upper end of the reference range of adults, in `unit`; None when there is none.
        implausible_above: a value above it, in `unit`, is a warning: check the unit.
        other_quantity: name of the marker meant when the unit is of a dimension this one is not measured in.
    """

    name: str
    unit: str
    synonyms: tuple[str, ...] = ()
    loinc: tuple[str, ...] = ()
    conversions: Mapping[Dimension, Conversion] = field(default_factory=dict)
    reference_change_pct: float | None = None
    reference_change_source: str | None = None
    usual_lower_limit: float | None = None
    usual_upper_limit: float | None = None
    implausible_above: float | None = None
    other_quantity: str | None = None

    @property
    def sd_reference_log(self) -> float | None:
        """SD of one ln(value) that the reference change value implies, biological and assay variation together.

            CV = reference change / (√2 · z),   sd = √ln(1 + CV²)

        Source: Fokkema et al. 2006, doi:10.1373/clinchem.2006.068395 (log-normal reference change values).
        """
        if self.reference_change_pct is None:
            return None
        cv = self.reference_change_pct / 100 / (math.sqrt(2) * ONE_SIDED_95)
        return math.sqrt(math.log1p(cv**2))

    @property
    def reference_change_log(self) -> float | None:
        """Reference change in ln(value): z · √2 · sd. A rise is beyond it when ln(now / before) exceeds it.

        The form to use: changes of markers are multiplicative, and on the linear scale a fall can never reach
        a reference change near 100 %.
        """
        sd = self.sd_reference_log
        return None if sd is None else ONE_SIDED_95 * math.sqrt(2) * sd

    def ratio_from(self, unit: Unit) -> tuple[Fraction, Conversion | None] | None:
        """What a value in `unit` is multiplied by to be in the canonical unit.

        Returns:
            The exact ratio, and the marker's own conversion where one was needed; None when there is none.
        """
        canonical = _known_unit(self.unit)
        ratio = unit.ratio_to(canonical)
        if ratio is not None:
            return ratio, None
        conversion = self.conversions.get(unit.dimension)
        if conversion is None:
            return None
        return unit.scale * conversion.ratio / canonical.scale, conversion


@cache
def _known_unit(text: str) -> Unit:
    unit = parse(text)
    if unit is None:
        raise ValueError(f"{text} is no unit of the grammar")
    return unit


def _molar_mass(grams_per_mol: str, formula: str) -> dict[Dimension, Conversion]:
    """Conversion from moles into a canonical mass."""
    return {"amount": Conversion(Fraction(grams_per_mol), f"molar mass of {formula}")}


# 1 U = 1 umol/min by definition of the enzyme unit, so 1 kat = 60e6 U.
_ENZYME: Final[Mapping[Dimension, Conversion]] = {
    "catalysis": Conversion(Fraction(60 * 10**6), "definition of the enzyme unit: 1 U = 1 umol/min")
}

_MARKERS: Final = (
    Marker(
        "PSA",
        "ng/mL",
        ("prostate specific antigen", "total PSA", "tPSA", "PSA total", "前列腺特异抗原", "总前列腺特异抗原"),
        ("2857-1", "83112-3", "35741-8"),
        usual_lower_limit=0.1,
        usual_upper_limit=4,
        implausible_above=1e5,
    ),
    Marker(
        "CEA",
        "ng/mL",
        ("carcinoembryonic antigen", "carcino embryonic antigen", "癌胚抗原"),
        ("2039-6", "83085-1"),
        reference_change_pct=72.6,
        reference_change_source=_ERKAL,
        usual_lower_limit=0.5,
        usual_upper_limit=5,
        implausible_above=1e6,
    ),
    Marker(
        "CA-125",
        "U/mL",
        ("CA 125", "cancer antigen 125", "MUC16", "糖类抗原125"),
        ("10334-1", "83082-8", "15157-1"),
        reference_change_pct=84.6,
        reference_change_source=_TUXEN,
        usual_lower_limit=2,
        usual_upper_limit=35,
        implausible_above=1e6,
    ),
    Marker(
        "CA 19-9",
        "U/mL",
        ("CA199", "cancer antigen 19-9", "carbohydrate antigen 19-9", "糖类抗原19-9"),
        ("24108-3", "83084-4"),
        reference_change_pct=64.7,
        reference_change_source=_ERKAL,
        usual_lower_limit=2,
        usual_upper_limit=37,
        implausible_above=1e7,
    ),
    Marker(
        "CA 15-3",
        "U/mL",
        ("cancer antigen 15-3", "糖类抗原15-3"),
        ("6875-9", "83083-6"),
        reference_change_pct=30,
        reference_change_source=_SOELETORMOS,
        usual_lower_limit=1,
        usual_upper_limit=30,
        implausible_above=1e6,
    ),
    Marker(
        "CA 27.29",
        "U/mL",
        ("CA 27-29", "cancer antigen 27-29"),
        ("17842-6",),
        usual_lower_limit=4,
        usual_upper_limit=38,
        implausible_above=1e6,
    ),
    Marker(
        "CA 72-4",
        "U/mL",
        ("cancer antigen 72-4", "糖类抗原72-4"),
        usual_lower_limit=0.5,
        usual_upper_limit=6.9,
    ),
    Marker(
        "AFP",
        "ng/mL",
        ("alpha fetoprotein", "alpha-1-fetoprotein", "alfa fetoprotein", "α fetoprotein", "甲胎蛋白"),
        ("1834-1",),
        # 1 IU of WHO standard 72/225 is about 1.21 ng: recalled, not verified, and assays differ.
        conversions={"unit": Conversion(Fraction("1.21e-9"), "1 IU = 1.21 ng, not verified", exact=False)},
        reference_change_pct=62.6,
        reference_change_source=_ERKAL,
        usual_lower_limit=1,
        usual_upper_limit=10,
        implausible_above=1e8,
    ),
    Marker(
        "hCG",
        "[IU]/L",
        ("beta hCG", "b-hCG", "β-hCG", "hCG beta", "total hCG", "human chorionic gonadotropin"),
        ("21198-7", "20415-6", "19080-1"),
        usual_lower_limit=1.2,
        usual_upper_limit=5,
        implausible_above=1e8,
    ),
    Marker(
        "LDH",
        "U/L",
        ("LD", "lactate dehydrogenase", "乳酸脱氢酶"),
        ("2532-0", "14804-9", "14805-6"),
        conversions=_ENZYME,
        usual_lower_limit=10,
        usual_upper_limit=250,
        implausible_above=1e5,
    ),
    Marker(
        "ALP",
        "U/L",
        ("alkaline phosphatase", "碱性磷酸酶"),
        conversions=_ENZYME,
        usual_lower_limit=5,
        usual_upper_limit=130,
        implausible_above=1e5,
    ),
    Marker(
        "HE4",
        "pmol/L",
        ("human epididymis protein 4", "人附睾蛋白4"),
        usual_lower_limit=20,
        usual_upper_limit=140,
    ),
    Marker(
        "NSE",
        "ng/mL",
        ("neuron specific enolase", "神经元特异性烯醇化酶"),
        usual_lower_limit=0.5,
        usual_upper_limit=16.3,
    ),
    Marker(
        "CYFRA 21-1",
        "ng/mL",
        ("CYFRA", "cytokeratin 19 fragment"),
        usual_lower_limit=0.5,
        usual_upper_limit=3.3,
    ),
    Marker("SCC", "ng/mL", ("SCCA", "SCC antigen", "squamous cell carcinoma antigen"), usual_lower_limit=0.1),
    Marker("ProGRP", "pg/mL", ("pro gastrin releasing peptide",), usual_lower_limit=3),
    Marker("S100B", "ug/L", ("S-100B", "S100 beta", "S100"), usual_lower_limit=0.02, usual_upper_limit=0.1),
    Marker("thyroglobulin", "ng/mL", ("Tg", "hTg"), usual_lower_limit=0.2),
    Marker(
        "calcitonin",
        "pg/mL",
        ("hCT",),
        conversions=_molar_mass("3417.88", "human calcitonin, C151H226N40O45S3"),
        usual_lower_limit=2,
    ),
    Marker("chromogranin A", "ng/mL", ("CgA", "chromogranin"), usual_lower_limit=10),
    Marker(
        "testosterone",
        "ng/mL",
        ("total testosterone",),
        conversions=_molar_mass("288.431", "testosterone, C19H28O2"),
        usual_lower_limit=0.1,
    ),
    Marker(
        "ctDNA",
        "%",
        ("VAF", "ctDNA VAF", "variant allele fraction", "variant allele frequency", "mutant allele fraction"),
        usual_lower_limit=0.1,
        implausible_above=100,
        other_quantity="ctDNA copies",
    ),
    Marker(
        "ctDNA copies",
        "copies/mL",
        ("ctDNA concentration", "mutant copies"),
        usual_lower_limit=1,
        other_quantity="ctDNA",
    ),
)

MARKERS: Final[Mapping[str, Marker]] = MappingProxyType({marker.name: marker for marker in _MARKERS})
_BY_LOINC: Final[Mapping[str, Marker]] = {code: marker for marker in _MARKERS for code in marker.loinc}
_BY_NAME: Final[Mapping[str, Marker]] = {
    fold(name): marker for marker in _MARKERS for name in (marker.name, *marker.synonyms)
}
_LOINC: Final = re.compile(r"(?:.*loinc\D*)?(\d{3,7}-\d)", re.IGNORECASE)


def find_marker(name: str) -> Marker | None:
    """The known marker that a name or a LOINC code means, or None.

    >>> find_marker("ca125").name, find_marker("LOINC 2857-1").name, find_marker("free PSA")
    ('CA-125', 'PSA', None)
    """
    code = _LOINC.fullmatch(name.strip())
    if code is not None and code[1] in _BY_LOINC:
        return _BY_LOINC[code[1]]
    return _BY_NAME.get(fold(name))


def folded_names() -> Mapping[str, Marker]:
    """Every known name in folded form, for suggesting the nearest one."""
    return _BY_NAME
