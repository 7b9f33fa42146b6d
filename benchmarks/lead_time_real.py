"""What alerts lead on real series, and at what cost: `python benchmarks/lead_time_real.py [--write]`.

Every patient is judged with a prior fitted to the other four folds of the same study (`workflows.left_out`), at each
visit from data up to it, and followed to the criterion's progression or the last visit: RECIST 1.1 (FFCD with its new
lesions), PSA +25 % and 2 ng/mL. *Led*: an alert before progression. *Unfollowed*: an alert, no progression, although 12
weeks or more were still seen. A signal is a number at each visit; its curve says how many progressions it leads at so
many unfollowed alerts, over all its thresholds.

Signals. *Ruler*: min(rise / 10 %, rise / 3 mm) over the smallest sum; for PSA the rise over the smallest value, at any
day, and from week 8 on, as no alert comes from a marker alone before. *Two rises*, *flat over two*, *change point*,
*own g*: as in `lead_time_rules.py`. *Turnpoint*: the alert's signal, the chance of progression within 24 weeks where
something stands above its smallest value beyond the usual error. Beside it the same chance at every visit, and
P(turned). Intervals: 90 %, bootstrap over patients.

*At the rate asked for*: the threshold from four fifths of the patients, counted in the last fifth, five times; an alert
that no progression followed within 24 weeks (175 days) is unfollowed there, as `--false-alerts-per-100` means it.

*Said and seen*: the chance at every visit before progression, by fifths of what it can be, and the share that
progressed within 24 weeks by Kaplan-Meier, patients lost before counting as long as they were seen; the visits of one
patient are counted as if they were independent.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
from lead_time_rules import RULER, rule_signals, ruler
from provenance import commit

import turnpoint as tp
from turnpoint.model.calibration import wilson_interval
from turnpoint.model.series import readings_of
from turnpoint.turning.alerts import (
    FOLLOWED_WEEKS,
    SEEN_WEEKS,
    TOLERANCE_DAYS,
    calibrated,
    first_alerts,
    signal,
)
from turnpoint.turning.reading_changes import SURGE_WEEKS
from turnpoint.workflows.left_out import left_out_visits

DATA = Path(os.environ.get("TURNPOINT_DATA", Path(__file__).parents[2] / "shared" / "data"))
RESULTS = Path(__file__).parents[1] / "docs" / "results" / "lead-time-real.md"
PICTURE = Path(__file__).parents[1] / "docs" / "images" / "lead-time-real.svg"
GROUPS = {
    "CT": ("oak-docetaxel", "oak-atezolizumab", "ffcd2000-05-colorectal"),
    "PSA": ("ascent2-docetaxel-psa", "abiraterone-adaptive-psa"),
}
OURS, ANYWHERE, TURNED = "Turnpoint", "P(progression), at any visit", "P(turned)"
LATE_RULER = "ruler, from week 8 on"
RULES = ("two rises", "flat over two", "change point", "own g")
SIGNALS = (RULER, LATE_RULER, *RULES, OURS, ANYWHERE, TURNED)
AT = (10, 20, 40, 60, 80, 100)
RATES = (2.0, 5.0, 10.0)
BOOTSTRAPS = 500


def left_out(name: str) -> pl.DataFrame:
    """Every visit of a study before progression, judged without having been fitted to, with each signal."""
    study = tp.read(DATA / name)
    visits = left_out_visits(study, lambda train: tp.fit(train, name="train", courses=0))
    readings = readings_of(study)
    return (
        visits.join(ruler(readings), on=["patient_id", "day"], how="left")
        .join(rule_signals(readings), on=["patient_id", "day"], how="left")
        .with_columns(
            signal().alias(OURS),
            pl.col("p_progression_24w").alias(ANYWHERE),
            pl.col("p_turned").alias(TURNED),
            pl.when(pl.col("day") >= 7 * SURGE_WEEKS).then(RULER).alias(LATE_RULER),
            (pl.lit(f"{name}:") + pl.col("patient_id")).alias("patient_id"),
            pl.lit(name).alias("cohort"),
        )
        .with_columns(pl.col(SIGNALS).fill_nan(None))
    )


def strongest(visits: pl.DataFrame, name: str) -> tuple[np.ndarray, np.ndarray]:
    """The threshold up to which each progression is led, and each patient without one is unfollowed; -inf: never."""
    progression, last = pl.col("progression_day"), pl.col("last_day")
    in_time = pl.col("day") < progression
    too_early_to_say = pl.col("day") > last - 7 * SEEN_WEEKS
    found = visits.group_by("patient_id", maintain_order=True).agg(
        progression.first().is_not_null().alias("progressed"),
        pl.col(name).filter(in_time).max().fill_null(-np.inf).alias("led"),
        pl.col(name).filter(~too_early_to_say).max().fill_null(-np.inf).alias("unfollowed"),
    )
    progressed = found["progressed"].to_numpy()
    return found["led"].to_numpy()[progressed], found["unfollowed"].to_numpy()[~progressed]


def led_at(led: np.ndarray, unfollowed: np.ndarray, allowed: int) -> int:
    """The most progressions led by a threshold with at most so many unfollowed alerts."""
    ordered = np.sort(unfollowed)[::-1]
    bar = ordered[allowed] if allowed < len(ordered) else -np.inf
    return int((led > bar).sum())


def curve_rows(visits: pl.DataFrame, at: tuple[int, ...]) -> list[str]:
    lines = []
    for name in SIGNALS:
        led, unfollowed = strongest(visits, name)
        counts = [str(led_at(led, unfollowed, allowed)) for allowed in at]
        lines.append(f"| {'**' + name + '**' if name == OURS else name} | " + " | ".join(counts) + " |")
    return lines


def ratio_rows(visits: pl.DataFrame, at: tuple[int, ...]) -> list[str]:
    """Led by Turnpoint and by the ruler, and their ratio, with intervals over patients."""
    ours, ruler_ = strongest(visits, OURS), strongest(visits, RULER)
    rng, lines = np.random.default_rng(0), []
    picks = [
        (rng.integers(len(ours[0]), size=len(ours[0])), rng.integers(len(ours[1]), size=len(ours[1])))
        for _ in range(BOOTSTRAPS)
    ]
    for allowed in at:
        drawn = np.array(
            [
                [led_at(of[0][first], of[1][second], allowed) for of in (ours, ruler_)]
                for first, second in picks
            ]
        )
        ratio = drawn[:, 0] / np.maximum(drawn[:, 1], 1)
        one, other = led_at(*ours, allowed), led_at(*ruler_, allowed)
        lines.append(
            f"| {allowed} | {one} ({_interval(drawn[:, 0])}) | {other} ({_interval(drawn[:, 1])}) "
            f"| {one / max(other, 1):.2f} ({_interval(ratio, 2)}) |"
        )
    return lines


def _interval(numbers: np.ndarray, digits: int = 0) -> str:
    low, high = np.quantile(numbers, [0.05, 0.95])
    return f"{low:.{digits}f}-{high:.{digits}f}"


def rate_rows(visits: pl.DataFrame) -> list[str]:
    """For each rate asked for: what comes out of fold, and the ruler at as many unfollowed alerts."""
    ids = np.array(visits["patient_id"].unique().sort().to_list())
    fold = np.random.default_rng(1).permutation(len(ids)) % 5
    lines, ruler_ = [], strongest(visits, RULER)
    for rate in RATES:
        alerts = []
        for number in range(5):
            here = pl.col("patient_id").is_in(ids[fold == number].tolist())
            threshold = calibrated(visits.filter(~here), rate).threshold
            alerts.append(first_alerts(visits.filter(here), threshold))
        found = pl.concat(alerts)
        followed, unfollowed = (int(found[name].sum()) for name in ("followed", "unfollowed"))
        (low,), (high,) = wilson_interval(np.array([unfollowed]), np.array([len(ids)]), 0.9)
        led = found.drop_nulls("progression_day")
        lead = (led["progression_day"] - led["day"]).to_numpy()
        never = found.filter(pl.col("progression_day").is_null()).join(
            visits.select("patient_id", "last_day").unique(), on="patient_id"
        )
        never_followed = never.filter(pl.col("last_day") - pl.col("day") >= 7 * SEEN_WEEKS).height
        lines.append(
            f"| {rate:g} | {100 * unfollowed / len(ids):.1f} ({100 * low:.1f}-{100 * high:.1f}) | {followed} of "
            f"{followed + unfollowed} ({100 * followed / max(followed + unfollowed, 1):.0f} %) | {led.height} | "
            f"{np.median(lead) if lead.size else 0:.0f} | {never_followed} | {led_at(*ruler_, never_followed)} |"
        )
    return lines


def section(group: str, visits: pl.DataFrame, at: tuple[int, ...]) -> list[str]:
    patients = visits.select("patient_id", "cohort", "progression_day").unique()
    cohorts = ", ".join(
        f"{name} {own.height} ({own['progression_day'].count()})"
        for (name,), own in patients.group_by("cohort", maintain_order=True)
    )
    return [
        f"## {group}",
        "",
        f"{patients.height} patients, {patients['progression_day'].count()} progressions: {cohorts}.",
        "",
        "### Progressions led at so many unfollowed alerts",
        "",
        "| signal | " + " | ".join(str(allowed) for allowed in at) + " |",
        "|" + " --- |" * (len(at) + 1),
        *curve_rows(visits, at),
        "",
        "| unfollowed | Turnpoint | ruler | ratio |",
        "| --- | --- | --- | --- |",
        *ratio_rows(visits, at),
        "",
        "### At the rate asked for, out of fold",
        "",
        "| asked per 100 | unfollowed within 24 weeks, per 100 (90 %) | followed within 24 weeks | led "
        "| median lead, days | never followed, seen for 12 weeks | the ruler leads there |",
        "|" + " --- |" * 7,
        *rate_rows(visits),
        "",
        "### The chance of progression within 24 weeks: said and seen",
        "",
        "| visits | said | seen |",
        "| --- | --- | --- |",
        *calibration_rows(visits),
        "",
    ]


def calibration_rows(visits: pl.DataFrame) -> list[str]:
    progression = pl.col("progression_day")
    ahead = visits.filter(
        pl.col(ANYWHERE).is_not_null() & (progression.is_null() | (pl.col("day") < progression))
    ).with_columns(
        days=pl.min_horizontal(progression, "last_day") - pl.col("day"),
        fifth=(5.0 * pl.col(ANYWHERE)).floor().clip(0, 4),
    )
    return [
        f"| {own.height} | {own[ANYWHERE].mean():.2f} | {progressed_share(own):.2f} |"
        for _, own in ahead.sort("fifth").group_by("fifth", maintain_order=True)
    ]


def progressed_share(visits: pl.DataFrame, within_days: int = 7 * FOLLOWED_WEEKS + TOLERANCE_DAYS) -> float:
    """Kaplan-Meier."""
    days, progressed = visits["days"].to_numpy(), visits["progression_day"].is_not_null().to_numpy()
    free = 1.0
    for day in np.unique(days[progressed & (days <= within_days)]):
        free *= 1.0 - (progressed & (days == day)).sum() / (days >= day).sum()
    return 1.0 - free


def draw(visits: pl.DataFrame) -> None:
    """The curves of CT as a picture."""
    import vl_convert as vlc  # noqa: PLC0415

    from turnpoint.charts.specification import SCHEMA, channel, layered, marks  # noqa: PLC0415

    rows = [
        {"signal": name, "unfollowed": allowed, "led": led_at(*strongest(visits, name), allowed)}
        for name in (RULER, OURS, TURNED, "two rises", "own g")
        for allowed in range(121)
    ]
    lines = marks(pl.DataFrame(rows), "line", interpolate="step-after").encode(
        x=channel("unfollowed:Q", title="alerts that no progression followed"),
        y=channel("led:Q", title="progressions led"),
        color=channel("signal:N", title=None, scale={"scheme": "dark2"}),
    )
    chart = {"$schema": SCHEMA, **layered([lines]), "width": 420, "height": 280}
    PICTURE.write_text(vlc.vegalite_to_svg(chart), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="write docs/results/lead-time-real.md")
    wanted = parser.parse_args()
    start, lines = time.perf_counter(), []
    for group, names in GROUPS.items():
        visits = pl.concat([left_out(name) for name in names], how="diagonal_relaxed")
        lines += section(group, visits, AT if group == "CT" else (0, 2, 4, 6, 8))
        if wanted.write and group == "CT":
            draw(visits)
    stamp = (
        f"{datetime.now(tz=UTC).date()}, commit {commit()}, {platform.machine()}, {os.cpu_count()} cores, Python "
        f"{platform.python_version()}, Turnpoint {tp.__version__}; {time.perf_counter() - start:.0f} s."
    )
    head = ["# Lead time on real series", "", __doc__.split("\n\n", 1)[1].strip(), "", stamp, ""]
    picture = ["![Progressions led against unfollowed alerts, CT](../images/lead-time-real.svg)", ""]
    text = "\n".join([*head, *picture, *lines])
    print(text)
    if wanted.write:
        RESULTS.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
