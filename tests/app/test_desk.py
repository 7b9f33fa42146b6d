"""The desk's pages against what the rest of the program says."""

from __future__ import annotations

import html
import io
import re
import time
import urllib.parse
import zipfile
from importlib.resources import files
from pathlib import Path

import pytest

import turnpoint as tp
from tests.app.served import SMALL, Answer, Served
from turnpoint.reports.catalogue import language
from turnpoint.reports.figures import cohort_figures
from turnpoint.study.schema import TABLES
from turnpoint.workflows.assess import assess
from turnpoint.workflows.report import cohort_view

pytest.importorskip("django")

TEMPLATES = Path(str(files("turnpoint.app"))) / "templates"


def cohort(served: Served, study: str) -> str:
    """The page, once every patient is worked out."""
    for _ in range(300):
        page = served.get(f"/cohort?study={study}").body.decode()
        if "data-reload" not in page:
            return page
        time.sleep(0.2)
    raise AssertionError("the cohort never came")


def words_of(page: str) -> list[str]:
    body = page[page.index("<main") : page.index("<footer")]
    return [
        " ".join(part.split())
        for part in html.unescape(re.sub(r"<[^>]+>", "\n", body)).split("\n")
        if part.strip()
    ]


def test_cohort_is_that_of_the_command(served: Served, tmp_path: Path) -> None:
    study = served.upload(SMALL).json()["id"]
    page = cohort(served, study)
    for name, content in SMALL.items():
        (tmp_path / name).write_bytes(content)
    own = assess(tp.read(tmp_path))
    theirs = re.sub(r"<svg.*?</svg>", "", tp.report(own).html, flags=re.DOTALL)
    named = [line for line in words_of(theirs) if not line.startswith("Study ")]
    shown = re.sub(r"<script type.*?</script>", "", page, flags=re.DOTALL)
    assert [line for line in words_of(shown) if not line.startswith("Study ")] == named
    drawn = [figure.figure_id for figure in cohort_figures(cohort_view(own), language("en"))]
    assert re.findall(r'data-figure="([\w-]+)"', page) == drawn


def test_a_page_that_is_kept_ready_is_the_page_and_follows_a_visit(on_sqlite: Served) -> None:
    study = on_sqlite.upload(SMALL).json()["id"]
    patient = on_sqlite.get(f"/api/v1/studies/{study}/patients").json()["items"][0]["id"]

    def shown(query: str = "") -> str:
        return on_sqlite.get(f"/p/{patient}{query}").body.decode().partition("<main")[2]

    first = shown()
    assert shown() == first
    lesion = {"lesion_id": "T1", "role": "target", "site": "lung", "diameter_mm": 70, "status": "measured"}
    visit = {"day": 400, "lesions": [lesion]}
    assert on_sqlite.post(f"/api/v1/studies/{study}/patients/{patient}/visits", visit).status == 201
    after = shown()
    assert "70" in after
    assert after != first
    assert shown("?at=400") == after
    assert shown("?at=0") not in (first, after)


def test_cohort_follows_a_visit(served: Served) -> None:
    study = served.upload(SMALL).json()["id"]
    before = cohort(served, study)
    patients = served.get(f"/api/v1/studies/{study}/patients").json()["items"]
    one = next(own["id"] for own in patients if own["patient_id"] == "B2")
    lesion = {"lesion_id": "T1", "role": "target", "site": "lung", "diameter_mm": 70, "status": "measured"}
    served.post(f"/api/v1/studies/{study}/patients/{one}/visits", {"day": 126, "lesions": [lesion]})
    assert words_of(cohort(served, study)) != words_of(before)


def new(served: Served, **fields: str) -> Answer:
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    return served.ask("POST", "/new", urllib.parse.urlencode(fields).encode(), headers=kind)


def test_new_patient_is_kept_before_anything_is_measured(served: Served) -> None:
    answer = new(served, patient_id="C3", new_study="mine", start_date="2026-01-05", sex="female")
    assert answer.status == 302
    patient = answer.headers["location"].removesuffix("/visit")
    page = served.get(patient)
    assert page.status == 200
    assert f"{patient}/visit" in page.body.decode()
    studies = {one["name"]: one["id"] for one in served.get("/api/v1/studies").json()}
    for _ in range(100):
        line = served.get(f"/api/v1/studies/{studies['mine']}/patients").json()["items"][0]["line"]
        if line:
            break
        time.sleep(0.1)
    assert (line["reason"], line["visits"]) == ("cannot_tell", 0)


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"patient_id": ""}, "patient_id"),
        ({"patient_id": "D4", "start_date": "2026-02-30"}, "start_date"),
        ({"patient_id": "D4", "birth_year": "19"}, "birth_year"),
    ],
)
def test_new_patient_that_breaks_a_rule_is_refused_and_leaves_nothing(
    served: Served, fields: dict[str, str], where: str
) -> None:
    before = served.get("/api/v1/studies").json()
    answer = new(served, new_study="never", **fields)
    assert answer.status == 422
    assert where in answer.body.decode()
    assert served.get("/api/v1/studies").json() == before


def test_study_that_was_saved_as_an_archive_is_read_again(served: Served) -> None:
    study = served.upload(SMALL).json()["id"]
    packed = served.get(f"/api/v1/studies/{study}/export?format=study").body
    assert served.upload({"saved.zip": packed}).json()["patients"] == 2


def test_members_of_an_archive_never_leave_its_folder_nor_hide_each_other(served: Served) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for folder in ("../../..", "/etc", "inner"):
            archive.writestr(f"{folder}/lesions.csv", SMALL["lesions.csv"])
    answer = served.upload({"many.zip": packed.getvalue()})
    assert (answer.status, answer.json()["patients"]) == (201, 2)
    said = [problem["file"] for problem in answer.json()["problems"]]
    assert said == ["1-lesions.csv", "2-lesions.csv"]  # kept apart, and named as not read


def test_every_column_of_the_study_folder_has_a_name_for_people() -> None:
    from turnpoint.app.words import CHOICES, COLUMN_NAMES, TABLE_NAMES

    assert set(TABLE_NAMES) == set(TABLES)
    assert {column.name for table in TABLES.values() for column in table.columns} == set(COLUMN_NAMES)
    for column in (column for table in TABLES.values() for column in table.columns if column.name in CHOICES):
        assert not column.allowed or set(column.allowed) == set(CHOICES[column.name])


def test_no_template_holds_words_that_are_not_translated() -> None:
    kept = {"Turnpoint", "PDF", "mm", "cm", "中文", "English"}
    for template in TEMPLATES.glob("*.html"):
        source = template.read_text(encoding="utf-8")
        source = re.sub(r"\{% block reader %\}.*?\{% endblock %\}", "", source)  # names of styles
        bare = re.sub(r"\{%.*?%\}|\{\{.*?\}\}", " ", source, flags=re.DOTALL)
        named = re.findall(r'(?:aria-label|title|placeholder|alt)="([^"]*)"', bare)
        shown = re.sub(r"<[^>]*>", " ", bare.replace('"{includeIndicatorCSS: false}"', ""))
        found = set(re.findall(r"[^\W\d_]{2,}", html.unescape(" ".join([shown, *named])))) - kept
        assert found == set(), (template.name, found)
