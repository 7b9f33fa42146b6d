"""The page of a virtual trial; a researcher's file is in English, the app speaks its reader's language."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType

import numpy as np
import polars as pl

from turnpoint.charts import trial_curves as charts
from turnpoint.charts.language import NOTHING, Language, mark
from turnpoint.charts.trial_map import NOTHING_TO_SPEAK_OF_WEEKS
from turnpoint.pictures.patient import Provenance
from turnpoint.reports import catalogue
from turnpoint.reports.figure import Figure
from turnpoint.reports.page import Into, page
from turnpoint.reports.provenance_text import not_a_device, provenance_lines
from turnpoint.reports.tables import Table, table
from turnpoint.virtual.comparison import survival
from turnpoint.virtual.declaration import Declaration
from turnpoint.virtual.policies import POLICIES, Arm

_CURVE_POINTS = 209
_SHORT = {
    "progression_week": mark("first progression"),
    "second_progression_week": mark("on the second drug"),
    "lethal_week": mark("lethal burden"),
}
_BY_PRIOR = mark("from the prior")
_UNSAID = {
    "carrying_fold": mark("growth does not slow")
}  # keys that mean something else than the prior when left out
# heading, name within a sentence, meaning
OUTCOMES: Mapping[str, tuple[str, str, str]] = MappingProxyType(
    {
        "progression_week": (
            mark("First progression, whichever drug is on"),
            mark("first progression"),
            mark(
                "The first scan at which the sum of diameters meets RECIST progression, counted from the smallest sum "
                "since the start. Trials of early change that read out progression-free survival report this: in an "
                "arm that changes early it is reached on the second drug, in the arm that waits on the first."
            ),
        ),
        "second_progression_week": (
            mark("Progression on the second drug"),
            mark("progression on the second drug"),
            mark(
                "The first scan that meets RECIST progression counted from the smallest sum since the second drug "
                "was first given: both drugs are used up. A change made while the first drug still works gives "
                "that time away."
            ),
        ),
        "lethal_week": (
            mark("Lethal burden"),
            mark("a lethal burden"),
            mark(
                "When the living burden first is as many times that at the start as was declared lethal: what stands "
                "for survival here."
            ),
        ),
    }
)
NOTES = (
    mark(
        "Every arm treats the same virtual patients, with the same clones and the same errors of reading, so "
        "differences are taken patient by patient. Times are cut at the horizon, and means are means of these "
        "restricted times. Intervals are 95% for the number of patients played: they say nothing about whether the "
        "model is right."
    ),
    mark(
        "The answers hold for the assumptions declared, above all how many of the cells that resist the first drug "
        "also resist the second, how strong the second drug is, and that a drug's effect does not wear off in another "
        "way. docs/virtual-trials.md lists what the model leaves out."
    ),
)
_ORACLE = mark(
    "Nobody can know the true turning point; an arm that changes there shows what knowing it would be worth."
)
_BY_CHANCE = mark(
    "Clones under 10,000 cells divide and die by chance, larger ones go by their mean. All arms play the same tumours "
    "with the same luck until their drugs differ. Died out: not one living cell was left by the horizon, with the 95% "
    "interval of the share; visible disease holds so many cells that it hardly ever does."
)
_SLOWED = mark(
    "Growth slows towards the carrying size (Gompertz), and is faster in a tumour that has become small. The filter "
    "behind an alert does not know this: it believes in growth that does not slow."
)
_ALTERNATED = mark(
    "In an arm that alternates, the change is the first time that the second drug is given; what comes after does not "
    "wait for scans."
)
_PAUSED = mark(
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


def trial_page(view: TrialView, language: Language | None = None, into: Into = page) -> str:
    """The page as HTML.

    Args:
        view: what is shown.
        language: of the page; by default English.
        into: a page of its own, or a part of somebody else's.
    """
    words = language or catalogue.language("en")
    declared = view.declaration
    return into(
        "trial.html",
        words,
        title=words.text("Virtual trial: {name}", name=declared.name),
        context=words.text(
            "Virtual patients drawn from prior {prior}, fitted to: {data}. No real patient was treated; every number "
            "comes from a model.",
            prior=view.provenance.prior_name,
            data=view.provenance.prior_data.rstrip("."),
        ),
        counts=[
            (words.number(declared.patients), words.text("virtual patients, the same in every arm")),
            (words.number(len(declared.arms)), words.text("arms")),
            (words.number(declared.horizon_weeks), words.text("weeks followed")),
        ],
        findings=list(_findings(view, words)),
        gains=_gains(view, words),
        outcomes=list(_sections(view, words)),
        switches=_switches(view, words),
        switches_note=words.text(
            "Before the turning point: the drug was changed while the living burden still shrank under it, so part of "
            "its effect was given away. At scans that meet progression this happens too: scar, drift of size and "
            "errors of reading can raise a sum while living cells still die."
        ),
        declared=_declared(declared, words),
        notes=[words.text(note) for note in _notes(declared)],
        small_print=provenance_lines(view.provenance, words),
        disclaimer=not_a_device(words),
    )


def trial_figures(view: TrialView, language: Language) -> list[Figure]:
    """The pictures of the page, in its order."""
    return [_gains(view, language), *(section.figure for section in _sections(view, language))]


def _compared(view: TrialView) -> pl.DataFrame:
    return view.summary.filter(pl.col("gained_weeks").is_not_null())


def _findings(view: TrialView, words: Language) -> Iterator[str]:
    """One sentence an arm and outcome; no word of better or worse where the interval holds 0."""
    first = view.declaration.arms[0].name
    for row in _compared(view).iter_rows(named=True):
        low, high, outcome = row["gained_weeks_low"], row["gained_weeks_high"], row["outcome"]
        too_small = abs(row["gained_weeks"]) < NOTHING_TO_SPEAK_OF_WEEKS
        if too_small or low is None or not np.isfinite(low) or low <= 0 <= high:
            what = mark("no difference shown in the mean time to {outcome}")
        else:
            what = mark("mean time to {outcome} later") if low > 0 else mark("mean time to {outcome} earlier")
        yield words.text(
            "{arm} against {first}: {said}, {mean} weeks ({low} to {high}); at least {margin} weeks later in {better} "
            "of patients, earlier in {worse}.",
            arm=row["arm"],
            first=first,
            said=words.text(what, outcome=words.text(OUTCOMES[outcome][1])),
            mean=words.signed(row["gained_weeks"], 1),
            low=words.signed(low, 1),
            high=words.signed(high, 1),
            margin=words.number(view.declaration.margin_weeks, 1),
            better=words.percent(row["better_share"]),
            worse=words.percent(row["worse_share"]),
        )


def _gains(view: TrialView, words: Language) -> Figure:
    arms = [arm.name for arm in view.declaration.arms]
    order = {name: place for place, name in enumerate(OUTCOMES)}
    label = words.text("{arm}: {outcome}", arm="{}", outcome="{}")
    rows = (
        _compared(view)
        .with_columns(
            pl.col("arm")
            .replace_strict({name: place for place, name in enumerate(arms)}, return_dtype=pl.Int64)
            .alias("place"),
            pl.col("outcome").replace_strict(order, return_dtype=pl.Int64).alias("order"),
            pl.col("outcome")
            .replace_strict({name: words.text(short) for name, short in _SHORT.items()})
            .alias("short"),
        )
        .sort("order", "place")
        .with_columns(pl.format(label, _shortened("arm", 26), "short").alias("label"))
    )
    text = words.text("; ").join(
        words.text(
            "{arm}: {outcome}", arm=row["label"], outcome=_interval(row, "gained_weeks", words, signed=True)
        )
        for row in rows.iter_rows(named=True)
    )
    return Figure(
        "gains",
        words.text("Weeks gained or lost"),
        words.text("Mean of the paired differences of restricted times, with 95% intervals."),
        text,
        charts.gains(rows, charts.ROWS, words),
    )


def _shortened(column: str, most: int) -> pl.Expr:
    whole = pl.col(column)
    return pl.when(whole.str.len_chars() <= most).then(whole).otherwise(whole.str.slice(0, most - 1) + "…")


def _sections(view: TrialView, words: Language) -> Iterator[_Section]:
    for outcome in OUTCOMES:
        own = view.summary.filter(pl.col("outcome") == outcome)
        if own.height:
            yield _section(view, outcome, own, words)


def _section(view: TrialView, outcome: str, own: pl.DataFrame, words: Language) -> _Section:
    heading, short, meaning = (words.text(said) for said in OUTCOMES[outcome])
    arms = [arm.name for arm in view.declaration.arms]
    weeks = np.linspace(0.0, view.declaration.horizon_weeks, _CURVE_POINTS)
    curves = pl.concat(
        [
            pl.DataFrame({"week": weeks, "share": survival(_times(view, arm, outcome), weeks)}).with_columns(
                pl.lit(arm).alias("arm"), pl.lit(arms.index(arm)).alias("place")
            )
            for arm in own["arm"]
        ]
    ).with_columns(_shortened("arm", 26))
    text = words.text("; ").join(
        words.text(
            "{arm}: median {median}, {share} with the event by week {week}",
            arm=row["arm"],
            median=_median(row["median_weeks"], words),
            share=words.percent(row["event_share"]),
            week=view.declaration.horizon_weeks,
        )
        for row in own.iter_rows(named=True)
    )
    return _Section(
        heading,
        meaning,
        Figure(
            outcome,
            words.text("Share without {outcome}", outcome=short),
            words.text("Step lines, one an arm; {arms}.", arms=text),
            text,
            charts.event_free(curves, charts.CURVES, words),
        ),
        _numbers(own, heading, view.declaration.margin_weeks, words),
    )


def _times(view: TrialView, arm: str, outcome: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    own = view.outcomes.filter(pl.col("arm") == arm)[outcome]
    return own.fill_null(float("inf")).to_numpy()


def _numbers(own: pl.DataFrame, heading: str, margin_weeks: float, words: Language) -> Table:
    margin = words.number(margin_weeks, 1)
    columns = [
        (words.text("Arm"), False),
        (words.text("Median, weeks"), True),
        (words.text("Mean, weeks"), True),
        (words.text("Event by the horizon"), True),
        (words.text("Gained, weeks"), True),
        (words.text("Later by {margin} weeks", margin=margin), True),
        (words.text("Earlier by {margin} weeks", margin=margin), True),
    ]
    rows = [
        [
            row["arm"],
            _median(row["median_weeks"], words),
            _interval(row, "mean_weeks", words, signed=False),
            words.percent(row["event_share"]),
            _interval(row, "gained_weeks", words, signed=True),
            words.percent(row["better_share"]),
            words.percent(row["worse_share"]),
        ]
        for row in own.iter_rows(named=True)
    ]
    return table(words.text("{outcome}, by arm", outcome=heading), columns, rows)


def _median(weeks: float | None, words: Language) -> str:
    return words.text("not reached") if weeks is None else words.number(weeks, 1)


def _interval(row: Mapping[str, float | None], name: str, words: Language, *, signed: bool) -> str:
    if row[name] is None:
        return NOTHING
    write = words.signed if signed else words.number
    return words.text(
        "{mean} ({low} to {high})",
        mean=write(row[name], 1),
        low=write(row[f"{name}_low"], 1),
        high=write(row[f"{name}_high"], 1),
    )


def _switches(view: TrialView, words: Language) -> Table:
    """What was given in each arm; dying out only where clones go by chance, since else nothing can."""
    columns = [
        (words.text("Arm"), False),
        (words.text("Second drug given"), True),
        (words.text("By plan, before progression"), True),
        (words.text("Before the turning point"), True),
        (words.text("Median week"), True),
        (words.text("Mean weeks on A"), True),
        (words.text("Mean weeks on B"), True),
    ]
    rows = [
        [
            row["arm"],
            words.percent(row["changed_share"]),
            words.percent(row["before_progression_share"]),
            words.percent(row["before_turning_share"]),
            words.number(row["median_switch_week"], 1),
            words.number(row["mean_weeks_on_a"], 1),
            words.number(row["mean_weeks_on_b"], 1),
        ]
        for row in view.treatment.iter_rows(named=True)
    ]
    if view.declaration.is_by_chance:
        columns.append((words.text("Died out"), True))
        for row, own in zip(rows, view.treatment.iter_rows(named=True), strict=True):
            row.append(
                words.text(
                    "{mean} ({low} to {high})",
                    mean=words.percent(own["extinct_share"]),
                    low=words.percent(own["extinct_share_low"]),
                    high=words.percent(own["extinct_share_high"]),
                )
            )
    return table(words.text("Drugs given, by arm; shares of all patients"), columns, rows)


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


def _declared(declared: Declaration, words: Language) -> Table:
    """Every key with its value; what the prior decides is said so."""
    rows = []
    for own in fields(Declaration):
        value = getattr(declared, own.name)
        if own.name == "schedule":
            rows.append(["scan_every_weeks", str(value.scan_every_weeks)])
            markers = [
                words.text("{marker} every {weeks} weeks", marker=name, weeks=weeks)
                for name, weeks in value.marker_every_weeks.items()
            ]
            rows.append(["marker_every_weeks", words.listed(markers) or words.text("none")])
        elif own.name == "arms":
            rows += [[words.text("arm {name}", name=arm.name), _arm_words(arm, words)] for arm in value]
        elif own.name != "name":
            rows.append(
                [
                    own.name,
                    words.text(_UNSAID.get(own.name, _BY_PRIOR))
                    if value is None
                    else f"{value:g}"
                    if isinstance(value, float)
                    else str(value),
                ]
            )
    columns = [(words.text("Key"), False), (words.text("Value"), False)]
    return table(words.text("The declaration"), columns, rows)


def _arm_words(arm: Arm, words: Language) -> str:
    """When the arm changes drugs, with the numbers that it was declared with."""
    kind = POLICIES[arm.policy]
    values = {name: getattr(arm, name) for name in kind.keys}
    numbers = ", ".join(f"{name} = {value:g}" for name, value in values.items() if value is not None)
    meaning = words.text(kind.meaning)
    return words.text("{what} ({numbers})", what=meaning, numbers=numbers) if numbers else meaning
