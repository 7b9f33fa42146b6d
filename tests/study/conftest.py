"""A good study in text, and a way to break it: cell by cell, row by row."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

GOOD = {
    "patients.csv": """\
patient_id,arm,tumour_type,sex,birth_year,start_date,line
P001,docetaxel,NSCLC,female,1950,2024-01-10,2
P002,docetaxel,NSCLC,male,1961,2024-02-01,1
""",
    "lesions.csv": """\
patient_id,day,lesion_id,role,site,node,diameter_mm,status,method,reader
P001,-7,T1,target,liver,false,40,measured,CT,
P001,-7,N1,target,lymph node,true,20,measured,CT,
P001,-7,X1,non_target,bone,false,,present,CT,
P001,42,T1,target,liver,false,30,measured,CT,
P001,42,N1,target,lymph node,true,12,measured,CT,
P001,42,X1,non_target,bone,false,,present,CT,
P002,0,T1,target,lung,false,50,measured,CT,
P002,44,T1,target,lung,false,,too_small,CT,
P002,84,T1,target,lung,false,8,measured,CT,
P002,84,W1,new,liver,false,15,measured,CT,
""",
    "markers.csv": """\
patient_id,day,marker,value,unit,upper_limit,assay
P001,0,CEA,12.5,ng/mL,5.0,
P001,21,CEA,8.1,ng/mL,5.0,
P001,42,CEA,<0.5,ug/L,5.0,
P002,0,PSA,150,ng/mL,4,
P002,30,PSA,90,ng/mL,4,
""",
    "doses.csv": """\
patient_id,day,drug,dose,unit,action,cycle
P001,0,docetaxel,75,mg/m2,given,1
P001,21,docetaxel,75,mg/m2,given,2
P002,0,abiraterone,1000,mg,start,
P002,60,abiraterone,,,stop,
""",
    "events.csv": """\
patient_id,day,end_day,term,grade
P001,7,10,neutropenia,3
P002,15,,fatigue,1
""",
}


@pytest.fixture
def good() -> dict[str, str]:
    """The files of a study without any problem, by name."""
    return dict(GOOD)


@pytest.fixture
def study_folder(tmp_path: Path) -> Callable[[Mapping[str, str | bytes]], Path]:
    """Write files into a folder named `study` and give its path."""

    def write(files: Mapping[str, str | bytes]) -> Path:
        folder = tmp_path / "study"
        folder.mkdir(exist_ok=True)
        for name, content in files.items():
            data = content if isinstance(content, bytes) else content.encode()
            (folder / name).write_bytes(data)
        return folder

    return write
