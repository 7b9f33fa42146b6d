"""Verdicts and `p_turned` on the real series of `../shared/data`, against what the later readings did."""

from __future__ import annotations

import os
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
from independent_readings import BEYOND_ERROR, TOO_SMALL_MM, error_of_sum
from states_statistics import Calibration, share_of_visits, table

import turnpoint as tp

DATA = Path(os.environ.get("TURNPOINT_DATA", Path(__file__).parents[2] / "shared" / "data"))
FOLDS = 5
PSA_SD = 0.17  # of the log of one value: as CEA; none is published for these patients
SMALLEST_PSA = 1e-2
BINS = np.array([0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0])
SERIES = {
    "oak-docetaxel": "CT",
    "oak-atezolizumab": "CT",
    "ffcd2000-05-colorectal": "CT",
    "ascent2-docetaxel-psa": "PSA",
    "abiraterone-adaptive-psa": "PSA",
}
LEFT_OUT = ("oak-docetaxel", "oak-atezolizumab", "ffcd2000-05-colorectal")
UNSEEN = "abiraterone-adaptive-psa"


def values_of(name: str) -> pl.DataFrame:
    """`course, patient_id, day, value, sd` as the files have them: `too_small` counts 5 mm, `absent` 0 mm."""
    if SERIES[name] == "PSA":
        read = pl.read_csv(DATA / name / "markers.csv", schema_overrides={"patient_id": pl.String})
        value = pl.col("value").cast(pl.String).str.strip_prefix("<").cast(pl.Float64).clip(SMALLEST_PSA)
        return read.select("patient_id", "day", value, pl.lit(PSA_SD).alias("sd")).sort("patient_id", "day")
    read = pl.read_csv(DATA / name / "lesions.csv", schema_overrides={"patient_id": pl.String})
    counted = (
        pl.when(pl.col("status") == "too_small")
        .then(TOO_SMALL_MM)
        .when(pl.col("status") == "absent")
        .then(0.0)
        .otherwise(pl.col("diameter_mm"))
    )
    sums = (
        read.filter(pl.col("role") == "target")
        .select("patient_id", "day", counted.alias("value"))
        .group_by("patient_id", "day")
        .agg(pl.col("value").sum(), pl.col("value").is_null().any().alias("missing"))
        .filter(~pl.col("missing"))
        .sort("patient_id", "day")
    )
    value = np.maximum(sums["value"].to_numpy(), 1e-9)  # what has gone was still read to a millimetre
    return sums.select("patient_id", "day", "value", pl.Series("sd", error_of_sum(value[:, None], 1)))


def outcomes(name: str) -> pl.DataFrame:
    """By visit: values so far, what the next one did, and how far a later one goes below the smallest so far."""
    rows = []
    log_scale = SERIES[name] == "PSA"
    for (patient,), one in values_of(name).group_by("patient_id", maintain_order=True):
        day, value, sd = one["day"].to_numpy(), one["value"].to_numpy(), one["sd"].to_numpy()
        scale = np.log(value) if log_scale else value
        for i in range(len(day) - 1):
            least = int(np.argmin(value[: i + 1]))
            apart = scale[i + 1] - scale[i]
            beyond = BEYOND_ERROR * sd[i]
            following = "rose" if apart > beyond else "fell" if apart < -beyond else "stayed"
            fallen = (scale[least] - scale[i + 1 :].min()) / sd[least]
            rows.append((str(patient), int(day[i]), i + 1, following, float(fallen), len(day) - 1 - i))
    columns = ["patient_id", "day", "values", "following", "fallen_sd", "later_values"]
    found = pl.DataFrame(rows, schema=columns, orient="row")
    return found.with_columns(
        pl.col("patient_id").alias("course"), (pl.col("fallen_sd") < BEYOND_ERROR).alias("no_later_lower")
    )


def judged(name: str) -> pl.DataFrame:
    """With the prior Turnpoint chooses; the rows of `outcomes` with three or more values."""
    return joined(name, tp.assess(tp.read(DATA / name)).frame)


def judged_by_folds(name: str, seed: int) -> pl.DataFrame:
    """With a prior fitted to the other four fifths of the patients."""
    study = tp.read(DATA / name)
    ids = np.array(sorted(study.patient_ids))
    fold = np.random.default_rng((seed, 5)).permutation(len(ids)) % FOLDS
    parts = []
    for one in range(FOLDS):
        prior = tp.fit(study.only(ids[fold != one].tolist()), name="others", courses=0)
        parts.append(tp.assess(study.only(ids[fold == one].tolist()), prior=prior).frame)
    return joined(name, pl.concat(parts))


def joined(name: str, said: pl.DataFrame) -> pl.DataFrame:
    found = outcomes(name).filter(pl.col("values") >= 3)
    columns = ["patient_id", "day", "verdict", "p_turned", "alert"]
    return found.join(said.select(columns), on=["patient_id", "day"], how="inner", validate="1:1")


def next_rows(name: str, frame: pl.DataFrame) -> list[list[object]]:
    """For each verdict, the share whose next reading fell, stayed, rose beyond error."""
    rows: list[list[object]] = []
    for verdict in ("responding", "plateau", "regrowing", "undetermined"):
        here = frame.filter(pl.col("verdict") == verdict)
        shares = [share_of_visits(here, pl.col("following") == what) for what in ("fell", "stayed", "rose")]
        rows.append([name, verdict, here.height, *shares])
    every = [share_of_visits(frame, pl.col("following") == what) for what in ("fell", "stayed", "rose")]
    return [*rows, [name, "*all visits*", frame.height, *every]]


def calibration_row(name: str, frame: pl.DataFrame) -> list[object]:
    said, seen = frame["p_turned"].to_numpy(), frame["no_later_lower"].to_numpy()
    found = Calibration.of(said, seen, BINS)
    cells: list[object] = [""] * (len(BINS) - 1)
    places = np.unique(np.clip(np.digitize(said, BINS[1:-1]), 0, len(BINS) - 2))
    for place, one, other, n in zip(places, found.said, found.seen, found.n, strict=True):
        cells[place] = f"{one:.2f}: {other:.2f} ({n})"
    followed = f"{frame['later_values'].mean():.1f} ({(frame['later_values'] >= 2).mean():.0%})"
    fallen = frame["fallen_sd"].to_numpy()
    others = [f"{Calibration.of(said, fallen <= margin, BINS).error:.3f}" for margin in (0.0, 1.0)]
    return [name, frame.height, followed, *cells, f"{found.error:.3f}", *others]


def next_table(frames: dict[str, pl.DataFrame]) -> list[str]:
    rows = [row for name, frame in frames.items() for row in next_rows(name, frame)]
    return table(["series", "verdict", "visits", "next fell, %", "stayed, %", "rose, %"], rows)


def calibration_table(frames: dict[str, pl.DataFrame]) -> list[str]:
    bins = [f"{low:.1f}-{high:.1f}" for low, high in pairwise(BINS)]
    header = [
        "series",
        "visits",
        "later values, mean (two or more)",
        *bins,
        "mean difference",
        "not lower at all",
        "by one SD",
    ]
    return table(header, [calibration_row(name, frame) for name, frame in frames.items()])


def together(frames: dict[str, pl.DataFrame], kind: str) -> pl.DataFrame:
    return pl.concat([frame for name, frame in frames.items() if SERIES[name] == kind])
