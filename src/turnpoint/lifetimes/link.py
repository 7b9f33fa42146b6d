"""A link: survival from the start of treatment as an accelerated failure time in what a curve of tumour size says.

ln T = Σ_j β_j·(x_j - r_j) + σ·Z        T in days from the start, x_j a term of `TERMS`, r_j its reference value
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from turnpoint.errors import SurvivalLinkError
from turnpoint.lifetimes.families import FAMILIES, Family
from turnpoint.lifetimes.size_curve import SizeCurve
from turnpoint.model.arrays import FloatArray

FORMAT: Final = "turnpoint-survival-link-1"
INTERCEPT: Final = "intercept"
# Terms of a curve; those of `PATIENT_TERMS` are columns of `patients` where a study has them.
_CURVE_TERMS: Final[Mapping[str, Callable[[SizeCurve], FloatArray]]] = MappingProxyType(
    {
        INTERCEPT: lambda curve: np.ones_like(curve.baseline_mm),
        "log_time_to_growth": lambda curve: np.log(7.0 * curve.time_to_growth_weeks + 100.0),
        "time_to_growth_weeks": lambda curve: curve.time_to_growth_weeks,
        "saturating_growth": lambda curve: curve.growth_per_week / (curve.growth_per_week + 0.109),
        "baseline_mm": lambda curve: curve.baseline_mm,
        "log_baseline": lambda curve: np.log(curve.baseline_mm),
    }
)
PATIENT_TERMS: Final = (
    "asian",
    "ever_smoked",
    "albumin_g_per_l",
    "total_protein_g_per_l",
    "neutrophil_to_lymphocyte_ratio",
)
TERMS: Final = (*_CURVE_TERMS, *PATIENT_TERMS)


@dataclass(frozen=True, slots=True)
class Term:
    """One term of a link.

    Attributes:
        name: of `TERMS`.
        coefficient: β, of ln days.
        reference: r, the value at which the term adds nothing; taken for a patient whose value is not known.
    """

    name: str
    coefficient: float
    reference: float = 0.0


@dataclass(frozen=True, slots=True)
class LinkCard:
    """Where a link comes from.

    Attributes:
        method: `published`, `shared` or `landmark` (`lifetimes.fitting`).
        data: whom it was estimated on.
        disease: the same in a few words, for the sentence on transport.
        source: citation.
        patients, deaths: how many.
        landmark_weeks: of a landmark link.
        prior: by which the sizes were read.
        created: ISO date.
        version: of Turnpoint.
        log_likelihood: at the estimate.
        warnings: what to be careful about.
    """

    method: str
    data: str
    disease: str = ""
    source: str = ""
    patients: int = 0
    deaths: int = 0
    landmark_weeks: tuple[int, ...] = ()
    prior: str = ""
    created: str = ""
    version: str = ""
    log_likelihood: float | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Link:
    """A link from tumour size to survival.

    Attributes:
        name: for example `claret`.
        family: of `FAMILIES`.
        terms: in order.
        log_scale: ln σ.
        longest_time_to_growth_weeks: later times to growth count as this: the longest that the link's data can show.
        covariance: of the coefficients and ln σ, in order; None where none was published.
        card: where it comes from.
    """

    name: str
    family: str
    terms: tuple[Term, ...]
    log_scale: float
    longest_time_to_growth_weeks: float
    covariance: FloatArray | None = None
    card: LinkCard = field(default_factory=lambda: LinkCard("published", "not stated"))

    @property
    def law(self) -> Family:
        """Of Z."""
        return FAMILIES[self.family]

    @property
    def parameters(self) -> FloatArray:
        """The coefficients, then ln σ; shape (terms + 1,)."""
        return np.array([*(term.coefficient for term in self.terms), self.log_scale])

    @property
    def patient_terms(self) -> tuple[str, ...]:
        """The terms that are columns of `patients`."""
        return tuple(term.name for term in self.terms if term.name in PATIENT_TERMS)

    @property
    def standard_errors(self) -> FloatArray | None:
        """Of `parameters`."""
        return None if self.covariance is None else np.sqrt(np.diag(self.covariance))

    def design(self, curve: SizeCurve, known: Mapping[str, FloatArray] | None = None) -> FloatArray:
        """x_j - r_j for each curve, shape (R, D, terms).

        Args:
            curve: shape (R, D).
            known: values of patient terms, shape (R,); nan, or a term left out, is the reference value.
        """
        return design_of(self.terms, self.longest_time_to_growth_weeks, curve, known)

    def save(self, path: str | Path) -> Path:
        """Write the link as JSON; returns the path."""
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(json.dumps(self.to_dict(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        return target

    def to_dict(self) -> dict[str, Any]:
        """As JSON stores it."""
        return {
            "format": FORMAT,
            "name": self.name,
            "family": self.family,
            "terms": [asdict(term) for term in self.terms],
            "log_scale": self.log_scale,
            "longest_time_to_growth_weeks": self.longest_time_to_growth_weeks,
            "covariance": None if self.covariance is None else self.covariance.tolist(),
            "card": asdict(self.card),
        }


def design_of(
    terms: tuple[Term, ...],
    longest_time_to_growth_weeks: float,
    curve: SizeCurve,
    known: Mapping[str, FloatArray] | None = None,
) -> FloatArray:
    """x_j - r_j of some terms (`Link.design`)."""
    capped = SizeCurve(
        curve.growth_per_week,
        curve.shrinkage_per_week,
        np.minimum(curve.time_to_growth_weeks, longest_time_to_growth_weeks),
        curve.baseline_mm,
    )
    columns = []
    for term in terms:
        if term.name in _CURVE_TERMS:
            columns.append(_CURVE_TERMS[term.name](capped) - term.reference)
            continue
        value = (known or {}).get(term.name)
        apart = 0.0 if value is None else np.nan_to_num(value - term.reference, nan=0.0)[:, None]
        columns.append(np.broadcast_to(apart, curve.baseline_mm.shape))
    found: FloatArray = np.stack(columns, axis=-1)
    return found


def load_link(path: str | Path) -> Link:
    """Read a link from its JSON file.

    Raises:
        SurvivalLinkError: there is no such file, or it is no link, or its numbers do not fit together.
    """
    source = Path(path)
    again = "Use the file that `turnpoint fit --survival` wrote."
    try:
        document = json.loads(source.read_text(encoding="utf-8"))
    except OSError as error:
        raise SurvivalLinkError(f"link {source.name}: cannot be read ({error.strerror}). {again}") from error
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise SurvivalLinkError(f"link {source.name}: not JSON ({error}). {again}") from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise SurvivalLinkError(f"link {source.name}: format is not {FORMAT!r}. {again}")
    try:
        card = document["card"]
        covariance = document["covariance"]
        link = Link(
            name=str(document["name"]),
            family=str(document["family"]),
            terms=tuple(Term(**term) for term in document["terms"]),
            log_scale=float(document["log_scale"]),
            longest_time_to_growth_weeks=float(document["longest_time_to_growth_weeks"]),
            covariance=None if covariance is None else np.array(covariance, dtype=np.float64),
            card=LinkCard(
                **card
                | {"warnings": tuple(card["warnings"]), "landmark_weeks": tuple(card["landmark_weeks"])}
            ),
        )
        _check(link, source.name, again)
    except (KeyError, TypeError, ValueError) as error:
        raise SurvivalLinkError(f"link {source.name}: damaged ({error!r}). {again}") from error
    return link


def _check(link: Link, source: str, again: str) -> None:
    if link.family not in FAMILIES:
        raise SurvivalLinkError(
            f"link {source}: family={link.family}: not one of {', '.join(FAMILIES)}. {again}"
        )
    unknown = [term.name for term in link.terms if term.name not in TERMS]
    if unknown or not link.terms:
        named = ", ".join(unknown) or "none"
        raise SurvivalLinkError(f"link {source}: terms={named}: not of {', '.join(TERMS)}. {again}")
    size = len(link.terms) + 1
    if not np.isfinite(link.parameters).all() or not link.longest_time_to_growth_weeks > 0.0:
        raise SurvivalLinkError(f"link {source}: its numbers are not finite. {again}")
    if link.covariance is not None and (
        link.covariance.shape != (size, size)
        or not np.isfinite(link.covariance).all()
        or np.linalg.eigvalsh(link.covariance).min() < -1e-9
    ):
        raise SurvivalLinkError(f"link {source}: its covariance is none of {size} parameters. {again}")
