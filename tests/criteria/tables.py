"""Small lesions tables, written as a radiologist would list them."""

import polars as pl

from turnpoint.criteria.recist.visit_response import responses

SCHEMA = {
    "patient_id": pl.String,
    "day": pl.Int64,
    "lesion_id": pl.String,
    "role": pl.String,
    "site": pl.String,
    "node": pl.Boolean,
    "diameter_mm": pl.Float64,
    "status": pl.String,
    "method": pl.String,
    "reader": pl.String,
    "source_row": pl.Int64,
}
ROLES = {"T": "target", "N": "non_target", "X": "new"}


def lesion(name, day, seen, *, node=False, patient="P1", reader=None, site=None):
    """One row: `T1` is a target, `N1` a non-target, `X1` a new lesion; a number is a measured diameter.

    `(status, diameter)` gives both.
    """
    status, diameter = (
        seen
        if isinstance(seen, tuple)
        else (seen, None)
        if isinstance(seen, str)
        else ("measured", float(seen))
    )
    return {
        "patient_id": patient,
        "day": day,
        "lesion_id": name,
        "role": ROLES[name[0]],
        "site": site,
        "node": node,
        "diameter_mm": diameter,
        "status": status,
        "method": None,
        "reader": reader,
        "source_row": None,
    }


def table(rows):
    """A lesions table of such rows."""
    return pl.DataFrame(list(rows), schema=SCHEMA).with_columns(
        pl.int_range(2, pl.len() + 2).cast(pl.Int64).alias("source_row")
    )


def course(days, nodes=(), patient="P1", reader=None, **lesions):
    """Rows of one course: each keyword a lesion, with what was seen on each day; None is no row."""
    return [
        lesion(name, day, seen, node=name in nodes, patient=patient, reader=reader)
        for name, found in lesions.items()
        for day, seen in zip(days, found, strict=True)
        if seen is not None
    ]


def answers(column, days, **lesions):
    """A column of `responses` for one course, in order of days."""
    return responses(table(course(days, **lesions)))[column].to_list()
