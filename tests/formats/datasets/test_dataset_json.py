"""Dataset-JSON 1.1: JSON, NDJSON, compressed; mixed with XPT in a folder; damaged and hostile files."""

import gzip
import json
import zlib
from datetime import UTC, datetime

import polars as pl
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import turnpoint as tp
from tests.formats.transport import named, size, write
from turnpoint.formats import recognise
from turnpoint.formats.datasets import dataset_json
from turnpoint.formats.datasets.files import describe, read_columns
from turnpoint.formats.datasets.writing import LabelledDataset, write_dataset
from turnpoint.study.findings import Findings
from turnpoint.workflows.opening import inspect

TR = [size("T01", 1, 20.0), size("T01", 43, 10.5)]
MOMENT = datetime(2026, 1, 2, tzinfo=UTC)
COLUMNS = list(dict.fromkeys(["DOMAIN", *TR[0]]))
WIDTH = len(COLUMNS)


def as_object(rows=TR, domain="TR", **other):
    records = [[{"DOMAIN": domain, **row}.get(name) for name in COLUMNS] for row in rows]
    return {
        "datasetJSONVersion": "1.1.0",
        "records": len(rows),
        "name": domain,
        "columns": [{"itemOID": name, "name": name, "label": name, "dataType": "string"} for name in COLUMNS],
        "rows": records,
    } | other


def as_lines(rows=TR):
    whole = as_object(rows)
    records = whole.pop("rows")
    return "\n".join(json.dumps(part) for part in [whole, *records])


def only_error(path):
    study, problems = inspect(path)
    assert study is None
    texts = [str(problem) for problem in problems if problem.severity == "error"]
    assert len(texts) == 1, texts
    return texts[0]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("tr.json", json.dumps(as_object()).encode()),
        ("tr.ndjson", as_lines().encode()),
        ("tr.dsjc", zlib.compress(as_lines().encode())),
        ("tr.dsjc", gzip.compress(json.dumps(as_object()).encode())),
        ("export", b"\xef\xbb\xbf\n" + json.dumps(as_object(), indent=2).encode()),
    ],
    ids=["json", "ndjson", "zlib of ndjson", "gzip of json", "indented, byte order mark, no ending"],
)
def test_study_is_the_same_in_every_kind_of_file(tmp_path, name, data):
    (tmp_path / name).write_bytes(data)
    assert recognise(tmp_path / name).name == "CDISC SDTM and ADaM data sets"
    assert tp.read(tmp_path / name).lesions["diameter_mm"].to_list() == [20.0, 10.5]
    assert tp.read(tmp_path).lesions["day"].to_list() == [0, 42]


def test_rows_before_the_columns_are_read_too(tmp_path):
    whole = as_object()
    rows = whole.pop("rows")
    (tmp_path / "tr.json").write_text(json.dumps({"rows": rows} | whole))
    assert tp.read(tmp_path).lesions["diameter_mm"].to_list() == [20.0, 10.5]


def test_number_of_records_after_the_rows_is_checked_too(tmp_path):
    whole = as_object()
    del whole["records"]
    (tmp_path / "tr.json").write_text(json.dumps(whole | {"records": 5}))
    assert "says that it holds 5 records" in only_error(tmp_path / "tr.json")


def test_folder_may_mix_transport_files_and_json(tmp_path):
    write(tmp_path, "TU", [named("T01", "TARGET", "AXILLARY LYMPH NODE")])
    (tmp_path / "tr.json").write_text(json.dumps(as_object()))
    assert tp.read(tmp_path).lesions["node"].to_list() == [True, True]


def test_domain_in_two_files_is_read_once_when_they_hold_the_same(tmp_path):
    write(tmp_path, "TR", TR)
    (tmp_path / "tr.json").write_text(json.dumps(as_object()))
    study = tp.read(tmp_path)
    assert study.lesions.height == 2
    assert "holds the records of tr.json again" in str(study.problems[0])


def test_number_written_as_text_and_text_written_as_number_are_read(tmp_path):
    rows = [TR[0] | {"TRSTRESN": "20.5", "TRDY": "1", "VISITNUM": 3.0}]
    (tmp_path / "tr.json").write_text(json.dumps(as_object(rows)))
    study = tp.read(tmp_path)
    assert study.lesions.select("diameter_mm", "visit").rows() == [(20.5, "3")]


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (json.dumps(as_object())[:-30], "cut off or damaged"),
        (json.dumps(as_object(records=3)), "says that it holds 3 records, and holds 2"),
        (as_lines().rsplit("\n", 1)[0], "says that it holds 2 records, and holds 1"),
        (as_lines()[:-5], "cut off or damaged at record 2"),
        (json.dumps(as_object(columns=[])), "has no columns"),
        (json.dumps(as_object(columns=[{"name": "A"}, {"name": "a"}])), "two columns have the same name"),
        (json.dumps(as_object(columns=[{}])), "a column has no name"),
        (json.dumps(as_object() | {"rows": [["TR"]]}), f"record 1 does not have the {WIDTH} values"),
        (
            json.dumps(as_object() | {"rows": [[["TR"]] + [None] * (WIDTH - 1)]}),
            "a list or an object where a value belongs",
        ),
        (json.dumps(as_object(datasetJSONVersion="2.0.0")), "not of Dataset-JSON version 1.1"),
        (json.dumps(as_object()).replace("TARGET", "\\ud800", 1), "half of a letter"),
        (json.dumps({"clinicalData": {}}), "Dataset-JSON 1.0"),
        (json.dumps(as_object())[:-1] + '"rows": ' + "[" * 100_000, "cut off or damaged"),
        ('{"datasetJSONVersion": "1.1.0", "x": ' + "[" * 100_000, "not JSON as far as its rows"),
    ],
)
def test_damaged_file_is_one_error(tmp_path, text, rule):
    (tmp_path / "tr.json").write_text(text)
    assert rule in only_error(tmp_path / "tr.json")


def test_file_that_is_not_utf_8_is_one_error(tmp_path):
    (tmp_path / "tr.json").write_bytes(json.dumps(as_object()).encode().replace(b"TARGET", b"TARG\xe9T"))
    assert "not UTF-8" in only_error(tmp_path / "tr.json")


@pytest.mark.parametrize("packed", [gzip.compress, zlib.compress])
def test_compressed_file_that_is_cut_off_is_one_error(tmp_path, packed):
    (tmp_path / "tr.dsjc").write_bytes(packed(json.dumps(as_object()).encode())[:-6])
    assert "the compressed file is" in only_error(tmp_path / "tr.dsjc")


def test_small_file_that_unpacks_to_fill_the_memory_is_one_error(tmp_path, monkeypatch):
    monkeypatch.setattr(dataset_json, "_ALWAYS_ALLOWED_BYTES", 1_000_000)
    text = json.dumps(as_object())[:-1] + " " * 4_000_000 + "}"
    (tmp_path / "tr.dsjc").write_bytes(gzip.compress(text.encode()))
    assert "unpacks to more than" in only_error(tmp_path / "tr.dsjc")


def test_other_json_is_not_taken_for_a_data_set(tmp_path):
    (tmp_path / "prior.json").write_text('{"name": "oak"}')
    assert recognise(tmp_path / "prior.json") is None


CELLS = st.one_of(st.none(), st.text(st.characters(codec="utf-8"), max_size=12))
NUMBERS = st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.tuples(CELLS, NUMBERS, NUMBERS), max_size=8),
    kind=st.sampled_from(["json", "ndjson", "dsjc"]),
)
@example(rows=[('\u2028\n"é漢', 0.1, 1e300)], kind="ndjson")
def test_data_set_reads_back_as_it_was_written(tmp_path, rows, kind):
    schema = {"QNAM": pl.String, "TRSTRESN": pl.Float64, "TRDY": pl.Float64}
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    path = tmp_path / f"tr.{kind}"
    write_dataset(
        LabelledDataset("TR", "Results", dict.fromkeys(schema, "x"), frame), path, kind, created=MOMENT
    )
    findings = Findings()
    found = read_columns(
        describe(path, findings), {name: dtype() for name, dtype in schema.items()}, findings
    )
    assert not findings.has_errors
    stripped = pl.col("QNAM").str.strip_chars()
    wanted = frame.with_columns(pl.when(stripped != "").then(stripped))
    assert found.drop("record").equals(wanted)


WHOLE = json.dumps(as_object()).encode()


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    packed=st.sampled_from([bytes, gzip.compress, zlib.compress]),
    cut=st.integers(0, 900),
    places=st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 255)), max_size=6),
)
def test_damaged_bytes_are_read_or_refused_with_problems_but_never_raise(tmp_path, packed, cut, places):
    data = bytearray(packed(WHOLE))
    for place, byte in places:
        data[place % len(data)] = byte
    path = tmp_path / "tr.dsjc"
    path.write_bytes(bytes(data[: len(data) - cut % len(data)]))
    study, problems = inspect(path)
    assert study is not None or any(problem.severity == "error" for problem in problems)
