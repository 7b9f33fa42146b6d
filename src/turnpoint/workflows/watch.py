"""What changed since last time: patients whose data are other than they were, assessed again, and their alerts."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import polars as pl

from turnpoint._version import __version__
from turnpoint.engine.progress import Progress
from turnpoint.errors import UsageError
from turnpoint.formats.fhir import write_assessment
from turnpoint.model.prior import Prior, named_prior
from turnpoint.study.schema import TABLES
from turnpoint.study.study import Study
from turnpoint.study.writing import write_table
from turnpoint.workflows.assess import ASSESSMENT_SCHEMA, Asked, assess_all

STATE: Final = "state.parquet"
ALERTS: Final = "alerts.csv"
ALERTS_AS_FHIR: Final = "alerts.fhir.ndjson"
STATUSES: Final = ("new", "standing", "withdrawn")
_KEPT: Final[dict[str, type[pl.DataType]]] = {
    "digest": pl.String,
    "asked": pl.String,
    "alert_since_day": pl.Int64,
}
STATE_SCHEMA: Final = ASSESSMENT_SCHEMA | _KEPT
ALERTS_SCHEMA: Final[dict[str, type[pl.DataType]]] = {
    "patient_id": pl.String,
    "status": pl.String,
    "alert_since_day": pl.Int64,
    "day": pl.Int64,
    "verdict": pl.String,
    "p_progression_12w": pl.Float64,
    "p_progression_24w": pl.Float64,
    "p_turned": pl.Float64,
    "criterion_met": pl.Boolean,
    "in_data": pl.Boolean,
}


@dataclass(frozen=True, slots=True)
class Watched:
    """What was found.

    Attributes:
        alerts: columns `ALERTS_SCHEMA`, by status and patient; `criterion_met` where progression has been called or
            is called at the last visit: `new` where the last visit has an alert and had none
            last time, `standing` where it had, `withdrawn` where it had one and has none any more, or the patient is no
            longer in the data (`in_data` false; the numbers are then those of last time).
        patients: in the data.
        assessed: how many of them were worked out anew; the others are as they were.
        files: that were written.
    """

    alerts: pl.DataFrame
    patients: int
    assessed: int
    files: tuple[Path, ...]

    def count(self, status: str) -> int:
        """Alerts of this status."""
        return self.alerts.filter(status=status).height


def watch(
    study: Study,
    out: str | Path,
    prior: str | Path | Prior | None = None,
    *,
    false_alerts_per_100: float | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Watched:
    """Assess the patients whose data changed since last time, and say which alerts are new, stand or are withdrawn.

    What is known from last time is in one file of the folder, which is replaced at the very end: stopped at any moment,
    the next run finds what this one would have.

    Args:
        study: as it is now.
        out: the folder of last time, or an empty one.
        prior: as for `assess`; another one, another rate, seed or version, and everybody is assessed again.
        false_alerts_per_100: as for `assess`.
        seed: as for `assess`.
        progress: called with patients done and patients in all.

    Raises:
        UsageError: the folder holds something else, or cannot be written to.
    """
    folder = Path(out)
    asked = Asked(prior, false_alerts_per_100, seed)
    before = _state(folder)
    now = _digests(study).with_columns(pl.lit(_named(asked)).alias("asked"))
    known = before.join(now, on=["patient_id", "digest", "asked"], how="semi")
    changed = now.join(known, on="patient_id", how="anti")["patient_id"].to_list()
    fresh = _last_visits(study.only(changed), asked, progress).join(now, on="patient_id", how="left")
    state = pl.concat([known, fresh.select(*STATE_SCHEMA)]).sort("patient_id")
    alerts = _alerts(before, state, set(study.patient_ids))
    shown = alerts.filter("in_data")["patient_id"].to_list()
    files = (
        write_table(alerts, folder / ALERTS),
        write_assessment(
            state.filter(pl.col("patient_id").is_in(shown)).drop(*_KEPT),
            study.only(shown),
            folder / ALERTS_AS_FHIR,
            method=f"Turnpoint {__version__}",
            timestamp=datetime.now(UTC),
        ),
        write_table(state, folder / STATE),
    )
    return Watched(alerts, len(study.patient_ids), len(changed), files)


def _state(folder: Path) -> pl.DataFrame:
    """What is known from last time: the last visit of each patient, and of which data it is."""
    file = folder / STATE
    if not file.exists():
        if folder.is_dir() and any(not own.name.startswith((".", "alerts.")) for own in folder.iterdir()):
            raise UsageError(f"--out: `{folder.name}` holds something else. Name an empty folder.")
        return pl.DataFrame(schema=STATE_SCHEMA)
    try:
        return pl.read_parquet(file).select(pl.col(name).cast(kind) for name, kind in STATE_SCHEMA.items())
    except (pl.exceptions.PolarsError, OSError) as error:
        raise UsageError(
            f"--out: `{STATE}` is not what was written. Move it away; then every alert is new once."
        ) from error


def _digests(study: Study) -> pl.DataFrame:
    """`patient_id, digest` of all that is recorded of each patient; the row of the file does not count."""
    texts: dict[str, hashlib._Hash] = {name: hashlib.sha256() for name in study.patient_ids}
    for table in TABLES:
        frame: pl.DataFrame = getattr(study, table).drop("source_row")
        cells = [pl.col(name).cast(pl.String).fill_null("\x00") for name in sorted(frame.columns)]
        rows = frame.select("patient_id", row=pl.concat_str(cells, separator="\x1f"))
        for name, own in rows.group_by("patient_id").agg(pl.col("row").sort().str.join("\x1e")).iter_rows():
            texts[name].update(f"{table}\x1d{own}\x1c".encode())
    return pl.DataFrame(
        {"patient_id": list(texts), "digest": [text.hexdigest() for text in texts.values()]},
        schema={"patient_id": pl.String, "digest": pl.String},
    )


def _named(asked: Asked) -> str:
    """The question as text: a prior by what is in it."""
    prior = asked.prior
    if prior is not None:
        own = prior if isinstance(prior, Prior) else named_prior(prior)
        prior = hashlib.sha256(json.dumps(own.to_dict(), sort_keys=True).encode()).hexdigest()
    return json.dumps(replace(asked, prior=prior).arguments | {"turnpoint": __version__}, sort_keys=True)


def _last_visits(study: Study, asked: Asked, progress: Progress | None) -> pl.DataFrame:
    """The assessment at each patient's last visit, with the day since when the alert has stood."""
    if not study.patient_ids or not (study.lesions.height or study.markers.height):
        return pl.DataFrame(schema={**ASSESSMENT_SCHEMA, "alert_since_day": pl.Int64})
    rows = assess_all(study, asked, progress).frame
    quiet = pl.col("day").filter(~pl.col("alert")).max().over("patient_id")
    since = pl.col("day").filter(pl.col("alert") & ((pl.col("day") > quiet) | quiet.is_null())).min()
    return (
        rows.with_columns(since.over("patient_id").alias("alert_since_day"))
        .sort("patient_id", "day")
        .unique("patient_id", keep="last", maintain_order=True)
    )


def _alerts(before: pl.DataFrame, now: pl.DataFrame, in_data: set[str]) -> pl.DataFrame:
    """The alerts of now and of last time, columns `ALERTS_SCHEMA`."""
    had = before.filter("alert")["patient_id"]
    alerted, had_one = pl.col("alert"), pl.col("patient_id").is_in(had.implode())
    gone = before.filter(alerted & ~pl.col("patient_id").is_in(now["patient_id"].implode()))
    rows = pl.concat(
        [
            now.filter(alerted & ~had_one).with_columns(status=pl.lit("new")),
            now.filter(alerted & had_one).with_columns(status=pl.lit("standing")),
            now.filter(~alerted & had_one).with_columns(status=pl.lit("withdrawn")),
            gone.with_columns(status=pl.lit("withdrawn")),
        ]
    ).with_columns(
        # what has been met is not forecast
        criterion_met=pl.col("p_progression_24w").is_null() & pl.col("alert"),
        in_data=pl.col("patient_id").is_in(list(in_data)),
    )
    order = pl.col("status").replace_strict(
        {own: place for place, own in enumerate(STATUSES)}, return_dtype=pl.Int64
    )
    return rows.sort(order, "patient_id").select(
        pl.col(name).cast(kind) for name, kind in ALERTS_SCHEMA.items()
    )
