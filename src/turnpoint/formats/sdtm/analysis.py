"""ADaM data sets read as the SDTM records that they were made from; where SDTM lies beside them, it is read instead.

    ADTR -> TR     ADLB -> LB     ADEX -> EX     ADAE -> AE     ADSL, ADTTE -> DM     ADRS -> RS (responses as reported)

The rules:

1. A record with DTYPE (carried forward, averaged, ...) is derived, and left out.
2. ADTR: LDIAMn is the longest diameter of a target, NLDIAMn the short axis of a target node, of lesion TRLNKID or else
   of number n; other parameters are the test of TRTESTCD, or else of PARAMCD. A size without AVAL and AVALC was not
   evaluable.
3. ADLB: AVAL is in AVALU, or else in the unit that PARAM ends in, `CEA (ng/mL)`, or else in LBSTRESU.
4. ADEX repeats each record of EX for every parameter. With EXTRT and EXDOSE the records of EX are read once; without
   them, the parameter that is the dose of one administration. Sums, durations and intensities are left out.
5. ADTTE: the event of overall survival (OS), and one whose EVNTDESC is death, is the death. ADSL comes before it.
6. The evaluator is --EVALID, or else --EVAL, or else PARCAT2; the visit AVISIT. Dates are ADT (ASTDT, AENDT), or else
   the study days ADY. A date that the trial imputed (ADTF) stays one, and the lesion says so (`date_imputed`).

Sources: CDISC, ADaM Implementation Guide 1.3, section 3; parameter codes as in the R packages admiral and admiralonco.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from types import MappingProxyType
from typing import Final

import polars as pl

from turnpoint.formats.sdtm.states import DERIVED_TESTS, SIZE_TESTS, STATE_TESTS, SUM_TESTS
from turnpoint.formats.sdtm.tables import COLUMNS

_TEXT: Final = (
    "STUDYID USUBJID ARM ACTARM TRT01P TRT01A TRTP TRTA TRTSDT SEX BRTHDT BRTHDTC BRTHYR DTHDT DTHDTC DTHDY "
    "LSTALVDT LSTALVDY PARAMCD "
    "PARAM PARCAT1 PARCAT2 PARCAT3 PARAMTYP DTYPE AVISIT VISIT VISITNUM AVALC AVALU ADT ADTM ADTF ASTDT AENDT EVNTDESC "
    "TRLNKID TRSPID TRGRPID TRTESTCD TRLOC TULOC TRMETHOD TREVAL TREVALID TRACPTFL SRCDOM "
    "EXTRT EXDOSU EXDOSFRQ EXOCCUR EXSTDTC EXENDTC EXCYCLE EXREGIM EXLINE "
    "LBTESTCD LBTEST LBLOINC LBSTRESU LBSPEC LBNAM RSCAT RSEVAL RSEVALID "
    "AETERM AEDECOD AETOXGR AESEV AESDTH AEOUT AESTDTC AEENDTC"
)
_NUMBERS: Final = (
    "AVAL ADY ASTDY AENDY CNSR TRSEQ SRCSEQ LBSEQ EXSEQ AESEQ RSSEQ EXDOSE ANRHI LBSTNRHI "
    "AESTDY AEENDY EXSTDY EXENDY"
)
ANALYSIS_COLUMNS: Final[Mapping[str, pl.DataType]] = MappingProxyType(
    dict.fromkeys(_TEXT.split(), pl.String()) | dict.fromkeys(_NUMBERS.split(), pl.Float64())
)
# The data set of ADaM, by how its name begins, that stands for each domain; ADTTE is told apart by the domain DM.
STANDS_FOR: Final[Mapping[str, str]] = MappingProxyType(
    {"TR": "ADTR", "LB": "ADLB", "EX": "ADEX", "AE": "ADAE", "DM": "ADSL", "RS": "ADRS"}
)
TIMES: Final = "ADTTE"
DERIVED: Final = "derived records of ADaM (DTYPE), such as values carried forward"
OTHER_PARAMETERS: Final = "parameters of ADEX that are no dose of one administration"
REPEATED: Final = "records of ADEX that repeat one of EX for another parameter"
NO_LESION: Final = "sizes in ADTR that name no lesion: neither TRLNKID nor a number in PARAMCD"
NOT_DEAD: Final = "times to an event that is no death"
_SAS_EPOCH: Final = date(1960, 1, 1)
_SECONDS_A_DAY: Final = 86_400
# A number of days since 1960 has up to five digits until 2233, one of seconds has more.
_DAYS: Final = r"^-?\d{1,5}(\.0*)?$"
_SECONDS: Final = r"^\d{6,}(\.\d*)?$"
_SUMS: Final = r"^(SUM|SDIAM|SLD|SOD)"
_NODES: Final = ("NLDIAM", "NDIAM", "LPERP", "SAXIS")
_LONGEST: Final = ("LDIAM", "TLDIAM", "TL", "TLD", "DIAM", "TUMDIAM")
_ITEMS: Final = {
    "OVR": "OVRLRESP",
    "OVRLRESP": "OVRLRESP",
    "OVRESP": "OVRLRESP",
    "TRGRESP": "TRGRESP",
    "TLRESP": "TRGRESP",
    "NTRGRESP": "NTRGRESP",
    "NTLRESP": "NTRGRESP",
    "NEWLIND": "NEWLIND",
    "NEWLPROG": "NEWLPROG",
    "NEWL": "NEWLIND",
    "BOR": "BESTRESP",
    "BESTRESP": "BESTRESP",
    "CBOR": "CBOR",
}
_DOSES: Final = ("DOSE", "EXDOSE", "ADOSE", "AVDOSE", "ACTDOSE")
_DEATH: Final = r"(?i)\bdeath\b|\bdied\b"

# Records in the columns of a domain, and what was left out, by its reason.
Translated = tuple[pl.DataFrame, Mapping[str, pl.DataFrame]]


def translated(domain: str, frame: pl.DataFrame) -> Translated:
    """A data set of ADaM as the records of a domain.

    Args:
        domain: `TR`, `LB`, `EX`, `AE`, `DM` or `RS`.
        frame: `ANALYSIS_COLUMNS` and `record`.

    Returns:
        The columns of the domain and `record`; the records left out, under the reason.
    """
    derived = pl.col("DTYPE").is_not_null()
    kept, left = _TRANSLATIONS[domain](frame.filter(~derived))
    found = {
        reason: rows for reason, rows in ({DERIVED: frame.filter(derived)} | left).items() if rows.height
    }
    return _as_domain(domain, kept), found


def with_deaths(people: pl.DataFrame, times: pl.DataFrame) -> pl.DataFrame:
    """DM with the deaths that ADTTE tells where it has none (rule 5), and with the patients that it lacks.

    Args:
        people: DM.
        times: ADTTE, `ANALYSIS_COLUMNS` and `record`.
    """
    dead = times.filter(is_death())
    told = dead.group_by("USUBJID", maintain_order=True).agg(
        iso_date("ADT").drop_nulls().first().alias("told"),
        pl.col("ADY").drop_nulls().first().cast(pl.Int64).cast(pl.String).alias("told_day"),
    )
    known = pl.coalesce("DTHDTC", "told")
    return (
        people.join(told, on="USUBJID", how="left", maintain_order="left")
        .with_columns(
            known.alias("DTHDTC"),
            pl.when(known.is_null()).then(pl.coalesce("DTHDY", "told_day")).otherwise("DTHDY").alias("DTHDY"),
        )
        .drop("told", "told_day")
    )


def is_death() -> pl.Expr:
    """True for the records of ADTTE whose event is a death (rule 5)."""
    event = pl.col("CNSR") == 0
    survival = pl.col("PARAMCD").str.to_uppercase().is_in(["OS", "DEATH"])
    return (event & (survival | pl.col("EVNTDESC").str.contains(_DEATH))).fill_null(value=False)


def iso_date(*columns: str) -> pl.Expr:
    """The first of some dates as ISO 8601 text; numbers count days, or seconds, since 1960-01-01 as SAS does."""
    return pl.coalesce(_iso(pl.col(column)) for column in columns)


def _iso(text: pl.Expr) -> pl.Expr:
    number = text.cast(pl.Float64, strict=False)
    days = (
        pl.when(text.str.contains(_DAYS))
        .then(number)
        .when(text.str.contains(_SECONDS))
        .then(number / _SECONDS_A_DAY)
        .floor()
        .cast(pl.Int64)
    )
    from_epoch = (pl.lit(_SAS_EPOCH) + pl.duration(days=days)).dt.to_string("%Y-%m-%d")
    return pl.coalesce(from_epoch, text)


def _as_domain(domain: str, frame: pl.DataFrame) -> pl.DataFrame:
    return frame.select(
        *(
            (pl.col(name) if name in frame.columns else pl.lit(None)).cast(dtype).alias(name)
            for name, dtype in COLUMNS[domain].items()
        ),
        "record",
    )


def _evaluator(prefix: str) -> tuple[pl.Expr, pl.Expr]:
    """Rule 6: --EVALID and --EVAL."""
    own = pl.coalesce(f"{prefix}EVAL", "PARCAT2")
    return pl.col(f"{prefix}EVALID"), own.alias(f"{prefix}EVAL")


def _visit() -> tuple[pl.Expr, pl.Expr]:
    return (
        pl.when(pl.col("AVISIT").is_null()).then("VISITNUM").alias("VISITNUM"),
        pl.coalesce("AVISIT", "VISIT").alias("VISIT"),
    )


def _tumours(frame: pl.DataFrame) -> tuple[pl.DataFrame, dict[str, pl.DataFrame]]:
    """Rule 2."""
    code = pl.col("PARAMCD").str.to_uppercase()
    root, number = code.str.replace(r"\d+$", ""), code.str.extract(r"(\d+)$", 1)
    own = pl.col("TRTESTCD").str.to_uppercase()
    sized = root.is_in(_NODES) | root.is_in(_LONGEST)
    test = (
        pl.when(root.str.contains(_SUMS))
        .then(pl.lit(SUM_TESTS[0]))
        .when(root.is_in(_NODES))
        .then(pl.lit("LPERP"))
        .when(root.is_in(_LONGEST))
        .then(pl.lit("LDIAM"))
        .when(own.is_in(SIZE_TESTS + STATE_TESTS) | own.str.contains(DERIVED_TESTS))
        .then(own)
        .otherwise(code)
    )
    numbered = pl.when(sized).then(pl.format("T{}", number))
    # AVALC often repeats the number: what is no number is a state.
    words = pl.when(pl.col("AVALC").cast(pl.Float64, strict=False).is_null()).then("AVALC")
    frame = frame.with_columns(
        test.alias("test"), sized.fill_null(value=False).alias("sized"), words.alias("words")
    )
    said = pl.col("AVAL").is_not_null() | pl.col("words").is_not_null()
    unit = pl.coalesce("AVALU", _unit_of_name())
    frame = frame.with_columns(
        pl.col("test").alias("TRTESTCD"),
        pl.coalesce("TRLNKID", "TRSPID", numbered).alias("TRLNKID"),
        pl.coalesce("TRGRPID", "PARCAT1", pl.when("sized").then(pl.lit("TARGET"))).alias("TRGRPID"),
        # A node is told by its place alone.
        pl.coalesce("TRLOC", "TULOC", pl.when(root.is_in(_NODES)).then(pl.lit("LYMPH NODE"))).alias("TRLOC"),
        pl.col("words").alias("TRORRES"),
        pl.coalesce("words", pl.col("AVAL").cast(pl.String)).alias("TRSTRESC"),
        pl.col("AVAL").alias("TRSTRESN"),
        pl.when(pl.col("AVAL").is_not_null()).then(unit).alias("TRSTRESU"),
        pl.when(~said & pl.col("sized")).then(pl.lit("NOT DONE")).alias("TRSTAT"),
        *_evaluator("TR"),
        *_visit(),
        iso_date("ADT", "ADTM").alias("TRDTC"),
        pl.col("ADY").alias("TRDY"),
        pl.col("ADTF").str.to_uppercase().alias("TRDTF"),
        pl.coalesce("TRSEQ", pl.when(pl.col("SRCDOM") == "TR").then("SRCSEQ")).alias("TRSEQ"),
    )
    nameless = pl.col("sized") & pl.col("TRLNKID").is_null()
    return frame.filter(~nameless), {NO_LESION: frame.filter(nameless)}


def _unit_of_name() -> pl.Expr:
    return pl.col("PARAM").str.extract(r"[(\[]([^()\[\]]+)[)\]]\s*$", 1)


def _laboratory(frame: pl.DataFrame) -> tuple[pl.DataFrame, dict[str, pl.DataFrame]]:
    """Rule 3."""
    plain = pl.col("PARAM").str.replace(r"\s*[(\[][^()\[\]]+[)\]]\s*$", "")
    return frame.with_columns(
        pl.coalesce("LBTESTCD", "PARAMCD").alias("LBTESTCD"),
        pl.coalesce("LBTEST", plain).alias("LBTEST"),
        pl.col("AVAL").alias("LBSTRESN"),
        pl.col("AVALC").alias("LBSTRESC"),
        pl.coalesce("AVALU", _unit_of_name(), "LBSTRESU").alias("LBSTRESU"),
        pl.coalesce("ANRHI", "LBSTNRHI").alias("LBSTNRHI"),
        iso_date("ADTM", "ADT").alias("LBDTC"),
        pl.col("ADY").alias("LBDY"),
    ), {}


def _exposure(frame: pl.DataFrame) -> tuple[pl.DataFrame, dict[str, pl.DataFrame]]:
    """Rule 4."""
    frame = frame.with_columns(
        iso_date("EXSTDTC", "ASTDT", "ADT").alias("EXSTDTC"),
        iso_date("EXENDTC", "AENDT").alias("EXENDTC"),
        pl.coalesce("EXSTDY", "ASTDY", "ADY").alias("EXSTDY"),
        pl.coalesce("EXENDY", "AENDY").alias("EXENDY"),
    )
    of_record = pl.col("EXTRT").is_not_null() & pl.col("EXDOSE").is_not_null()
    records = frame.filter(of_record)
    keys = [name for name in COLUMNS["EX"] if name in frame.columns]
    once = records.unique(keys, keep="first", maintain_order=True)
    rest = frame.filter(~of_record)
    dose = pl.col("PARAMCD").str.to_uppercase().is_in(_DOSES).fill_null(value=False)
    given = rest.filter(dose).with_columns(
        pl.coalesce("EXTRT", "TRTA", "TRT01A", "TRTP", "TRT01P", "ARM").alias("EXTRT"),
        pl.coalesce("EXDOSE", "AVAL").alias("EXDOSE"),
        pl.coalesce("EXDOSU", "AVALU", _unit_of_name()).alias("EXDOSU"),
    )
    left = {
        REPEATED: records.join(once.select("record"), on="record", how="anti"),
        OTHER_PARAMETERS: rest.filter(~dose),
    }
    return pl.concat([once, given]).sort("record"), left


def _adverse(frame: pl.DataFrame) -> tuple[pl.DataFrame, dict[str, pl.DataFrame]]:
    return frame.with_columns(
        iso_date("AESTDTC", "ASTDT").alias("AESTDTC"),
        iso_date("AEENDTC", "AENDT").alias("AEENDTC"),
        pl.coalesce("AESTDY", "ASTDY").alias("AESTDY"),
        pl.coalesce("AEENDY", "AENDY").alias("AEENDY"),
    ), {}


def _people(frame: pl.DataFrame) -> tuple[pl.DataFrame, dict[str, pl.DataFrame]]:
    """The patients of ADSL, or of any other data set that names each often."""
    once = frame.unique("USUBJID", keep="first", maintain_order=True)
    return once.with_columns(
        iso_date("TRTSDT").alias("RFSTDTC"),
        iso_date("DTHDT", "DTHDTC").alias("DTHDTC"),
        iso_date("LSTALVDT").alias("RFPENDTC"),
        pl.coalesce(iso_date("BRTHDT", "BRTHDTC"), "BRTHYR").alias("BRTHDTC"),
        pl.coalesce("TRT01P", "ARM", "TRTP").alias("ARM"),
        pl.coalesce("TRT01A", "ACTARM", "TRTA").alias("ACTARM"),
    ), {}


def _responses(frame: pl.DataFrame) -> tuple[pl.DataFrame, dict[str, pl.DataFrame]]:
    code = pl.col("PARAMCD").str.to_uppercase()
    return frame.with_columns(
        code.replace(_ITEMS).alias("RSTESTCD"),
        pl.coalesce("RSCAT", "PARCAT3").alias("RSCAT"),
        pl.col("AVALC").alias("RSSTRESC"),
        *_evaluator("RS"),
        *_visit(),
        iso_date("ADT", "ADTM").alias("RSDTC"),
        pl.col("ADY").alias("RSDY"),
    ), {}


_TRANSLATIONS: Final[Mapping[str, Callable[[pl.DataFrame], tuple[pl.DataFrame, dict[str, pl.DataFrame]]]]] = (
    MappingProxyType(
        {
            "TR": _tumours,
            "LB": _laboratory,
            "EX": _exposure,
            "AE": _adverse,
            "DM": _people,
            "RS": _responses,
        }
    )
)
