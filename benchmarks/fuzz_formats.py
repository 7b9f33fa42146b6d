"""Hostile bytes for the data set readers: `python benchmarks/fuzz_formats.py json|xpt [CORPUS] [-max_total_time=S]`.

Coverage-guided (atheris, the extra `turnpoint[fuzz]`). Every input must end in a study or in errors, never in another
exception. `json` feeds Dataset-JSON, plain and compressed, whose parser is ours; `xpt` feeds SAS transport files, which
pyreadstat parses and we check. Seeds are written into the corpus folder. Other arguments are those of libFuzzer.
"""

from __future__ import annotations

import gzip
import sys
import tempfile
import zlib
from datetime import UTC, datetime
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["turnpoint.formats"]):
    from turnpoint.formats import sdtm
    from turnpoint.formats.sdtm import sdtm_datasets

import polars as pl

from turnpoint.formats.datasets import write_dataset
from turnpoint.study.reading import read_frames

_FOLDER = Path(tempfile.mkdtemp(prefix="fuzz-formats-"))
_MOMENT = datetime(2026, 1, 1, tzinfo=UTC)


def _seeds(kind: str) -> dict[str, bytes]:
    """Every data set of a small study, in the kind that is fuzzed."""
    lesions = {
        "patient_id": ["A"] * 4,
        "day": [0, 42, 0, 42],
        "lesion_id": ["T1", "T1", "N1", "N1"],
        "role": ["target", "target", "non_target", "non_target"],
        "site": ["lymph node", "lymph node", "bone", "bone"],
        "node": [True, True, False, False],
        "diameter_mm": [20.0, None, None, None],
        "status": ["measured", "too_small", "present", "unequivocal_progression"],
        "reader": ["R1"] * 4,
    }
    markers = {"patient_id": ["A"], "day": [3], "marker": ["CEA"], "value": ["<0.5"], "unit": ["ng/mL"]}
    study = read_frames({"lesions": pl.DataFrame(lesions), "markers": pl.DataFrame(markers)})
    found = {}
    for dataset in sdtm_datasets(study, "S1"):
        for ending in ("xpt",) if kind == "xpt" else ("json", "ndjson", "dsjc"):
            path = write_dataset(dataset, _FOLDER / f"seed.{ending}", ending, created=_MOMENT)
            found[f"{dataset.name}.{ending}"] = path.read_bytes()
    if kind == "json":
        found["TR.zlib"] = zlib.compress(found["TR.ndjson"])
        found["TR.gzip"] = gzip.compress(found["TR.json"], mtime=0)
    return found


def one_input(data: bytes) -> None:
    """One file of these bytes, read as SDTM."""
    path = _FOLDER / "input.xpt"
    path.write_bytes(data)
    found = sdtm.convert(path)
    has_errors = any(problem.severity == "error" for problem in found.problems)
    if (found.study is None) != has_errors:
        raise RuntimeError("neither a study nor an error")


def main() -> None:
    """Write the seeds, and fuzz until stopped."""
    kinds = [argument for argument in sys.argv[1:] if argument in ("json", "xpt")]
    if len(kinds) != 1:
        sys.exit(__doc__)
    places = [argument for argument in sys.argv[1:] if not argument.startswith("-") and argument not in kinds]
    corpus = Path(places[0]) if places else _FOLDER / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for name, data in _seeds(kinds[0]).items():
        (corpus / name).write_bytes(data)
    options = [argument for argument in sys.argv[1:] if argument.startswith("-")]
    atheris.Setup([sys.argv[0], str(corpus), *options], one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
