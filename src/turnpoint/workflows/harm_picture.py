"""One patient's benefit and harm as a report shows them."""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from turnpoint.charts.next_cycle import MOST_DRUGS
from turnpoint.errors import StudyError
from turnpoint.harms.administrations import QUANTITIES
from turnpoint.model.filter import Posterior
from turnpoint.model.prior import Prior
from turnpoint.pictures.harm import HarmPicture
from turnpoint.study.study import Study
from turnpoint.workflows.harm import Harm, harm_from

_SHARES_SCHEMA = {"drug": pl.String(), "day": pl.Float64(), "share": pl.Float64(), "kind": pl.String()}
_CYCLES_SCHEMA = {"cycle": pl.Int64(), "day": pl.Float64(), "end_day": pl.Float64()}


def harm_picture(study: Study, patient_id: str, posterior: Posterior, prior: Prior) -> HarmPicture:
    """Benefit and harm of the one patient of a study; where the doses cannot be added up it says why instead.

    Args:
        study: of that patient.
        patient_id: whose.
        posterior: at the patient's visits, in order.
        prior: of the posterior.
    """
    priors = {patient_id: prior}
    try:
        return harm_shown(harm_from(study, [posterior], priors), patient_id)
    except StudyError as error:
        view = harm_shown(harm_from(_without_amounts(study), [posterior], priors), patient_id)
        return replace(view, ledger=view.ledger.clear(), shares=view.shares.clear(), problems=error.problems)


def harm_shown(result: Harm, patient_id: str) -> HarmPicture:
    """The view of one patient of a result, who has a reading."""
    tables = {
        name: frame.filter(pl.col("patient_id") == patient_id) for name, frame in result.tables().items()
    }
    cycles, next_cycle = tables["cycles"], tables["next_cycle"]
    return HarmPicture(
        ledger=tables["ledger"],
        adverse_events=tables["adverse_events"],
        next_cycle=next_cycle,
        cycles=_with_next(cycles, next_cycle),
        worst_grades=cycles.select("cycle", pl.col("events").fill_null(0), "worst_grade"),
        course=tables["course"],
        shares=_shares(tables),
        last_visit_day=float(next_cycle["last_visit_day"][0]),
    )


def _without_amounts(study: Study) -> Study:
    """The same study without amounts and body sizes: cycles, pauses and what does not need amounts stay."""
    nothing = (pl.lit(None, pl.Float64).alias("dose"), pl.lit(None, pl.String).alias("unit"))
    return replace(
        study,
        patients=study.patients.select(pl.exclude("bsa_m2", "height_cm", "weight_kg")),
        doses=study.doses.with_columns(nothing),
    )


def _with_next(cycles: pl.DataFrame, next_cycle: pl.DataFrame) -> pl.DataFrame:
    """The cycles so far and the next one, for the chart."""
    so_far = cycles.filter(pl.col("first_day").is_not_null())
    ahead = pl.DataFrame(
        {
            "cycle": [so_far.height + 1],
            "day": [next_cycle["from_day"][0]],
            "end_day": [next_cycle["to_day"][0]],
        },
        schema=_CYCLES_SCHEMA,
    )
    past = so_far.select("cycle", pl.col("first_day").cast(pl.Float64).alias("day"), "end_day")
    return pl.concat([past, ahead])


def _shares(tables: dict[str, pl.DataFrame]) -> pl.DataFrame:
    """Running share of each drug's strictest unconditional limit, those closest to it, and after the next cycle."""
    rows = []
    known = tables["ledger"].filter(pl.col("share").is_not_null() & (pl.col("condition") == ""))
    chosen = known.sort("share", descending=True).unique("drug", keep="first", maintain_order=True)
    columns = {unit: name for name, unit in QUANTITIES.items()}
    ahead = tables["next_cycle"]
    for row in chosen.head(MOST_DRUGS).iter_rows(named=True):
        running = f"cumulative_{columns[row['unit']]}"
        steps = (
            tables["doses_by_cycle"]
            .filter(pl.col("drug") == row["drug"])
            .join(tables["cycles"], on="cycle", how="left", maintain_order="left")
        )
        rows.append((row["drug"], 0.0, 0.0, "past"))
        rows += [
            (row["drug"], float(day), amount / row["limit"], "past")
            for day, amount in steps.select("first_day", running).rows()
        ]
        after = row["share_after_next_cycle"]
        start, end = float(ahead["from_day"][0]), float(ahead["to_day"][0])
        rows += [(row["drug"], start, after, "next"), (row["drug"], end, after, "end")]
    return pl.DataFrame(rows, schema=_SHARES_SCHEMA, orient="row")
