"""The numbers that docs/worked-examples.md tells."""

from pathlib import Path

import polars as pl
import pytest

import turnpoint as tp

EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "worked-examples"


def test_long_plateau_that_never_progressed_is_not_called_resistant():
    study = tp.read(EXAMPLES / "long-plateau")
    found = tp.assess(study, "docetaxel-nsclc-ct").frame.sort("day")
    assert set(found["verdict"][2:]) == {"plateau"}
    assert not found["alert"].any()  # 50 after 48 mm: within the 5.1 mm of two readings
    week_18, last = found.filter(pl.col("day") == 127).row(0, named=True), found.row(-1, named=True)
    assert week_18["p_turned"] == pytest.approx(0.85, abs=0.03)
    assert week_18["p_resistant"] == pytest.approx(0.49, abs=0.03)
    assert found["p_resistant"].max() == week_18["p_resistant"]
    assert last["p_resistant"] == pytest.approx(0.04, abs=0.02)
    assert last["p_plateau"] > 0.99
    assert last["p_turned"] == pytest.approx(0.95, abs=0.02)
    ahead = tp.ahead(study, "docetaxel-nsclc-ct")
    assert ahead["p_progression_24w"].item() == pytest.approx(0.07, abs=0.03)


def test_marker_regrowth_under_a_flat_ct_is_alerted_months_before_recist():
    study = tp.read(EXAMPLES / "marker-under-flat-ct")
    found = tp.assess(study).frame.sort("day")
    alerted = found.filter("alert")["day"][0]
    progression = tp.respond(study).best_responses["progression_day"].item()
    assert (alerted, progression) == (231, 336)
    assert found.filter(pl.col("day") >= 231)["alert"].all()
    assert found.filter(pl.col("verdict") == "regrowing")["day"][0] == 210
    assert set(found.filter(pl.col("day") >= 210)["verdict"]) == {"regrowing"}
    assert found.filter(pl.col("day").is_in([147, 168, 189]))["verdict"].to_list() == [
        "responding",
        "plateau",
        "plateau",
    ]
    sums = study.lesions.filter(pl.col("day") <= alerted)["diameter_mm"].to_list()
    assert sums[-1] - min(sums) == 1  # 41 mm after 40: within the 4.4 mm of two readings
    for day, chance in ((168, 0.33), (189, 0.78), (210, 0.96)):
        row = found.filter(pl.col("day") == day).row(0, named=True)
        assert row["p_turned"] == pytest.approx(chance, abs=0.05)
    ct_only = tp.read(EXAMPLES / "marker-under-flat-ct" / "lesions.csv")
    by_ct = tp.assess(ct_only, "chemotherapy-colorectal-ct").frame.filter("alert")["day"].min()
    assert by_ct == progression
