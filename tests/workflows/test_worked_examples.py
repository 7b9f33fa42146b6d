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
    last = found.row(-1, named=True)
    assert last["p_plateau"] > 0.98
    assert last["p_resistant"] < 0.15
    assert last["p_resistant"] < found["p_resistant"].max() / 3
    assert not last["alert"]
    assert found.filter("alert")["day"].to_list() == [127, 182, 226, 269, 310]
    ahead = tp.progression_ahead(study, "docetaxel-nsclc-ct")
    assert ahead["p_progression_24w"].item() == pytest.approx(0.07, abs=0.03)


def test_marker_regrowth_under_a_flat_ct_is_alerted_months_before_recist():
    study = tp.read(EXAMPLES / "marker-under-flat-ct")
    found = tp.assess(study).frame.sort("day")
    alerted = found.filter("alert")["day"][0]
    progression = tp.respond(study).best_responses["progression_day"].item()
    assert (alerted, progression) == (189, 336)
    sums = study.lesions.filter(pl.col("day") <= alerted)["diameter_mm"].to_list()
    assert sums[-1] == min(sums)  # the CT has not risen at all by then
    before = found.filter(pl.col("day") == 168).row(0, named=True)
    assert before["p_turned"] == pytest.approx(0.35, abs=0.05)
    ct_only = tp.read(EXAMPLES / "marker-under-flat-ct" / "lesions.csv")
    by_ct = tp.assess(ct_only, "chemotherapy-colorectal-ct").frame.filter("alert")["day"].min()
    assert by_ct == 280
