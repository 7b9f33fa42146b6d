"""The numbers of docs/claims.md: `python benchmarks/claims.py`.

A plateau is counted, not modelled (`benchmarks/plateaus.py`): three readings in a row within reading error of each
other, none of them the baseline, lower than the baseline by more than that error, before progression, and above what
is too small to measure. Each patient's first one counts. Reading error: on CT 9.8 % and at least 1 mm (one-sided 95 %
of the difference of two readings with SD 4 %, doi:10.1200/JCO.2010.33.6198), for PSA 20 %. Beside the plateaus, in the
same patients and by the same rule: the first three readings of which the last is lower (still shrinking) or higher
(growing) than the first by more than that error.

Progression: CT by RECIST 1.1 (in the OAK sets of one lesion; new lesions only in FFCD), PSA +25 % and +2 ng/mL over
nadir, not confirmed. "By week 12" allows a visit a week late. Shares with Wilson intervals; "Kaplan-Meier" counts
patients without progression until their last reading. Intervals are 95 %. No set says when a drug was stopped, save
the abiraterone one, where each spell on the drug is a course of its own.
"""

from __future__ import annotations

import argparse
import math
import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
from claims_series import (
    DATA,
    SETTINGS,
    Series,
    Wait,
    dates_under,
    kaplan_meier,
    nadir_to_progression,
    outcomes,
    series_of,
    visits_of,
    waiting,
    with_new_lesion,
)
from plateaus import OUTCOMES, Trend, windows
from provenance import commit
from scipy.stats import binomtest, norm

import turnpoint as tp
from turnpoint.criteria.marker_progression import PSA_NG_PER_ML, PSA_RATIO
from turnpoint.kinetics.progression_gap import progression_gap
from turnpoint.kinetics.volume import cell_number_estimate, doublings, volume_ratio
from turnpoint.study.recist_bar import PROGRESSION_MM, PROGRESSION_RATIO

RESULTS = Path(__file__).parents[1] / "docs" / "results" / "claims.md"
HORIZONS_WEEKS = (12, 24)
BOOTSTRAPS = 1000
FEWER_CELLS_PER_CM3 = 1e8  # Del Monte 2009, doi:10.4161/cc.8.3.7608
REPEAT_SCAN_SD_MM = 2.4  # SD of the change between two CTs 15 minutes apart (PMC3157977)


def percent(count: int, of: int) -> str:
    """`34 % (27-42)`: share with its 95 % Wilson interval."""
    if of == 0:
        return "-"
    low, high = binomtest(count, of).proportion_ci(method="wilson")
    return f"{100 * count / of:.0f} % ({100 * low:.0f}-{100 * high:.0f})"


def progressed(series: Series, visits: pl.DataFrame, weeks: float) -> str:
    share, low, high = kaplan_meier(*waiting(series, visits), weeks) if visits.height else (math.nan,) * 3
    if math.isnan(share):
        return "-"
    return f"{100 * share:.0f} %" + ("" if math.isnan(low) else f" ({100 * low:.0f}-{100 * high:.0f})")


def quartiles(values: Sequence[float] | np.ndarray | pl.Series, digits: int = 0) -> str:
    numbers = np.asarray(values, dtype=float)
    if not numbers.size:
        return "-"
    low, middle, high = (  # + 0.0 turns -0 into 0
        f"{round(number, digits) + 0.0:.{digits}f}" for number in np.percentile(numbers, [25, 50, 75])
    )
    return f"{middle} ({low} to {high})".replace("-", "−")


def table(title: str, rows: Sequence[dict[str, object]]) -> str:
    names = list(rows[0])
    lines = [f"### {title}", "", "| " + " | ".join(names) + " |", "|" + " --- |" * len(names)]
    lines += ["| " + " | ".join(str(value) for value in row.values()) + " |" for row in rows]
    return "\n".join([*lines, ""])


def volumes() -> str:
    """Claims 1 and 2: arithmetic on spheres, and RECIST's bar."""
    rows = [
        {
            "diameter mm": diameter,
            "cells at 1e9 / cm³": f"{cell_number_estimate(diameter):.1e}",
            "doublings from one cell": f"{math.log2(cell_number_estimate(diameter)):.1f}",
            "at 1e8 / cm³": f"{math.log2(cell_number_estimate(diameter, FEWER_CELLS_PER_CM3)):.1f}",
            "doublings from 10 mm": f"{doublings(10, diameter):.1f}",
        }
        for diameter in (1, 5, 10, 20, 50, 100, 124)
    ]
    gaps = [(nadir, progression_gap(nadir, nadir)) for nadir in (10, 15, 20, 25, 50, 100)]
    bars = [
        {
            "nadir mm": nadir,
            "volume at +20 %": f"x {volume_ratio(nadir, PROGRESSION_RATIO * nadir):.2f}",
            "RECIST calls at mm": f"{gap.progression_sum_mm:.0f}",
            "volume by then": f"x {gap.volume_ratio:.2f}",
            "doublings by then": f"{gap.doublings:.2f}",
        }
        for nadir, gap in gaps
    ]
    return "\n".join(
        [table("Doublings of one cell", rows), table("What RECIST waits for", bars), readers(), nadirs()]
    )


def readers() -> str:
    """How often another reader, or another scan, alone would call growth."""
    frame = pl.read_csv(DATA / "reader-variability-ct" / "lesion_by_reader.csv")
    name = "longest_diameter_as_given"
    pairs = frame.join(frame, on="lesion", suffix="_2").filter(pl.col("reader") != pl.col("reader_2"))
    ratio = (pairs[f"{name}_2"] / pairs[name]).to_numpy()
    variances = frame.group_by("lesion").agg(pl.col(name).log().var())[name].to_numpy()
    by_chance = [float(norm.sf(mm / REPEAT_SCAN_SD_MM)) for mm in (2.0, 5.0)]
    return (
        f"{frame['lesion'].n_unique()} lesions, {frame['reader'].n_unique()} readers of the same scan: SD of "
        f"ln(diameter) {math.sqrt(variances.mean()):.3f}; in {100 * (ratio >= 1.2).mean():.1f} % of ordered pairs of "
        f"readers the second reads at least 20 % more, in {100 * (ratio >= 1.5).mean():.1f} % at least 50 % more. "
        f"Normal change between two scans of an unchanged lesion with SD {REPEAT_SCAN_SD_MM} mm: at least +2 mm in "
        f"{100 * by_chance[0]:.0f} %, at least +5 mm in {100 * by_chance[1]:.1f} %; at least once in six independent "
        f"pairs in {100 * (1 - (1 - by_chance[0]) ** 6):.0f} and {100 * (1 - (1 - by_chance[1]) ** 6):.0f} %.\n"
    )


def nadirs() -> str:
    """How often the 5 mm rule, not the 20 % rule, sets the bar."""
    lines = []
    edge = PROGRESSION_MM / (PROGRESSION_RATIO - 1)
    for setting in SETTINGS[:3]:
        nadir = series_of(setting).readings.group_by("patient_id").agg(pl.col("value").min())["value"]
        lines.append(
            f"{setting.folder}: nadir below {edge:.0f} mm in {percent(int((nadir < edge).sum()), len(nadir))} "
            f"of {len(nadir)}, median {nadir.median():.0f} mm"
        )
    return "Where the 5 mm rule sets the bar: " + "; ".join(lines) + ".\n"


def lag() -> str:
    """Claim 3: how long after the turn, in the model and in the readings."""
    rows = []
    for name in ("docetaxel-nsclc-ct", "chemotherapy-colorectal-ct"):
        found = dates_under(name)
        turned = found.turning > 0  # a tumour that only grows has no turn to be late for
        rows.append(
            {
                "prior": name,
                "turning point, week": quartiles(found.turning[turned]),
                "majority resistant, weeks before": quartiles((found.turning - found.dominance)[turned]),
                "above reading error, weeks after": quartiles((found.detectable - found.turning)[turned]),
                "+20 %, weeks after": quartiles((found.progression - found.turning)[turned]),
                "resistant share at the turn": quartiles(found.share_at_turning[turned], 2),
                "doublings of resistant cells from the turn to +20 %": quartiles(
                    found.doublings_to_progression[turned], 1
                ),
            }
        )
    observed = [wait_row(nadir_to_progression(series_of(setting))) for setting in SETTINGS[:4]]
    return "\n".join(
        [
            table("The model's dates: median (quartiles) of patients drawn from the prior", rows),
            table("From the first smallest reading to progression", observed),
            "{}: a new lesion at {} of {} first progressions.\n".format(
                SETTINGS[2].folder, *with_new_lesion(SETTINGS[2])
            ),
        ]
    )


def wait_row(wait: Wait) -> dict[str, object]:
    none = int((wait.between == 0).sum())
    return {
        "data": wait.label,
        "progressions after a nadir under treatment": len(wait.days),
        "days, median (quartiles)": quartiles(wait.days),
        "no reading between": f"{none}: {percent(none, len(wait.days))}",
    }


def how_often(series: Series) -> dict[str, object]:
    found = windows(series.readings, series.progressions, series.error)
    flat = visits_of(series, "flat")
    judged = found["patient_id"].n_unique()
    return {
        "data": series.setting.label,
        "courses": series.readings["patient_id"].n_unique(),
        "reading error": f"{100 * math.expm1(series.error.error_log):.0f} %",
        "three readings after a fall": judged,
        "with a plateau": f"{flat.height}: {percent(flat.height, judged)}",
        "week it is seen": quartiles(flat["day"] / 7),
        "later below it again, before progression": ever_below(series, flat),
    }


def ever_below(series: Series, flat: pl.DataFrame) -> str:
    """Of the plateaus with any later reading, those that shrank again by more than reading error."""
    later = (
        flat.join(series.readings.rename({"day": "later"}), on="patient_id")
        .join(series.progressions, on="patient_id", how="left")
        .filter(pl.col("later") > pl.col("day"))
    )
    again = series.error.is_below(pl.col("value"), pl.col("level")) & (
        pl.col("progression_day").is_null() | (pl.col("later") < pl.col("progression_day"))
    )
    followed = later.group_by("patient_id").agg(again.any().alias("again"))
    count = int(followed["again"].sum())
    return f"{count} of {followed.height}: {percent(count, followed.height)}"


def next_rows(trend: Trend) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for setting in SETTINGS:
        series = series_of(setting)
        visits = visits_of(series, trend)
        for weeks in HORIZONS_WEEKS if visits.height else ():
            found = outcomes(series, trend, weeks)["outcome"]
            counted = {name: int((found == name).sum()) for name in OUTCOMES}
            known = visits.height - counted["unknown"]
            rows.append(
                {
                    "data": setting.label,
                    "seen in week": quartiles(visits["day"] / 7),
                    "by week": weeks,
                    "n": visits.height,
                    **counted,
                    "progressed, Kaplan-Meier": progressed(series, visits, weeks),
                    "smaller, of known": percent(counted["fallen"], known),
                }
            )
    return rows


def differences() -> str:
    """Progressed by week 24: after a plateau less while still shrinking; bootstrap over patients."""
    lines = []
    rng = np.random.default_rng(0)
    for setting in SETTINGS[:2]:
        series = series_of(setting)
        sides = []
        for trend in ("flat", "fallen"):
            visits = visits_of(series, trend)
            days, event = waiting(series, visits)
            ids = visits["patient_id"].to_list()
            sides.append({own: (days[row], event[row]) for row, own in enumerate(ids)})
        patients = sorted(set(sides[0]) | set(sides[1]))
        found = []
        for draw in range(BOOTSTRAPS + 1):
            chosen = (
                patients
                if draw == 0
                else [patients[k] for k in rng.integers(0, len(patients), len(patients))]
            )
            shares = []
            for side in sides:
                pairs = np.array([side[own] for own in chosen if own in side])
                shares.append(kaplan_meier(pairs[:, 0], pairs[:, 1].astype(bool), 24)[0])
            found.append(100 * (shares[0] - shares[1]))
        low, high = np.percentile(found[1:], [2.5, 97.5])
        lines.append(f"{setting.label}: {found[0]:+.0f} points ({low:+.0f} to {high:+.0f})")
    return (
        f"Progressed by week 24, after a plateau less while still shrinking: {'; '.join(lines)} "
        f"({BOOTSTRAPS} bootstraps over patients).\n".replace("-", "−")
    )


def length_rows() -> list[dict[str, object]]:
    """Does it matter how many flat readings make a plateau?"""
    rows = []
    for setting in SETTINGS[:2]:
        series = series_of(setting)
        for length in (2, 3, 4, 5):
            visits = visits_of(series, "flat", length)
            rows.append(
                {
                    "data": setting.label,
                    "readings in a row": length,
                    "plateaus": visits.height,
                    "week it is seen": quartiles(visits["day"] / 7),
                    **{
                        f"progressed by week {weeks}": progressed(series, visits, weeks)
                        for weeks in HORIZONS_WEEKS
                    },
                }
            )
    return rows


def model_rows() -> list[dict[str, object]]:
    """What `assess` says at the counted plateaus, and what followed in their lower and upper half."""
    rows = []
    for setting in SETTINGS[:2]:
        series = series_of(setting)
        said = tp.assess(tp.read(DATA / setting.folder)).frame.select(
            "patient_id", "day", "resistant_fraction_q50", "p_turned"
        )
        found = visits_of(series, "flat").join(said, on=["patient_id", "day"], maintain_order="left")
        row: dict[str, object] = {
            "data": setting.label,
            "plateaus": found.height,
            "resistant share of what lives": quartiles(found["resistant_fraction_q50"], 2),
            "chance that the turning point is past": quartiles(found["p_turned"], 2),
        }
        middle = found["p_turned"].median()
        for name, part in (("lower", pl.col("p_turned") <= middle), ("upper", pl.col("p_turned") > middle)):
            row[f"progressed by week 24, {name} half of that chance"] = progressed(
                series, found.filter(part), 24
            )
        rows.append(row)
    return rows


def change_rows() -> list[dict[str, object]]:
    """Claim 6: the change of the sum or marker before the plateau, and after it."""
    rows = []
    for setting in SETTINGS:
        series = series_of(setting)
        flat = visits_of(series, "flat")
        row: dict[str, object] = {
            "data": setting.label,
            "baseline to plateau, %": quartiles(100 * (flat["level"] / flat["baseline"] - 1)),
        }
        for weeks in (6, *HORIZONS_WEEKS):
            found = outcomes(series, "flat", weeks).drop_nulls("value_then")
            change = 100 * (found["value_then"] / found["level"] - 1)
            row[f"{weeks} weeks after, % (n)"] = f"{quartiles(change)} ({found.height})"
        rows.append(row)
    return rows


def markers() -> str:
    """Claim 5: is a PSA over its bar still over it at the next reading?"""
    series = series_of(SETTINGS[3])
    over = series.readings.join(series.progressions, on="patient_id").sort("patient_id", "day")
    before = over.filter(pl.col("day") < pl.col("progression_day"))
    lowest = before.group_by("patient_id").agg(pl.col("value").min().alias("nadir"))
    after = over.filter(pl.col("day") > pl.col("progression_day")).unique(
        "patient_id", keep="first", maintain_order=True
    )
    bar = pl.max_horizontal(PSA_RATIO * pl.col("nadir"), pl.col("nadir") + PSA_NG_PER_ML)
    still = after.join(lowest, on="patient_id").filter(pl.col("value") >= bar).height
    return (
        f"{series.setting.label}: {series.progressions.height} of {series.readings['patient_id'].n_unique()} "
        f"patients rose over the bar; {after.height} have a next reading, {still} of them still over it "
        f"({percent(still, after.height)}).\n"
    )


def stamp() -> str:
    return (
        f"{datetime.now(tz=UTC).date()}, commit {commit()}, {platform.machine()}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}, Turnpoint {tp.__version__}. "
        f"Data: {', '.join(setting.folder for setting in SETTINGS)}, reader-variability-ct.\n"
    )


def main() -> None:
    """Count, print and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=RESULTS)
    chosen = parser.parse_args()
    parts = ["# The claims in numbers\n", __doc__.split("\n\n", 1)[1].strip() + "\n", stamp()]
    parts += ["## Claims 1 and 2\n", volumes(), "## Claim 3\n", lag(), "## Claims 4 and 6\n"]
    parts += [
        table("How often", [how_often(series_of(setting)) for setting in SETTINGS]),
        table("After a plateau", next_rows("flat")),
        table("Beside it: while still shrinking", next_rows("fallen")),
        table("Beside it: already growing, not yet progression", next_rows("risen")),
        differences(),
        table("How many flat readings make a plateau", length_rows()),
        table(
            "The model at the counted plateaus (in sample: the priors were fitted to these series)",
            model_rows(),
        ),
        table("Change before and after the plateau, median (quartiles)", change_rows()),
    ]
    text = "\n".join([*parts, "## Claim 5\n", markers()])
    print(text)
    chosen.out.parent.mkdir(parents=True, exist_ok=True)
    chosen.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
