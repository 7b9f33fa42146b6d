"""The short summary after each command: what was read, what was found, where it was written."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import typer

from turnpoint.cli.problems import problem_counts, say_warnings
from turnpoint.cli.targets import STANDARD_OUTPUT, write_frame
from turnpoint.cli.terminal import column_lines, printable, say, width_of, wrapped
from turnpoint.errors import counted

if TYPE_CHECKING:
    import polars as pl

    from turnpoint.model.prior import Prior
    from turnpoint.pictures.patient import PatientPicture, Provenance
    from turnpoint.study.study import Study
    from turnpoint.workflows.check import CheckResult
    from turnpoint.workflows.demo import DemoResult
    from turnpoint.workflows.diagnose import Diagnostics
    from turnpoint.workflows.quality import QualityControl
    from turnpoint.workflows.respond import Responses

PREVIEW_ROWS = 10
# Best to worst, as clinicians list them.
RESPONSE_ORDER = ("CR", "PR", "SD", "NON-CR/NON-PD", "PD", "NE")
RESPONSE_COLUMNS = (
    "patient_id",
    "day",
    "overall_response",
    "sum_of_diameters_mm",
    "change_from_baseline_pct",
    "change_from_nadir_pct",
    "new_lesion",
    "target_response",
    "non_target_response",
    "reader",
)
ASSESSMENT_COLUMNS = (
    "patient_id",
    "day",
    "verdict",
    "alert",
    "p_responding",
    "p_plateau",
    "p_regrowing",
    "p_turned",
    "turning_day_q05",
    "turning_day_q50",
    "turning_day_q95",
)
FORECAST_COLUMNS = (
    "patient_id",
    "origin_day",
    "target_day",
    "quantity",
    "q10",
    "q50",
    "q90",
    "p_progression",
    "p_new_lesion",
)
AHEAD_COLUMNS = (
    "patient_id",
    "day",
    "quantity",
    "p_progression_6w",
    "p_progression_12w",
    "p_progression_24w",
    "progression_day_q05",
    "progression_day_q50",
    "progression_day_q95",
    "called_day",
    "called_by",
)
SETTLE_COLUMNS = (
    "rank",
    "plan",
    "information_bit_weeks",
    "expected_information_bits",
    "standard_error_bits",
    "p_decided",
    "weeks",
    "scans",
    "blood_tests",
    "is_assumed",
)
DIFFERENCE_COLUMNS = (
    "patient_id",
    "day",
    "item",
    "derived",
    "reported",
    "sum_of_diameters_mm",
    "nadir_mm",
    "progression_at_mm",
    "reader",
    "why",
)
RESPONSE_TABLES = (
    "responses",
    "best_responses",
    "progression_free_survival",
    "adjudication",
    "differences",
)
DIAGNOSTIC_TABLES = (
    "pit",
    "pit_histogram",
    "pit_ecdf",
    "coverage",
    "reliability",
    "visual_predictive_check",
    "shrinkage",
    "patients",
)
CALLED_NAMES = {
    "new_lesion": "a new lesion",
    "target": "growth of the target lesions",
    "non_target": "growth of other lesions",
    "marker": "a tumour marker",
}
VERDICT_ORDER = ("responding", "plateau", "regrowing", "undetermined")


def summary_stream(out: Path | None) -> TextIO:
    """Where the summary goes: stdout, unless the table itself does."""
    return sys.stderr if out == STANDARD_OUTPUT else sys.stdout


def say_read(study: Study, stream: TextIO) -> None:
    """What was read: patients, visits, rows of each table; and its warnings."""
    import polars as pl

    seen = [frame.select("patient_id", "day") for frame in (study.lesions, study.markers)]
    visits = pl.concat(seen).n_unique() if any(frame.height for frame in seen) else 0
    rows = (
        (study.lesions, "lesion measurement"),
        (study.markers, "marker value"),
        (study.doses, "dose"),
        (study.events, "adverse event"),
    )
    tables = ", ".join(counted(frame.height, noun) for frame, noun in rows if frame.height)
    people = f"{counted(study.patients.height, 'patient')}, {counted(visits, 'visit')}"
    say("Read", f"{study.name}: {people}" + (f" ({tables})" if tables else ""), stream)
    say_warnings(study.problems, stream)


def say_called(called: pl.DataFrame, stream: TextIO) -> None:
    """Progression that has been called, before anything else: of one patient by what, of several how many by what.

    Args:
        called: from `workflows.respond.called`.
        stream: where it is said.
    """
    patients = called["patient_id"].n_unique()
    if patients == 1:
        for row in called.iter_rows(named=True):
            say("Called", _called_line(row), stream)
        return
    if patients:
        counts = dict(called.unique(["patient_id", "kind"])["kind"].value_counts().iter_rows())
        kinds = [(kind, counts[kind]) for kind in CALLED_NAMES if kind in counts]
        by = ", ".join(f"{count:,} by {CALLED_NAMES[kind]}" for kind, count in kinds)
        say("Called", f"progression of {counted(patients, 'patient')}: {by}", stream)


def say_called_in(picture: PatientPicture, stream: TextIO) -> None:
    """Progression of one patient that has been called, by what."""
    for own in picture.called:
        say("Called", _called_line(asdict(own)), stream)


def _called_line(row: Mapping[str, object]) -> str:
    """One thing that called it: `progression in week 18 (day 126), by a new lesion: brain N1, 11 mm (RECIST 1.1)`."""
    day = int(str(row["day"]))
    named = " ".join(str(row[name]) for name in ("site", "lesion_id") if row[name])
    size = "" if row["value"] is None else f"{row['value']:.4g} {row['unit']}"
    smallest = "" if row["smallest"] is None else f"from {row['smallest']:.4g} at its smallest"
    details = ", ".join(part for part in (named, size, smallest) if part)
    by = CALLED_NAMES[str(row["kind"])]
    said = f"progression in week {day / 7:.0f} (day {day}), by {by}"
    return f"{said}: {details} ({row['criterion']})" if details else f"{said} ({row['criterion']})"


def say_counts(label: str, what: str, column: pl.Series, order: Sequence[str], stream: TextIO) -> None:
    """How often each value occurs: `Found     best response: 3 CR, 40 PR, ...`, in the field's order."""
    counts = dict(column.drop_nulls().value_counts().iter_rows())
    known = [name for name in order if name in counts]
    others = sorted(str(name) for name in counts if name not in order)
    text = ", ".join(f"{counts[name]:,} {name}" for name in known + others)
    say(label, f"{what}: {text or 'none'}", stream)


def say_responses(result: Responses, criteria: str) -> None:
    """Warnings of the criteria; how many of each best response; progression-free survival; disagreeing readers."""
    say_warnings(result.problems, sys.stdout)
    best = result.best_responses["best_response"]
    say_counts("Found", f"best response by {criteria}", best, RESPONSE_ORDER, sys.stdout)
    if result.progression_free is not None and result.progression_free.height:
        events = int(result.progression_free["event"].sum())
        say(
            "",
            f"progression or death in {events:,} of {counted(result.progression_free.height, 'course')}",
            sys.stdout,
        )
    if result.adjudication is not None and result.adjudication.height:
        needed = int(result.adjudication["needs_adjudication"].sum())
        judged = counted(result.adjudication.height, "patient")
        say("", f"readers differ in {needed:,} of {judged} with several independent readers", sys.stdout)


def response_columns(result: Responses) -> Sequence[str]:
    """The columns worth showing first: those of tumour size, or all that a marker's criteria have."""
    names = result.responses.columns
    return RESPONSE_COLUMNS if "sum_of_diameters_mm" in names else names


def say_compared(result: QualityControl, stream: TextIO) -> None:
    """How often each item agrees with what was reported."""
    say_warnings(result.problems, stream)
    for item, compared, agree, _, derived_only, reported_only in result.agreement.iter_rows():
        name = str(item).removesuffix("_mm").replace("_", " ")
        text = f"{name}: {agree:,} of {compared:,} as reported"
        text += f"; {derived_only:,} derived only" if derived_only else ""
        text += f"; {reported_only:,} reported only" if reported_only else ""
        say("Compared", text, stream)


def say_assessed(frame: pl.DataFrame, stream: TextIO) -> None:
    """The verdict at each patient's last visit, counted; and how many patients were ever alerted."""
    import polars as pl

    last = frame.group_by("patient_id").agg(pl.col("verdict").sort_by("day").last(), pl.col("alert").any())
    say_counts("Found", "verdict at the last visit", last["verdict"], VERDICT_ORDER, stream)
    say("", f"alert raised for {counted(int(last['alert'].sum()), 'patient')}", stream)


def say_prior(prior: Prior, stream: TextIO) -> None:
    """Which prior the patients were compared with, and what its card warns of."""
    card = prior.card
    _say_prior(prior.name, _fitted_to(card.patients, card.data, card.simulated), card.warnings, stream)


def say_provenance(provenance: Provenance, stream: TextIO) -> None:
    """Whom a patient was compared with, by which prior, and what its card warns of."""
    own = provenance
    fitted = _fitted_to(own.prior_patients, own.prior_data, own.simulated)
    _say_prior(own.prior_name, fitted, own.prior_warnings, stream)
    if own.simulated or own.fit == "unmeasured":
        from turnpoint.reports.catalogue import language
        from turnpoint.reports.provenance_text import fit_sentence

        for sentence in fit_sentence(own, language("en")):
            say("", sentence, stream)


def _fitted_to(patients: int, data: str, simulated: bool) -> str:
    whom = (
        f"{patients:,} virtual patients of a published model" if simulated else counted(patients, "patient")
    )
    return f"fitted to {whom}: {data}"


def _say_prior(name: str, fitted: str, warnings: Sequence[str], stream: TextIO) -> None:
    say("Prior", f"{name}, {fitted}", stream)
    for warning in warnings:
        say("", warning, stream)


def say_priors(priors: Mapping[str, Prior], stream: TextIO) -> None:
    """Which prior each patient was compared with: one line where it is one for all, else how many each has."""
    used: dict[str, tuple[Prior, int]] = {}
    for prior in priors.values():
        used[prior.name] = prior, used.get(prior.name, (prior, 0))[1] + 1
    if len(used) == 1:
        ((prior, _),) = used.values()
        say_prior(prior, stream)
        return
    for name, (prior, patients) in sorted(used.items(), key=lambda item: -item[1][1]):
        fitted = _fitted_to(prior.card.patients, prior.card.data, prior.card.simulated)
        say("Prior", f"{name} for {counted(patients, 'patient')}, {fitted}", stream)


def say_priors_by_disease(priors: pl.DataFrame, titles: Mapping[str, str], stream: TextIO) -> None:
    """Each prior below its disease: what it reads, whom it is from, and the words that choose it."""
    last = None
    for row in priors.iter_rows(named=True):
        if row["diseases"] != last:
            last = row["diseases"]
            say("For", ", ".join(titles[name] for name in last.split(", ")) if last else "any other", stream)
        say("Prior", f"{row['name']} ({row['quantities']})", stream)
        say("", _fitted_to(row["patients"], row["data"], row["simulated"]), stream)
        if last:
            say("", f"chosen by: {row['chosen_by'] or 'its name only'}", stream)


def say_unmeasured(titles: Sequence[str], stream: TextIO) -> None:
    """Which diseases nobody measured."""
    say("Nobody", f"measured here: {', '.join(titles)}. They are read with the generic prior.", stream)


def say_fitted(prior: Prior, stream: TextIO) -> None:
    """What the fitted prior knows, how its alert is calibrated, and what its card warns of."""
    card, alert = prior.card, prior.alert
    used = f"{counted(card.patients, 'patient')}, {counted(card.readings, 'reading')}"
    say("Fitted", f"{', '.join(prior.quantities)}, to {used}", stream)
    rate = alert.false_alerts_per_100
    chosen = (
        "not calibrated" if rate is None else f"{rate:.3g} in 100 real patients had one that nothing followed"
    )
    say("Alert", f"from a chance of progression of {alert.threshold:.3g} ({chosen})", stream)
    for warning in card.warnings:
        say("Warning", warning, stream)


def say_forecast(frame: pl.DataFrame, stream: TextIO) -> None:
    """How many forecasts of each quantity, for how many patients."""
    patients = counted(frame["patient_id"].n_unique(), "patient")
    say_counts("Found", f"forecasts for {patients}", frame["quantity"], ("sum_of_diameters_mm",), stream)


def say_diagnosed(result: Diagnostics, stream: TextIO) -> None:
    """How many forecasts were judged, and how many readings the usual intervals held."""
    say("Judged", counted(result.pit.height, "forecast"), stream)
    for row in result.coverage.iter_rows(named=True):
        if round(100 * row["nominal"]) in {50, 80}:
            held = f"{row['nominal']:.0%} intervals of {row['quantity']} held {row['coverage']:.1%} of the readings"
            say("Found", f"{held} ({row['coverage_low']:.1%} to {row['coverage_high']:.1%})", stream)


def say_checked(result: CheckResult, name: str, stream: TextIO) -> None:
    """What was read, as far as it could be, and how many problems there are."""
    if result.problems:
        typer.echo("", file=stream)
    if result.study is not None:
        say_read(replace(result.study, problems=()), stream)
    else:
        say("Read", name, stream)
    say("Found", problem_counts(result.problems), stream)


def say_demo(result: DemoResult) -> None:
    """The summary of the demo, then the report's path as the very last line."""
    width = width_of(sys.stdout)
    for line in result.summary:
        indent = line[: len(line) - len(line.lstrip())]
        for part in wrapped(printable(line.strip()), width, first=indent, then=indent + "  "):
            typer.echo(part)
    typer.echo(str(result.report_path.resolve()))


def save_or_show(frame: pl.DataFrame, target: Path | None, columns: Sequence[str], stream: TextIO) -> None:
    """Write the table and say where; without a target print its first rows, the named columns first."""
    if target is None:
        show(frame, columns)
        return
    write_frame(frame, target)
    if target != STANDARD_OUTPUT:
        say_written(target, f"{counted(frame.height, 'row')}, {counted(frame.width, 'column')}", stream)


def say_written(target: Path, what: str, stream: TextIO) -> None:
    """Where the result is: its path, short when it is below the current folder."""
    here = Path.cwd()
    shown = target.relative_to(here) if target.is_relative_to(here) else target
    say("Wrote", f"{shown} ({what})", stream, whole=True)


def show(frame: pl.DataFrame, columns: Sequence[str], title: str | None = None) -> None:
    """Print the first rows of a table; columns that the terminal has no room for are left out, and counted.

    Args:
        frame: the whole result.
        columns: which columns to show, most telling first; those the frame lacks, or has no value in, are
            skipped.
        title: a line above.
    """
    if frame.is_empty():
        typer.echo(f"\n{title or 'Result'}: no rows")
        return
    names = [name for name in columns if name in frame.columns and frame[name].null_count() < frame.height]
    head = frame.select(names).head(PREVIEW_ROWS)
    cells = [[_cell(name, value) for name, value in zip(names, row, strict=True)] for row in head.iter_rows()]
    numeric = [head.schema[name].is_numeric() for name in names]
    typer.echo("" if title is None else f"\n{title}")
    lines = list(column_lines(names, cells, numeric, width_of(sys.stdout)))
    for line in lines:
        typer.echo(line)
    shown = sum(name in lines[0].split() for name in names)
    if frame.height > head.height or frame.width > shown:
        rows, columns_shown = counted(frame.height, "row"), counted(frame.width, "column")
        typer.echo(f"({head.height:,} of {rows}, {shown} of {columns_shown}; --out writes them all)")


def _cell(name: str, value: object) -> str:
    """A cell as people read it: chances to 2 decimals, millimetres and percent to 1, days whole."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, float):
        return printable(str(value))
    if name.startswith("p_"):
        return f"{value:.2f}"
    if name.endswith("_mm") or "_pct" in name:  # quantiles of a percentage too: living_change_pct_q50
        return f"{value:.1f}"
    return f"{value:.0f}" if "_day" in name else f"{value:.4g}"
