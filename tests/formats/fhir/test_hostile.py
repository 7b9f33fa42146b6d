"""Wrong types, odd values and loops anywhere in a file: an answer, and never a crash."""

import copy
import json

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.formats.fhir import records
from turnpoint.formats import fhir
from turnpoint.formats.ledger import UNMAPPED_SCHEMA

SAMPLE = records.bundle(
    records.person(identifier=[{"system": "http://h", "value": "1"}], deceasedDateTime="2025-01-01"),
    records.marker(
        1, referenceRange=[{"high": records.amount(4)}], method={"text": "assay"}, meta={"versionId": "1"}
    ),
    records.marker(2, valueQuantity=None, valueString="<0.1 ng/mL", day="2024-04-01"),
    records.size(1, other_dimensions=(12,), method=records.concept("77477000", "http://snomed.info/sct")),
    records.tumour(identifier=[{"value": "T1"}]),
    records.given(1, effectiveDateTime=None, effectivePeriod={"start": "2024-03-01", "end": "2024-03-04"}),
    records.given(
        2,
        medicationCodeableConcept=None,
        medicationReference={"reference": "#m"},
        contained=[{"resourceType": "Medication", "id": "m", "code": {"text": "cisplatin"}}],
    ),
    records.event(),
    {
        "resourceType": "Condition",
        "id": "c",
        "code": records.concept("C34.1", "http://hl7.org/fhir/sid/icd-10"),
        "subject": {"reference": "Patient/p1"},
        "onsetDateTime": "2023",
    },
    records.marker(3, code="97509-4", valueQuantity=None, valueCodeableConcept={"text": "stable"}),
)
JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([0, -1, 10**400, 1e308, -1e308, 1e-320, 2**63, 5.5]),
    st.sampled_from(
        ["", " ", "\x00", "\ud800", "é" * 3, "9" * 60, "#", "Patient/", "/", "urn:uuid:", "?identifier=|"]
    ),
    st.sampled_from(
        ["0000-00-00", "9999-12-31", "0001-01-01", "2024-02-30", "2024", "2024-13", "-2024-01-01"]
    ),
    st.sampled_from(
        [[], {}, [[]], [{}], {"coding": "x"}, {"coding": [None, 3]}, {"reference": "#c"}, {"value": {}}]
    ),
    st.text(max_size=8),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
)


def paths(value, at=()):
    """Every place in a JSON value."""
    yield at
    for key, part in (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    ):
        yield from paths(part, (*at, key))


PLACES = [path for path in paths(SAMPLE) if path]


def changed(value, path, junk, how):
    """Change one place, if an earlier change has left it there."""
    parent = value
    try:
        for key in path[:-1]:
            parent = parent[key]
        here = parent[path[-1]]
    except (TypeError, KeyError, IndexError):
        return
    if not isinstance(parent, dict | list):
        return
    if how == "drop":
        del parent[path[-1]]
    elif how == "repeat" and isinstance(parent, list):
        parent.append(copy.deepcopy(here))
    else:
        parent[path[-1]] = [here] if how == "wrap" else junk


CHANGES = st.lists(
    st.tuples(st.sampled_from(PLACES), JUNK, st.sampled_from(["junk", "junk", "drop", "wrap", "repeat"])),
    min_size=1,
    max_size=6,
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(changes=CHANGES)
def test_changed_sample_gives_a_study_or_errors(tmp_path_factory, changes):
    value = copy.deepcopy(SAMPLE)
    for path, junk, how in changes:
        changed(value, path, junk, how)
    file = tmp_path_factory.getbasetemp() / "changed.json"
    file.write_text(json.dumps(value), encoding="utf-8")
    found = fhir.convert(file)
    has_errors = any(problem.severity == "error" for problem in found.problems)
    assert (found.study is None) == has_errors
    assert found.unmapped.schema == UNMAPPED_SCHEMA
    if found.study is not None:
        found.study.markers.write_csv()
        found.unmapped.write_csv()


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(start=st.integers(0, 3000), end=st.integers(0, 3000), filling=st.binary(max_size=8))
def test_damaged_bytes_give_a_study_or_errors(tmp_path_factory, start, end, filling):
    data = json.dumps(SAMPLE).encode()
    file = tmp_path_factory.getbasetemp() / "damaged.json"
    file.write_bytes(data[:start] + filling + data[end:])
    found = fhir.convert(file)
    has_errors = any(problem.severity == "error" for problem in found.problems)
    assert (found.study is None) == has_errors


def test_unchanged_sample_is_read_without_an_error(tmp_path):
    file = tmp_path / "sample.json"
    file.write_text(json.dumps(SAMPLE), encoding="utf-8")
    study = fhir.convert(file).study
    heights = {name: getattr(study, name).height for name in ("markers", "lesions", "doses", "events")}
    assert heights == {"markers": 2, "lesions": 1, "doses": 3, "events": 1}
