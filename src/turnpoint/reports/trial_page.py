"""The page of a virtual trial. English only: it is for statisticians and researchers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType

import numpy as np
import polars as pl

from turnpoint.charts import trial_curves as charts
from turnpoint.charts.language import NOTHING, Language
from turnpoint.pictures.patient import Provenance
from turnpoint.reports.catalogue import language
from turnpoint.reports.figure import Figure
from turnpoint.reports.page import page
from turnpoint.reports.provenance_text import not_a_device, provenance_lines
from turnpoint.reports.tables import Table, table
from turnpoint.virtual.comparison import survival
from turnpoint.virtual.declaration import Declaration
from turnpoint.virtual.policies import POLICIES, Arm

_CURVE_POINTS = 209
_SHORT = {
    "progression_week": "first progression",
    "second_progression_week": "on the second drug",
    "lethal_week": "lethal burden",
}
_NOTHING_TO_SPEAK_OF_WEEKS = 0.05  # shown as 0
_UNSAID = {
    "carrying_fold": "growth does not slow"
}  # keys that mean something else than the prior when left out
# heading, name within a sentence, meaning
OUTCOMES: Mapping[str, tuple[str, str, str]] = MappingProxyType(
    {
        "progression_week": (
            "First progression, whichever drug is on",
            "first progression",
            "The first scan at which the sum of diameters meets RECIST progression, counted from the smallest sum "
            "since the start. Trials of early change that read out progression-free survival report this: in an arm "
            "that changes early it is reached on the second drug, in the arm that waits on the first.",
        ),
        "second_progression_week": (
            "Progression on the second drug",
            "progression on the second drug",
            "The first scan that meets RECIST progression counted from the smallest sum since the second drug was "
            "first given: both drugs are used up. A change made while the first drug still works gives that time away.",
        ),
        "lethal_week": (
            "Lethal burden",
            "a lethal burden",
            "When the living burden first is as many times that at the start as was declared lethal: what stands for "
            "survival here.",
        ),
    }
)
NOTES = (
    "Every arm treats the same virtual patients, with the same clones and the same errors of reading, so "
    "differences are taken patient by patient. Times are cut at the horizon, and means are means of these restricted "
    "times. Intervals are 95% for the number of patients played: they say nothing about whether the model is right.",
    "The answers hold for the assumptions declared, above all how many of the cells that resist the first drug also "
    "resist the second, how strong the second drug is, and that a drug's effect does not wear off in another way. "
    "docs/virtual-trials.md lists what the model leaves out.",
)
_ORACLE = (
    "Nobody can know the true turning point; an arm that changes there shows what knowing it would be worth."
)
_BY_CHANCE = (
    "Clones under 10,000 cells divide and die by chance, larger ones go by their mean. All arms play the same tumours "
    "with the same luck until their drugs differ. Died out: not one living cell was left by the horizon, with the 95% "
    "interval of the share; visible disease holds so many cells that it hardly ever does."
)
_SLOWED = (
    "Growth slows towards the carrying size (Gompertz), and is faster in a tumour that has become small. The filter "
    "behind an alert does not know this: it believes in growth that does not slow."
)
_ALTERNATED = (
    "In an arm that alternates, the change is the first time that the second drug is given; what comes after does not "
    "wait for scans."
)
_PAUSED = (
    "While a drug is paused the tumour grows, and a scan can meet first progression without a drug having failed. In "
    "an arm with holidays the second drug is given when a scan meets progression counted from the smallest sum since "
    "the first drug was last begun."
)


@dataclass(frozen=True, slots=True)
class TrialView:
    """A finished trial as the page shows it.

    Attributes:
        declaration: what was declared.
        outcomes: one row a patient and arm, columns `virtual.block.OUTCOMES`.
        summary: one row an arm and outcome, columns `virtual.comparison.SUMMARY_SCHEMA`.
        treatment: one row an arm, columns `virtual.comparison.TREATMENT_SCHEMA`.
        provenance: of the prior.
    """

    declaration: Declaration
    outcomes: pl.DataFrame
    summary: pl.DataFrame
    treatment: pl.DataFrame
    provenance: Provenance


@dataclass(frozen=True, slots=True)
class _Section:
    heading: str
    meaning: str
    figure: Figure
    table: Table


def trial_page(view: TrialView) -> str:
    """The page as HTML."""
    english, declared = language("en"), view.declaration
    arms = [arm.name for arm in declared.arms]
    return page(
        "trial.html",
        english,
        title=f"Virtual trial: {declared.name}",
        context=f"Virtual patients drawn from prior {view.provenance.prior_name}, fitted to: "
        f"{view.provenance.prior_data.rstrip('.')}. No real patient was treated; every number comes from a model.",
        counts=[
            (english.number(declared.patients), "virtual patients, the same in every arm"),
            (english.number(len(arms)), "arms"),
            (english.number(declared.horizon_weeks), "weeks followed"),
        ],
        findings=list(_findings(view, english)),
        gains=_gains(view, arms),
        outcomes=[
            _section(view, outcome, arms, english)
            for outcome in OUTCOMES
            if view.summary.filter(pl.col("outcome") == outcome).height
        ],
        switches=_switches(view, english),
        switches_note="Before the turning point: the drug was changed while the living burden still shrank under it, "
        "so part of its effect was given away. At scans that meet progression this happens too: scar, drift of size "
        "and errors of reading can raise a sum while living cells still die.",
        declared=_declared(declared, english),
        notes=_notes(declared),
        small_print=provenance_lines(view.provenance, english),
        disclaimer=not_a_device(english),
    )


def _compared(view: TrialView) -> pl.DataFrame:
    return view.summary.filter(pl.col("gained_weeks").is_not_null())


def _findings(view: TrialView, english: Language) -> Iterator[str]:
    """One sentence an arm and outcome; no word of better or worse where the interval holds 0."""
    first = view.declaration.arms[0].name
    for row in _compared(view).iter_rows(named=True):
        name = OUTCOMES[row["outcome"]][1]
        low, high = row["gained_weeks_low"], row["gained_weeks_high"]
        span = f"{english.signed(row['gained_weeks'], 1)} weeks ({english.signed(low, 1)} to {english.signed(high, 1)})"
        too_small = abs(row["gained_weeks"]) < _NOTHING_TO_SPEAK_OF_WEEKS
        if too_small or low is None or not np.isfinite(low) or low <= 0 <= high:
            said = f"no difference shown in the mean time to {name}"
        else:
            said = f"mean time to {name} {'later' if low > 0 else 'earlier'}"
        margin = english.number(view.declaration.margin_weeks, 1)
        yield (
            f"{row['arm']} against {first}: {said}, {span}; at least {margin} weeks later in "
            f"{english.percent(row['better_share'])} of patients, earlier in {english.percent(row['worse_share'])}."
        )


def _gains(view: TrialView, arms: list[str]) -> Figure:
    order = {name: place for place, name in enumerate(OUTCOMES)}
    rows = (
        _compared(view)
        .with_columns(
            pl.col("arm")
            .replace_strict({name: place for place, name in enumerate(arms)}, return_dtype=pl.Int64)
            .alias("place"),
            pl.col("outcome").replace_strict(order, return_dtype=pl.Int64).alias("order"),
            pl.col("outcome").replace_strict(_SHORT).alias("short"),
        )
        .sort("order", "place")
        .with_columns(pl.format("{}: {}", _shortened("arm", 26), "short").alias("label"))
    )
    text = "; ".join(
        f"{row['label']}: {_interval(row, 'gained_weeks', language('en'), signed=True)}"
        for row in rows.iter_rows(named=True)
    )
    heading = "Weeks gained or lost"
    return Figure(
        "gains",
        heading,
        "Mean of the paired differences of restricted times, with 95% intervals.",
        text,
        charts.gains(rows, charts.ROWS),
    )


def _shortened(column: str, most: int) -> pl.Expr:
    whole = pl.col(column)
    return pl.when(whole.str.len_chars() <= most).then(whole).otherwise(whole.str.slice(0, most - 1) + "…")


def _section(view: TrialView, outcome: str, arms: list[str], english: Language) -> _Section:
    heading, short, meaning = OUTCOMES[outcome]
    own = view.summary.filter(pl.col("outcome") == outcome)
    weeks = np.linspace(0.0, view.declaration.horizon_weeks, _CURVE_POINTS)
    curves = pl.concat(
        [
            pl.DataFrame({"week": weeks, "share": survival(_times(view, arm, outcome), weeks)}).with_columns(
                pl.lit(arm).alias("arm"), pl.lit(arms.index(arm)).alias("place")
            )
            for arm in own["arm"]
        ]
    ).with_columns(_shortened("arm", 26))
    text = "; ".join(
        f"{row['arm']}: median {_median(row['median_weeks'], english)}, "
        f"{english.percent(row['event_share'])} with the event by week {view.declaration.horizon_weeks}"
        for row in own.iter_rows(named=True)
    )
    return _Section(
        heading,
        meaning,
        Figure(
            outcome,
            f"Share without {short}",
            f"Step lines, one an arm; {text}.",
            text,
            charts.event_free(curves, charts.CURVES),
        ),
        _numbers(own, heading, view.declaration.margin_weeks, english),
    )


def _times(view: TrialView, arm: str, outcome: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    own = view.outcomes.filter(pl.col("arm") == arm)[outcome]
    return own.fill_null(float("inf")).to_numpy()


def _numbers(own: pl.DataFrame, heading: str, margin_weeks: float, english: Language) -> Table:
    margin = english.number(margin_weeks, 1)
    columns = [
        ("Arm", False),
        ("Median, weeks", True),
        ("Mean, weeks", True),
        ("Event by the horizon", True),
        ("Gained, weeks", True),
        (f"Later by {margin} weeks", True),
        (f"Earlier by {margin} weeks", True),
    ]
    rows = [
        [
            row["arm"],
            _median(row["median_weeks"], english),
            _interval(row, "mean_weeks", english, signed=False),
            english.percent(row["event_share"]),
            _interval(row, "gained_weeks", english, signed=True),
            english.percent(row["better_share"]),
            english.percent(row["worse_share"]),
        ]
        for row in own.iter_rows(named=True)
    ]
    return table(f"{heading}, by arm", columns, rows)


def _median(weeks: float | None, english: Language) -> str:
    return "not reached" if weeks is None else english.number(weeks, 1)


def _interval(row: Mapping[str, float | None], name: str, english: Language, *, signed: bool) -> str:
    if row[name] is None:
        return NOTHING
    write = english.signed if signed else english.number
    return f"{write(row[name], 1)} ({write(row[f'{name}_low'], 1)} to {write(row[f'{name}_high'], 1)})"


def _switches(view: TrialView, english: Language) -> Table:
    """What was given in each arm; dying out only where clones go by chance, since else nothing can."""
    columns = [
        ("Arm", False),
        ("Second drug given", True),
        ("By plan, before progression", True),
        ("Before the turning point", True),
        ("Median week", True),
        ("Mean weeks on A", True),
        ("Mean weeks on B", True),
    ]
    rows = [
        [
            row["arm"],
            english.percent(row["changed_share"]),
            english.percent(row["before_progression_share"]),
            english.percent(row["before_turning_share"]),
            english.number(row["median_switch_week"], 1),
            english.number(row["mean_weeks_on_a"], 1),
            english.number(row["mean_weeks_on_b"], 1),
        ]
        for row in view.treatment.iter_rows(named=True)
    ]
    if view.declaration.is_by_chance:
        columns.append(("Died out", True))
        for row, own in zip(rows, view.treatment.iter_rows(named=True), strict=True):
            low, high = english.percent(own["extinct_share_low"]), english.percent(own["extinct_share_high"])
            row.append(f"{english.percent(own['extinct_share'])} ({low} to {high})")
    return table("Drugs given, by arm; shares of all patients", columns, rows)


def _notes(declared: Declaration) -> tuple[str, ...]:
    """What holds for every trial, and what the declared clones and policies ask to be said."""
    policies = {arm.policy for arm in declared.arms}
    said = (
        (declared.is_by_chance, _BY_CHANCE),
        (declared.carrying_fold is not None, _SLOWED),
        ("alternate" in policies, _ALTERNATED),
        ("holidays" in policies, _PAUSED),
        ("turning" in policies, _ORACLE),
    )
    return (*NOTES, *(note for holds, note in said if holds))


def _declared(declared: Declaration, english: Language) -> Table:
    """Every key with its value; what the prior decides is said so."""
    rows = []
    for own in fields(Declaration):
        value = getattr(declared, own.name)
        if own.name == "schedule":
            rows.append(["scan_every_weeks", str(value.scan_every_weeks)])
            markers = [f"{name} every {weeks} weeks" for name, weeks in value.marker_every_weeks.items()]
            rows.append(["marker_every_weeks", english.listed(markers) or "none"])
        elif own.name == "arms":
            rows += [[f"arm {arm.name}", _arm_words(arm)] for arm in value]
        elif own.name != "name":
            rows.append(
                [
                    own.name,
                    _UNSAID.get(own.name, "from the prior")
                    if value is None
                    else f"{value:g}"
                    if isinstance(value, float)
                    else str(value),
                ]
            )
    return table("The declaration", [("Key", False), ("Value", False)], rows)


def _arm_words(arm: Arm) -> str:
    """When the arm changes drugs, with the numbers that it was declared with."""
    kind = POLICIES[arm.policy]
    values = {name: getattr(arm, name) for name in kind.keys}
    numbers = ", ".join(f"{name} = {value:g}" for name, value in values.items() if value is not None)
    return f"{kind.meaning} ({numbers})" if numbers else kind.meaning
