"""What was made of a frame is never given for another one."""

from __future__ import annotations

import weakref

import polars as pl
import pytest

from turnpoint.study import once as module


def test_frame_in_the_place_of_one_that_is_gone_is_worked_out_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ref", lambda frame, _forget: weakref.ref(frame))  # nobody tells of its end
    same = module.once(lambda frame: frame.clone())
    places = set()
    for day in range(200):
        frame = pl.DataFrame({"day": [day]})
        places.add(id(frame))
        assert same(frame)["day"].to_list() == [day]
        del frame
    assert len(places) < 200  # else nothing was shown


def test_results_go_with_their_frames_and_large_ones_are_not_kept() -> None:
    made: list[weakref.ref[pl.DataFrame]] = []

    @module.once
    def copied(frame: pl.DataFrame) -> pl.DataFrame:
        found = frame.clone()
        made.append(weakref.ref(found))
        return found

    frame, large = pl.DataFrame({"day": [1]}), pl.DataFrame({"day": range(module._MOST_ROWS + 1)})
    copied(frame)
    copied(large)
    assert [own() is not None for own in made] == [True, False]
    del frame
    assert made[0]() is None
