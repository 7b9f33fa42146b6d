"""FHIR files: recognised by content, read in every form, and damaged or hostile ones refused with one message."""

import gzip
import json

import pytest

from tests.formats.fhir.records import bundle, errors, given, marker, person, said, saved, size
from turnpoint.formats import fhir
from turnpoint.formats.fhir import resources

KINDS = [
    "collection",
    "searchset",
    "transaction",
    "batch",
    "history",
    "document",
    "message",
    "transaction-response",
    "batch-response",
]


def lines(*resources):
    return "".join(json.dumps(row) + "\n" for row in resources)


def file(folder, data, name="x.bin"):
    path = folder / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode("utf-8"))
    return path


def read(path):
    assert fhir.recognises(path)
    return fhir.convert(path)


@pytest.mark.parametrize("kind", KINDS)
def test_bundle_of_every_type_is_read(tmp_path, kind):
    path = file(tmp_path, json.dumps(bundle(marker(), given(), kind=kind)))
    assert read(path).study.markers.height == 1


@pytest.mark.parametrize(
    "data",
    [
        json.dumps(marker()),
        "\ufeff" + json.dumps(marker(), indent=2),
        json.dumps([marker(), given()], indent=1),
        lines(marker(), given()),
        "\n" + lines(marker()) + "\n\n" + lines(given()).rstrip(),
        lines(bundle(marker()), bundle(given())),
        json.dumps({"entry": [{"resource": marker()}], "resourceType": "Bundle", "type": "collection"}),
        json.dumps(bundle(bundle(marker()))),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_resources_are_read_in_every_form(tmp_path, data, packed):
    content = data.encode("utf-8")
    assert read(file(tmp_path, gzip.compress(content) if packed else content)).study.markers.height == 1


def test_folder_of_files_is_one_study(tmp_path):
    file(tmp_path, lines(marker(1), marker(2, day="2024-04-01")), "Observation.000.ndjson")
    file(tmp_path, gzip.compress(lines(person()).encode()), "Patient.ndjson.gz")
    file(tmp_path, "read me", "README.txt")
    file(tmp_path, '{"a": 1}', "other.json")
    found = read(tmp_path)
    assert found.study.markers["day"].to_list() == [0, 31]
    assert found.study.patients["sex"].to_list() == ["male"]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b'{"datasetJSONVersion": "1.1.0"}',
        b"patient_id,day\n",
        b"\x1f\x8bxx",
        b'"resourceType": "X"',
    ],
)
def test_other_files_are_not_recognised(tmp_path, data):
    assert not fhir.recognises(file(tmp_path, data, "Bundle.json"))
    assert not fhir.recognises(tmp_path)
    assert not fhir.recognises(tmp_path / "nowhere")


def test_entries_that_are_no_records_are_counted(tmp_path):
    told = bundle(marker(), link=[{"relation": "next", "url": "http://x"}])
    told["entry"] += [
        {"request": {"method": "DELETE", "url": "Observation/9"}, "resource": marker(9)},
        {"response": {"status": "201"}},
        {"search": {"mode": "outcome"}, "resource": {"resourceType": "OperationOutcome"}},
        {"resource": {"id": "no type"}},
        "no entry",
    ]
    found = read(file(tmp_path, json.dumps(told)))
    assert found.study.markers.height == 1
    for words in ("one page of several", "entries that delete a resource", "there is no resourceType"):
        assert words in said(found)


@pytest.mark.parametrize(("kind", "severity"), [("nonsense", "error"), (None, "warning")])
def test_type_of_a_bundle_is_checked(tmp_path, kind, severity):
    found = read(file(tmp_path, json.dumps(bundle(marker(), kind=kind))))
    assert [p.severity for p in found.problems if p.column == "Bundle.type"] == [severity]


START = '{"resourceType": "Bundle", "type": "collection", "entry": ['
HOSTILE = {
    "cut off": json.dumps(bundle(marker()))[:-40],
    "cut off line": lines(marker(), marker(2))[:-30],
    "deep lists": '{"resourceType": "Observation", "id": ' + "[" * 100_000,
    "deep objects": '{"resourceType": "Observation", "id": ' + '{"a":' * 100_000 + "1" + "}" * 100_001,
    "NaN": '{"resourceType": "Observation", "valueQuantity": {"value": NaN}}',
    "Infinity": '{"resourceType": "Observation", "valueQuantity": {"value": -Infinity}}',
    "endless number": '{"resourceType": "Observation", "id": ' + "9" * 100_000 + "}",
    "not UTF-8": json.dumps(marker()).encode().replace(b"final", b"fin\xff\xfel"),
    "binary": b'{"resourceType": "Observation"' + bytes(range(256)),
    "cut off gzip": gzip.compress(json.dumps(bundle(*[marker(n) for n in range(300)])).encode(), mtime=0)[
        :-20
    ],
    "damaged gzip": gzip.compress(lines(*[marker(n) for n in range(300)]).encode(), mtime=0)[:-8] + b"\0" * 8,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_damaged_file_is_one_clear_error(tmp_path, name):
    found = read(file(tmp_path, HOSTILE[name]))
    assert found.study is None
    assert len(errors(found)) == 1
    assert errors(found)[0].startswith("x.bin")


def test_many_damaged_lines_are_listed_up_to_a_hundred(tmp_path):
    found = read(file(tmp_path, lines(marker()) + "{\n" * 5000))
    assert len(errors(found)) == 101
    assert "the rest is not read" in errors(found)[-1]


def test_line_beyond_the_limit_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(resources, "LONGEST_LINE_BYTES", 5000)
    found = read(file(tmp_path, lines(marker(), marker(2, note="x" * 6000))))
    assert "row 2: the line is longer than" in errors(found)[0]


def test_document_beyond_the_limit_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(resources, "LARGEST_DOCUMENT_BYTES", 5000)
    found = read(file(tmp_path, json.dumps(bundle(*[marker(n) for n in range(50)]), indent=1)))
    assert "the JSON document is larger than" in errors(found)[0]


def test_document_of_nothing_but_members_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(resources, "MOST_MEMBERS", 5000)
    found = read(file(tmp_path, START + ",".join(["{}"] * 5000) + "]}"))
    assert "more members than any record" in errors(found)[0]


@pytest.mark.parametrize("body", [b" " * 2**20, b"\n" * 2**20])
def test_file_that_grows_beyond_measure_is_refused(tmp_path, monkeypatch, body):
    monkeypatch.setattr(resources, "LEAST_GROWTH_LIMIT_BYTES", 2**19)
    content = lines(marker()).encode() + body
    found = read(file(tmp_path, gzip.compress(content)))
    assert "the compressed file grows to more than 200 times its size" in errors(found)[0]


def test_file_without_a_size_or_a_marker_says_so(tmp_path):
    assert "there is no tumour marker and no tumour size" in errors(fhir.convert(saved(tmp_path, given())))[0]


def test_half_characters_are_replaced(tmp_path):
    found = read(file(tmp_path, json.dumps(size(bodySite={"text": "lung \ud800"}))))
    assert found.study.lesions["site"].to_list() == ["lung ?"]
