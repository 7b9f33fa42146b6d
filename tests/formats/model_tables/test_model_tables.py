"""Tables of NONMEM, Monolix and nlmixr2: read with what says what they mean, written, and read back as they were."""

from __future__ import annotations

import math

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import turnpoint as tp
from turnpoint.errors import StudyError
from turnpoint.formats import FORMATS, recognise
from turnpoint.study.reading import read_frames
from turnpoint.workflows.convert import convert
from turnpoint.workflows.opening import convert_to_study

DECLARED = """
format = "turnpoint model table 1"
time_unit = "{unit}"
[observations.1]
is = "sum of diameters"
unit = "{size}"
scale = "{scale}"
[observations.2]
is = "PSA"
unit = "ng/mL"
[doses.1]
drug = "docetaxel"
unit = "mg"
"""


def put(folder, table, unit="days", size="mm", scale="linear", name="model.csv"):
    (folder / name).write_text(table)
    if unit is not None:
        text = DECLARED.format(unit=unit, size=size, scale=scale)
        (folder / f"{name.partition('.')[0]}.model.toml").write_text(text)
    return folder / name


NONMEM = """ID,TIME,AMT,DV,EVID,MDV,CMT,DVID,BLQ,LLOQ
1,0,.,50,0,0,.,1,0,.
1,0,.,20,0,0,.,2,0,0.1
1,0,140,.,1,1,1,.,0,.
1,42,.,30,0,0,.,1,0,.
1,42,.,0.05,0,0,.,2,1,0.1
1,42,.,.,0,1,.,1,0,.
"""
MONOLIX = """ID;TIME;AMT;ADM;Y;YTYPE;CENS;LIMIT
P1;0;.;.;50;1;0;.
P1;0;.;.;20;2;0;.
P1;0;140;1;.;.;.;.
P1;42;.;.;30;1;0;.
P1;42;.;.;0.1;2;1;0
P1;42;.;.;.;1;0;.
"""
RESULTS = """TABLE NO.  1
 ID          TIME        DV          CMT         EVID        AMT
  1.0000E+00  0.0000E+00  5.0000E+01  1.0000E+00  0.0000E+00  0.0000E+00
  1.0000E+00  0.0000E+00  0.0000E+00  1.0000E+00  1.0000E+00  1.4000E+02
  1.0000E+00  4.2000E+01  3.0000E+01  1.0000E+00  0.0000E+00  0.0000E+00
"""


@pytest.mark.parametrize("table", [NONMEM, MONOLIX], ids=["nonmem", "monolix"])
def test_table_gives_sizes_markers_and_doses(tmp_path, table):
    place = put(tmp_path, table)
    assert recognise(place).name == recognise(tmp_path).name == "a table of NONMEM, Monolix or nlmixr2"
    found = convert_to_study(place)
    study = found.study
    assert study.lesions.select("day", "lesion_id", "role", "diameter_mm").rows() == [
        (0, "sum of diameters", "target", 50.0),
        (42, "sum of diameters", "target", 30.0),
    ]
    assert study.markers.select("day", "marker", "value", "censoring").rows() == [
        (0, "PSA", 20.0, "none"),
        (42, "PSA", 0.1, "left"),
    ]
    assert study.doses.select("day", "drug", "dose", "unit").rows() == [(0, "docetaxel", 140.0, "mg")]
    # The row with MDV 1, or without DV, is no observation, and not lost.
    assert found.unmapped.select("row", "reason").rows() == [
        (7, "a record that is neither an observation nor a dose (EVID, MDV, no DV)")
    ]
    assert tp.respond(study).responses["overall_response"].to_list() == [None, "PR"]


def test_table_of_results_is_parted_by_spaces_and_tells_quantities_by_compartment(tmp_path):
    study = tp.read(put(tmp_path, RESULTS, name="run1.tab"))
    assert study.lesions["diameter_mm"].to_list() == [50.0, 30.0]
    assert study.doses["dose"].to_list() == [140.0]
    assert study.patient_ids == ["1"]


def test_text_of_dvid_says_what_is_observed_without_a_declaration(tmp_path):
    table = "ID,TIME,DV,DVID\n7,0,5.0,SLD (cm)\n7,42,3.0,SLD (cm)\n7,0,12,CEA (ng/mL)\n"
    study = tp.read(put(tmp_path, table, unit=None))
    assert study.lesions["diameter_mm"].to_list() == [50.0, 30.0]
    assert study.markers.select("marker", "value", "unit").rows() == [("CEA", 12.0, "ng/mL")]
    assert any("the unit of TIME is not said; it is read as days" in str(p) for p in study.problems)


def test_code_that_nobody_explains_is_an_error_with_the_lines_to_write(tmp_path):
    place = put(tmp_path, NONMEM, unit=None)
    with pytest.raises(StudyError) as raised:
        tp.read(place)
    told = [str(problem) for problem in raised.value.problems if problem.severity == "error"]
    assert len(told) == 2
    assert "DVID=1: 2 observations (30 to 50) of which it is not said what they are" in told[0]
    assert "Write in model.model.toml" in told[0]


def test_code_that_is_not_explained_beside_others_is_left_out_and_counted(tmp_path):
    extra = NONMEM.replace("1,42,.,.,0,1,.,1,0,.", "1,42,.,3,0,0,.,9,0,.")
    found = convert_to_study(put(tmp_path, extra))
    assert found.study.lesions.height == 2
    assert found.unmapped.select("row", "code", "value").rows() == [(7, "9", "3.0")]
    assert any("DVID=9: 1 observation" in str(p) for p in found.problems)


@pytest.mark.parametrize(
    ("unit", "time", "day"), [("hours", 1008, 42), ("days", 42, 42), ("weeks", 6, 42), ("hours", 1031, 42)]
)
def test_time_is_read_in_its_unit_and_the_time_of_day_left_off(tmp_path, unit, time, day):
    table = f"ID,TIME,DV,DVID\n1,0,50,1\n1,{time},30,1\n"
    assert tp.read(put(tmp_path, table, unit=unit)).lesions["day"].to_list() == [0, day]


def test_logarithm_is_read_when_it_is_declared_or_named(tmp_path):
    table = f"ID,TIME,DV,DVID\n1,0,{math.log(50)},1\n1,42,{math.log(30)},1\n"
    sizes = [
        tp.read(put(tmp_path, table, scale="log", name="a.csv")).lesions["diameter_mm"].to_list(),
        tp.read(put(tmp_path, table.replace("DV,", "LNDV,"), name="b.csv")).lesions["diameter_mm"].to_list(),
    ]
    assert sizes == [[50.0, 30.0]] * 2


def test_size_of_0_is_absent_and_below_a_limit_too_small(tmp_path):
    table = "ID,TIME,DV,DVID,CENS\n1,0,50,1,0\n1,42,5,1,1\n1,84,0,1,0\n"
    lesions = tp.read(put(tmp_path, table)).lesions
    assert lesions.select("status", "diameter_mm").rows() == [
        ("measured", 50.0),
        ("too_small", 5.0),
        ("absent", None),
    ]


def test_additional_doses_are_written_out_and_daily_ones_are_a_course(tmp_path):
    table = "ID,TIME,DV,DVID,AMT,EVID,ADDL,II\n1,0,50,1,.,0,.,.\n1,0,.,.,140,1,2,21\n1,90,.,.,5,1,6,1\n"
    doses = tp.read(put(tmp_path, table)).doses
    assert doses.select("day", "action", "dose").rows() == [
        *((day, "given", 140.0) for day in (0, 21, 42)),
        (90, "start", 5.0),
        (97, "stop", None),
    ]


def test_value_below_a_limit_that_is_not_given_is_kept_aside(tmp_path):
    table = "ID,TIME,DV,DVID,BLQ\n1,0,20,2,0\n1,42,0,2,1\n"
    found = convert_to_study(put(tmp_path, table))
    assert found.study.markers["day"].to_list() == [0]
    assert found.unmapped["row"].to_list() == [3]


def test_records_that_are_commented_out_and_columns_without_a_meaning_are_kept_aside(tmp_path):
    table = "C,ID,TIME,DV,DVID,WT\n.,1,0,50,1,70\nC,1,1,999,1,70\n.,1,42,30,1,70\n"
    found = convert_to_study(put(tmp_path, table))
    assert found.study.lesions["diameter_mm"].to_list() == [50.0, 30.0]
    assert set(found.unmapped["reason"]) == {
        "a record that is commented out",
        "a column of the model table that is not read",
    }
    assert any("columns that are not read: WT" in str(problem) for problem in found.problems)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "1,42,.,30",
            "1,08:30,.,30",
            "TIME=08:30: not a number, in 1 row. Write the time since the first dose",
        ),
        ("1,42,.,30", "1,42,.,thirty", "DV=thirty: not a number"),
        ("1,42,.,30", ".,42,.,30", "ID: the cell is empty, in 1 row"),
    ],
)
def test_cell_that_cannot_be_read_is_an_error(tmp_path, old, new, said):
    with pytest.raises(StudyError, match=said.replace("(", r"\(")):
        tp.read(put(tmp_path, NONMEM.replace(old, new)))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"days"', '"fortnights"', "not a unit of time"),
        ('"sum of diameters"', '"happiness"', "neither the sum of diameters nor a marker"),
        ('unit = "mm"', 'unit = "furlong"', "no unit of it"),
        ('drug = "docetaxel"', "", "the drug is not named"),
        ('"turnpoint model table 1"', '"2"', "not the format of a declaration"),
        ("[doses.1]", "[dose.1]", "not a key of a declaration"),
        ("[doses.1]", "[doses.1", "not TOML"),
    ],
)
def test_mistake_in_a_declaration_is_an_error(tmp_path, old, new, said):
    place = put(tmp_path, NONMEM)
    told = tmp_path / "model.model.toml"
    assert old in told.read_text()
    told.write_text(told.read_text().replace(old, new))
    with pytest.raises(StudyError, match=said):
        tp.read(place)


def test_clinics_table_is_no_model_table(tmp_path):
    (tmp_path / "t.csv").write_text("ID,TIME,Y\n1,0,50\n")
    assert recognise(tmp_path / "t.csv") is FORMATS["table"]


MM = st.integers(10, 2000).map(lambda tenths: tenths / 10)


@st.composite
def studies(draw):
    rows: dict[str, list[dict[str, object]]] = {
        name: [] for name in ("patients", "lesions", "markers", "doses")
    }
    for number in range(draw(st.integers(1, 3))):
        who = draw(st.text("abcäß漢字-_. \"'\\", min_size=1, max_size=6).filter(str.strip)) + str(number)
        who = who.strip()
        rows["patients"].append({"patient_id": who})
        for visit in range(draw(st.integers(1, 3))):
            mm = draw(st.just(0.0) | MM) if visit else draw(MM)
            lesion = {
                "patient_id": who,
                "day": 42 * visit - 3,
                "lesion_id": "sum of diameters",
                "role": "target",
            }
            rows["lesions"].append(
                lesion | {"diameter_mm": mm or None, "status": "measured" if mm else "absent"}
            )
            marker = {"patient_id": who, "day": 21 * visit, "marker": "PSA", "unit": "ng/mL"}
            rows["markers"].append(marker | {"value": draw(st.sampled_from(["<0.1", "12.25", "3.5"]))})
            dose = {
                "patient_id": who,
                "day": 21 * visit,
                "drug": "a",
                "unit": draw(st.sampled_from(["mg", "mg/m2"])),
            }
            rows["doses"].append(dose | {"dose": draw(MM), "action": "given"})
        start = draw(st.integers(0, 50))
        daily = {"patient_id": who, "drug": "b"}
        rows["doses"] += [
            daily | {"day": start, "dose": draw(MM), "unit": "mg", "action": "start"},
            daily | {"day": start + draw(st.integers(2, 60)), "action": "stop"},
        ]
    return read_frames({name: pl.DataFrame(own, infer_schema_length=None) for name, own in rows.items()})


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(study=studies(), dialect=st.sampled_from(["nonmem", "monolix", "nlmixr2"]))
def test_sums_markers_and_doses_read_back_as_they_were_written(tmp_path_factory, study, dialect):
    folder = tmp_path_factory.mktemp("out")
    found = convert(study, folder, to=dialect)
    assert found.unmapped.is_empty()
    back = tp.read(folder)
    for table, columns in (
        ("lesions", ["patient_id", "day", "lesion_id", "diameter_mm", "status"]),
        ("markers", ["patient_id", "day", "marker", "value", "unit", "censoring"]),
        ("doses", ["patient_id", "day", "drug", "dose", "unit", "action"]),
    ):
        order = ["patient_id", "day", *[name for name in columns if name in ("drug", "dose", "unit")]]
        read, written = (getattr(one, table).select(columns).sort(order) for one in (back, study))
        assert read.equals(written), (read, written)


def test_what_has_no_place_in_a_model_table_goes_to_the_side_table(tmp_path):
    lesions = pl.DataFrame(
        [
            {"patient_id": "A", "day": 0, "lesion_id": "T1", "role": "target", "diameter_mm": 30.0},
            {"patient_id": "A", "day": 0, "lesion_id": "T2", "role": "target", "diameter_mm": 20.0},
            {"patient_id": "A", "day": 42, "lesion_id": "T1", "role": "target", "diameter_mm": 10.0},
            {"patient_id": "A", "day": 42, "lesion_id": "T2", "role": "target", "diameter_mm": None},
            {"patient_id": "A", "day": 42, "lesion_id": "N1", "role": "new", "diameter_mm": 12.0},
        ]
    ).with_columns(
        pl.when(pl.col("diameter_mm").is_null())
        .then(pl.lit("not_evaluable"))
        .otherwise(pl.lit("measured"))
        .alias("status")
    )
    doses = pl.DataFrame(
        {
            "patient_id": ["A", "A"],
            "day": [0, 21],
            "drug": ["a", "a"],
            "dose": [None, 5.0],
            "unit": ["mg", "mg"],
        }
    )
    events = pl.DataFrame({"patient_id": ["A"], "day": [3], "term": ["nausea"], "grade": [1]})
    markers = pl.DataFrame(
        {"patient_id": ["A"], "day": [0], "marker": ["PSA"], "value": [">100"], "unit": ["ng/mL"]}
    )
    study = read_frames({"lesions": lesions, "doses": doses, "events": events, "markers": markers})
    left = convert(study, tmp_path / "out", to="nonmem").unmapped
    assert sorted(left.select("file", "name").rows()) == [
        *(("doses", "a"), ("events", "nausea")),
        *(("lesions", "N1"), ("lesions", "T1"), ("lesions", "T2")),
        ("markers", "PSA"),
    ]
    written = pl.read_csv(tmp_path / "out" / "nonmem.csv", null_values=".")
    assert written.select("TIME", "DV", "AMT").rows() == [(0, 50.0, None), (21, None, 5.0)]
