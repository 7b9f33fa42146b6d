"""The JSON API, `/api/v1`: what programs do with the store; described by itself at `/api/v1/openapi.json`.

Errors are problem+json (RFC 9457); those of data carry `problems` with the fields of `turnpoint check`. A patient's
version is the beginning of every ETag, so any ETag of a patient serves as `If-Match` of a change.
"""

from __future__ import annotations

import datetime as dt
import io
import json
import tempfile
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from django.conf import settings
from django.db import OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from ninja import Field, File, Form, NinjaAPI, Query, Schema
from ninja.errors import HttpError, ValidationError
from ninja.files import UploadedFile
from pydantic import ConfigDict, StrictBool, StrictFloat, StrictInt, StrictStr

from turnpoint._version import __version__
from turnpoint.app import store
from turnpoint.app.access import may_add, may_edit, patients_for, studies_for
from turnpoint.app.intake import as_json, taken_in
from turnpoint.app.models import Change, Patient, Row, Study
from turnpoint.app.pictures import document_of, key_of
from turnpoint.app.shell import LANGUAGES, asked_for, spoken
from turnpoint.app.studies import Cells, Checked, study_of
from turnpoint.app.wrong import note
from turnpoint.charts.language import Language as Words
from turnpoint.errors import Problem, TurnpointError
from turnpoint.pictures.document import from_json
from turnpoint.reports.catalogue import language
from turnpoint.reports.pdf import pdf
from turnpoint.reports.rendering import render_patient
from turnpoint.workflows.convert import convert

Cell = StrictStr | StrictBool | StrictInt | StrictFloat | None
Language = Literal["en", "zh"]
Format = Literal["study", "sdtm", "adam", "fhir"]
_DAYS = 7305  # as in the study folder
_MOST_LISTED = 1000
_TABLES = ("lesions", "markers", "doses", "events")

_BINARY = {"schema": {"type": "string", "format": "binary"}}
_KINDS = {  # of answers that are no JSON of ours, by the end of their address
    "/report": {"text/html": {"schema": {"type": "string"}}, "application/pdf": _BINARY},
    "/export": {"application/zip": _BINARY, "application/fhir+json": {"schema": {"type": "object"}}},
}
_ANYWHERE = {  # what any address may answer
    400: "not understood",
    401: "not signed in",
    404: "not here",
    413: "too large",
    422: "against a rule",
    429: "too often",
    507: "not stored: the disk is full",
}


class Described(NinjaAPI):
    """An API whose description says what its errors and files are."""

    def get_openapi_schema(self, **given: Any) -> Any:
        """The description, errors as problem+json and files as what they are."""
        described = super().get_openapi_schema(**given)
        problem = {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}
        for address, methods in described["paths"].items():
            for operation in methods.values():
                answers = operation["responses"]
                for status, words in _ANYWHERE.items():
                    answers.setdefault(status, {"description": words})
                for status, answer in answers.items():
                    if status >= 400:
                        answer["content"] = {"application/problem+json": problem}
                for end, kinds in _KINDS.items():
                    if address.endswith(end):
                        answers[200]["content"] = kinds
        return described


api = Described(
    title="Turnpoint",
    version=__version__,
    description="Patients of this store, and what Turnpoint says of them.",
    docs_url=None,
    urls_namespace="api",
)


class ProblemDocument(Schema):
    """What went wrong (RFC 9457)."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str = ""
    problems: list[Problem] = []
    questions: list[QuestionFields] = []


class Unused(Schema):
    """What files held and a study has no place for."""

    reason: str
    records: int


class QuestionFields(Schema):
    """What a clinic's table does not tell: `choices` and `proposal` are answers as TOML."""

    key: str
    text: str
    examples: str
    choices: list[str]
    proposal: str | None
    optional: bool
    answer: str | None = None
    wrong: str | None = None


class StudyFields(Schema):
    """A study of the store."""

    id: str
    name: str
    patients: int
    problems: list[Problem]
    unused: list[Unused]


class PatientFields(Schema):
    """A patient of a study: an identifier for addresses, the study's own name for them, and what the list says."""

    id: str
    patient_id: str
    version: int
    line: dict[str, Any]


class Patients(Schema):
    """Some patients of a study."""

    items: list[PatientFields]
    total: int


class RowFields(Schema):
    """One line of a table."""

    id: str
    table: str
    cells: dict[str, str | None]


class VisitIn(Schema):
    """What was found at a visit, in the study folder's columns; `day` or `date` holds for rows that have none."""

    model_config = ConfigDict(extra="forbid")
    day: Annotated[StrictInt, Field(ge=-_DAYS, le=_DAYS)] | None = None
    date: dt.date | None = None
    lesions: list[dict[str, Cell]] = []
    markers: list[dict[str, Cell]] = []
    doses: list[dict[str, Cell]] = []
    events: list[dict[str, Cell]] = []
    why: Annotated[StrictStr, Field(max_length=500)] = ""


class RowIn(Schema):
    """Cells that are corrected, and why."""

    model_config = ConfigDict(extra="forbid")
    cells: dict[str, Cell]
    why: Annotated[StrictStr, Field(max_length=500)] = ""


class Version(Schema):
    """A patient's new version."""

    id: str
    version: int


class ChangeFields(Schema):
    """One line of the trail."""

    number: int
    at: str
    who: str
    action: str
    study: str
    patient: str
    row: str
    table: str
    before: Any
    after: Any
    why: str
    hash: str


class Changes(Schema):
    """Some lines of the trail, last first."""

    items: list[ChangeFields]
    total: int


_WRONG = {400: ProblemDocument, 403: ProblemDocument, 404: ProblemDocument, 422: ProblemDocument}


class Forbidden(TurnpointError):  # noqa: N818  (what it is, as Http404)
    """The person's role does not allow it."""


def as_problem(
    request: HttpRequest,
    status: int,
    title: str,
    detail: str = "",
    problems: Iterable[Problem] = (),
    questions: list[QuestionFields] | None = None,
) -> HttpResponse:
    """An error as problem+json, in the language that is asked for."""
    words = _words_of(request)
    document = ProblemDocument(
        title=spoken(title, words) or title,
        status=status,
        detail=(spoken(detail, words) or detail) if detail else "",
        problems=[_told(problem, words) for problem in problems],
        questions=questions or [],
    )
    headers = {"Content-Language": words.tag}
    kind = "application/problem+json"
    return HttpResponse(document.model_dump_json(), status=status, content_type=kind, headers=headers)


def _words_of(request: HttpRequest) -> Words:
    """The language of `lang`, else that of `Accept-Language`."""
    asked = request.GET.get("lang")
    return language(asked if asked in LANGUAGES else asked_for(request))


def _told(problem: Problem, words: Words) -> Problem:
    """A problem in this language; a text that is not known there stays English."""
    rule, mend = (spoken(text, words) or text for text in (problem.rule, problem.mend))
    return replace(problem, rule=rule, mend=mend)


@api.exception_handler(store.Stale)
def _stale(request: HttpRequest, error: store.Stale) -> HttpResponse:
    answer = as_problem(request, 412, "changed meanwhile", str(error))
    answer.headers["ETag"] = f'"{error.version}"'
    return answer


@api.exception_handler(store.Refused)
def _refused(request: HttpRequest, error: store.Refused) -> HttpResponse:
    return as_problem(request, 422, "the data breaks a rule", "Nothing was stored.", list(error.problems))


@api.exception_handler(Forbidden)
def _forbidden(request: HttpRequest, error: Forbidden) -> HttpResponse:
    return as_problem(request, 403, "not allowed", str(error))


@api.exception_handler(Http404)
def _missing(request: HttpRequest, _error: Http404) -> HttpResponse:
    return as_problem(
        request, 404, "not here", "There is nothing at this address, or it is not yours to see."
    )


@api.exception_handler(ValidationError)
def _misunderstood(request: HttpRequest, error: ValidationError) -> HttpResponse:
    said = "; ".join(f"{'.'.join(map(str, one['loc'][1:]))}: {one['msg']}" for one in error.errors)
    return as_problem(request, 422, "not as the description of this address says", said)


@api.exception_handler(HttpError)
def _unreadable(request: HttpRequest, error: HttpError) -> HttpResponse:
    return as_problem(
        request,
        error.status_code,
        "this could not be read",
        "Send it as the description of this address says.",
    )


@api.exception_handler(OperationalError)
def _not_stored(request: HttpRequest, error: OperationalError) -> HttpResponse:
    note(error)
    return as_problem(
        request, 507, "this could not be stored", "The disk is full, or the store is not there."
    )


@api.exception_handler(TurnpointError)
def _other(request: HttpRequest, error: TurnpointError) -> HttpResponse:
    problems = list(getattr(error, "problems", ()))
    detail = "" if problems else str(error)
    return as_problem(request, 422, "this cannot be answered from the data", detail, problems)


@api.post("/studies", response={201: StudyFields, 422: ProblemDocument, 403: ProblemDocument})
def add_study(
    request: HttpRequest,
    files: Annotated[list[UploadedFile], File(min_length=1)],
    response: HttpResponse,
    answers: Annotated[
        str,
        Form(
            description="Answers to the questions of a clinic's own table, a JSON object of texts by the question's "
            "key, as `turnpoint map guess --answer` takes them. Without them a table that leaves something open is "
            "answered by 422 with its `questions`.",
            examples=['{"rows.date_format": "dd/mm/yyyy", "lesions.TL{n}.unit": "cm"}'],
        ),
    ] = "{}",
) -> Any:
    """Files of any supported kind become a study; when there is an error or an open question nothing is stored."""
    if not may_add(request.user):
        raise Forbidden("Only an administrator brings studies.")
    given = _answers(answers)
    found = taken_in([(file.name or "", file.file) for file in files], given)
    unknown = given.keys() if found.table is None else found.table["unknown"]
    if found.is_refused or unknown:
        problems = [*(_no_question(key) for key in unknown), *found.problems]
        is_open = found.table is not None and not found.table["mapping"]
        title = "the table leaves questions open" if is_open else "the files have errors"
        return as_problem(request, 422, title, "Nothing was stored.", problems, _questions(found.table))
    name = Path(files[0].name or "study").stem if len(files) == 1 else "study"
    study = store.add_study(
        name,
        found.tables,
        author_of(request),
        problems=[as_json(problem) for problem in found.problems],
        unused=found.unused,
        mapping=found.mapping,
    )
    response.headers["Location"] = f"/api/v1/studies/{study.id}"
    return 201, _study_fields(request, study)


@api.get("/studies", response=list[StudyFields])
def list_studies(request: HttpRequest) -> Any:
    """The studies that one may see."""
    return [_study_fields(request, study) for study in studies_for(request.user).order_by("created", "id")]


@api.get("/studies/{study_id}/patients", response={200: Patients, **_WRONG})
def list_patients(
    request: HttpRequest,
    study_id: str,
    offset: Annotated[int, Query(ge=0, le=10_000_000)] = 0,
    limit: Annotated[int, Query(ge=1, le=_MOST_LISTED)] = _MOST_LISTED,
) -> Any:
    """Patients of a study, those that need attention first."""
    study = study_here(request, study_id)
    every = Patient.objects.filter(study=study, removed=False)
    some = every.order_by("-attention", "patient_id")[offset : offset + limit]
    return {"items": [_patient_fields(patient) for patient in some], "total": every.count()}


@api.get(
    "/studies/{study_id}/patients/{patient_id}/picture",
    response={200: dict[str, Any], 304: None, **_WRONG},
)
def show_picture(
    request: HttpRequest,
    study_id: str,
    patient_id: str,
    at: Annotated[int | None, Query(ge=-_DAYS, le=_DAYS)] = None,
    lang: Language = "en",
) -> HttpResponse:
    """All that is said about the patient, as known on a day (`docs/picture.schema.json`)."""
    _not_in_a_notebook()
    patient = patient_here(request, study_id, patient_id)
    etag = etag_of(patient, key_of(patient, at), lang)
    if etag in request.headers.get("If-None-Match", ""):
        return HttpResponse(status=304, headers={"ETag": etag})
    key, document = document_of(patient, at)
    headers = {"ETag": etag_of(patient, key, lang), "Content-Language": lang}
    return HttpResponse(document, content_type="application/json", headers=headers)


@api.get(
    "/studies/{study_id}/patients/{patient_id}/report",
    response={200: str, **_WRONG},
)
def show_report(
    request: HttpRequest,
    study_id: str,
    patient_id: str,
    audience: Literal["clinician", "patient", "statistician"] = "clinician",
    lang: Language = "en",
    format: Literal["html", "pdf"] = "html",  # noqa: A002
    at: Annotated[int | None, Query(ge=-_DAYS, le=_DAYS)] = None,
) -> HttpResponse:
    """The patient's report."""
    _not_in_a_notebook()
    patient = patient_here(request, study_id, patient_id)
    key, document = document_of(patient, at)
    page = render_patient(from_json(document), audience, lang)
    if format == "pdf":
        answer = HttpResponse(pdf(page), content_type="application/pdf")
        answer.headers["Content-Disposition"] = 'attachment; filename="turnpoint-report.pdf"'
    else:
        answer = HttpResponse(page, content_type="text/html; charset=utf-8")
        # a page of its own: its styles are inside it, and nothing in it runs
        answer._csp_config = {
            "default-src": ["'none'"],
            "style-src": ["'unsafe-inline'"],
            "img-src": ["data:"],
        }
    answer.headers["ETag"] = etag_of(patient, key, lang)
    return answer


@api.get("/studies/{study_id}/patients/{patient_id}/rows", response={200: list[RowFields], **_WRONG})
def list_rows(request: HttpRequest, study_id: str, patient_id: str) -> Any:
    """The patient's rows as they stand, with the identifiers to correct them by."""
    patient = patient_here(request, study_id, patient_id)
    rows = Row.objects.filter(patient=patient, removed=False)
    return [{"id": row.id, "table": row.table, "cells": row.cells} for row in rows]


@api.post(
    "/studies/{study_id}/patients/{patient_id}/visits",
    response={201: Version, 412: ProblemDocument, **_WRONG},
)
def add_visit(
    request: HttpRequest, study_id: str, patient_id: str, visit: VisitIn, response: HttpResponse
) -> Any:
    """Add what was found at a visit."""
    patient = patient_here(request, study_id, patient_id, to_edit=True)
    rows = {table: [_dated(row, visit) for row in getattr(visit, table)] for table in _TABLES}
    if not any(rows.values()):
        rule = "holds no row"
        raise store.Refused(
            [Problem("visit", None, None, None, rule, "Add lesions, markers, doses or events.")]
        )
    changed = store.add_rows(patient, rows, author_of(request, visit.why), seen=_seen(request))
    return 201, _version(changed, response)


@api.patch(
    "/studies/{study_id}/patients/{patient_id}/rows/{row_id}",
    response={200: Version, 412: ProblemDocument, **_WRONG},
)
def change_row(
    request: HttpRequest, study_id: str, patient_id: str, row_id: str, row: RowIn, response: HttpResponse
) -> Any:
    """Correct a row; what stood there stays in the trail."""
    patient = patient_here(request, study_id, patient_id, to_edit=True)
    cells = {name: text_of(value) for name, value in row.cells.items()}
    changed = store.change_row(
        _row_here(patient, row_id), cells, author_of(request, row.why), seen=_seen(request)
    )
    return _version(changed, response)


@api.delete(
    "/studies/{study_id}/patients/{patient_id}/rows/{row_id}",
    response={200: Version, 412: ProblemDocument, **_WRONG},
)
def remove_row(
    request: HttpRequest,
    study_id: str,
    patient_id: str,
    row_id: str,
    response: HttpResponse,
    why: Annotated[str, Query(max_length=500)] = "",
) -> Any:
    """Take a row out; it stays in the trail."""
    patient = patient_here(request, study_id, patient_id, to_edit=True)
    changed = store.remove_row(_row_here(patient, row_id), author_of(request, why), seen=_seen(request))
    return _version(changed, response)


@api.get("/studies/{study_id}/export", response={200: bytes, **_WRONG})
def export(
    request: HttpRequest,
    study_id: str,
    format: Format = "study",  # noqa: A002
) -> HttpResponse:
    """The study as a study folder, SDTM, ADaM (each a .zip) or FHIR."""
    study = study_here(request, study_id)
    if format != "study":
        _not_in_a_notebook()
    patients = Patient.objects.filter(study=study, removed=False).order_by("patient_id")
    content, kind, name = packed(study_of(list(patients)), format, study.mapping)
    return as_file(content, kind, name)


@api.get("/audit", response={200: Changes, 403: ProblemDocument})
def show_trail(
    request: HttpRequest,
    patient: str = "",
    offset: Annotated[int, Query(ge=0, le=10_000_000)] = 0,
    limit: Annotated[int, Query(ge=1, le=_MOST_LISTED)] = 100,
) -> Any:
    """The trail of changes, last first."""
    changes = Change.objects.filter(study__in=list(studies_for(request.user).values_list("id", flat=True)))
    if patient:
        changes = changes.filter(patient=patient)
    some = changes.order_by("-number")[offset : offset + limit]
    names = [name for name in ChangeFields.model_fields if name != "at"]
    items = [
        {"at": change.at.isoformat(), **{name: getattr(change, name) for name in names}} for change in some
    ]
    return {"items": items, "total": changes.count()}


def packed(
    found: Checked,
    format: Format,  # noqa: A002
    mapping: str = "",
) -> tuple[bytes, str, str]:
    """A study as a file: its content, its media type and its name.

    Raises:
        Refused: a patient's rows break a rule, or nothing has been measured.
    """
    if found.study is None:
        raise store.Refused(found.errors)
    with tempfile.TemporaryDirectory(prefix="turnpoint-") as folder:
        place = Path(folder) / ("study.json" if format == "fhir" else "study")
        convert(found.study, place, to=format)
        if format == "fhir":
            return place.read_bytes(), "application/fhir+json", "study.json"
        archived = io.BytesIO()
        with zipfile.ZipFile(archived, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(place.rglob("*")):
                archive.write(path, path.relative_to(place))
            if mapping and format == "study":
                archive.writestr("mapping.toml", mapping)
    return archived.getvalue(), "application/zip", f"{format}.zip"


def _answers(given: str) -> dict[str, str]:
    """The form's answers.

    Raises:
        Refused: they are no JSON object of texts.
    """
    try:
        answers = json.loads(given or "{}")
    except ValueError:
        answers = None
    if not isinstance(answers, dict) or not all(isinstance(text, str) for text in answers.values()):
        rule, mend = "not a JSON object of texts", 'Send for example {"rows.date_format": "dd/mm/yyyy"}.'
        raise store.Refused([Problem("answers", None, None, None, rule, mend)])
    return answers


def _no_question(key: str) -> Problem:
    return Problem("answers", None, key, None, "no question of these files", "Leave it out.")


def _questions(table: Mapping[str, Any] | None) -> list[QuestionFields]:
    """What a table asks, with what was answered and what is wrong with it; and columns said to be nonsense."""
    if table is None:
        return []
    asked = {one["key"]: one for one in table["questions"]}
    told = {
        key: {
            "key": key,
            "text": "What is this column?",
            "examples": "",
            "choices": [],
            "proposal": None,
            "optional": True,
        }
        for key in table["wrong"]
        if key not in asked
    }
    return [
        QuestionFields(**one, answer=table["answers"].get(key), wrong=table["wrong"].get(key))
        for key, one in (asked | told).items()
    ]


def author_of(request: HttpRequest, why: str = "") -> store.Author:
    """Who asks for a change, and why."""
    return store.Author(request.user.get_username(), why)


def study_here(request: HttpRequest, study_id: str) -> Study:
    """The study of an address, for those who may see it."""
    study = studies_for(request.user).filter(id=study_id).first()
    if study is None:
        raise Http404
    return study


def patient_here(request: HttpRequest, study_id: str, patient_id: str, *, to_edit: bool = False) -> Patient:
    """The patient of an address, for those who may see, or change, them."""
    patient = patients_for(request.user).filter(id=patient_id, study=study_id).first()
    if patient is None:
        raise Http404
    if to_edit and not may_edit(request.user, patient.study):
        raise Forbidden("Your role in this study is to look, not to change.")
    return patient


def _not_in_a_notebook() -> None:
    """What results may mean: a patient's notebook shows that on its own pages, after it asked, and nowhere else."""
    if settings.TURNPOINT.notebook:
        raise Http404


def etag_of(patient: Patient, key: str, lang: str) -> str:
    """Of what is shown of a patient; begins with the version."""
    return f'"{patient.version}-{key[:32]}-{lang}"'


def text_of(value: str | float | bool | None) -> str | None:
    """A cell as it would stand in a file."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) else f"{value:.15g}"


def _row_here(patient: Patient, row_id: str) -> Row:
    row = Row.objects.filter(id=row_id, patient=patient, removed=False).select_related("patient").first()
    if row is None:
        raise Http404
    return row


def _seen(request: HttpRequest) -> int | None:
    """The version that a change is based on, from any ETag of the patient; None for any."""
    given = request.headers.get("If-Match")
    if given is None or given.strip() == "*":
        return None
    version = given.strip().removeprefix("W/").strip('"').split("-")[0]
    return int(version) if version.isdecimal() and len(version) < 10 else -1


def _dated(row: dict[str, Cell], visit: VisitIn) -> Cells:
    """A row with the visit's day or date where it has none."""
    cells = {name: text_of(value) for name, value in row.items()}
    if not cells.get("day") and not cells.get("date"):
        if visit.day is not None:
            cells["day"] = str(visit.day)
        elif visit.date is not None:
            cells["date"] = visit.date.isoformat()
    return cells


def _version(patient: Patient, response: HttpResponse) -> dict[str, Any]:
    response.headers["ETag"] = f'"{patient.version}"'
    return {"id": patient.id, "version": patient.version}


def _study_fields(request: HttpRequest, study: Study) -> dict[str, Any]:
    words = _words_of(request)
    return {
        "id": study.id,
        "name": study.name,
        "patients": study.patients.filter(removed=False).count(),
        "problems": [asdict(_told(Problem(**one), words)) for one in study.problems],
        "unused": [{**one, "reason": spoken(one["reason"], words) or one["reason"]} for one in study.unused],
    }


def _patient_fields(patient: Patient) -> dict[str, Any]:
    is_told = patient.assessed_version == patient.version and not settings.TURNPOINT.notebook
    return {
        "id": patient.id,
        "patient_id": patient.patient_id,
        "version": patient.version,
        "line": patient.line if is_told else {},
    }


def as_file(content: bytes, kind: str, name: str) -> HttpResponse:
    """A file to be saved."""
    answer = HttpResponse(content, content_type=kind)
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer
