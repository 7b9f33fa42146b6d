"""An odd day is kept aside in every format: the rest of the study is read, and the row is named where it stands."""

from __future__ import annotations

import pytest

from tests.formats.transport import size, write
from turnpoint.workflows.opening import convert_to_study

MAPPING = """format = "turnpoint mapping 1"
file = "t.csv"
[rows]
patient_id = "id"
date = "when"
[patients]
start_date = "start"
death_date = "died"
[[lesions]]
lesion_id = { is = "T1" }
role = { is = "target" }
diameter_mm = "size"
"""


def sdtm(folder):
    write(folder, "DM", [{"USUBJID": "P1", "RFSTDTC": "1999-01-02", "DTHDTC": "2020-05-01"}])
    sizes = [size("T01", None, 30.0, TRDTC=day) for day in ("1999-01-02", "1999-02-13", "2119-02-13")]
    write(folder, "TR", sizes)
    events = [
        {"USUBJID": "P1", "AEDECOD": "NAUSEA", "AETOXGR": "1", "AESTDTC": day}
        for day in ("1999-01-09", "1965")
    ]
    write(folder, "AE", events)
    return folder


def mapped(folder):
    (folder / "t.mapping.toml").write_text(MAPPING)
    (folder / "t.csv").write_text(
        "id,start,died,when,size\n"
        "P1,1999-01-02,2020-05-01,1999-01-02,30\nP1,,,1999-02-13,20\nP1,,,2119-02-13,20\n"
    )
    return folder


def model_table(folder):
    (folder / "m.csv").write_text(
        "ID,TIME,DV,DVID\nP1,0,30,SLD (mm)\nP1,42,20,SLD (mm)\nP1,44000,20,SLD (mm)\n"
    )
    return folder


def timeline(folder):
    rows = [f"P1\t{day}\tLAB\tCEA\t5\tng/mL" for day in (0, 42, 44000)]
    (folder / "data_timeline.txt").write_text(
        "\n".join(["PATIENT_ID\tSTART_DATE\tEVENT_TYPE\tTEST\tRESULT\tUNIT", *rows]) + "\n"
    )
    return folder


def omop(folder):
    rows = [f"P1,3003785,{day},5,8842" for day in ("1999-01-02", "1999-02-13", "2119-02-13")]
    header = "person_id,measurement_concept_id,measurement_date,value_as_number,unit_concept_id"
    (folder / "measurement.csv").write_text("\n".join([header, *rows]) + "\n")
    return folder


def adam(folder):
    rows = [f"P1,LDIAM1,30,{day}" for day in ("1999-01-02", "1999-02-13", "2119-02-13")]
    (folder / "adtr.csv").write_text("\n".join(["USUBJID,PARAMCD,AVAL,ADT", *rows]) + "\n")
    return folder


@pytest.mark.parametrize("put", [sdtm, mapped, model_table, timeline, omop, adam])
def test_reading_120_years_on_is_kept_aside(tmp_path, put):
    found = convert_to_study(put(tmp_path))
    assert found.study is not None, [str(problem) for problem in found.problems]
    rows = found.study.lesions if found.study.lesions.height else found.study.markers
    assert rows["day"].to_list() == [0, 42]
    aside = found.unmapped.filter(reason="above 7305 days")
    # The third record, which is line 4 where the header is line 1.
    assert (3 if put in (sdtm, adam) else 4) in aside["row"].to_list()
    told = [p for p in found.problems if p.rule == "above 7305 days" and p.row == 4]
    assert [p.severity for p in told] == ["warning"]


@pytest.mark.parametrize("put", [sdtm, mapped])
def test_death_21_years_on_is_kept_aside(tmp_path, put):
    found = convert_to_study(put(tmp_path))
    assert found.study.patients["death_day"].to_list() == [None]
    told = [p for p in found.problems if "death is kept aside" in p.mend]
    assert [(p.row, p.severity) for p in told] == [(2, "warning")]


def test_event_decades_before_is_kept_aside(tmp_path):
    found = convert_to_study(sdtm(tmp_path))
    assert found.study.events["day"].to_list() == [7]
    aside = found.unmapped.filter(reason="below -7305 days")
    assert aside.select("file", "row", "name").rows() == [("ae.xpt", 2, "NAUSEA")]
