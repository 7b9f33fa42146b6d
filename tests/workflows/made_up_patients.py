"""Patients made up for tests: a few rows each, of any tumour and quantity, put together into a study."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

import turnpoint as tp
from tests.workflows.studies import study_of

HEADERS = {
    "patients": "patient_id,tumour_type,arm",
    "lesions": "patient_id,day,lesion_id,role,site,diameter_mm,status",
    "markers": "patient_id,day,marker,value,unit",
    "doses": "patient_id,day,drug",
}


@dataclass(frozen=True)
class Patient:
    """One patient: tumour and drug; sizes by lesion (name, site), a marker, days of doses, days of new lesions."""

    tumour: str
    drug: str
    lesions: Mapping[tuple[str, str], tuple[tuple[int, float], ...]] = field(default_factory=dict)
    marker: tuple[str, str, tuple[tuple[int, float], ...]] | None = None
    doses: tuple[int, ...] = ()
    new: tuple[tuple[int, str, float], ...] = ()

    def rows(self, name: str) -> dict[str, list[str]]:
        """The rows of each table."""
        found: dict[str, list[str]] = {table: [] for table in HEADERS}
        found["patients"].append(f"{name},{self.tumour},{self.drug}")
        for (lesion, site), sizes in self.lesions.items():
            for day, mm in sizes:
                status, size = ("absent", "") if mm == 0 else ("measured", mm)
                found["lesions"].append(f"{name},{day},{lesion},target,{site},{size},{status}")
        for index, (day, site, mm) in enumerate(self.new):
            found["lesions"].append(f"{name},{day},N{index + 1},new,{site},{mm},measured")
        if self.marker is not None:
            marker, unit, values = self.marker
            found["markers"] += [f"{name},{day},{marker},{value},{unit}" for day, value in values]
        found["doses"] += [f"{name},{day},{self.drug}" for day in self.doses]
        return found

    def up_to(self, day: int) -> Patient:
        """What was known of the patient on a day."""
        lesions = {key: tuple(row for row in rows if row[0] <= day) for key, rows in self.lesions.items()}
        marker = self.marker and (*self.marker[:2], tuple(row for row in self.marker[2] if row[0] <= day))
        return Patient(
            self.tumour,
            self.drug,
            lesions,
            marker,
            tuple(own for own in self.doses if own <= day),
            tuple(row for row in self.new if row[0] <= day),
        )

    @property
    def days(self) -> list[int]:
        """Days of the visits."""
        rows = [row for own in self.lesions.values() for row in own] + list(self.new)
        rows += list(self.marker[2]) if self.marker else []
        return sorted({row[0] for row in rows})


def sizes(*values: float, every: int = 42, first: int = 0) -> tuple[tuple[int, float], ...]:
    """Days and values at regular visits."""
    return tuple((first + every * index, value) for index, value in enumerate(values))


def study_with(patients: Mapping[str, Patient], order: Iterable[str] | None = None) -> tp.Study:
    """The study of these patients; the rows of each table in the order of the names."""
    tables = {table: [header] for table, header in HEADERS.items()}
    for name in order or patients:
        for table, rows in patients[name].rows(name).items():
            tables[table] += rows
    return study_of(**{table: "\n".join(rows) + "\n" for table, rows in tables.items() if len(rows) > 1})


TUMOURS = {
    "NSCLC": ("docetaxel", "CEA", "ng/mL"),
    "metastatic colorectal cancer": ("FOLFOX", "CEA", "ng/mL"),
    "breast cancer": ("paclitaxel", "CA 15-3", "U/mL"),
    "ovarian cancer": ("carboplatin", "CA-125", "U/mL"),
    "prostate cancer": ("docetaxel", "PSA", "ng/mL"),
}


def drawn_patient(
    rng: np.random.Generator, *, scans: bool = True, marker: bool = False, doses: bool = False
) -> Patient:
    """A patient whose tumour shrinks, stays or grows after a while, read with error, some readings left out."""
    d, g, share = rng.uniform(0.0, 0.25), rng.uniform(0.0, 0.08), rng.uniform(0.01, 0.6)
    tumour = str(rng.choice(list(TUMOURS)))
    drug, name, unit = TUMOURS[tumour]
    scan_days = range(0, 42 * int(rng.integers(2, 9)), 42)

    def burden(day: int) -> float:
        return (1 - share) * np.exp(-d * day / 7) + share * np.exp(g * day / 7)

    lesions = {}
    for index in range(int(rng.integers(1, 4)) if scans else 0):
        start, power = rng.uniform(10, 90), rng.uniform(0.8, 1.2) / 3
        read = [day for day in scan_days if day == 0 or rng.random() > 0.1]
        own = [np.round(start * burden(day) ** power * np.exp(rng.normal(0, 0.04))) for day in read]
        lesions[f"T{index + 1}", "liver"] = tuple(zip(read, map(float, own), strict=True))
    values = None
    if marker:
        start, drawn = rng.uniform(20, 200), range(0, scan_days[-1] + 1, 21)
        own = [round(start * burden(day) * np.exp(rng.normal(0, 0.15)) + 1, 2) for day in drawn]
        values = (name, unit, tuple(zip(drawn, own, strict=True)))
    given = tuple(day for day in range(0, scan_days[-1] + 1, 21) if day == 0 or rng.random() > 0.25)
    new = ((scan_days[-1], "brain", 9.0),) if lesions and rng.random() < 0.2 else ()
    return Patient(tumour, drug, lesions, values, given if doses else (), new)


def drawn_patients(seed: int, count: int, **kinds: bool) -> dict[str, Patient]:
    """Some of them by name; the same for the same seed."""
    rng = np.random.default_rng(seed)
    return {f"P{index:02d}": drawn_patient(rng, **kinds) for index in range(count)}
