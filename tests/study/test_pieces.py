"""A study read in pieces is the study read whole; what can only be read whole is said to be so."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl
import pytest

import turnpoint as tp
from turnpoint.errors import StudyError
from turnpoint.study.pieces import Pieces, in_pieces
from turnpoint.workflows.partition import partition

OAK = Path(tp.__file__).parent / "datasets" / "oak-docetaxel"


def lesions(patients: str = "ABCDE", **changed: Sequence[object]) -> pl.DataFrame:
    rows = pl.DataFrame({"patient_id": list(patients)}).join(
        pl.DataFrame({"day": [0, 42], "diameter_mm": [30.0, 24.0]}), how="cross"
    )
    fixed = {"lesion_id": "T1", "role": "target", "status": "measured"}
    frame = rows.with_columns(pl.lit(value).alias(name) for name, value in fixed.items())
    return frame.with_columns(pl.Series(name, values) for name, values in changed.items())


def folder_of(place: Path, **tables: pl.DataFrame) -> Path:
    place.mkdir(exist_ok=True)
    for name, frame in tables.items():
        frame.write_parquet(place / f"{name}.parquet")
    return place


def pieces_of(place: Path) -> Pieces:
    found = in_pieces(place)
    assert found is not None
    return found


@pytest.mark.parametrize("patients", [7, 1000])
def test_parts_cut_from_pieces_are_those_of_the_whole(tmp_path: Path, patients: int) -> None:
    whole = tp.read(OAK)
    # in no order, and two tables of which one knows only some of the patients
    tables = {
        name: getattr(whole, name).drop("source_row").sample(fraction=1.0, shuffle=True, seed=1)
        for name in ("patients", "lesions")
    }
    markers = pl.DataFrame({"patient_id": whole.patient_ids[3:5], "day": [0, 3], "value": [4.5, 9.0]})
    tables["markers"] = markers.with_columns(marker=pl.lit("CEA"), unit=pl.lit("ng/mL"))
    place = folder_of(tmp_path / "oak", **tables)
    found = pieces_of(place)
    assert found.rows == sum(frame.height for frame in tables.values())
    cut = partition(found, tmp_path / "pieces", patients=patients)
    expected = partition(tp.read(place), tmp_path / "whole", patients=patients)
    assert cut.parts == expected.parts  # their digests among them
    assert cut.name == expected.name == "oak"


def test_patient_whose_identifier_has_outer_spaces_is_in_one_piece(tmp_path: Path) -> None:
    frame = lesions().with_columns(
        pl.when(pl.col("day") > 0)
        .then(pl.format(" {} ", "patient_id"))
        .otherwise("patient_id")
        .alias("patient_id")
    )
    place = folder_of(tmp_path / "study", lesions=frame)
    cut = partition(pieces_of(place), tmp_path / "pieces", patients=2)
    assert cut.parts == partition(tp.read(place), tmp_path / "whole", patients=2).parts
    assert [part.patients for part in cut.parts] == [2, 2, 1]


def test_errors_of_all_pieces_are_told_by_their_rows_and_nothing_stays(tmp_path: Path) -> None:
    role = ["target"] * 3 + ["tarrget"] + ["target"] * 5 + ["??"]
    place = folder_of(tmp_path / "study", lesions=lesions(role=role))
    with pytest.raises(StudyError) as caught:
        partition(pieces_of(place), tmp_path / "pieces", patients=1)
    assert [problem.row for problem in caught.value.problems if problem.severity == "error"] == [5, 11]
    assert list((tmp_path / "pieces").glob("*")) == []


def test_warnings_of_pieces_are_those_of_the_whole(tmp_path: Path) -> None:
    place = folder_of(tmp_path / "study", lesions=lesions(day=[-900, 42, 0, 42] * 2 + [0, 42]))
    cut = partition(pieces_of(place), tmp_path / "pieces", patients=2)
    whole = tp.read(place).problems
    assert whole
    assert [(own.row, own.rule) for own in cut.problems] == [(own.row, own.rule) for own in whole]


@pytest.mark.parametrize(
    "tables",
    [
        {"lesions": lesions().with_columns(day=pl.col("day") + 1)},
        {"lesions": lesions().with_columns(pl.col("day").cast(pl.String))},
        {"lesions": lesions().rename({"diameter_mm": "diameter_cm"})},
        {"lesions": lesions().rename({"patient_id": "USUBJID"})},
        {"lesions": lesions(patient_id=["A", None] * 5)},
        {"lesions": lesions(patient_id=["A", " "] * 5)},
        {"lesions": lesions(), "patients": pl.DataFrame({"patient_id": [1, 2]})},
        {"lesions": lesions(), "notes": pl.DataFrame({"patient_id": ["A"]})},
        {"doses": pl.DataFrame({"patient_id": ["A"], "day": [1], "drug": ["x"], "action": ["given"]})},
    ],
    ids=[
        "day 1",
        "text",
        "cm",
        "other name",
        "nobody",
        "blank",
        "numbers",
        "stranger",
        "first dose on day 1",
    ],
)
def test_what_rules_must_see_whole_is_not_read_in_pieces(
    tmp_path: Path, tables: dict[str, pl.DataFrame]
) -> None:
    assert in_pieces(folder_of(tmp_path / "study", **tables)) is None


def test_days_that_count_from_0_without_a_row_on_day_0_are_read_in_pieces(tmp_path: Path) -> None:
    frame = lesions().with_columns(day=pl.col("day") - 3)
    stop = pl.DataFrame(
        {"patient_id": ["A", "B"], "day": [1, 8], "drug": ["x"] * 2, "action": ["Stop", None]}
    )
    assert in_pieces(folder_of(tmp_path / "one", lesions=frame)) is not None
    assert in_pieces(folder_of(tmp_path / "two", lesions=frame, doses=stop)) is not None
    some_on_day_1 = lesions(day=[-3, 1] + [-3, 39] * 4)
    assert in_pieces(folder_of(tmp_path / "three", lesions=some_on_day_1)) is not None


def test_neither_a_file_nor_text_nor_a_damaged_table_is_read_in_pieces(tmp_path: Path) -> None:
    place = folder_of(tmp_path / "study", lesions=lesions())
    assert in_pieces(place / "lesions.parquet") is None
    (place / "lesions.parquet").write_bytes(b"PAR1 and then nothing")
    assert in_pieces(place) is None
    assert in_pieces(OAK) is None  # CSV
