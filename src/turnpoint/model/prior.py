"""The population prior: a normal distribution over the transformed parameters, and its card."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from turnpoint.errors import PriorError
from turnpoint.model.arrays import FloatArray
from turnpoint.model.error_regression import ErrorRegression, error_regression_from_dict
from turnpoint.model.parameters import DYNAMICS_NAMES, READING_NAMES, SUM_OF_DIAMETERS
from turnpoint.model.sobol import standard_normals
from turnpoint.model.streams import Stream
from turnpoint.study.diseases import diseases_in

FORMAT = "turnpoint-prior-4"
GENERIC = "generic"
ANY_MARKER = "marker"  # the generic prior's block for a marker that no prior knows


@dataclass(frozen=True, slots=True)
class Card:
    """Where a prior comes from: what a careful reader wants to know before trusting it.

    Attributes:
        data: the data set it was fitted to.
        licence: of that data.
        source: citation.
        patients, readings: how many were used.
        created: ISO date.
        version: of Turnpoint.
        diagnostics: log marginal likelihood per reading, smallest effective sample size and the like.
        warnings: what to be careful about.
        simulated: the patients are virtual ones, drawn from a published model.
    """

    data: str
    licence: str = ""
    source: str = ""
    patients: int = 0
    readings: int = 0
    created: str = ""
    version: str = ""
    diagnostics: Mapping[str, float] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    simulated: bool = False


@dataclass(frozen=True, slots=True)
class Alert:
    """The alert threshold and what it was calibrated for.

    Attributes:
        threshold: alert when the signal of `turning.alerts` reaches this.
        false_alerts_per_100: real patients with an alert that no progression followed within 24 weeks, per 100.
        followed, unfollowed: patients whose first alert was, and was not, followed by it.
        patients: they are out of so many.
        data: the prior whose patients these are, each judged by one fitted without them; `generic`: of all of them.
        early_per_100: simulated courses with an alert before their true turning point, per 100.
        courses: simulated courses behind that.
    """

    threshold: float = 0.5
    false_alerts_per_100: float | None = None
    followed: int = 0
    unfollowed: int = 0
    patients: int = 0
    data: str = ""
    early_per_100: float | None = None
    courses: int = 0


@dataclass(frozen=True, slots=True)
class BelowLimit:
    """What readers write the first time a lesion is below 5 mm; the rest write down the number.

    Attributes:
        absent: share who call it absent (0 mm in the sum).
        too_small: share who call it too small to measure (5 mm in the sum).
    """

    absent: float = 0.4
    too_small: float = 0.4


@dataclass(frozen=True, slots=True)
class Prior:
    """A normal prior over transformed parameters for one or more quantities measured together.

    Attributes:
        name: for example `docetaxel-nsclc-ct`.
        quantities: in the order of the blocks of `mean`.
        mean: shape (5 + 8 x quantities,), see `model.parameters` for the names.
        covariance: of the same parameters, positive definite.
        floor_persistence: by quantity, chance that a value at the floor stays there at the next look.
        visit_gap_weeks: usual time between readings, by quantity.
        below_limit: what readers write when a lesion falls below 5 mm.
        error_regressions: by quantity, the second forecaster (`model.error_regression`); a quantity may have none.
        filter_weight: by quantity with a regression, weight of the filter in the average of the two.
        new_lesions_per_exposed_week: λ of `model.new_lesions`; None where the data do not record new lesions.
        keywords: lower-case words of tumour types and drugs that this prior is for.
        card: provenance.
        alert: calibrated alert threshold.
        alert_calibration: by false alerts asked for in 100 courses, the alert calibrated for them.
    """

    name: str
    quantities: tuple[str, ...]
    mean: FloatArray
    covariance: FloatArray
    floor_persistence: Mapping[str, float]
    visit_gap_weeks: Mapping[str, float]
    below_limit: BelowLimit = field(default_factory=BelowLimit)
    error_regressions: Mapping[str, ErrorRegression] = field(default_factory=dict)
    filter_weight: Mapping[str, float] = field(default_factory=dict)
    new_lesions_per_exposed_week: float | None = None
    keywords: tuple[str, ...] = ()
    card: Card = field(default_factory=lambda: Card(data="not stated"))
    alert: Alert = field(default_factory=Alert)
    alert_calibration: Mapping[float, Alert] = field(default_factory=dict)

    @property
    def dimensions(self) -> int:
        """Number of transformed parameters."""
        return len(DYNAMICS_NAMES) + len(READING_NAMES) * len(self.quantities)

    def bank(self, particles: int, seed: int) -> FloatArray:
        """Quasi-random draws, shape (particles, dimensions); the same for the same seed (scrambled Sobol)."""
        normals = standard_normals(particles, self.dimensions, seed, Stream.BANK)
        draws: FloatArray = self.mean + normals @ np.linalg.cholesky(self.covariance).T
        return draws

    def reading_block(self, quantity: str) -> slice:
        """Where the quantity's parameters lie in `mean`."""
        first = len(DYNAMICS_NAMES) + self.quantities.index(quantity) * len(READING_NAMES)
        return slice(first, first + len(READING_NAMES))

    def sd_reading(self, quantity: str) -> float:
        """Median SD of log value of one reading of the quantity."""
        return float(np.exp(self.mean[self.reading_block(quantity)][READING_NAMES.index("log_sd_reading")]))

    def save(self, path: str | Path) -> Path:
        """Write the prior as JSON; returns the path."""
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(json.dumps(self.to_dict(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        return target

    def to_dict(self) -> dict[str, Any]:
        """The prior as JSON stores it: parameters by name, covariance row by row."""
        card = self.card
        return {
            "format": FORMAT,
            "name": self.name,
            "quantities": list(self.quantities),
            "keywords": list(self.keywords),
            "parameters": _parameter_names(self.quantities),
            "mean": _rounded(self.mean),
            "covariance": [_rounded(row) for row in self.covariance],
            "floor_persistence": dict(self.floor_persistence),
            "visit_gap_weeks": dict(self.visit_gap_weeks),
            "below_limit": {name: getattr(self.below_limit, name) for name in BelowLimit.__slots__},
            "error_regressions": {name: own.to_dict() for name, own in self.error_regressions.items()},
            "filter_weight": dict(self.filter_weight),
            "new_lesions_per_exposed_week": self.new_lesions_per_exposed_week,
            "alert": _alert_to_dict(self.alert),
            "alert_calibration": {
                f"{rate:g}": _alert_to_dict(own) for rate, own in self.alert_calibration.items()
            },
            "card": {name: getattr(card, name) for name in Card.__slots__}
            | {"diagnostics": dict(card.diagnostics), "warnings": list(card.warnings)},
        }


def _alert_to_dict(alert: Alert) -> dict[str, Any]:
    return {name: getattr(alert, name) for name in Alert.__slots__}


def _parameter_names(quantities: Sequence[str]) -> list[str]:
    return [*DYNAMICS_NAMES, *(f"{quantity}: {name}" for quantity in quantities for name in READING_NAMES)]


def _rounded(row: FloatArray) -> list[float]:
    return [round(float(number), 6) for number in row]


def load_prior(path: str | Path) -> Prior:
    """Read a prior from its JSON file.

    Raises:
        PriorError: there is no such file, or it is not a prior, or its numbers do not fit together.
    """
    source = Path(path)
    try:
        document = json.loads(source.read_text(encoding="utf-8"))
    except OSError as error:
        raise PriorError(
            f"prior {source.name}: cannot be read ({error.strerror}). Name a prior "
            f"({', '.join(sorted(shipped_priors()))}) or the JSON file that `turnpoint fit` wrote."
        ) from error
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise PriorError(
            f"prior {source.name}: not JSON ({error}). Use the file `turnpoint fit` wrote."
        ) from error
    return prior_from_dict(document, source.name)


def prior_from_dict(document: Any, source: str) -> Prior:
    """A prior from the dictionary that `Prior.to_dict` makes; `source` names it in errors."""
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise PriorError(
            f"prior {source}: format is not {FORMAT!r}. Fit it again with this version: turnpoint fit."
        )
    try:
        prior = Prior(
            name=str(document["name"]),
            quantities=tuple(document["quantities"]),
            mean=np.array(document["mean"], dtype=np.float64),
            covariance=np.array(document["covariance"], dtype=np.float64),
            floor_persistence=dict(document["floor_persistence"]),
            visit_gap_weeks=dict(document["visit_gap_weeks"]),
            below_limit=BelowLimit(**document["below_limit"]),
            error_regressions={
                name: error_regression_from_dict(own, source)
                for name, own in document["error_regressions"].items()
            },
            filter_weight=dict(document["filter_weight"]),
            new_lesions_per_exposed_week=document["new_lesions_per_exposed_week"],
            keywords=tuple(document["keywords"]),
            card=Card(**(document["card"] | {"warnings": tuple(document["card"]["warnings"])})),
            alert=Alert(**document["alert"]),
            alert_calibration={
                float(rate): Alert(**own) for rate, own in document.get("alert_calibration", {}).items()
            },
        )
        if document["parameters"] != _parameter_names(prior.quantities):
            raise PriorError(f"prior {source}: its parameters are not those of this version. Fit it again.")
        _check(prior, source)
    except (KeyError, TypeError, ValueError) as error:
        raise PriorError(f"prior {source}: damaged ({error!r}). Fit it again: turnpoint fit.") from error
    return prior


def _check(prior: Prior, source: str) -> None:
    size = prior.dimensions
    if prior.mean.shape != (size,) or prior.covariance.shape != (size, size):
        raise PriorError(
            f"prior {source}: {size} parameters expected, {prior.mean.size} found. Fit it again."
        )
    finite = np.isfinite(prior.mean).all() and np.isfinite(prior.covariance).all()
    if not finite or np.linalg.eigvalsh(prior.covariance).min() <= 0:
        raise PriorError(f"prior {source}: its covariance is not positive definite. Fit it again.")
    weights = prior.filter_weight
    if set(weights) != set(prior.error_regressions) or not all(0.0 <= w <= 1.0 for w in weights.values()):
        raise PriorError(f"prior {source}: its filter weights are not weights. Fit it again.")
    below = prior.below_limit
    if not (below.absent >= 0.0 and below.too_small >= 0.0 and below.absent + below.too_small <= 1.0):
        raise PriorError(f"prior {source}: the shares below the limit are not shares. Fit it again.")
    for alert in (prior.alert, *prior.alert_calibration.values()):
        if not 0.0 < alert.threshold <= 1.0:
            raise PriorError(f"prior {source}: alert threshold {alert.threshold} is not in (0, 1].")


@cache
def shipped_priors() -> Mapping[str, Prior]:
    """The priors in the package, by name."""
    found = {}
    for entry in resources.files("turnpoint").joinpath("priors").iterdir():
        if entry.name.endswith(".json"):
            prior = prior_from_dict(json.loads(entry.read_text(encoding="utf-8")), entry.name)
            found[prior.name] = prior
    return found


def named_prior(name_or_path: str | Path) -> Prior:
    """A shipped prior by its name, or one from a file."""
    shipped = shipped_priors()
    if str(name_or_path) in shipped:
        return shipped[str(name_or_path)]
    return load_prior(name_or_path)


def choose_prior(quantities: Sequence[str], words: str, named: Prior | None = None) -> Prior:
    """The prior for a study: for its quantities, from the named prior or by tumour type and drug.

    The dynamics come from the named prior, or from the shipped one with most keywords in `words` among those
    that know the first quantity, or from the generic prior. Where the words name a disease, a prior of another disease
    is not among them, however well its drugs fit. A quantity's reading block comes with its own
    correlations when it is in that prior; from another prior, without correlation to the dynamics, when not.

    Args:
        quantities: of the study, the sum of diameters first.
        words: tumour types, drugs and arms of the study in lower case.
        named: the user's choice.

    Raises:
        PriorError: no quantity of the study is in the named prior.
    """
    if named is not None:
        require_known(quantities, named)
    return fitting_prior(quantities, words, named)


def require_known(quantities: Sequence[str], prior: Prior) -> None:
    """Refuse a prior that has been chosen for quantities of which it knows none.

    Raises:
        PriorError: none is known.
    """
    if not set(quantities) & set(prior.quantities) and prior.name != GENERIC:
        raise PriorError(
            f"prior {prior.name}: knows {', '.join(prior.quantities)}; the study has {', '.join(quantities)}. "
            f"Use --prior {GENERIC}, or fit one to such data."
        )


def fitting_prior(quantities: Sequence[str], words: str, named: Prior | None = None) -> Prior:
    """`choose_prior`, whether or not the named prior knows any of the quantities."""
    base = named or _best_match(quantities[0], words)
    if base.quantities == tuple(quantities):
        return base
    return _assembled(base, quantities, shipped_priors(), words)


def _best_match(quantity: str, words: str) -> Prior:
    named = diseases_in(words)
    candidates = [
        prior
        for prior in shipped_priors().values()
        if quantity in prior.quantities and (not named or named & diseases_of(prior))
    ]
    # Of equally good ones the one from patients; then the one that answers to fewer words, for something more definite.
    scored = [
        (sum(word in words for word in own.keywords), not own.card.simulated, -len(own.keywords), own)
        for own in candidates
    ]
    best = max(scored, key=lambda item: item[:3], default=None)
    return best[3] if best is not None and best[0] > 0 else shipped_priors()[GENERIC]


def diseases_of(prior: Prior) -> frozenset[str]:
    """The diseases of `study.diseases` that a prior's keywords or its card name; none for the generic one."""
    return diseases_in(" ".join([*prior.keywords, prior.card.data]))


def _block_source(quantity: str, base: Prior, shipped: Mapping[str, Prior], words: str) -> tuple[Prior, str]:
    """The prior and the block in it to read this quantity by."""
    if quantity in base.quantities:
        return base, quantity
    match = _best_match(quantity, words)
    if quantity in match.quantities:
        return match, quantity
    return shipped[GENERIC], SUM_OF_DIAMETERS if quantity == SUM_OF_DIAMETERS else ANY_MARKER


def _assembled(base: Prior, quantities: Sequence[str], shipped: Mapping[str, Prior], words: str) -> Prior:
    sources = {quantity: _block_source(quantity, base, shipped, words) for quantity in quantities}
    dynamics = slice(0, len(DYNAMICS_NAMES))
    size = len(DYNAMICS_NAMES) + len(READING_NAMES) * len(quantities)
    mean, covariance = np.zeros(size), np.zeros((size, size))
    places = [(dynamics, base, dynamics)]
    for index, quantity in enumerate(quantities):
        first = len(DYNAMICS_NAMES) + index * len(READING_NAMES)
        prior, name = sources[quantity]
        places.append((slice(first, first + len(READING_NAMES)), prior, prior.reading_block(name)))
    for here, prior, there in places:
        mean[here] = prior.mean[there]
        for other, other_prior, other_there in places:
            same_block = here == other
            if same_block or (prior is base and other_prior is base and there != other_there):
                covariance[here, other] = prior.covariance[there, other_there]
    persistence = {q: prior.floor_persistence[name] for q, (prior, name) in sources.items()}
    gaps = {q: prior.visit_gap_weeks[name] for q, (prior, name) in sources.items()}
    learned = {q: (prior, name) for q, (prior, name) in sources.items() if name in prior.error_regressions}
    names = dict.fromkeys([base.name, *(prior.name for prior, _ in sources.values())])
    return replace(
        base,
        name="+".join(names),
        quantities=tuple(quantities),
        mean=mean,
        covariance=covariance,
        floor_persistence=persistence,
        visit_gap_weeks=gaps,
        error_regressions={q: prior.error_regressions[name] for q, (prior, name) in learned.items()},
        filter_weight={q: prior.filter_weight[name] for q, (prior, name) in learned.items()},
    )
