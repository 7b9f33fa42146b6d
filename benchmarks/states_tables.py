"""The tables of `benchmarks/states.py` on virtual courses: confusion, worlds, pauses, causes."""

from __future__ import annotations

import numpy as np
import polars as pl
from lead_time_rules import RULER, RULER_ALERTS_AT
from states_statistics import (
    Calibration,
    Share,
    area_with_interval,
    share_of_visits,
    table,
    wilson,
)

VERDICTS = ("responding", "plateau", "regrowing", "undetermined")
TRUTHS = {"shrinking": "responding", "flat": "plateau", "growing": "regrowing"}
NOT_WITHIN_TEN_YEARS = 3650
ENOUGH_VALUES = pl.col("values") >= 3
CLEARLY = 2.0 * np.log(2.0) / 26.0  # halves in a quarter of a year

GOALS = {
    "shrinking: responding": ">= 85",
    "of these in sight: responding": "",
    "clearly shrinking: responding": "",
    "flat: plateau": ">= 70",
    "flat: regrowing": "<= 12",
    "flat, not risen: plateau": ">= 70",
    "flat, not risen: regrowing": "<= 12",
    "growing: regrowing": ">= 85",
    "growing, read: regrowing": ">= 85",
    "shrinking: alert": "<= 2",
    "undetermined: shrinking / flat / growing": "",
}


def confusion(frame: pl.DataFrame) -> list[str]:
    """Verdict by true trend, in percent of the visits of a true trend; the simplest rule beside it."""
    seen = frame.filter(ENOUGH_VALUES)
    rows: list[list[object]] = []
    for truth in TRUTHS:
        here = seen.filter(pl.col("truth") == truth)
        said = [share_of_visits(here, pl.col("verdict") == verdict) for verdict in VERDICTS]
        rule = [share_of_visits(here, pl.col("rule") == verdict) for verdict in VERDICTS[:3]]
        rows.append([truth, here.height, *said, *rule])
    header = ["truth", "visits", *VERDICTS, *(f"rule: {verdict}" for verdict in VERDICTS[:3])]
    return table(header, rows)


def goal_cells(frame: pl.DataFrame, verdict: str) -> list[object]:
    """The numbers of `GOALS` from a column of verdicts."""
    seen = frame.filter(ENOUGH_VALUES)
    shrinking, flat, growing = (pl.col("truth") == truth for truth in TRUTHS)
    said = pl.col(verdict)
    wanted = [
        (said == "responding", shrinking),
        (said == "responding", shrinking & pl.col("in_sight")),
        (said == "responding", pl.col("slope") < -CLEARLY),
        (said == "plateau", flat),
        (said == "regrowing", flat),
        (said == "plateau", flat & ~pl.col("risen")),
        (said == "regrowing", flat & ~pl.col("risen")),
        (said == "regrowing", growing),
        (said == "regrowing", growing & pl.col("risen")),
    ]
    cells: list[object] = [share_of_visits(seen, event, among) for event, among in wanted]
    if verdict != "verdict":
        return [*cells, "-", "-"]
    unsure = [share_of_visits(seen, said == "undetermined", among) for among in (shrinking, flat, growing)]
    return [
        *cells,
        share_of_visits(seen, pl.col("alert"), shrinking),
        " / ".join(f"{100 * one.value:.0f}" for one in unsure),
    ]


def goal_table(frame: pl.DataFrame) -> list[str]:
    """By disease and together, with the goals and the simplest rule."""
    rows: list[list[object]] = [["*goal*", "", *GOALS.values()]]
    for (disease,), here in frame.group_by("disease", maintain_order=True):
        rows.append([disease, here.filter(ENOUGH_VALUES).height, *goal_cells(here, "verdict")])
    rows.append(["**all**", frame.filter(ENOUGH_VALUES).height, *goal_cells(frame, "verdict")])
    rows.append(["simplest rule, all", frame.filter(ENOUGH_VALUES).height, *goal_cells(frame, "rule")])
    return table(["disease", "visits", *GOALS], rows)


def truth_behind(frame: pl.DataFrame) -> list[str]:
    """What was true where a verdict was given, in percent of its visits."""
    seen, rows = frame.filter(ENOUGH_VALUES), []
    for verdict in VERDICTS:
        here = seen.filter(pl.col("verdict") == verdict)
        shares = [share_of_visits(here, pl.col("truth") == truth) for truth in TRUTHS]
        rows.append([verdict, here.height, *shares])
    return table(["verdict", "visits", *(f"truly {truth}" for truth in TRUTHS)], rows)


def state_calibration(frame: pl.DataFrame) -> str:
    """Mean absolute difference of said and seen, by tenths, of the three chances and of `p_turned`."""
    seen = frame.filter(ENOUGH_VALUES)
    parts = [
        f"{state} {Calibration.of(seen[f'p_{state}'].to_numpy(), (seen['truth'] == truth).to_numpy()).error:.3f}"
        for truth, state in TRUTHS.items()
    ]
    return f"Calibration error by tenths: {', '.join(parts)}, turned {turned_calibration(seen).error:.3f}."


def turned_calibration(frame: pl.DataFrame) -> Calibration:
    return Calibration.of(frame["p_turned"].to_numpy(), (frame["turning_day"] <= frame["day"]).to_numpy())


def covered(frame: pl.DataFrame) -> pl.Series:
    """Whether the 90 % interval holds the turning point; from 3650 days on it is open at the top."""
    low, high, true = (frame[c].to_numpy() for c in ("turning_day_q05", "turning_day_q95", "turning_day"))
    return pl.Series("covered", (low <= true) & ((high >= NOT_WITHIN_TEN_YEARS) | (true <= high)))


def last_visits(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.group_by("course", maintain_order=True).last()


def alerted_before(frame: pl.DataFrame, alerts: pl.Expr) -> Share:
    """Share of courses with an alert before their true turning point (any alert, where there is none)."""
    early = frame.filter(alerts & (pl.col("day") < pl.col("turning_day")))
    return wilson(early["course"].n_unique(), frame["course"].n_unique())


def ruler_alerted_before(frame: pl.DataFrame) -> Share | str:
    """The same of the ruler, where there are scans."""
    alerts = pl.col(RULER) >= RULER_ALERTS_AT - 1e-9
    return alerted_before(frame, alerts) if frame[RULER].count() else "-"


def alerted_after(frame: pl.DataFrame) -> Share:
    """Of the courses that turned before their last visit, those with an alert from then on."""
    turned = frame.filter(pl.col("turning_day") <= pl.col("day"))
    return wilson(turned.filter(pl.col("alert"))["course"].n_unique(), turned["course"].n_unique())


WORLD_HEADER = [
    "world", "seen by", "courses", "covered, last visit", "true day before / after the interval",
    "covered, all visits", "median width, days",
    "open at ten years, last visit", "`p_turned`: said / true", "its calibration error",
    "against later readings", "alerted before the turn",
    "a ruler does", "alerted after it", "ends as responding / plateau / regrowing",
]  # fmt: skip


def world_row(name: str, how: str, frame: pl.DataFrame) -> list[object]:
    """Coverage, calibration and alerts of one world, seen one way; visits with three or more values."""
    seen = frame.filter(ENOUGH_VALUES)
    seen = seen.with_columns(covered(seen))
    last = last_visits(seen)
    width = (
        np.minimum(last["turning_day_q95"].to_numpy(), NOT_WITHIN_TEN_YEARS)
        - last["turning_day_q05"].to_numpy()
    )
    early = last["turning_day"] < last["turning_day_q05"]
    later = seen.filter(pl.col("day") < pl.col("day").max().over("course"))
    against = Calibration.of(later["p_turned"].to_numpy(), later["no_later_lower"].to_numpy())
    turned = (seen["turning_day"] <= seen["day"]).to_numpy()
    ends = " / ".join(f"{100 * (last['verdict'] == verdict).mean():.0f}" for verdict in VERDICTS[:3])
    return [
        name,
        how,
        last.height,
        wilson(int(last["covered"].sum()), last.height),
        f"{100 * early.mean():.0f} / {100 * (~last['covered'] & ~early).mean():.0f}",
        share_of_visits(seen, pl.col("covered")),
        f"{np.median(width):.0f}",
        wilson(int((last["turning_day_q95"] >= NOT_WITHIN_TEN_YEARS).sum()), last.height),
        f"{seen['p_turned'].mean():.2f} / {turned.mean():.2f}",
        f"{turned_calibration(seen).error:.3f}",
        f"{against.error:.3f}",
        alerted_before(frame, pl.col("alert")),
        ruler_alerted_before(frame),
        alerted_after(frame),
        ends,
    ]


DORMANT_HEADER = ["seen by", "smallest sum", "courses", "ends as regrowing (goal <= 5)", "alerted (goal <= 10)",
                  "a ruler does", "alert at the end", "visits called regrowing", "flat visits called plateau",
                  "p_turned above 0.9 at the end"]  # fmt: skip


def dormant_rows(how: str, frame: pl.DataFrame) -> list[list[object]]:
    """Disease that shrinks and then stays, all of it and by size: noise weighs most on what is small."""
    rows = []
    small = pl.col("smallest_mm").last().over("course") < 20.0
    parts = {"all": pl.lit(value=True), "below 20 mm": small, "20 mm and more": ~small}
    for name, among in parts.items():
        here = frame.filter(among)
        if here.is_empty():
            continue
        seen, last = here.filter(ENOUGH_VALUES), last_visits(here)
        alerted = here.filter(pl.col("alert"))["course"].n_unique()
        rows.append(
            [
                how,
                name,
                last.height,
                wilson(int((last["verdict"] == "regrowing").sum()), last.height),
                wilson(alerted, last.height),
                ruler_alerted_before(here),
                wilson(int(last["alert"].sum()), last.height),
                share_of_visits(seen, pl.col("verdict") == "regrowing"),
                share_of_visits(seen, pl.col("verdict") == "plateau", pl.col("truth") == "flat"),
                wilson(int((last["p_turned"] > 0.9).sum()), last.height),
            ]
        )
    return rows


CAUSE_HEADER = ["seen by", "plateaus", "of them resistant", "AUC of the resistant share",
                "share said: resistant cells", "share said: scar or background",
                "`p_scar` 5, 50, 95 %: resistant cells", "scar or background"]  # fmt: skip


def cause_row(how: str, frame: pl.DataFrame) -> list[object]:
    """Over visits called plateau: does the resistant share of what does not shrink tell the two causes apart?"""
    flat = frame.filter(ENOUGH_VALUES & (pl.col("verdict") == "plateau")).with_columns(
        (pl.col("p_resistant") / (pl.col("p_resistant") + pl.col("p_scar")).clip(1e-9)).alias("score")
    )
    halves = [flat.filter(pl.col("resistant") == truth) for truth in (True, False)]

    def spread(half: pl.DataFrame) -> str:
        return (
            ", ".join(f"{half['p_scar'].quantile(q):.2f}" for q in (0.05, 0.5, 0.95)) if half.height else "-"
        )

    return [
        how,
        flat.height,
        halves[0].height,
        area_with_interval(flat, "score", "resistant"),
        *(f"{half['score'].mean():.2f}" if half.height else "-" for half in halves),
        *(spread(half) for half in halves),
    ]
