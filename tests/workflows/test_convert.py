"""`convert`: into the study folder, ADaM, SDTM and FHIR, with the side table of what has no place."""

import json
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pyreadstat
import pytest
import typer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

import turnpoint as tp
from tests.formats.transport import named, size, state, write
from turnpoint.cli.convert_command import convert as command
from turnpoint.cli.failures import GuardedGroup
from turnpoint.formats.ledger import UNMAPPED_SCHEMA
from turnpoint.study.findings import Findings
from turnpoint.study.naming import RawTable
from turnpoint.study.schema import TABLES
from turnpoint.study.validation import build
from turnpoint.workflows.convert import convert

MOMENT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
TU = [named("T01", "TARGET", "LIVER"), named("N01", "NON-TARGET", "BONE")]
TR = [
    *(size("T01", 1, 30, TRSEQ=1), size("T01", 1, 20, "LPERP", TRSEQ=2), size("T01", 43, 15, TRSEQ=3)),
    *(state("N01", 1, "PRESENT", TRSEQ=4), state("N01", 43, "PRESENT", TRSEQ=5)),
    *(size(None, 1, 30, "SUMDIAM", TRSEQ=6), size("T01", 1, 9, "VOLUME", TRSEQ=7)),
]
RS = [{"USUBJID": "P1", "RSTESTCD": "OVRLRESP", "RSSTRESC": "PR", "RSDY": 43.0, "RSSEQ": 1.0}]


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "sdtm"
    folder.mkdir()
    for domain, rows in {"TU": TU, "TR": TR, "RS": RS}.items():
        write(folder, domain, rows)
    write(folder, "VS", [{"USUBJID": "P1", "VSTESTCD": "WEIGHT"}])
    write(
        folder, "SUPPTR", [{"USUBJID": "P1", "IDVAR": "TRSEQ", "IDVARVAL": "1", "QNAM": "SLICE", "QVAL": "5"}]
    )
    return folder


def same(first, second, *left_out):
    for table in TABLES:
        columns = [name for name in TABLES[table].frame_schema if name not in ("source_row", *left_out)]
        one, other = (getattr(study, table).select(columns) for study in (first, second))
        assert one.sort(columns, nulls_last=True).equals(other.sort(columns, nulls_last=True)), (
            table,
            one,
            other,
        )


def test_study_folder_reads_back_as_the_same_study(source, tmp_path):
    found = convert(source, tmp_path / "study")
    assert [path.name for path in found.written] == ["patients.csv", "lesions.csv", "unmapped.csv"]
    same(tp.read(tmp_path / "study"), found.study)
    assert {problem.file for problem in tp.read(tmp_path / "study").problems} <= {"unmapped.csv"}


def test_side_table_has_every_record_without_a_place_and_why(source, tmp_path):
    found = convert(source, tmp_path / "study")
    assert found.unmapped.schema == UNMAPPED_SCHEMA
    assert sorted(found.unmapped.select("record", "code", "value").rows()) == [
        ("RS 1", "OVRLRESP", "PR"),
        ("SUPPTR record 1", "SLICE", "5"),
        *(("TR 2", "LPERP", "20"), ("TR 6", "SUMDIAM", "30"), ("TR 7", "VOLUME", "9")),
        ("VS", None, None),
    ]
    assert found.unmapped.filter(record="TR 2").row(0, named=True) | {"reason": ""} == {
        "file": "tr.xpt",
        "row": 2,
        "record": "TR 2",
        "patient_id": "P1",
        "date": None,
        "code": "LPERP",
        "name": "T01",
        "value": "20",
        "unit": "mm",
        "reason": "",
    }
    assert found.reasons()["records"].sum() == found.unmapped.height
    written = pl.read_csv(tmp_path / "study" / "unmapped.csv", schema=UNMAPPED_SCHEMA)
    assert written.equals(found.unmapped)


def test_side_table_of_an_earlier_conversion_is_emptied(source, tmp_path):
    convert(source, tmp_path / "study")
    clean = convert(tp.read(tmp_path / "study"), tmp_path / "study")
    assert clean.unmapped.is_empty()
    assert pl.read_csv(tmp_path / "study" / "unmapped.csv").is_empty()


@pytest.mark.parametrize("kind", ["xpt", "parquet", "json", "ndjson", "dsjc"])
def test_adam_is_the_same_in_every_format(source, tmp_path, kind):
    found = convert(source, tmp_path / "adam", to="adam", format=kind, study_id="S1", created=MOMENT)
    names = [f"{name}.{kind}" for name in ("adsl", "adtr", "adrs", "adtte")]
    assert [path.name for path in found.written] == [*names, "unmapped.csv"]
    path = tmp_path / "adam" / names[1]
    if kind == "xpt":
        frame, about = pyreadstat.read_xport(str(path), output_format="polars")
        assert (about.table_name, about.file_label) == ("ADTR", "Tumor Results Analysis Dataset")
        assert about.column_names_to_labels["PCHG"] == "Percent Change from Baseline"
        assert frame["AVISIT"].to_list()[:2] == ["BASELINE", "VISIT 1"]
        sums = frame.filter(PARAMCD="SDIAM")
        assert sums.select("STUDYID", "AVAL", "PCHG").rows() == [("S1", 30.0, 0.0), ("S1", 15.0, -50.0)]
    if kind == "json":
        whole = json.loads(path.read_text())
        assert whole["datasetJSONCreationDateTime"] == "2026-01-02T03:04:05"
        assert (whole["records"], whole["columns"][4]) == (
            4,
            {
                "itemOID": "IT.ADTR.ASEQ",
                "name": "ASEQ",
                "label": "Analysis Sequence Number",
                "dataType": "integer",
            }
            | {"keySequence": 2},
        )


@pytest.mark.parametrize(("to", "kind"), [("sdtm", "xpt"), ("sdtm", "dsjc"), ("dataset-json", "ndjson")])
def test_sdtm_reads_back_as_the_same_study(source, tmp_path, to, kind):
    found = convert(source, tmp_path / "out", to=to, format=kind)
    same(tp.read(tmp_path / "out"), found.study)


def test_fhir_is_what_a_file_ending_in_json_gets(source, tmp_path):
    found = convert(source, tmp_path / "study.json", created=MOMENT)
    assert found.target == "fhir"
    assert [path.name for path in found.written] == ["study.json", "study-unmapped.csv"]
    assert tp.read(tmp_path / "study.json").lesions["diameter_mm"].drop_nulls().to_list() == [30.0, 15.0]


@pytest.mark.parametrize(
    ("out", "options", "rule"),
    [
        ("out", {"to": "sas"}, "Valid ones: study, adam"),
        ("out", {"to": "adam", "format": "csv"}, "Valid ones: xpt, parquet"),
        ("out", {"to": "fhir"}, "End its name in .json"),
        ("out.csv", {}, "Name one"),
        ("out.json", {"to": "adam"}, "Name one"),
        ("out.json", {"to": "fhir", "format": "ndjson"}, "does not end in .ndjson"),
        ("out", {"to": "adam", "criteria": "best"}, "best"),
    ],
)
def test_place_or_format_that_cannot_be_is_refused(source, tmp_path, out, options, rule):
    with pytest.raises(tp.UsageError, match=rule):
        convert(source, tmp_path / out, **options)


def test_place_below_a_file_is_refused(source, tmp_path):
    (tmp_path / "taken").write_text("a file", encoding="utf-8")
    with pytest.raises(tp.UsageError, match="out: cannot be made"):
        convert(source, tmp_path / "taken" / "out", to="adam")


def test_criteria_without_sizes_make_no_adam(source, tmp_path):
    with pytest.raises(tp.UsageError, match=r"criteria=pcwg3-psa.*Use recist-1\.1"):
        convert(source, tmp_path / "out", to="adam", criteria="pcwg3-psa")


def test_study_in_memory_is_written_without_a_side_table_and_keeps_its_warnings(source, tmp_path):
    study = tp.read(source)
    written = convert(study, tmp_path / "out")
    assert (written.unmapped.height, written.problems) == (0, study.problems)
    assert [path.name for path in written.written if "unmapped" in path.name] == []


def test_folder_with_data_sets_of_another_kind_is_refused(source, tmp_path):
    convert(source, tmp_path / "out", to="sdtm", format="json")
    with pytest.raises(tp.UsageError, match=r"tr\.json.*would mix"):
        convert(source, tmp_path / "out", to="sdtm", format="xpt")


def test_text_that_version_5_cannot_hold_is_refused_before_anything_is_written(source, tmp_path):
    with pytest.raises(tp.UsageError, match="more than 200 bytes: STUDYID"):
        convert(source, tmp_path / "out", to="adam", study_id="x" * 201)
    assert not list((tmp_path / "out").iterdir())


def test_data_with_errors_is_not_converted(tmp_path):
    write(tmp_path, "TR", [size("T01", 1, 30, TRSTRESU="mL")])
    with pytest.raises(tp.StudyError):
        convert(tmp_path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


STATUS = st.sampled_from(["measured", "too_small", "absent", "not_evaluable"])
NAMES = st.text("abcXYZ 0-é漢", min_size=1, max_size=6).map(str.strip).filter(bool)


@st.composite
def studies(draw):
    dated = draw(st.booleans())
    patients, lesions, markers, doses, events = [], [], [], [], []
    for place in range(draw(st.integers(1, 3))):
        who = f"P{place}"
        start = draw(st.dates(date(2000, 1, 1), date(2030, 1, 1))) if dated else None
        patients.append(
            {"patient_id": who, "start_date": start, "arm": draw(NAMES), "tumour_type": draw(NAMES)}
            | {
                "sex": draw(st.sampled_from(["female", "male", "other", "unknown"])),
                "line": draw(st.integers(1, 4)),
            }
            | {
                "birth_year": draw(st.integers(1920, 2000)),
                "death_day": (died := draw(st.none() | st.integers(0, 900))),
                "last_alive_day": draw(st.none() | st.integers(0, 900 if died is None else died)),
            }
        )
        for number in range(draw(st.integers(1, 2))):
            node = draw(st.booleans())
            for visit in range(draw(st.integers(1, 3))):
                status = draw(STATUS)
                mm = draw(st.integers(1, 990)) / 10 if status == "measured" else None
                lesions.append(
                    {
                        "patient_id": who,
                        "day": 42 * visit,
                        "lesion_id": f"T{number}",
                        "role": "target",
                        "node": node,
                    }
                    | {"diameter_mm": mm, "status": status, "method": draw(st.none() | NAMES)}
                    | {"site": "lymph node" if node else "liver", "reader": "INVESTIGATOR"}
                )
        markers.append(
            {"patient_id": who, "day": draw(st.integers(-9, 99)), "marker": "CEA", "unit": "ng/mL"}
            | {
                "value": draw(st.sampled_from(["<0.5", ">5000", "12.25"])),
                "upper_limit": 5.0,
                "assay": draw(NAMES),
            }
        )
        doses.append({"patient_id": who, "day": 0, "drug": "a", "dose": 75.0, "unit": "mg/m2", "cycle": 1})
        doses += [
            {"patient_id": who, "day": day, "drug": "b", "dose": 2.0 if kind == "start" else None}
            | {"unit": "mg" if kind == "start" else None, "action": kind}
            for kind, day in (("start", 3), ("stop", draw(st.integers(5, 90))))
        ]
        events.append(
            {"patient_id": who, "day": 4, "term": draw(NAMES), "grade": draw(st.integers(1, 4))}
            | {"end_day": draw(st.none() | st.integers(4, 60))}
        )
    rows = {"patients": patients, "lesions": lesions, "markers": markers, "doses": doses, "events": events}
    raw = {}
    for name, own in rows.items():
        frame = pl.DataFrame(own, infer_schema_length=None)
        raw[name] = RawTable(name, frame, pl.Series("source_row", range(2, frame.height + 2), pl.Int64), None)
    study, problems = build(raw, "S1", Findings())
    assert study is not None, problems
    return study


@settings(
    max_examples=10,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(study=studies(), kind=st.sampled_from(["json", "ndjson", "dsjc", "xpt"]))
def test_any_study_reads_back_from_sdtm_as_it_was(tmp_path, study, kind):
    folder = tmp_path / f"{len(list(tmp_path.iterdir()))}"
    convert(study, folder, to="sdtm", format=kind)
    same(tp.read(folder), study, "reported_value")


def run(*arguments):
    app = typer.Typer(cls=GuardedGroup)
    app.command()(command)
    app.command("other")(lambda: None)
    return CliRunner().invoke(app, ["convert", *map(str, arguments)])


def test_command_counts_what_it_left_out_by_reason(source, tmp_path):
    ran = run(source, tmp_path / "study")
    assert ran.exit_code == 0, ran.output
    assert "Left out  6 records, kept in unmapped.csv" in ran.output
    assert "1: a data set of another domain, which is not read" in ran.output
    assert "lesions.csv" in ran.output


@pytest.mark.parametrize("out", ["sdtm", "sdtm/x.json"])
def test_command_does_not_write_into_what_it_reads(source, tmp_path, out):
    ran = run(source, tmp_path / out)
    assert ran.exit_code == 2
    assert "is what is being read" in ran.output


def test_command_lists_the_formats_of_a_target(source, tmp_path):
    ran = run(source, tmp_path / "out", "--to", "adam", "--format", "csv")
    assert ran.exit_code == 2
    assert "Valid ones: xpt, parquet, json, ndjson, dsjc" in ran.output
    assert not Path(tmp_path / "out").exists()
