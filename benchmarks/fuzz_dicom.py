"""Hostile bytes for the DICOM reader: `python -m benchmarks.fuzz_dicom [SECONDS] [SEED]`.

Random damage to a small report: bytes changed, cut out, repeated, lengths made absurd. Every input must end in a study
or in errors, never in another exception, within seconds. Prints one table; exit 1 when an input did not.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
import traceback
from pathlib import Path

from tests.formats.dicom_sr.structured_reports import (
    LONG_AXIS,
    LUNG,
    SHORT_AXIS,
    SITE,
    group,
    number,
    report,
    said,
    saved,
)
from turnpoint.formats import dicom_sr

_SLOW_SECONDS = 5.0
_LENGTHS = (
    b"\xff\xff\xff\xff",
    b"\x00\x00\x00\x00",
    b"\xff\xff\xff\x7f",
    b"\xfe\xff\xff\xff",
    b"\x01\x00\x00\x00",
)


def damaged(whole: bytes, rng: random.Random) -> bytes:
    found = bytearray(whole)
    for _ in range(rng.randint(1, 8)):
        at = rng.randrange(128, len(found)) if len(found) > 140 else 0
        kind = rng.randrange(5)
        if kind == 0 and found:
            found[at] = rng.randrange(256)
        elif kind == 1:
            found[at : at + 4] = rng.choice(_LENGTHS)
        elif kind == 2:
            del found[at : at + rng.randint(1, 64)]
        elif kind == 3:
            found[at:at] = found[at : at + rng.randint(1, 256)] * rng.randint(1, 20)
        else:
            del found[at:]
    return bytes(found)


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 60.0
    rng = random.Random(int(sys.argv[2]) if len(sys.argv) > 2 else 0)  # noqa: S311
    folder = Path(tempfile.mkdtemp(prefix="fuzz-dicom-"))
    lesion = group("T1", said(SITE, LUNG), number(LONG_AXIS, "21.5"), number(SHORT_AXIS, "12"), uid="1.2.3")
    whole = saved(report(lesion, group("T2", number(LONG_AXIS, "3", "cm"))), folder, "whole.dcm").read_bytes()
    place = folder / "damaged.dcm"
    counts = {"studies": 0, "errors": 0, "crashes": 0, "too slow": 0}
    slowest, end = 0.0, time.perf_counter() + seconds
    while time.perf_counter() < end:
        place.write_bytes(damaged(whole, rng))
        start = time.perf_counter()
        try:
            dicom_sr.recognises(place)
            study, problems = dicom_sr.inspect(place)
            told = study is not None or any(problem.severity == "error" for problem in problems)
            counts["studies" if study is not None else "errors" if told else "crashes"] += 1
        except Exception:  # noqa: BLE001 - that is what is looked for
            traceback.print_exc()
            counts["crashes"] += 1
        took = time.perf_counter() - start
        slowest = max(slowest, took)
        counts["too slow"] += took > _SLOW_SECONDS
    print("inputs  studies  errors  crashes  too slow  slowest s")
    print(
        f"{sum(counts.values()) - counts['too slow']:6,}  {counts['studies']:7,}  {counts['errors']:6,}  "
        f"{counts['crashes']:7,}  {counts['too slow']:8,}  {slowest:9.2f}"
    )
    sys.exit(bool(counts["crashes"] or counts["too slow"]))


if __name__ == "__main__":
    main()
