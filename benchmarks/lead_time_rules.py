"""Rules in use as signals: a number at each visit, from the readings up to it, to compare with a threshold."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl

from turnpoint.criteria.recist import TOO_SMALL_MM
from turnpoint.kinetics.regression_growth import fit_each_regression_growth
from turnpoint.model.parameters import SUM_OF_DIAMETERS
from turnpoint.turning.alerts import SURGE_WEEKS

RULER = "ruler"
RULER_ALERTS_AT = 1.0  # +10 % and 3 mm
SMALLEST = 1e-4
LEAST_SD_LOG = 0.03  # a series that lies on two lines exactly is not infinitely sure


def two_rises(_weeks: np.ndarray, log_value: np.ndarray) -> np.ndarray:
    """The smaller of the last two changes of log value: above log 1.25 after two rises of 25 %; (S, N)."""
    change = np.diff(log_value, axis=1, prepend=np.nan)
    return np.minimum(change, np.roll(change, 1, axis=1))


def flat_over_two(_weeks: np.ndarray, log_value: np.ndarray) -> np.ndarray:
    """Minus the larger of the last two changes: above -log 1.1 when both are under 10 %."""
    change = np.abs(np.diff(log_value, axis=1, prepend=np.nan))
    return -np.maximum(change, np.roll(change, 1, axis=1))


def change_point(weeks: np.ndarray, log_value: np.ndarray) -> np.ndarray:
    """Likelihood ratio n·log(RSS1/RSS2) of the best broken line against a straight one, where it bends to a rise.

    Broken at a visit between the first and the last, by least squares; four readings at the least.
    """
    signal = np.full(log_value.shape, np.nan)
    for count in range(4, len(weeks) + 1):
        week, own = weeks[:count], log_value[:, :count]
        line = np.column_stack([np.ones(count), week])
        least = count * LEAST_SD_LOG**2
        straight = squares(line, own)[1] + least
        best = np.zeros(len(own))
        for broken in range(1, count - 1):
            design = np.column_stack([line, np.maximum(week - week[broken], 0.0)])
            fitted, rest = squares(design, own)
            rises = (fitted[2] > 0) & (fitted[1] + fitted[2] > 0)
            best = np.where(rises, np.maximum(best, count * np.log(straight / (rest + least))), best)
        signal[:, count - 1] = best
    return signal


def squares(design: np.ndarray, log_value: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients (parameters, S) and sums of squares (S,) of least squares fits to S series at once."""
    fitted = np.linalg.pinv(design) @ log_value.T
    return fitted, ((log_value.T - design @ fitted) ** 2).sum(axis=0)


def ruler(readings: pl.DataFrame) -> pl.DataFrame:
    """`patient_id, day, ruler`: min(rise / 10 %, rise / 3 mm) over the smallest sum; of a marker rise / 10 %."""
    is_sum = pl.col("quantity") == SUM_OF_DIAMETERS
    value = pl.when(is_sum & (pl.col("censoring") < 0)).then(TOO_SMALL_MM).otherwise(pl.col("value"))
    smallest = value.cum_min().over("patient_id", "quantity", order_by="day")
    in_percent, in_mm = (value / smallest - 1.0) / 0.1, (value - smallest) / 3.0
    return readings.select(
        "patient_id",
        "day",
        pl.when(is_sum).then(pl.min_horizontal(in_percent, in_mm)).otherwise(in_percent).alias(RULER),
    )


RULES: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "two rises": two_rises,
    "flat over two": flat_over_two,
    "change point": change_point,
}


def rule_signals(readings: pl.DataFrame) -> pl.DataFrame:
    """Every rule's signal at every visit: `patient_id, day` and a column a rule; null where it cannot alert.

    Of two quantities the one with the stronger signal counts, at its latest reading. A marker's signal is ignored in
    the first eight weeks, as the alert ignores it.
    """
    frames = []
    for (quantity,), own in readings.sort("day").group_by("quantity"):
        signals = _of_quantity(own)
        early = (pl.col("day") < 7 * SURGE_WEEKS) & (pl.lit(quantity) != SUM_OF_DIAMETERS)
        names = [name for name in signals.columns if name not in ("patient_id", "day")]
        frames.append(
            signals.with_columns(pl.when(~early).then(pl.col(names))).rename(
                {name: f"{quantity}: {name}" for name in names}
            )
        )
    joined = frames[0]
    for frame in frames[1:]:
        joined = joined.join(frame, on=["patient_id", "day"], how="full", coalesce=True)
    joined = joined.sort("patient_id", "day")
    carried = [name for name in joined.columns if ":" in name]
    joined = joined.with_columns(pl.col(carried).forward_fill().over("patient_id"))
    rules = dict.fromkeys(name.split(": ", 1)[1] for name in carried)
    return joined.select(
        "patient_id",
        "day",
        *(
            pl.max_horizontal(name for name in carried if name.endswith(f": {rule}")).alias(rule)
            for rule in rules
        ),
    )


def _of_quantity(readings: pl.DataFrame) -> pl.DataFrame:
    """The signals of one quantity; series with the same days are worked out together."""
    groups: dict[tuple[float, ...], list[tuple[str, np.ndarray]]] = {}
    for (patient_id,), own in readings.group_by("patient_id", maintain_order=True):
        days = tuple(own["day"].to_list())
        groups.setdefault(days, []).append((str(patient_id), own["value"].to_numpy().astype(float)))
    frames, series = [], []
    for days, members in groups.items():
        weeks = np.array(days) / 7.0
        log_value = np.log(np.maximum(np.stack([value for _, value in members]), SMALLEST))
        columns = {name: rule(weeks, log_value).ravel() for name, rule in RULES.items()}
        ids = np.repeat(np.array([name for name, _ in members], dtype=object), len(days))
        keys = {"patient_id": ids, "day": np.tile(np.array(days, dtype=np.int64), len(members))}
        frames.append(pl.DataFrame(keys | columns, schema_overrides={"patient_id": pl.String}))
        series += [(np.array(days, dtype=float), value) for _, value in members]
    signals = pl.concat(frames)
    return signals.with_columns(
        pl.Series(name, values) for name, values in growth_signals(series).items()
    ).fill_nan(None)


def growth_signals(series: list[tuple[np.ndarray, np.ndarray]]) -> dict[str, np.ndarray]:
    """Each series' own least-squares g, and weeks since the fitted nadir, from three readings on; one after another."""
    starts = [(days[:count], value[:count]) for days, value in series for count in range(1, len(days) + 1)]
    enough = [index for index, (days, _) in enumerate(starts) if len(days) >= 3]
    fits = fit_each_regression_growth([starts[index] for index in enough])
    own_g, passed = np.full(len(starts), np.nan), np.full(len(starts), np.nan)
    for index, fit in zip(enough, fits, strict=True):
        if fit is not None and fit.regrowth_per_week is not None and fit.time_to_nadir_weeks is not None:
            days = starts[index][0]
            own_g[index] = fit.regrowth_per_week
            passed[index] = (days[-1] - days[0]) / 7.0 - fit.time_to_nadir_weeks
    return {"own g": own_g, "own nadir passed": passed}
