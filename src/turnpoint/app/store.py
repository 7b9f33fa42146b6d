"""What may be done to the store: each in one transaction, by the study's own rules, with its lines of the trail.

Nothing is overwritten in silence. Who changes a patient says which version they saw; where another was there first they
are told (`Stale`), and nothing of theirs or of the other's is lost.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.db import transaction
from django.db.models import F, Max

from turnpoint.app import trail
from turnpoint.app.cells import unsafe_cells
from turnpoint.app.models import TABLES, Patient, Preparation, Row, Study
from turnpoint.app.studies import Cells, Checked, cells_of, checked, rows_of
from turnpoint.errors import Problem, TurnpointError
from turnpoint.study.schema import TABLES as SCHEMAS
from turnpoint.study.validation import NOTHING_MEASURED

_PER_BATCH = 500


class Stale(TurnpointError):  # noqa: N818  (what it is)
    """Somebody else changed the patient meanwhile; the message says what to do."""

    def __init__(self, version: int) -> None:
        self.version = version
        super().__init__(
            "Somebody changed this patient after you opened them. Nothing of yours was stored. Look at what is there "
            "now, then enter it again."
        )


class Refused(TurnpointError):  # noqa: N818  (what it is)
    """What was to be stored breaks a rule of the study's tables; nothing was stored."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, problems)))


@dataclass(frozen=True, slots=True)
class Author:
    """Who changes something, and why."""

    who: str
    why: str = ""


def add_study(
    name: str,
    tables: Mapping[str, Sequence[Cells]],
    author: Author,
    *,
    problems: Sequence[Mapping[str, Any]] = (),
    unused: Sequence[Mapping[str, Any]] = (),
    mapping: str = "",
) -> Study:
    """Keep a study that was read.

    Args:
        name: shown in lists.
        tables: rows by table, each with its `patient_id`.
        author: who brings it.
        problems: the warnings of its files.
        unused: what the files hold and the study has no place for.
        mapping: the mapping file by which a clinic's table was read.
    """
    with transaction.atomic():
        study = Study.objects.create(name=name, problems=list(problems), unused=list(unused), mapping=mapping)
        names = list(dict.fromkeys(_name(row) for table in TABLES for row in tables.get(table, ())))
        patients = {name: Patient(study=study, patient_id=name) for name in sorted(names)}
        Patient.objects.bulk_create(patients.values(), batch_size=_PER_BATCH)
        rows = [
            Row(patient=patients[_name(row)], table=table, position=position, cells=dict(row))
            for table in TABLES
            for position, row in enumerate(tables.get(table, ()))
        ]
        Row.objects.bulk_create(rows, batch_size=_PER_BATCH)
        counts = {table: len(tables.get(table, ())) for table in TABLES}
        after = {"patients": len(names), **counts, "sha256": trail.digest(trail.line_of(row) for row in rows)}
        if mapping:
            after["mapping"] = trail.digest_of_mapping(mapping)
        trail.write(
            [trail.Entry("study added", study.id, after=after)],
            author.who,
            author.why,
        )
    return study


def add_patient(study: Study, patient_id: str, cells: Cells, author: Author) -> Patient:
    """A new patient without a visit yet.

    Raises:
        Refused: the name is empty, one of the study's patients has it, or a cell breaks a rule.
    """
    name = patient_id.strip()
    own = {"patient_id": name, **{column: value for column, value in cells.items() if value}}
    with transaction.atomic():
        if not name or Patient.objects.filter(study=study, patient_id=name).exists():
            rule = "empty" if not name else "a patient of this study has this name already"
            raise Refused([Problem("patients", None, "patient_id", None, rule, "Write another one.")])
        unsafe = list(unsafe_cells("patients", [own], 1))
        _refuse([*unsafe, *_checked({table: [] for table in TABLES}, {"patients": [own]}).errors])
        patient = Patient.objects.create(study=study, patient_id=name)
        row = Row.objects.create(patient=patient, table="patients", position=0, cells=own)
        trail.write(
            [trail.Entry("row added", study.id, patient.id, row.id, "patients", after=row.cells)],
            author.who,
            author.why,
        )
    return patient


def add_rows(
    patient: Patient, rows: Mapping[str, Sequence[Cells]], author: Author, *, seen: int | None = None
) -> Patient:
    """Add rows to a patient: a visit, a dose, an event.

    Args:
        patient: whose.
        rows: by table, in the study folder's columns; `patient_id` may be left out.
        author: who enters them.
        seen: the version they saw; None for whichever there is.

    Returns:
        The patient with the new version.

    Raises:
        Stale: there is another version.
        Refused: a row breaks a rule; the problem's row counts the new rows of its table, the first being row 1.
    """
    with transaction.atomic():
        held = _held(patient, seen)
        standing = rows_of([held])
        new = {
            table: [_belonging(held, row) for row in rows.get(table, ())]
            for table in TABLES
            if rows.get(table)
        }
        offsets = {table: len(standing[table]) for table in TABLES}
        _refuse(_of_new(_checked(standing, new), offsets))
        last = Row.objects.filter(patient=held).aggregate(last=Max("position"))["last"] or 0
        made = [
            Row(patient=held, table=table, position=last + 1 + place, cells=row)
            for place, (table, row) in enumerate((table, row) for table in new for row in new[table])
        ]
        Row.objects.bulk_create(made, batch_size=_PER_BATCH)
        entries = [
            trail.Entry("row added", held.study_id, held.id, row.id, row.table, after=row.cells)
            for row in made
        ]
        return _changed(held, entries, author)


def change_row(row: Row, cells: Cells, author: Author, *, seen: int | None = None) -> Patient:
    """Correct some cells of a row; the trail keeps what stood there.

    Raises:
        Stale: there is another version of the patient.
        Refused: the row, or the patient with it, breaks a rule.
    """
    with transaction.atomic():
        held, standing, own = _standing(row, seen)
        before, after = own.cells, {**own.cells, **cells, "patient_id": held.patient_id}
        unknown = [*_unknown(row.table, cells), *unsafe_cells(row.table, [cells], 1)]
        own.cells = after
        _refuse([*unknown, *_checked(standing, {}).errors])
        own.save()
        entry = trail.Entry(
            "row changed", held.study_id, held.id, row.id, row.table, before=before, after=after
        )
        return _changed(held, [entry], author)


def remove_row(row: Row, author: Author, *, seen: int | None = None) -> Patient:
    """Take a row out; it stays in the store and in the trail.

    Raises:
        Stale: there is another version of the patient.
        Refused: what is left breaks a rule.
    """
    with transaction.atomic():
        held, standing, own = _standing(row, seen)
        standing[row.table] = [one for one in standing[row.table] if one.id != row.id]
        _refuse(_checked(standing, {}).errors)
        Row.objects.filter(id=row.id).update(removed=True)
        entry = trail.Entry("row removed", held.study_id, held.id, row.id, row.table, before=own.cells)
        return _changed(held, [entry], author)


def restore_row(row: Row, author: Author, *, seen: int | None = None) -> Patient:
    """Put back a row that was taken out.

    Raises:
        Stale: there is another version of the patient, or the row stands.
        Refused: the patient with it breaks a rule.
    """
    with transaction.atomic():
        held = _held(row.patient, seen)
        if not Row.objects.filter(id=row.id, removed=True).exists():
            raise Stale(held.version)
        _refuse(_checked(rows_of([held]), {row.table: [row.cells]}).errors)
        Row.objects.filter(id=row.id).update(removed=False)
        entry = trail.Entry("row put back", held.study_id, held.id, row.id, row.table, after=row.cells)
        return _changed(held, [entry], author)


def prepare(patient: Patient, author: Author, *, is_private: bool = False, **content: Any) -> Preparation:
    """Keep what a patient prepares for their next visit.

    Args:
        patient: whose.
        author: who writes it.
        is_private: the trail, which others read, says that it changed and not what it says.
        content: fields of `Preparation` that change.
    """
    with transaction.atomic():
        held = _held(patient, None)
        kept, _ = Preparation.objects.get_or_create(patient=held)
        before = {name: getattr(kept, name) for name in content}
        if before != content:
            for name, value in content.items():
                setattr(kept, name, value)
            kept.save()
            entry = trail.Entry("preparation changed", held.study_id, held.id)
            if not is_private:
                entry = replace(entry, before=before, after=content)
            trail.write([entry], author.who, author.why)
    return kept


def preview(patient: Patient, rows: Mapping[str, Sequence[Cells]]) -> Checked:
    """What the patient would be with these rows, by the same rules as `add_rows`, without storing them."""
    standing = rows_of([patient])
    new = {
        table: [_belonging(patient, row) for row in rows.get(table, ())]
        for table in TABLES
        if rows.get(table)
    }
    found = _checked(standing, new)
    return replace(
        found, problems=tuple(_of_new(found, {table: len(standing[table]) for table in TABLES}, every=True))
    )


def hold(patient: Patient) -> None:
    """Keep others from changing the patient until the caller's transaction is over.

    Raises:
        Stale: somebody changed them since they were read.
    """
    _held(patient, patient.version)


def _held(patient: Patient, seen: int | None) -> Patient:
    """The patient, for nobody else to change until this transaction is over."""
    held = Patient.objects.select_for_update().select_related("study").get(id=patient.id)
    if seen is not None and seen != held.version:
        raise Stale(held.version)
    return held


def _standing(row: Row, seen: int | None) -> tuple[Patient, dict[str, list[Row]], Row]:
    """The held patient of a row, all rows of theirs that stand, and it among them."""
    held = _held(row.patient, seen)
    standing = rows_of([held])
    own = next((one for one in standing[row.table] if one.id == row.id), None)
    if own is None:
        raise Stale(held.version)
    return held, standing, own


def _changed(held: Patient, entries: list[trail.Entry], author: Author) -> Patient:
    """The patient's new version, with its lines of the trail."""
    Patient.objects.filter(id=held.id).update(version=F("version") + 1)
    held.version += 1
    trail.write(entries, author.who, author.why)
    return held


def _checked(standing: Mapping[str, Sequence[Row]], new: Mapping[str, Sequence[Cells]]) -> Checked:
    together = {table: [*rows, *new.get(table, ())] for table, rows in cells_of(standing).items()}
    found = checked(together)
    # a patient may be kept before anything is measured: a first dose, a side effect, a day of birth
    found = replace(
        found, problems=tuple(problem for problem in found.problems if problem.rule != NOTHING_MEASURED)
    )
    unknown = tuple(problem for table in new for problem in _unknown_rows(table, new[table], standing))
    return replace(found, problems=(*found.problems, *unknown)) if unknown else found


def _unknown_rows(
    table: str, rows: Sequence[Cells], standing: Mapping[str, Sequence[Row]]
) -> Iterator[Problem]:
    first = len(standing[table]) + 2
    yield from unsafe_cells(table, rows, first)
    for place, row in enumerate(rows, first):
        for problem in _unknown(table, row):
            yield replace(problem, row=place)


def _unknown(table: str, cells: Cells) -> list[Problem]:
    """Columns that the table has not: typing mistakes, which would be kept and never read."""
    known = {column.name for column in SCHEMAS[table].columns}
    return [
        Problem(
            f"{table}.csv",
            None,
            name,
            None,
            f"not a column of {table}",
            f"Use one of {', '.join(column.name for column in SCHEMAS[table].columns if not column.derived)}.",
        )
        for name in cells
        if name not in known
    ]


def _of_new(found: Checked, offsets: Mapping[str, int], *, every: bool = False) -> list[Problem]:
    """Its problems with rows counted from the new ones; errors of rows that stand count too, as they are."""
    listed = []
    for problem in found.problems:
        if problem.severity != "error" and not every:
            continue
        table = problem.file.split(".")[0]
        first = offsets.get(table)
        if problem.row is not None and first is not None and problem.row - 1 > first:
            listed.append(replace(problem, row=problem.row - 1 - first))
        elif problem.severity == "error" or problem.row is None:
            listed.append(problem)
    return listed


def _refuse(problems: Sequence[Problem]) -> None:
    if problems:
        raise Refused(problems)


def _belonging(patient: Patient, row: Cells) -> Cells:
    """The row with its patient, text without blanks around it, and no empty text."""
    cells = {name: (value or "").strip() or None for name, value in row.items()}
    return {**cells, "patient_id": patient.patient_id}


def _name(row: Cells) -> str:
    return str(row["patient_id"])
