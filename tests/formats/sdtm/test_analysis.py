"""ADaM: never read as SDTM, passed over beside it, and read as ADaM where there is none."""

from __future__ import annotations

from datetime import date

import polars as pl
import pyreadstat
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import turnpoint as tp
from tests.formats.transport import size, warnings, write
from turnpoint.formats import FORMATS, recognise
from turnpoint.formats.adam import USUAL_CODES
from turnpoint.study.reading import read_frames
from turnpoint.workflows.convert import convert
from turnpoint.workflows.quality import quality

START = date(2020, 1, 2)


def put(folder, name, rows, form="csv"):
    """Write a data set, its columns as the rows have them."""
    frame = pl.DataFrame(rows, infer_schema_length=None)
    path = folder / f"{name}.{form}"
    if form == "csv":
        frame.write_csv(path)
    elif form == "parquet":
        frame.write_parquet(path)
    else:
        dated = {column: "DATE9." for column, dtype in frame.schema.items() if dtype == pl.Date}
        plain = frame.with_columns((pl.col(pl.Date) - date(1960, 1, 1)).dt.total_days().cast(pl.Float64))
        pyreadstat.write_xport(
            plain, str(path), table_name=name[:8], file_format_version=5, variable_format=dated
        )
    return path


def adtr(code, day, aval, **other):
    return {
        "USUBJID": "S1-01",
        "DOMAIN": "TR",
        "PARAMCD": code,
        "AVAL": aval,
        "AVALC": None,
        "ADT": date.fromordinal(START.toordinal() + day),
        "ADY": day + 1,
        "AVISIT": f"WEEK {day // 7}",
        "DTYPE": None,
    } | other


ADTR = [
    *(adtr("LDIAM1", day, mm) for day, mm in ((0, 30.0), (42, 15.0), (84, 15.0))),
    *(adtr("NLDIAM2", day, mm) for day, mm in ((0, 20.0), (42, 9.0), (84, 9.0))),
    *(adtr("SDIAM", day, mm) for day, mm in ((0, 50.0), (42, 24.0), (84, 24.0))),
]
ADSL = [{"USUBJID": "S1-01", "STUDYID": "S1", "TRTSDT": START, "TRT01P": "A", "SEX": "F", "DTHDT": None}]


@pytest.mark.parametrize("form", ["csv", "parquet", "xpt"])
def test_adtr_gives_the_target_lesions_and_the_node_among_them(tmp_path, form):
    put(tmp_path, "adtr", ADTR, form)
    put(tmp_path, "adsl", ADSL, form)
    study = tp.read(tmp_path)
    assert study.lesions.select("lesion_id", "day", "node", "diameter_mm").rows() == [
        *(("T1", 0, False, 30.0), ("T2", 0, True, 20.0)),
        *(("T1", 42, False, 15.0), ("T2", 42, True, 9.0)),
        *(("T1", 84, False, 15.0), ("T2", 84, True, 9.0)),
    ]
    assert study.patients.select("arm", "sex", "start_date", "study_id").row(0) == (
        "A",
        "female",
        START,
        "S1",
    )
    assert tp.respond(study).responses["target_response"].to_list() == [None, "PR", "PR"]
    assert "non-target and new lesions, and progression by them, are not known" in warnings(study)


def test_records_that_are_derived_are_left_out_and_counted(tmp_path):
    carried = adtr("LDIAM1", 126, 15.0, DTYPE="LOCF")
    put(tmp_path, "adtr", [*ADTR, carried])
    found = convert(tmp_path, tmp_path / "study")
    assert found.study.lesions["day"].max() == 84
    assert "1 record: derived records of ADaM (DTYPE)" in warnings(found.study)
    kept = found.unmapped.filter(pl.col("reason").str.contains("DTYPE")).select("record", "code", "value")
    assert kept.rows() == [("ADTR record 10", "LDIAM1", "15.0")]


def test_size_without_a_value_was_not_evaluable_and_words_say_what_was_seen(tmp_path):
    put(tmp_path, "adtr", [*ADTR, adtr("LDIAM1", 126, None), adtr("NLDIAM2", 126, None, AVALC="ABSENT")])
    last = tp.read(tmp_path).lesions.filter(pl.col("day") == 126)
    assert last.select("lesion_id", "status").rows() == [("T1", "not_evaluable"), ("T2", "absent")]


@pytest.mark.parametrize(
    ("name", "columns"),
    [("adex", {}), ("exposure", {}), ("adex", {"PARAMCD": None, "AVAL": None})],
    ids=["by both", "by its columns", "by its name"],
)
def test_adex_beside_ex_is_passed_over_and_named(tmp_path, name, columns):
    dose = {"USUBJID": "P1", "EXTRT": "DOXORUBICIN", "EXDOSE": 60.0, "EXDOSU": "mg/m2"}
    doses = [dose | {"EXSTDTC": day, "EXENDTC": day} for day in ("2020-01-02", "2020-01-23")]
    write(tmp_path, "EX", doses)
    write(tmp_path, "TR", [size("T01", 1, 30.0), size("T01", 43, 20.0)])
    rows = [
        row | {"DOMAIN": "EX", "PARAMCD": code, "AVAL": 1.0} | columns
        for row in doses
        for code in ("DOSE", "DURD", "PLDOSE")
    ]
    put(tmp_path, name, [{k: v for k, v in row.items() if v is not None} for row in rows])
    study = tp.read(tmp_path)
    assert study.doses["dose"].to_list() == [60.0, 60.0]
    assert f"{name}.csv: the data set is ADaM (ADEX), and EX, from which it is made, is read" in warnings(
        study
    )


def test_adae_that_keeps_domain_and_has_another_name_is_not_added_to_ae(tmp_path):
    row = {"USUBJID": "P1", "AEDECOD": "NAUSEA", "AETOXGR": "2", "AESTDTC": "2020-01-09"}
    write(tmp_path, "TR", [size("T01", 1, 30.0, TRDTC="2020-01-02")])
    write(tmp_path, "AE", [row])
    put(tmp_path, "safety", [row | {"DOMAIN": "AE", "ASTDT": date(2020, 1, 9), "TRTEMFL": "Y"}])
    study = tp.read(tmp_path)
    assert study.events["term"].to_list() == ["NAUSEA"]
    assert "safety.csv: the data set is ADaM (ADAE), and AE, from which it is made, is read" in warnings(
        study
    )


def test_adtr_beside_tr_is_passed_over(tmp_path):
    write(tmp_path, "TR", [size("T01", 1, 30.0), size("T01", 43, 20.0)])
    put(tmp_path, "adtr", ADTR)
    study = tp.read(tmp_path)
    assert study.patient_ids == ["P1"]
    assert "ADaM (ADTR), and TR, from which it is made, is read instead" in warnings(study)


def test_adex_alone_gives_each_administration_once(tmp_path):
    put(tmp_path, "adtr", ADTR)
    dose = {"USUBJID": "S1-01", "EXTRT": "DOXORUBICIN", "EXDOSE": 60.0, "EXDOSU": "mg/m2"}
    put(
        tmp_path,
        "adex",
        [
            dose | {"PARAMCD": code, "AVAL": 1.0, "EXSEQ": number, "ASTDT": day, "AENDT": day}
            for number, day in ((1, START), (2, date(2020, 1, 23)))
            for code in ("DOSE", "DURD")
        ],
    )
    found = convert(tmp_path, tmp_path / "study")
    assert found.study.doses.select("day", "drug", "dose").rows() == [
        (0, "doxorubicin", 60.0),
        (21, "doxorubicin", 60.0),
    ]
    assert found.unmapped.filter(pl.col("file") == "adex.csv").height == 2


def test_adex_without_records_of_ex_gives_the_dose_of_one_administration(tmp_path):
    put(tmp_path, "adtr", ADTR)
    row = {
        "USUBJID": "S1-01",
        "TRTA": "Docetaxel",
        "PARAM": "Dose Administered (mg)",
        "ASTDT": START,
        "ASTDY": 1,
    }
    put(
        tmp_path,
        "adex",
        [row | {"PARAMCD": code, "AVAL": dose} for code, dose in (("DOSE", 140.0), ("TDOSE", 840.0))],
    )
    found = convert(tmp_path, tmp_path / "study")
    assert found.study.doses.select("day", "drug", "dose", "unit").rows() == [(0, "docetaxel", 140.0, "mg")]
    assert "TDOSE" in found.unmapped["code"].to_list()


def test_adlb_gives_markers_in_the_unit_of_the_analysis(tmp_path):
    row = {"USUBJID": "S1-01", "PARAMCD": "CEA", "PARAM": "Carcinoembryonic Antigen (ng/mL)", "ANRHI": 5.0}
    rows = [
        row | {"AVAL": 12.0, "AVALC": "12", "ADT": START, "ADY": 1, "DTYPE": None},
        row | {"AVAL": 0.5, "AVALC": "<0.5", "ADT": date(2020, 2, 13), "ADY": 43, "DTYPE": None},
        row | {"AVAL": 6.2, "AVALC": None, "ADT": date(2020, 2, 13), "ADY": 43, "DTYPE": "AVERAGE"},
    ]
    put(tmp_path, "adlb", rows)
    markers = tp.read(tmp_path).markers
    assert markers.select("day", "marker", "value", "unit", "censoring", "upper_limit").rows() == [
        (0, "CEA", 12.0, "ng/mL", "none", 5.0),
        (42, "CEA", 0.5, "ng/mL", "left", 5.0),
    ]


@pytest.mark.parametrize(
    ("row", "death_day"),
    [
        ({"PARAMCD": "OS", "CNSR": 0, "EVNTDESC": "Death"}, 100),
        ({"PARAMCD": "PFS", "CNSR": 0, "EVNTDESC": "Death"}, 100),
        ({"PARAMCD": "PFS", "CNSR": 0, "EVNTDESC": "Disease Progression"}, None),
        ({"PARAMCD": "OS", "CNSR": 1, "EVNTDESC": "Alive"}, None),
    ],
)
def test_adtte_gives_the_death_that_its_event_is(tmp_path, row, death_day):
    put(tmp_path, "adtr", ADTR)
    put(tmp_path, "adsl", ADSL)
    put(tmp_path, "adtte", [row | {"USUBJID": "S1-01", "AVAL": 101.0, "ADT": date(2020, 4, 11)}])
    assert tp.read(tmp_path).patients["death_day"].to_list() == [death_day]


def test_adsl_gives_the_last_day_alive(tmp_path):
    put(tmp_path, "adtr", ADTR)
    put(tmp_path, "adsl", [ADSL[0] | {"LSTALVDT": date(2020, 4, 11)}])
    assert tp.read(tmp_path).patients["last_alive_day"].to_list() == [100]


def test_adae_gives_adverse_events(tmp_path):
    put(tmp_path, "adtr", ADTR)
    row = {"USUBJID": "S1-01", "AEDECOD": "NAUSEA", "AETOXGR": "2", "ASTDT": date(2020, 1, 9), "DOMAIN": "AE"}
    put(tmp_path, "adae", [row])
    assert tp.read(tmp_path).events.select("day", "term", "grade").rows() == [(7, "NAUSEA", 2)]


def test_adrs_is_compared_with_the_derived_responses(tmp_path):
    put(tmp_path, "adtr", ADTR)
    row = {"USUBJID": "S1-01", "AVAL": 2.0, "PARCAT3": "RECIST 1.1"}
    answers = [
        row | {"PARAMCD": "OVR", "AVALC": word, "ADT": when, "ADY": None}
        for word, when in (("PR", date(2020, 2, 13)), ("SD", date(2020, 3, 26)))
    ]
    best = row | {"PARAMCD": "BOR", "AVALC": "PR", "ADT": None, "ADY": None}
    place = put(tmp_path, "adrs", [*answers, best])
    found = quality(tp.read(tmp_path), place)
    assert found.agreement.select("item", "compared", "agree").rows() == [
        ("overall_response", 2, 1),
        ("best_response", 1, 1),
    ]
    # Beside the study, in the side table too.
    left = convert(tmp_path, tmp_path / "study").unmapped
    assert left.filter(pl.col("file") == "adrs.csv")["value"].to_list() == ["PR", "SD", "PR"]


def test_data_set_whose_name_begins_like_adam_by_chance_is_what_its_domain_says(tmp_path):
    row = {"USUBJID": "P1", "AEDECOD": "NAUSEA", "AETOXGR": "2", "AESTDTC": "2020-01-09"}
    write(tmp_path, "TR", [size("T01", 1, 30.0, TRDTC="2020-01-02")])
    write(tmp_path, "AE", [row], name="adverse.xpt")
    assert tp.read(tmp_path).events["day"].to_list() == [7]


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_sdtm_is_read_from_plain_tables(tmp_path, form):
    rows = [size("T01", 1, 30.0, VISITNUM=1.0), size("T01", 43, 15.0, VISITNUM=2.0)]
    put(tmp_path, "tr", [{"STUDYID": "S1", "DOMAIN": "TR"} | row for row in rows], form)
    assert recognise(tmp_path).name == "CDISC SDTM and ADaM data sets"
    study = tp.read(tmp_path)
    assert study.lesions.select("day", "diameter_mm", "visit").rows() == [(0, 30.0, "1"), (42, 15.0, "2")]


def test_table_is_not_read_when_the_same_data_set_lies_beside_it(tmp_path):
    rows = [size("T01", 1, 30.0), size("T01", 43, 15.0)]
    write(tmp_path, "TR", rows)
    put(tmp_path, "tr", [{"DOMAIN": "TR"} | row for row in rows])
    study = tp.read(tmp_path)
    assert study.lesions.height == 2
    assert "tr.csv: the same data set lies beside it as tr.xpt, which is read" in warnings(study)


def test_na_and_points_of_r_and_sas_are_missing_in_a_csv_table(tmp_path):
    (tmp_path / "tr.csv").write_text(
        "USUBJID,DOMAIN,TRLNKID,TRGRPID,TRTESTCD,TRSTRESN,TRSTRESU,TRDY,TRSTAT,TREVAL\n"
        "P1,TR,T01,TARGET,LDIAM,30,mm,1,NA,NA\n"
        "P1,TR,T01,TARGET,LDIAM,.,NA,43,NOT DONE,NA\n"
    )
    lesions = tp.read(tmp_path).lesions
    assert lesions.select("day", "status", "reader").rows() == [
        (0, "measured", None),
        (42, "not_evaluable", None),
    ]


def test_table_of_a_clinic_is_no_data_set(tmp_path):
    (tmp_path / "tr.csv").write_text("USUBJID,visit,size\nP1,1,30\n")
    assert recognise(tmp_path / "tr.csv") is FORMATS["table"]


def test_numbers_of_sas_are_dates(tmp_path):
    # 2020-01-02 is day 21,916 since 1960-01-01.
    put(tmp_path, "adsl", [ADSL[0] | {"TRTSDT": 21916}])
    put(tmp_path, "adtr", [row | {"ADT": 21916 + row["ADY"] - 1, "ADY": None} for row in ADTR])
    study = tp.read(tmp_path)
    assert study.patients["start_date"].to_list() == [START]
    assert study.lesions["day"].unique(maintain_order=True).to_list() == [0, 42, 84]


def test_study_identifiers_of_a_pool_survive_the_way_through_a_study_folder(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    rows = [size("T01", 1, 30.0, STUDYID="S1"), size("T01", 1, 30.0, STUDYID="S2", USUBJID="P2")]
    write(folder, "TR", rows)
    convert(folder, tmp_path / "study")
    convert(tmp_path / "study", tmp_path / "sdtm", to="sdtm")
    convert(tmp_path / "study", tmp_path / "adam", to="adam")
    for target, data_set in (("sdtm", "tr"), ("adam", "adtr")):
        frame, _ = pyreadstat.read_xport(str(tmp_path / target / f"{data_set}.xpt"), output_format="polars")
        told = frame.select("USUBJID", "STUDYID").unique().sort("USUBJID").rows()
        assert told == [("P1", "S1"), ("P2", "S2")]
    convert(tmp_path / "study", tmp_path / "named", to="sdtm", study_id="POOL")
    assert tp.read(tmp_path / "named").patients["study_id"].to_list() == ["POOL", "POOL"]


@pytest.mark.parametrize(
    ("when", "flag"),
    [("2020-02-13", None), ("2020-02", "D"), ("2020", "M"), (None, "Y")],
)
def test_adtr_says_which_part_of_a_date_was_imputed(tmp_path, when, flag):
    dm = [{"USUBJID": "P1", "RFSTDTC": "2020-01-02"}]
    write(tmp_path, "DM", dm)
    write(
        tmp_path,
        "TR",
        [
            *(size(lesion, None, 30.0, TRDTC="2020-01-02", VISITNUM=1.0) for lesion in ("T01", "T02")),
            size("T01", None, 20.0, VISITNUM=2.0, TRDTC=when),
            size("T02", None, 20.0, VISITNUM=2.0, TRDTC="2020-02-13"),
        ],
    )
    convert(tmp_path, tmp_path / "adam", to="adam", format="parquet")
    found = pl.read_parquet(tmp_path / "adam" / "adtr.parquet").filter(pl.col("ADY") == 43)
    flags = dict(found.select("PARAMCD", "ADTF").iter_rows())
    assert flags == {"LDIAM1": flag, "LDIAM2": None, "SDIAM": flag}
    # And back.
    (tmp_path / "adam" / "adrs.parquet").unlink()
    back = tp.read(tmp_path / "adam").lesions
    told = back["date_imputed"].drop_nulls().to_list() if "date_imputed" in back.columns else []
    assert told == ([flag] if flag else [])


SIZES = st.one_of(st.just(0.0), st.floats(5, 200).map(lambda mm: round(mm, 1)), st.none())


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(
    courses=st.lists(st.lists(st.tuples(SIZES, SIZES), min_size=2, max_size=4), min_size=1, max_size=3),
    form=st.sampled_from(["xpt", "parquet", "json"]),
)
def test_sizes_sums_and_target_responses_survive_the_way_through_adam(tmp_path_factory, courses, form):
    rows = [
        {
            "patient_id": f"P{patient}",
            "day": 42 * visit,
            "lesion_id": f"T{number}",
            "role": "target",
            "node": number == 2,
            "diameter_mm": mm or None,
            "status": "not_evaluable" if mm is None else "measured" if mm else "absent",
        }
        for patient, course in enumerate(courses, start=1)
        for visit, sizes in enumerate(course)
        # A baseline without a size is no target's.
        for number, mm in enumerate(((30.0, 20.0) if visit == 0 else sizes), start=1)
    ]
    study = read_frames({"lesions": pl.DataFrame(rows, infer_schema_length=None)})
    folder = tmp_path_factory.mktemp("adam")
    convert(study, folder, to="adam", format=form, codes=USUAL_CODES)
    back = tp.read(folder)
    wanted = ["patient_id", "day", "lesion_id", "node", "diameter_mm", "status"]
    assert back.lesions.select(wanted).equals(study.lesions.select(wanted))
    items = ["patient_id", "day", "sum_of_diameters_mm", "target_response"]
    assert tp.respond(back).responses.select(items).equals(tp.respond(study).responses.select(items))
    # The trial's responses beside those derived again from its sizes: all the same.
    compared = quality(back, folder)
    assert compared.agreement.filter(pl.col("differ") + pl.col("derived_only") > 0).is_empty()
