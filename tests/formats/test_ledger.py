import polars as pl

from turnpoint.formats import ledger
from turnpoint.formats.ledger import UNMAPPED_SCHEMA, Ledger
from turnpoint.study.findings import Findings


def problems_of(kept):
    findings = Findings()
    kept.report(findings)
    return findings.listed()


def test_reason_is_one_problem_at_its_first_record_when_it_is_met_again():
    kept = Ledger()
    for row in (7, 3, 9):
        kept.count("a.json", "no unit", "Add it.", row=row, kind=f"Kind{row}", element="value")
    kept.count("b.json", "no date", "Add it.")
    first, second = problems_of(kept)
    assert (first.file, first.row, first.column, first.rule) == (
        "a.json",
        7,
        "Kind7.value",
        "3 times: no unit",
    )
    assert (second.file, second.row, second.column, second.rule) == ("b.json", None, None, "no date")
    assert {first.severity, second.severity} == {"warning"}


def test_reasons_are_apart_when_the_mend_or_the_element_differs():
    kept = Ledger()
    for mend, element in (("Add it.", "value"), ("Add it.", "code"), ("Leave it.", "value")):
        kept.count("a.json", "no unit", mend, element=element)
    assert len(problems_of(kept)) == 3


def test_records_keep_their_order_when_they_are_more_than_one_part(monkeypatch):
    monkeypatch.setattr(ledger, "_ROWS_PER_PART", 2)
    kept = Ledger()
    for row in range(5):
        kept.keep("a", row, "record", None, None, None, None, None, None, "reason")
        if row == 2:
            kept.keep_rows(pl.DataFrame({"row": [20]}))
    for _ in "twice":
        assert kept.unmapped()["row"].to_list() == [0, 1, 2, 20, 3, 4]
    assert kept.unmapped().schema == UNMAPPED_SCHEMA


def test_columns_that_rows_lack_are_null():
    kept = Ledger()
    kept.keep_rows(pl.DataFrame({"reason": ["why"], "file": ["a"]}))
    assert kept.unmapped().schema == UNMAPPED_SCHEMA
    assert kept.unmapped().row(0, named=True) | {"file": "a", "reason": "why"} == dict.fromkeys(
        UNMAPPED_SCHEMA
    ) | {"file": "a", "reason": "why"}


def test_side_table_has_its_columns_when_nothing_is_left_out():
    assert Ledger().unmapped().equals(pl.DataFrame(schema=UNMAPPED_SCHEMA))
