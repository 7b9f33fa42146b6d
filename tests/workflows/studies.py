"""Small studies with the canonical columns, written to a folder and read as a user would."""

from pathlib import Path
from tempfile import TemporaryDirectory

import turnpoint as tp


def study_of(**tables: str) -> tp.Study:
    """A study from CSV text, by table name."""
    with TemporaryDirectory() as folder:
        for name, text in tables.items():
            Path(folder, f"{name}.csv").write_text(text, encoding="utf-8")
        return tp.read(folder)


def both_study(*, with_marker: bool) -> tp.Study:
    lesions = ["patient_id,day,lesion_id,role,diameter_mm,status"] + [
        f"P1,{day},T1,target,{mm},measured"
        for day, mm in ((-5, 60), (42, 44), (84, 38), (126, 37), (168, 38))
    ]
    markers = ["patient_id,day,marker,value,unit"] + [
        f"P1,{day},CEA,{value},ng/mL"
        for day, value in (
            (0, 80),
            (21, 60),
            (42, 40),
            (63, 30),
            (84, 28),
            (105, 40),
            (126, 65),
            (147, 100),
            (168, 160),
        )
    ]
    tables = {"lesions": "\n".join(lesions)}
    if with_marker:
        tables["markers"] = "\n".join(markers)
    return study_of(**tables)
