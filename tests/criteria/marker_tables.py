"""Small studies of one marker, written as a laboratory would list them."""

import polars as pl

from turnpoint.criteria.protocol import ProtocolRules
from turnpoint.study.schema import TABLES
from turnpoint.study.study import Study

UNITS = {"CA-125": "U/mL", "PSA": "ng/mL", "CEA": "ng/mL"}
_SIGNS = {"<": "left", ">": "right"}


def empty(name):
    return pl.DataFrame(schema=TABLES[name].frame_schema)


def sample(day, seen, limit=None, patient="P1"):
    """`(patient, day, value, censoring, limit)`; what was seen is a number or `<5`, `>5000`."""
    if isinstance(seen, str):
        return (patient, day, float(seen[1:]), _SIGNS[seen[0]], limit)
    return (patient, day, float(seen), "none", limit)


def series(seen, limit=None, patient="P1"):
    """The samples of one patient, as `{day: value}`."""
    return [sample(day, value, limit, patient) for day, value in seen.items()]


def markers_of(rows, marker, assays=None):
    """A markers table of such samples."""
    own = pl.DataFrame(
        rows,
        schema={
            "patient_id": pl.String,
            "day": pl.Int64,
            "value": pl.Float64,
            "censoring": pl.String,
            "upper_limit": pl.Float64,
        },
        orient="row",
    ).with_columns(
        pl.lit(marker).alias("marker"),
        pl.lit(UNITS[marker]).alias("unit"),
        pl.Series("assay", assays or [None] * len(rows), dtype=pl.String),
        pl.int_range(2, pl.len() + 2).alias("source_row"),
    )
    return pl.concat([empty("markers"), own], how="diagonal")


def therapy_of(days):
    """`patient_id, new_therapy_day` of those who had one."""
    rows = [(patient, day) for patient, day in days.items() if day is not None]
    return pl.DataFrame(rows, schema={"patient_id": pl.String, "new_therapy_day": pl.Int64}, orient="row")


def events_of(days, term="Paracentesis"):
    """An events table of interventions: `{patient: ((first day, last day), ...)}`."""
    rows = [(patient, first, last, term) for patient, found in days.items() for first, last in found]
    schema = {"patient_id": pl.String, "day": pl.Int64, "end_day": pl.Int64, "term": pl.String}
    return pl.concat([empty("events"), pl.DataFrame(rows, schema=schema, orient="row")], how="diagonal")


def study_with(markers=None, events=None, lesions=None):
    """A study of these tables; the others are empty."""
    given = {"markers": markers, "events": events, "lesions": lesions}
    tables = {name: empty(name) if given.get(name) is None else given[name] for name in TABLES}
    return Study(**tables)


def judged(judge, markers, therapy=None, events=None, lesions=None, **rules):
    """The responses of such a study."""
    therapy = therapy_of({}) if therapy is None else therapy
    return judge(study_with(markers, events, lesions), therapy, ProtocolRules(**rules))
