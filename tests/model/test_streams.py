"""Randomness: one seed, a stream of its own for each purpose, and none that nobody can reach."""

import re
from pathlib import Path

import numpy as np

import turnpoint
from turnpoint.model.streams import Stream, generator

SOURCE = Path(turnpoint.__file__).parent


def test_streams_of_one_seed_draw_differently():
    first = [generator(5, stream).random() for stream in Stream]
    assert len(set(first)) == len(Stream)
    assert first == [generator(5, stream).random() for stream in Stream]
    assert all(a != b for a, b in zip(first, (generator(6, one).random() for one in Stream), strict=True))


def test_no_generator_is_made_anywhere_else():
    made = {
        path.relative_to(SOURCE).as_posix()
        for path in SOURCE.rglob("*.py")
        if re.search(r"default_rng|np\.random\.(seed|RandomState|normal|rand)|SeedSequence", path.read_text())
    }
    assert made == {"model/streams.py"}


def test_each_stream_has_one_place_that_draws_from_it():
    text = [path.read_text(encoding="utf-8") for path in SOURCE.rglob("*.py") if path.name != "streams.py"]
    used = {
        stream.name: sum(len(re.findall(rf"Stream\.{stream.name}\b", one)) for one in text)
        for stream in Stream
    }
    assert {name: count for name, count in used.items() if count > 1} == {}
    assert np.isin(list(used.values()), (0, 1)).all()
