"""The chance that a criterion is met within 6, 12 and 24 weeks: `python benchmarks/progression_ahead.py`.

Five folds by patient on every real series, the splits of `benchmarks/forecast.py`. Origins: every visit with a value
from the second on, before the first progression by the quantity's own criterion. Progression counts when it comes
within the horizon plus a week; its absence, when the patient was followed to the horizon less a week. Patients lost
before that are not scored, and those like them who were not lost weigh more: by 1 / the chance of still being followed
(Kaplan-Meier in the training set; Graf et al. 1999, Statistics in Medicine 18:2529). Without these weights the rates
would be too high, for a progression is known however short the follow-up. What the weights cannot mend: follow-up
often ends because of progression by something else (a new lesion, the clinic).
Methods: the training set's rate; a logistic regression on log(value / smallest so far) and the last change of log
value; the filter's draws against the bar as it stands at the origin, at the usual gap between visits (what the report
did first); the filter's draws, each of which carries its own smallest value on, at the patient's own gap; Turnpoint
(`workflows.ahead`), which also matches the hazard to its forecast of the next visit. None knows when the
later visits were. A horizon before the next visit counts as no chance. Standard errors of the difference to the
logistic regression: bootstrap over patients, 300 times.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl
from forecast import BOOTSTRAPS, SETS, fitted, splits, stamp, table
from sklearn.linear_model import LogisticRegression

from turnpoint.model.filter import posteriors
from turnpoint.model.forecast import readings_ahead
from turnpoint.model.prior import Prior
from turnpoint.model.series import parts_of, quantities_of, readings_of
from turnpoint.study.study import Study
from turnpoint.turning.criterion_ahead import progression_thresholds
from turnpoint.turning.progression_ahead import HORIZONS_WEEKS, exposure_ahead, visits_ahead
from turnpoint.workflows.ahead import ahead

RESULTS = Path(__file__).parents[1] / "docs" / "results" / "progression-ahead.md"
TOLERANCE_DAYS = 7
SMALLEST = 1e-2
RATE, LOGISTIC, OURS = "training rate", "logistic regression", "Turnpoint"


def origins(study: Study) -> pl.DataFrame:
    """`patient_id, day, above_nadir, last_change, threshold, days_to_call` (inf: never), `days_followed`."""
    readings = readings_of(study)
    quantity = quantities_of(readings)[0]
    log_value = pl.col("value").clip(SMALLEST).log()
    own = (
        readings.filter(pl.col("quantity") == quantity)
        .join(progression_thresholds(readings, study.markers), on=["patient_id", "quantity", "day"])
        .sort("patient_id", "day")
        .with_columns(
            (log_value - log_value.cum_min().over("patient_id")).alias("above_nadir"),
            log_value.diff().over("patient_id").alias("last_change"),
            pl.col("day").filter(pl.col("threshold").is_null()).min().over("patient_id").alias("called"),
            pl.col("day").max().over("patient_id").alias("followed_to"),
        )
        .filter(pl.col("threshold").is_not_null() & pl.col("last_change").is_not_null())
    )
    return own.select(
        "patient_id",
        "day",
        "above_nadir",
        "last_change",
        "threshold",
        (pl.col("called") - pl.col("day")).cast(pl.Float64).fill_null(np.inf).alias("days_to_call"),
        (pl.col("followed_to") - pl.col("day")).cast(pl.Float64).alias("days_followed"),
    )


@dataclass(frozen=True)
class StillFollowed:
    """Kaplan-Meier chance of still being followed, by days after an origin; a progression ends the wait."""

    days: np.ndarray
    chance: np.ndarray

    @classmethod
    def of(cls, frame: pl.DataFrame) -> StillFollowed:
        """From the origins of a study."""
        called, followed = frame["days_to_call"].to_numpy(), frame["days_followed"].to_numpy()
        lost_on, ended = followed[np.isinf(called)], np.minimum(called, followed)
        days, lost = np.unique(lost_on, return_counts=True)
        at_risk = np.array([(ended >= day).sum() for day in days])
        return cls(days, np.cumprod(1.0 - lost / at_risk))

    def before(self, days: np.ndarray) -> np.ndarray:
        """The chance just before each day."""
        place = np.searchsorted(self.days, days, side="left")
        return np.concatenate([[1.0], self.chance])[place]


def outcome(frame: pl.DataFrame, weeks: int, followed: StillFollowed) -> tuple[np.ndarray, np.ndarray]:
    """Progression within the horizon, and the weight of the origin: 0 where it is not known."""
    called, days = frame["days_to_call"].to_numpy(), 7 * weeks
    event = called <= days + TOLERANCE_DAYS
    known = event | (frame["days_followed"].to_numpy() >= days - TOLERANCE_DAYS)
    weight = 1.0 / followed.before(np.minimum(called, days - TOLERANCE_DAYS))
    return event, np.where(known, weight, 0.0)


def auc(chance: np.ndarray, event: np.ndarray, weight: np.ndarray) -> float:
    """Weighted chance that a progression was given the higher chance; a tie counts one half."""
    order = np.argsort(chance[~event])
    scores, running = chance[~event][order], np.append(0.0, np.cumsum(weight[~event][order]))
    below = (running[np.searchsorted(scores, chance[event], side=side)] for side in ("left", "right"))
    return float(weight[event] @ np.mean(list(below), axis=0) / (weight[event].sum() * running[-1]))


def brier_skill(chance: np.ndarray, event: np.ndarray, rate: np.ndarray, weight: np.ndarray) -> float:
    return float(1 - weight @ (chance - event) ** 2 / (weight @ (rate - event) ** 2))


def with_bar_as_it_stands(study: Study, prior: Prior, wanted: pl.DataFrame) -> pl.DataFrame:
    """`patient_id, day, fixed_6w` ...: the chance that a draw passes the bar of the origin within the horizon."""
    quantity = prior.quantities[0]
    ahead = visits_ahead(np.array([prior.visit_gap_weeks[quantity]]), max(HORIZONS_WEEKS))
    found = []
    for posterior in posteriors(parts_of(study), study, prior):
        keys = pl.DataFrame(
            {
                "patient_id": [posterior.batch.patient_ids[patient] for patient in posterior.patient],
                "day": posterior.day.astype(np.int64),
            }
        ).with_row_index("row")
        here = keys.join(wanted, on=["patient_id", "day"], how="inner", maintain_order="left")
        if here.is_empty():
            continue
        at = posterior.at(here["row"].to_numpy())
        days = at.day[:, None] + ahead
        drawn = readings_ahead(at, prior, quantity, days, exposure_ahead(at, ahead), seed=0)
        called = drawn >= here["threshold"].to_numpy()[:, None, None] - 1e-9
        chances = [
            pl.Series(f"fixed_{weeks}w", called[:, ahead[0] <= 7 * weeks].any(axis=1).mean(axis=1))
            for weeks in HORIZONS_WEEKS
        ]
        found.append(here.select("patient_id", "day").with_columns(*chances))
    return pl.concat(found)


@dataclass(frozen=True)
class Scored:
    """Every method's chance at the same origins, what came, and how much each counts."""

    patients: np.ndarray
    event: np.ndarray
    weight: np.ndarray
    chances: dict[str, np.ndarray]

    def skills(self, name: str, chosen: np.ndarray) -> np.ndarray:
        """AUC and Brier skill of a method at these origins."""
        event, weight, chance = self.event[chosen], self.weight[chosen], self.chances[name][chosen]
        if event.all() or not event.any():
            return np.full(2, np.nan)
        rate = self.chances[RATE][chosen]
        return np.array([auc(chance, event, weight), brier_skill(chance, event, rate, weight)])


def fold(train: Study, test: Study) -> pl.DataFrame:
    """The test origins with outcome, weight and the chance of every method, by horizon."""
    learnt, wanted = origins(train), origins(test)
    prior, followed = fitted(train), StillFollowed.of(learnt)
    filter_alone = replace(prior, error_regressions={}, filter_weight={})
    forecasts = (
        ahead(test, prior, every_visit=True).filter(pl.col("quantity") == prior.quantities[0]),
        ahead(test, filter_alone, every_visit=True)
        .filter(pl.col("quantity") == prior.quantities[0])
        .select("patient_id", "day", pl.col("^p_progression.*$").name.prefix("alone_")),
        with_bar_as_it_stands(test, prior, wanted),
    )
    frame = wanted
    for forecast in forecasts:
        frame = frame.join(forecast, on=["patient_id", "day"], how="left", maintain_order="left")
    features = ["above_nadir", "last_change"]
    columns = []
    for weeks in HORIZONS_WEEKS:
        event, weight = outcome(learnt, weeks, followed)
        model = LogisticRegression().fit(learnt.select(features).to_numpy(), event, weight)
        chance = model.predict_proba(wanted.select(features).to_numpy())[:, 1]
        test_event, test_weight = outcome(wanted, weeks, followed)
        columns += [
            pl.Series(f"event_{weeks}w", test_event),
            pl.Series(f"weight_{weeks}w", test_weight),
            pl.Series(f"logistic_{weeks}w", chance),
            pl.lit(float(weight @ event / weight.sum())).alias(f"rate_{weeks}w"),
        ]
    return frame.with_columns(*columns)


def scored(frame: pl.DataFrame, weeks: int) -> Scored:
    known = frame.filter(pl.col(f"weight_{weeks}w") > 0)
    columns = {
        RATE: f"rate_{weeks}w",
        LOGISTIC: f"logistic_{weeks}w",
        "filter, bar as it stands": f"fixed_{weeks}w",
        "filter": f"alone_p_progression_{weeks}w",
        OURS: f"p_progression_{weeks}w",
    }
    return Scored(
        known["patient_id"].to_numpy(),
        known[f"event_{weeks}w"].to_numpy(),
        known[f"weight_{weeks}w"].to_numpy(),
        {name: known[column].fill_null(0.0).to_numpy() for name, column in columns.items()},
    )


def score_rows(found: Scored) -> list[dict[str, float | str]]:
    every, rows = np.arange(len(found.event)), []
    for name, chance in found.chances.items():
        area, skill = found.skills(name, every)
        rows.append(
            {
                "method": name,
                "AUC": float(area),
                "Brier skill": float(skill),
                "mean chance": float(np.average(chance, weights=found.weight)),
                "observed": float(np.average(found.event, weights=found.weight)),
                "origins": len(chance),
                "patients": len(np.unique(found.patients)),
                "progressions": int(found.event.sum()),
            }
        )
    return rows


def against_logistic(found: Scored) -> str:
    """Differences of AUC and Brier skill to the logistic regression, with standard errors over patients."""
    _, patient = np.unique(found.patients, return_inverse=True)
    rows = [np.flatnonzero(patient == index) for index in range(patient.max() + 1)]
    rng = np.random.default_rng(0)

    def differences(chosen: np.ndarray) -> np.ndarray:
        return found.skills(OURS, chosen) - found.skills(LOGISTIC, chosen)

    area, skill = differences(np.arange(len(patient)))
    again = [
        differences(np.concatenate([rows[one] for one in rng.integers(0, len(rows), len(rows))]))
        for _ in range(BOOTSTRAPS)
    ]
    area_se, skill_se = np.nanstd(again, axis=0)
    return (
        f"Turnpoint less logistic regression: AUC {area:+.3f} (SE {area_se:.3f}), "
        f"Brier skill {skill:+.3f} (SE {skill_se:.3f})."
    )


def reliability(found: Scored) -> str:
    ours, pairs = found.chances[OURS], []
    for part in np.array_split(np.argsort(ours, kind="stable"), 5):
        forecast, observed = (
            100 * np.average(numbers[part], weights=found.weight[part]) for numbers in (ours, found.event)
        )
        pairs.append(f"{forecast:.1f}: {observed:.1f}")
    return f"Turnpoint by fifths of the origins (forecast %: observed %) {', '.join(pairs)}."


def section(name: str) -> str:
    start = time.perf_counter()
    frame = pl.concat([fold(train, test) for train, test in splits(name)])
    seconds = time.perf_counter() - start
    parts = [f"## {name}", ""]
    for weeks in HORIZONS_WEEKS:
        found = scored(frame, weeks)
        parts += [
            table(f"Within {weeks} weeks", score_rows(found)),
            against_logistic(found),
            reliability(found),
            "",
        ]
    parts += [f"{seconds:.0f} s, fits included.", ""]
    text = "\n".join(parts)
    print(text, flush=True)
    return text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", nargs="*", default=list(SETS))
    parser.add_argument("--out", type=Path, default=RESULTS)
    chosen = parser.parse_args()
    intro = [
        "# Progression within 6, 12 and 24 weeks",
        "",
        __doc__.split("\n\n", 1)[1].strip(),
        "",
        stamp(),
        "",
    ]
    text = "\n".join([*intro, *(section(name) for name in chosen.sets)])
    chosen.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
