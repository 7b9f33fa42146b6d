"""One small study in each format that needs an extra: `python -m tests.formats.samples FOLDER` writes them.

The release script reads them with the wheel and its extras, away from this tree.
"""

from __future__ import annotations

import sys
from pathlib import Path

import xlsxwriter

from tests.formats.dicom_sr.structured_reports import LONG_AXIS, group, number, report, saved
from tests.formats.transport import size, write

# of the one target lesion, at the first visit and six weeks later, in every format
SIZES_MM = (50.0, 31.0)
MAPPING = """\
format = "turnpoint mapping 1"
file = "sizes.xlsx"
[rows]
patient_id = "patient"
day = "day"
[[lesions]]
lesion_id = { is = "T1" }
role = { is = "target" }
diameter_mm = "size"
"""


def write_samples(folder: Path) -> dict[str, Path]:
    """Write them; what to read, by the extra that it needs."""
    places = {extra: folder / extra for extra in ("cdisc", "excel", "dicom")}
    for place in places.values():
        place.mkdir(parents=True)
    first, second = SIZES_MM
    write(places["cdisc"], "TR", [size("T01", 1, first), size("T01", 43, second)])
    with xlsxwriter.Workbook(places["excel"] / "sizes.xlsx") as book:
        sheet = book.add_worksheet()
        for row, cells in enumerate((("patient", "day", "size"), ("P1", 0, first), ("P1", 42, second))):
            sheet.write_row(row, 0, cells)
    (places["excel"] / "sizes.mapping.toml").write_text(MAPPING, encoding="utf-8")
    for day, mm in (("20240105", first), ("20240216", second)):
        saved(report(group("T1", number(LONG_AXIS, f"{mm:g}")), study=day), places["dicom"], f"{day}.dcm")
    return places


if __name__ == "__main__":
    write_samples(Path(sys.argv[1]))
