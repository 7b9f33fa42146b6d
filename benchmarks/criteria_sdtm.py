"""Responses derived from SDTM sample data beside its own RS: `python benchmarks/criteria_sdtm.py`.

`sdtm-recist` is the RECIST 1.1 sample of pharmaversesdtm (synthetic, Apache-2.0): 8 subjects, each read by an
investigator and two radiologists. Sums are checked against an addition straight from the records of TR; responses at
each visit against RS, by `turnpoint.workflows.quality`; best responses against those that follow from RS's own visits.
"""

from __future__ import annotations

import argparse
import os
import platform
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pyreadstat
from provenance import commit

import turnpoint as tp
from turnpoint.criteria.quality.reported import label_of
from turnpoint.criteria.recist import best_responses
from turnpoint.formats.datasets import dataset_files
from turnpoint.formats.sdtm import reported_responses
from turnpoint.study.findings import Findings
from turnpoint.study.study import Study
from turnpoint.workflows.quality import quality, with_days_of_visits

DATA = Path(os.environ.get("TURNPOINT_DATA", Path(__file__).parents[2] / "shared" / "data")) / "sdtm-recist"
RESULTS = Path(__file__).parents[1] / "docs" / "results" / "criteria.md"

# Why a reported response that differs is not what the criteria say, by patient, reader and day.
EXPLAINED = {
    ("01-701-1133", "RADIOLOGIST 2", 63): (
        "RS follows the arithmetic alone: 4.95 mm over a nadir of 0 mm is less than 5 mm, so no PD, and far below "
        "baseline, so PR. But the visit before was a complete response (RS says so too), and a lesion that is there "
        "after one has come back: PD at any size (Eisenhauer 2009, table 3, footnote a; our rule 7). The other "
        "radiologist (5.15 mm) and the investigator (5.0 mm) are PD in RS as well."
    ),
}


def sums_from_records() -> dict[tuple[str, str, str], float]:
    """Sum of target diameters by patient, reader and visit, row by row: LPERP of a node, LDIAM of anything else."""
    read = {
        name: pyreadstat.read_xport(DATA / f"{name}.xpt", output_format="dict")[0] for name in ("tu", "tr")
    }
    nodes = {
        key
        for *key_parts, place in zip(
            read["tu"]["USUBJID"],
            read["tu"]["TUEVALID"],
            read["tu"]["TULNKID"],
            read["tu"]["TULOC"],
            strict=True,
        )
        if place == "LYMPH NODE"
        for key in [tuple(key_parts)]
    }
    sums: dict[tuple[str, str, str], float] = defaultdict(float)
    columns = ("USUBJID", "TREVALID", "TREVAL", "VISITNUM", "TRLNKID", "TRTESTCD", "TRSTRESN")
    for patient, reader_id, evaluator, visit, lesion, test, size in zip(
        *(read["tr"][column] for column in columns), strict=True
    ):
        if test == ("LPERP" if (patient, reader_id, lesion) in nodes else "LDIAM"):
            sums[patient, reader_id or evaluator, f"{visit:g}"] += size
    return sums


def compared_sums(study: Study) -> str:
    """How far our complete sums are from those of the records."""
    derived = tp.respond(study).responses.drop_nulls("sum_of_diameters_mm")
    visits = study.lesions.select("patient_id", "reader", "day", "visit").unique()
    own = derived.join(visits, on=["patient_id", "reader", "day"])
    records = sums_from_records()
    apart = [
        abs(total - records[patient, reader, visit])
        for patient, reader, visit, total in own.select(
            "patient_id", "reader", "visit", "sum_of_diameters_mm"
        ).iter_rows()
    ]
    incomplete = len(records) - len(apart)
    return (
        f"{len(apart)} complete sums, largest difference {max(apart):.1e} mm. {incomplete} visits with targets are "
        "incomplete (a target has no record): their sum is missing, never smaller."
    )


def courses(study: Study) -> pl.DataFrame:
    """One row a patient and reader: the visits and best responses derived, and those of RS."""
    findings = Findings()
    starts = study.patients.select("patient_id", "start_date")
    told = reported_responses(dataset_files(DATA), starts, "recist-1.1", findings)
    reported = with_days_of_visits(told, study.lesions).select(
        "patient_id", "reader", "day", label_of(pl.col("reported")).alias("overall_response")
    )
    derived = tp.respond(study)
    sides = {"derived": derived.responses.drop_nulls("overall_response"), "RS": reported}
    frame = derived.best_responses.select("patient_id", "reader")
    for side, visits in sides.items():
        sequence = (
            visits.sort("day")
            .group_by("patient_id", "reader")
            .agg(pl.col("overall_response").str.join(", ").alias(f"visits, {side}"))
        )
        best = best_responses(visits.select("patient_id", "reader", "day", "overall_response")).select(
            "patient_id",
            "reader",
            pl.format("{} ({})", "best_response", "confirmed_best_response").alias(
                f"best (confirmed), {side}"
            ),
        )
        for part in (sequence, best):
            frame = frame.join(part, on=["patient_id", "reader"], how="left")
    return frame.sort("patient_id", "reader")


def markdown(frame: pl.DataFrame) -> str:
    lines = ["| " + " | ".join(frame.columns) + " |", "|" + " --- |" * frame.width]
    for row in frame.iter_rows():
        cells = [
            f"{value:g}" if isinstance(value, float) else "" if value is None else str(value) for value in row
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def stamp() -> str:
    return (
        f"{datetime.now(tz=UTC).date()}, commit {commit()}, {platform.machine()}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}, Turnpoint {tp.__version__}."
    )


def warnings(study: Study) -> str:
    lines = []
    for problem in study.problems:
        line = f"- `{problem.file}`" + (f", {problem.column}" if problem.column else "") + f": {problem.rule}"
        if line not in lines:
            lines.append(line)
    return "\n".join(lines)


def page() -> str:
    study = tp.read(DATA)
    result = quality(study, DATA)
    shown = [
        "patient_id",
        "reader",
        "day",
        "derived",
        "reported",
        "sum_of_diameters_mm",
        "baseline_mm",
        "nadir_mm",
    ]
    shown += ["partial_response_at_mm", "progression_at_mm", "why"]
    explanations = [
        f"- {patient}, {reader}, day {day}: {EXPLAINED.get((patient, reader, day), 'NOT EXPLAINED')}"
        for patient, reader, day in result.differences.select("patient_id", "reader", "day")
        .unique()
        .iter_rows()
    ]
    both = courses(study)
    agree = both.filter(pl.col("best (confirmed), derived") == pl.col("best (confirmed), RS")).height
    return "\n".join(
        [
            "# Response criteria on SDTM sample data",
            "",
            __doc__.split("\n\n", 1)[1].strip(),
            "",
            stamp(),
            "",
            "## Sums of diameters",
            "",
            "TR of this sample has no sums (SUMDIAM); ours are compared with an addition of its records, row by row.",
            compared_sums(study),
            "",
            "## Responses at each visit",
            "",
            markdown(result.agreement),
            "",
            "### Every disagreement",
            "",
            markdown(result.differences.select(shown)),
            "",
            *explanations,
            "",
            "## Best responses",
            "",
            "RS of this sample has no best responses. Those beside ours follow from RS's own visits by our rules "
            f"(SD from day 42, confirmation after 28 days): {agree} of {both.height} are the same. The others differ "
            "by the visits listed above.",
            "",
            markdown(both),
            "",
            "## What was said while reading",
            "",
            warnings(study),
            "",
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=RESULTS)
    chosen = parser.parse_args()
    text = page()
    print(text)
    chosen.out.parent.mkdir(parents=True, exist_ok=True)
    chosen.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
