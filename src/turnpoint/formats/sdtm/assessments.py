"""The records of TR and TU in one shape: what was said of which lesion, when, and by whom.

The rules are those of `lesions`: rule 3 for the sizes, rules 5 and 6 for what a text means.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from turnpoint.formats.sdtm.ledger import leave
from turnpoint.formats.sdtm.states import (
    DERIVED_TESTS,
    GROWN_ONLY,
    OTHER_SIZE_TESTS,
    SIZE_TESTS,
    STATE_TESTS,
    plain,
    role_of,
    state_of,
)
from turnpoint.formats.sdtm.tables import Records, note, visit_of
from turnpoint.study.findings import Findings

_MM: Final = {"MM": 1.0, "CM": 10.0, "M": 1000.0, "IN": 25.4}
DERIVED: Final = "sums of diameters and their changes, which are derived again and not read"
_IDENTIFICATION: Final = ("TUMIDENT", "LESIDENT", "TUSPLIT", "TUMERGE")


_RESULT_COLUMNS: Final = (
    *("USUBJID", "reader", "lesion", "visit", "planned_day", "day", "day_from", "day_to", "done", "record"),
    *("test", "mm", "state", "own_site", "group_role", "method", "is_accepted", "sequence", "date_flag"),
)


def assessed(results: Records, findings: Findings) -> pl.DataFrame:
    """TR as one row a test: what it says, in mm or as a state."""
    frame = _of_lesions(results, findings)
    _report_other_links(frame, "TR", results.file, findings)
    not_done = (plain(pl.col("TRSTAT")) == "NOTDONE").fill_null(value=False)
    frame = _with_sizes(frame.with_columns(not_done.alias("not_done")), results.file, findings)
    frame = _with_states(frame, results.file, findings)
    return frame.with_columns(
        pl.coalesce("TREVALID", "TREVAL").alias("reader"),
        pl.coalesce("TRLNKID", "TRSPID").alias("lesion"),
        visit_of().alias("visit"),
        (pl.col("mm").is_not_null() | pl.col("text").is_not_null()).alias("done"),
        pl.col("TRLOC").alias("own_site"),
        role_of(pl.col("TRGRPID")).alias("group_role"),
        pl.col("TRMETHOD").alias("method"),
        (pl.col("TRACPTFL") == "Y").fill_null(value=False).alias("is_accepted"),
        pl.col("TRSEQ").alias("sequence"),
        pl.col("TRDTF").alias("date_flag"),
    ).select(_RESULT_COLUMNS)


def _of_lesions(results: Records, findings: Findings) -> pl.DataFrame:
    """Rule 8: the records of sizes and states of lesions, `test` in upper case."""
    test = pl.col("test")
    code = pl.col("TRTESTCD").str.to_uppercase()
    code = pl.coalesce(code, _code_by_name(pl.col("TRTEST")))
    frame = results.frame.with_columns(code.replace(OTHER_SIZE_TESTS).alias("test"))
    wanted = test.is_in(SIZE_TESTS + STATE_TESTS).fill_null(value=False)
    derived = test.str.contains(DERIVED_TESTS).fill_null(value=False)
    other = frame.filter(~wanted & ~derived)
    tests = ", ".join(sorted(other["test"].fill_null("no code").unique().to_list())[:6])
    note(
        findings,
        results.file,
        other,
        f"tests that are neither a size nor a state of a lesion ({tests})",
        "They are not read; nothing to do.",
        "TRTESTCD",
        left_out=True,
    )
    leave(findings, results.file, frame.filter(~wanted & derived), DERIVED)
    return frame.filter(wanted)


def _code_by_name(name: pl.Expr) -> pl.Expr:
    """The size that the name of a test without a code says; null when it says none."""
    said = name.str.to_uppercase()
    return (
        pl.when(said.str.contains(r"^SUM|CHANGE|PERCENT"))
        .then(None)
        .when(said.str.contains(r"LONGEST DIAMETER|LONG AXIS"))
        .then(pl.lit("LDIAM"))
        .when(said.str.contains(r"SHORT AXIS|PERPENDICULAR"))
        .then(pl.lit("SAXIS"))
        .when(said == "DIAMETER")
        .then(pl.lit("DIAMETER"))
        .when(said.str.contains(r"^(TUMOU?R|LYMPH NODE|LESION) STATE$"))
        .then(pl.lit("TUMSTATE"))
    )


def _with_states(frame: pl.DataFrame, file: str, findings: Findings) -> pl.DataFrame:
    """Rules 4 to 6: `text`, what was said in words, and the `state` that it means."""
    words = (pl.when(~_is_number(name)).then(name) for name in ("TRORRES", "TRSTRESC"))
    frame = frame.with_columns(pl.when(~pl.col("not_done")).then(pl.coalesce(*words)).alias("text"))
    frame = frame.with_columns(state_of(pl.col("text")).alias("state"))
    unknown = pl.col("text").is_not_null() & pl.col("state").is_null() & pl.col("mm").is_null()
    note(
        findings,
        file,
        frame.filter(unknown),
        "results that no lesion's status is known for",
        "They are read as not_evaluable; write PRESENT, ABSENT, NOT EVALUABLE, ... in TRSTRESC.",
        "TRSTRESC",
    )
    note(
        findings,
        file,
        frame.filter(plain(pl.col("text")).is_in(GROWN_ONLY)),
        "lesions have grown, but it is not said that they progressed unequivocally",
        "They are read as present; write UNEQUIVOCAL PROGRESSION if they did.",
        "TRSTRESC",
    )
    return frame.with_columns(
        pl.when(unknown).then(pl.lit("not_evaluable")).otherwise("state").alias("state")
    )


def _is_number(column: str) -> pl.Expr:
    return pl.col(column).str.strip_chars().cast(pl.Float64, strict=False).is_not_null()


def _with_sizes(frame: pl.DataFrame, file: str, findings: Findings) -> pl.DataFrame:
    """Rule 3, the numbers: `mm`, null for tests of a state."""
    standard = pl.coalesce("TRSTRESN", pl.col("TRSTRESC").cast(pl.Float64, strict=False))
    original = pl.col("TRORRES").cast(pl.Float64, strict=False)
    of_size = pl.col("test").is_in(SIZE_TESTS)
    frame = frame.with_columns(
        pl.when(of_size & ~pl.col("not_done")).then(pl.coalesce(standard, original)).alias("value"),
        plain(
            pl.when(standard.is_not_null()).then(pl.coalesce("TRSTRESU", "TRORRESU")).otherwise("TRORRESU")
        ).alias("unit"),
    )
    factor = pl.col("unit").replace_strict(_MM, default=None, return_dtype=pl.Float64)
    sized = pl.col("value").is_not_null()
    note(
        findings,
        file,
        frame.filter(sized & pl.col("unit").is_null() & (pl.col("value") > 0)),
        "sizes without a unit",
        "They are read as mm; give TRSTRESU.",
        "TRSTRESU",
    )
    note(
        findings,
        file,
        frame.filter(sized & pl.col("unit").is_not_null() & factor.is_null()),
        "sizes in a unit that is no length",
        "Give them in mm.",
        "TRSTRESU",
        severity="error",
    )
    factor = pl.when(pl.col("unit").is_null()).then(1.0).otherwise(factor)
    # 2.1 cm is 21 mm, not 21.000000000000004.
    return frame.with_columns((pl.col("value") * factor).round(6).alias("mm"))


def _report_other_links(frame: pl.DataFrame, prefix: str, file: str, findings: Findings) -> None:
    """Rule 1 of `lesions`."""
    link, own = pl.col(f"{prefix}LNKID"), pl.col(f"{prefix}SPID")
    note(
        findings,
        file,
        frame.filter(link.is_null() & own.is_not_null()),
        f"no {prefix}LNKID; the lesion is read from {prefix}SPID",
        "Check that it is the same text at every visit of a lesion.",
        f"{prefix}LNKID",
    )


def named(names: Records, findings: Findings) -> pl.DataFrame:
    """TU as one row a naming of a lesion."""
    code = pl.col("TUTESTCD").str.to_uppercase()
    frame = names.frame.filter(code.is_in(_IDENTIFICATION) | code.is_null())
    other = names.frame.filter(~code.is_in(_IDENTIFICATION))
    note(
        findings,
        names.file,
        other,
        "tests that do not name a tumour",
        "They are not read; nothing to do.",
        "TUTESTCD",
        left_out=True,
    )
    _report_other_links(frame, "TU", names.file, findings)
    said = pl.coalesce("TUSTRESC", "TUORRES")
    text = plain(said)
    equivocal = text.str.contains("EQUIVOCAL") & ~text.str.contains("UNEQUIVOCAL")
    return frame.select(
        "USUBJID",
        pl.coalesce("TUEVALID", "TUEVAL").alias("reader"),
        pl.coalesce("TULNKID", "TUSPID").alias("lesion"),
        visit_of().alias("visit"),
        "planned_day",
        "day",
        "day_from",
        "day_to",
        "record",
        pl.lit(value=True).alias("done"),
        role_of(said).alias("named_role"),
        pl.when(equivocal).then(pl.lit("equivocal")).otherwise(pl.lit("present")).alias("state"),
        pl.col("TULOC").alias("own_site"),
        pl.col("TUMETHOD").alias("method"),
        (pl.col("TUACPTFL") == "Y").fill_null(value=False).alias("is_accepted"),
        pl.col("TUSEQ").alias("sequence"),
    )
