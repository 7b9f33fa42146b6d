"""Lesions from SDTM: TU names them, TR says what was seen of them, visit by visit and reader by reader.

The rules:

1. A lesion is a --LNKID, or else a --SPID (warned of), of a patient and reader; the reader is --EVALID, or else --EVAL.
2. Its role is that of TU (TUSTRESC), or else TRGRPID, or else what its identifier says (T01, NT01, NEW01). A lesion
   that is benign is left out, and counted.
3. Its size is DIAMETER; or else, for a lymph node (TULOC), the short axis (SAXIS, LPERP), and for any other lesion the
   longest diameter (LDIAM); without a location too, unless it has a short axis alone (warned of). Standard results
   come before original ones; units become mm.
4. 0 mm is absent. "Too small to measure" is too small, with the size that the sponsor put in its place.
5. TUMSTATE and LNSTATE give the status of a lesion without a size. Of a lesion with one they only say whether a
   non-target progressed, and whether a new lesion is equivocal.
6. TRSTAT = NOT DONE is not evaluable. So is a text that means nothing here (warned of).
7. A new or non-target lesion that TU names before, or without, any row in TR was present on the day TU gives; new
   lesions often stand in TU alone.
8. Sums of diameters and their changes are derived, and not read. Other tests are counted.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from turnpoint.formats.sdtm.assessments import assessed, named
from turnpoint.formats.sdtm.ledger import leave
from turnpoint.formats.sdtm.states import SHORT_AXES, is_node, role_of_link
from turnpoint.formats.sdtm.tables import Records, note
from turnpoint.formats.sdtm.visits import settle_days
from turnpoint.study.findings import Findings

OTHER_SIZE: Final = "another size of a lesion than the one that counts in the sum"
_LESION: Final = ["USUBJID", "reader", "lesion"]
# After every size.
_STATE_RANK: Final = 9


def lesion_rows(results: Records, names: Records | None, findings: Findings) -> Records:
    """The lesions table of a study, columns as in the study folder, and some beside them.

    Those are `accepted`, `visit`, `date_imputed` (as ADTF: D, M or Y, where a day was not given in full), and
    `source_domain` and `source_sequence`, the --SEQ of the record with the size.

    Args:
        results: TR with `day`, `day_from`, `day_to`.
        names: TU, the same way.
        findings: where problems go.

    Returns:
        The rows; `record` counts on through TU after the last record of TR.
    """
    read = assessed(results, findings)
    said = named(names, findings) if names else None
    file = results.file
    read = read.with_columns(pl.lit(value=False).alias("of_name"))
    rows = read
    if said is not None and names is not None:
        # Records of ADaM have gaps: counting goes on from the last number, not from how many there are.
        offset = _last(results.frame["record"])
        file = f"{results.file} + {names.file}"
        own = said.with_columns(pl.col("record") + offset, pl.lit(value=True).alias("of_name"))
        rows = pl.concat([read, own], how="diagonal")
    rows = settle_days(rows, file, findings)
    if said is not None:
        rows = _described(rows, said)
    else:
        rows = rows.with_columns(
            pl.lit(None, dtype=pl.String).alias(name) for name in ("role", "site", "how")
        )
    rows = _without_benign(_with_role(rows), file, findings)
    lesions = _combined(rows.filter(~pl.col("of_name")), file, findings)
    if said is not None:
        lesions = _with_names_only(lesions, rows.filter("of_name"), findings, file)
    return Records(file, _as_table(lesions))


def _last(record: pl.Series) -> int:
    """The number of the last record, 0 when there is none."""
    last = record.max()
    return last - 1 if isinstance(last, int) else 0


def _described(rows: pl.DataFrame, said: pl.DataFrame) -> pl.DataFrame:
    """Add `role`, `site` and `how` of each lesion by its reader's first naming, or else by anyone's."""
    columns = {"named_role": "role", "own_site": "site", "method": "how"}
    for keys, ending in ((_LESION, ""), (["USUBJID", "lesion"], " of another")):
        first = (
            said.sort("record")
            .group_by(keys, maintain_order=True)
            .agg(pl.col(source).drop_nulls().first().alias(name + ending) for source, name in columns.items())
        )
        rows = rows.join(first, on=keys, how="left", nulls_equal=True, maintain_order="left")
    others = [f"{name} of another" for name in columns.values()]
    return rows.with_columns(
        pl.coalesce(name, f"{name} of another").alias(name) for name in columns.values()
    ).drop(others)


def _with_role(rows: pl.DataFrame) -> pl.DataFrame:
    """Rule 2, one role and one site a lesion; `node` as far as the site, or a short axis alone, says so."""
    grouped = pl.col("group_role") if "group_role" in rows.columns else pl.lit(None, dtype=pl.String)
    role = pl.coalesce("role", grouped.drop_nulls().first().over(_LESION), role_of_link(pl.col("lesion")))
    site = pl.coalesce("site", pl.col("own_site").drop_nulls().first().over(_LESION))
    rows = rows.with_columns(role.alias("role"), site.str.to_lowercase().alias("site"))
    measured = pl.col("mm").is_not_null()
    short_only = measured.any() & (~measured | pl.col("test").is_in(SHORT_AXES)).all()
    lymph = (pl.col("test") == "LNSTATE").any()
    return rows.with_columns(
        pl.coalesce(is_node(pl.col("site")), (short_only | lymph).over(_LESION))
        .fill_null(value=False)
        .alias("node")
    )


def _without_benign(rows: pl.DataFrame, file: str, findings: Findings) -> pl.DataFrame:
    benign = rows.filter(pl.col("role") == "benign")
    note(
        findings,
        file,
        benign,
        "results of lesions that are benign",
        "They are left out; nothing to do.",
        "TUSTRESC",
        left_out=True,
    )
    return rows.filter(pl.col("role").ne_missing("benign")) if benign.height else rows


def _combined(rows: pl.DataFrame, file: str, findings: Findings) -> pl.DataFrame:
    """Rules 3 to 6: one row a lesion, reader and day."""
    rows = rows.with_columns(_rank().alias("rank"))
    _report_contradictions(rows, file, findings)
    # The first of the sizes that says anything, and what the state tests say.
    sized, of_state = pl.col("mm").is_not_null(), pl.col("rank") == _STATE_RANK
    telling = ~of_state & (sized | (pl.col("state") != "not_evaluable").fill_null(value=False))
    best = (
        rows.sort("rank", "record")
        .group_by([*_LESION, "day"], maintain_order=True)
        .agg(
            pl.col("mm").filter(telling).first(),
            pl.col("test").filter(telling).first().alias("sized_by"),
            pl.col("state").filter(telling).first().alias("size_says"),
            pl.col("state").filter(of_state).drop_nulls().last().alias("state_says"),
            (pl.col("test").is_in(SHORT_AXES) & sized).any().alias("has_short_axis"),
            pl.col("role", "site", "node", "visit").first(),
            pl.coalesce(pl.col("method").drop_nulls().first(), pl.col("how").first()).alias("method"),
            pl.col("is_accepted").any(),
            pl.coalesce(pl.col("imputed").max(), pl.col("date_flag").max()).alias("imputed"),
            pl.coalesce(pl.col("sequence").filter(telling).first(), pl.col("sequence").first()),
            pl.col("record").min(),
        )
    )
    _report_mixed_tests(best, file, findings)
    _leave_other_sizes(rows, best, file, findings)
    note(
        findings,
        file,
        best.filter(pl.col("site").is_null() & (pl.col("sized_by") == "LDIAM") & pl.col("has_short_axis")),
        "sizes of lesions without a location, which have a short axis too",
        "They are read by their longest diameter; give TU with TULOC, since a lymph node counts by its short axis.",
        "TRTESTCD",
    )
    best = best.with_columns(pl.lit("TR").alias("source_domain"))
    return best.with_columns(_status().alias("status")).filter(pl.col("status") != "in_pieces")


def _rank() -> pl.Expr:
    """Rule 3: the place of a test among the sizes of a lesion, the first that is there being the one that counts."""
    node, test = pl.col("node"), pl.col("test")
    places = [
        (test == "DIAMETER", 0),
        (node & (test == "SAXIS"), 1),
        (node & (test == "LPERP"), 2),
        (test == "LDIAM", 3),
        (test == "SAXIS", 4),
        (test == "LPERP", 5),
    ]
    rank = pl.lit(_STATE_RANK, dtype=pl.Int8)
    for is_it, place in reversed(places):
        rank = pl.when(is_it).then(pl.lit(place, dtype=pl.Int8)).otherwise(rank)
    return rank


def _status() -> pl.Expr:
    """Rules 4 to 6."""
    target, sized = pl.col("role") == "target", pl.col("mm").is_not_null()
    said = pl.coalesce("state_says", pl.when(~sized).then("size_says"))
    said = (
        pl.when(said != "unequivocal")
        .then(said)
        .when(said.is_not_null() & (pl.col("role") == "new"))
        .then(pl.lit("present"))
        .when(said.is_not_null())
        .then(pl.lit("unequivocal_progression"))
    )
    of_no_target = said.is_in(["equivocal", "unequivocal_progression"])
    return (
        pl.when((pl.col("size_says") == "too_small") | (said == "too_small"))
        .then(pl.lit("too_small"))
        .when(~target & of_no_target)
        .then(said)
        .when(pl.col("mm") > 0)
        .then(pl.lit("measured"))
        .when(pl.col("mm") == 0)
        .then(pl.lit("absent"))
        # A target that is there, but has no size, cannot be judged.
        .when(target & (of_no_target | (said == "present")))
        .then(pl.lit("not_evaluable"))
        .otherwise(pl.coalesce(said, pl.lit("not_evaluable")))
    )


def _report_contradictions(rows: pl.DataFrame, file: str, findings: Findings) -> None:
    """A test that says two things of one lesion on one day is an error: none of them is better than the other."""
    keys = [*_LESION, "day", "test"]
    known = rows.filter(pl.col("day").is_not_null() & pl.col("lesion").is_not_null())
    twice = known.filter(~pl.struct(keys).is_unique())
    if twice.is_empty():
        return
    differing = twice.group_by(keys).agg(
        pl.col("mm").drop_nulls().n_unique().alias("sizes"),
        pl.col("state").drop_nulls().n_unique().alias("states"),
        pl.col("record").max(),
    )
    found = differing.filter((pl.col("sizes") > 1) | (pl.col("states") > 1)).sort("record")
    for row in found["record"].head(100).to_list():
        findings.add(
            file,
            "a second result of one test of one lesion on the same day, with another value",
            "Keep one of them, or give the other its own reader or visit date.",
            row=row,
            column="TRSTRESC",
        )


def _leave_other_sizes(rows: pl.DataFrame, best: pl.DataFrame, file: str, findings: Findings) -> None:
    """A lesion has one diameter: the others of the same day, such as the second axis, go to the side table."""
    keys = [*_LESION, "day"]
    sized = rows.filter(pl.col("mm").is_not_null() & (pl.col("rank") != _STATE_RANK))
    counted = best.select(*keys, "sized_by").drop_nulls("sized_by")
    others = sized.join(counted, on=keys, how="inner", nulls_equal=True)
    leave(findings, file, others.filter(pl.col("test") != pl.col("sized_by")), OTHER_SIZE)


def _report_mixed_tests(best: pl.DataFrame, file: str, findings: Findings) -> None:
    sized = best.filter(pl.col("sized_by").is_not_null() & (pl.col("mm") > 0))
    mixed = sized.filter((pl.col("sized_by") != pl.col("sized_by").first()).over(_LESION))
    note(
        findings,
        file,
        mixed,
        "sizes of another test than the lesion's first size",
        "Check that they are the same diameter; they are read as they are.",
        "TRTESTCD",
    )


def _with_names_only(
    lesions: pl.DataFrame, names: pl.DataFrame, findings: Findings, file: str
) -> pl.DataFrame:
    """Rule 7."""
    first = lesions.group_by(_LESION).agg(pl.col("day").min().alias("first_day"))
    alone = names.join(first, on=_LESION, how="left", nulls_equal=True).filter(
        pl.col("first_day").is_null() | (pl.col("day") < pl.col("first_day"))
    )
    alone = alone.sort("record").unique(_LESION, keep="first", maintain_order=True)
    unmeasured = alone.filter((pl.col("role") == "target") & pl.col("first_day").is_null())
    note(
        findings,
        file,
        unmeasured,
        "target lesions named in TU have no size in TR",
        "They are left out; check TULNKID and TRLNKID.",
        "TULNKID",
        left_out=True,
    )
    added = alone.filter(pl.col("role").is_in(["new", "non_target"])).select(
        *_LESION,
        "day",
        "role",
        "site",
        "node",
        "visit",
        pl.coalesce("method", "how").alias("method"),
        "is_accepted",
        "imputed",
        "sequence",
        pl.lit("TU").alias("source_domain"),
        "record",
        pl.col("state").alias("status"),
    )
    note(
        findings,
        file,
        added,
        "lesions that TU names before or without any row in TR",
        "They are read as present on the day TU gives; nothing to do if that is right.",
        "TULNKID",
    )
    return pl.concat([lesions, added], how="diagonal_relaxed")


def _as_table(lesions: pl.DataFrame) -> pl.DataFrame:
    # A column that says nothing of anyone is none.
    beside = ["imputed"] if lesions["imputed"].null_count() < lesions.height else []
    shown = pl.col("status").is_in(["measured", "too_small", "equivocal", "unequivocal_progression"])
    return lesions.sort("record").select(
        pl.col("USUBJID").alias("patient_id"),
        "day",
        pl.col("lesion").alias("lesion_id"),
        "role",
        "site",
        "node",
        pl.when(shown & (pl.col("mm") > 0)).then("mm").alias("diameter_mm"),
        "status",
        "method",
        "reader",
        pl.when("is_accepted").then(pl.lit("Y")).alias("accepted"),
        # What `visits` has left on several days is not one assessment.
        pl.when(pl.col("day").n_unique().over("USUBJID", "reader", "visit") == 1)
        .then("visit")
        .alias("visit"),
        *(pl.col(name).alias("date_imputed") for name in beside),
        pl.when(pl.col("sequence").is_not_null()).then("source_domain"),
        pl.col("sequence").cast(pl.Int64, strict=False).alias("source_sequence"),
        "record",
    )
