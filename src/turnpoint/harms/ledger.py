"""The dose ledger: what has been given, its share of each published limit, and what the next cycle adds."""

from __future__ import annotations

from typing import Final

import polars as pl

from turnpoint.harms.administrations import QUANTITIES
from turnpoint.harms.cycles import numbered_by_cycle
from turnpoint.harms.limits import Limits

_SAME = 1e-9  # 550 mg/m2 given as 0.1 + 0.2 + ... is 550
LEDGER_SCHEMA: Final = {
    "patient_id": pl.String(),
    "drug": pl.String(),
    "doses": pl.Int64(),
    "doses_not_counted": pl.Int64(),
    "first_day": pl.Int64(),
    "last_day": pl.Int64(),
    **{f"cumulative_{name}": pl.Float64() for name in QUANTITIES},
    "cumulative": pl.Float64(),
    "next_cycle": pl.Float64(),
    "after_next_cycle": pl.Float64(),
    "unit": pl.String(),
    "kind": pl.String(),
    "condition": pl.String(),
    "means": pl.String(),
    "limit": pl.Float64(),
    "share": pl.Float64(),
    "share_after_next_cycle": pl.Float64(),
    "further_cycles": pl.Int64(),
    "missing": pl.String(),
    "also_counts": pl.String(),
    "source": pl.String(),
    "checked": pl.Boolean(),
}
DOSES_BY_CYCLE_SCHEMA: Final = {
    "patient_id": pl.String(),
    "drug": pl.String(),
    "cycle": pl.Int64(),
    **dict.fromkeys(QUANTITIES, pl.Float64()),
    **{f"cumulative_{name}": pl.Float64() for name in QUANTITIES},
}


def dose_ledger(
    given: pl.DataFrame, cycles: pl.DataFrame, patterns: pl.DataFrame, limits: Limits
) -> pl.DataFrame:
    """One row a patient, drug and limit; a drug without a limit has one row.

        cumulative = sum of doses,   share = cumulative / limit
        next_cycle = the drug's dose in the cycle that the next one repeats (`cycles.pattern_cycles`)
        further_cycles = floor((limit - cumulative) / next_cycle), not below 0

    Args:
        given: `administrations.administrations`.
        cycles: `cycles.cycles_of`.
        patterns: `cycles.pattern_cycles`.
        limits: which limits there are.

    Returns:
        Columns `LEDGER_SCHEMA`, by patient, drug and the order of the limits. `cumulative_<quantity>` is null where
        any counted dose cannot be given in it. `cumulative`, `next_cycle` and `after_next_cycle` are in `unit`, the
        limit's, or the first quantity known. `missing` says why there is no share: `body_surface_area`, `other_unit`
        or `no_limit`. `also_counts` names other drugs given that count towards the same limits: their doses are not
        added, so the share is too small. `further_cycles` is null where the next cycle adds nothing.
    """
    next_doses = (
        numbered_by_cycle(given, cycles)
        .join(patterns, on=["patient_id", "cycle"], how="semi")
        .group_by("patient_id", "drug")
        .agg(pl.col(name).sum().alias(f"next_{name}") for name in QUANTITIES)
    )
    totals = _totals(given).join(next_doses, on=["patient_id", "drug"], how="left", maintain_order="left")
    rows = totals.join(_limit_frame(limits), on="drug", how="left", maintain_order="left_right")
    rows = rows.with_columns(_in_unit("cumulative"), _in_unit("next").fill_null(0.0).alias("next_cycle"))
    rows = rows.with_columns(
        pl.when(pl.col("cumulative").is_not_null()).then(pl.col("next_cycle")).alias("next_cycle"),
        pl.coalesce("limit_unit", _first_unit()).alias("unit"),
        _also(totals, limits),
    )
    left = pl.col("limit") - pl.col("cumulative")
    return (
        rows.with_columns(
            (pl.col("cumulative") + pl.col("next_cycle")).alias("after_next_cycle"),
            (pl.col("cumulative") / pl.col("limit")).alias("share"),
            pl.when(pl.col("next_cycle") > 0)
            .then((left / pl.col("next_cycle") + _SAME).floor().clip(0))
            .alias("further_cycles"),
            _missing(),
        )
        .with_columns((pl.col("after_next_cycle") / pl.col("limit")).alias("share_after_next_cycle"))
        .sort("patient_id", "drug", maintain_order=True)
        .select(pl.col(name).cast(dtype) for name, dtype in LEDGER_SCHEMA.items())
    )


def doses_by_cycle(given: pl.DataFrame, cycles: pl.DataFrame) -> pl.DataFrame:
    """What each cycle gave of each drug, and the running total: columns `DOSES_BY_CYCLE_SCHEMA`.

    A quantity that not every dose of the drug can be counted in is null throughout, as in the ledger.
    """
    own = ["patient_id", "drug"]
    counted = given.filter(pl.col("has_amount")).with_columns(
        pl.when(pl.col(name).is_not_null().all().over(own)).then(pl.col(name)) for name in QUANTITIES
    )
    by_cycle = (
        numbered_by_cycle(counted, cycles)
        .group_by(*own, "cycle")
        .agg(pl.when(pl.col(name).count() > 0).then(pl.col(name).sum()) for name in QUANTITIES)
        .sort(*own, "cycle")
    )
    running = [
        pl.col(name).cum_sum().over(own, order_by="cycle").alias(f"cumulative_{name}") for name in QUANTITIES
    ]
    return by_cycle.with_columns(running).select(
        pl.col(name).cast(dtype) for name, dtype in DOSES_BY_CYCLE_SCHEMA.items()
    )


def _totals(given: pl.DataFrame) -> pl.DataFrame:
    counted = pl.col("has_amount")
    return (
        given.group_by("patient_id", "drug", maintain_order=True)
        .agg(
            pl.len().alias("doses"),
            (~counted).sum().alias("doses_not_counted"),
            pl.col("day").min().alias("first_day"),
            pl.col("day").max().alias("last_day"),
            *(
                pl.when(counted.any() & pl.col(name).filter(counted).is_not_null().all())
                .then(pl.col(name).filter(counted).sum())
                .alias(f"cumulative_{name}")
                for name in QUANTITIES
            ),
        )
        .sort("patient_id", "drug")
    )


def _limit_frame(limits: Limits) -> pl.DataFrame:
    return pl.DataFrame(
        [
            (limit.drug, limit.limit, limit.unit, limit.kind, limit.condition, limit.means, limit.source, limit.checked)
            for limit in limits.limits
        ],
        schema={
            "drug": pl.String, "limit": pl.Float64, "limit_unit": pl.String, "kind": pl.String,
            "condition": pl.String, "means": pl.String, "source": pl.String, "checked": pl.Boolean,
        },
        orient="row",
    )  # fmt: skip


def _in_unit(prefix: str) -> pl.Expr:
    """The quantity that the row's limit is in; without a limit the first that is known."""
    chosen = pl.coalesce(
        *(
            pl.when(pl.col("limit_unit") == unit).then(pl.col(f"{prefix}_{name}"))
            for name, unit in QUANTITIES.items()
        )
    )
    free = pl.coalesce(
        *(
            pl.when(pl.col(f"cumulative_{name}").is_not_null()).then(pl.col(f"{prefix}_{name}"))
            for name in _PREFERRED
        )
    )
    return pl.when(pl.col("limit_unit").is_not_null()).then(chosen).otherwise(free).alias(prefix)


_PREFERRED: Final = ("mg_per_m2", "mg", "auc_mg_min_per_ml", "units", "international_units")


def _first_unit() -> pl.Expr:
    return pl.coalesce(
        *(
            pl.when(pl.col(f"cumulative_{name}").is_not_null()).then(pl.lit(QUANTITIES[name]))
            for name in _PREFERRED
        )
    )


def _missing() -> pl.Expr:
    needs_bsa = (pl.col("limit_unit") == "mg/m2") & pl.col("cumulative_mg").is_not_null()
    return (
        pl.when(pl.col("limit").is_null())
        .then(pl.lit("no_limit"))
        .when(pl.col("cumulative").is_not_null())
        .then(pl.lit(None))
        .when(needs_bsa)
        .then(pl.lit("body_surface_area"))
        .otherwise(pl.lit("other_unit"))
        .alias("missing")
    )


def _also(totals: pl.DataFrame, limits: Limits) -> pl.Expr:
    """Drugs of the same group that the patient was given too."""
    groups = {name: drug.group for name, drug in limits.drugs.items() if drug.group}
    group_of = {
        drug: [other for other in groups if groups[other] == groups[drug] and other != drug]
        for drug in groups
    }
    given = totals.group_by("patient_id").agg(pl.col("drug").alias("all")).rows()
    together = {patient: set(drugs) for patient, drugs in given}
    return (
        pl.struct("patient_id", "drug")
        .map_elements(
            lambda row: ", ".join(
                d for d in group_of.get(row["drug"], []) if d in together[row["patient_id"]]
            ),
            return_dtype=pl.String,
        )
        .replace("", None)
        .alias("also_counts")
    )
