"""What the commands say of one patient in a terminal, and to a record by FHIR, is what the picture says."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from typer.testing import CliRunner

import turnpoint as tp
from tests.reports import patients
from tests.reports.traced import untraced
from turnpoint.cli.commands import app
from turnpoint.pictures.patient import PatientPicture

BUNDLED = {"oak-docetaxel": 8, "ascent2-docetaxel-psa": 3}
CASES = ("marker-rises", "late-dose", "side-effects", "new-brain-lesion", *BUNDLED)
COMMANDS = ("respond", "assess", "ahead", "settle", "harm", "report")


class Told:
    """One patient in a folder of their own: the study, the picture, and what each command says."""

    def __init__(self, name: str, folder: Path) -> None:
        self.folder = folder / name
        self.folder.mkdir()
        for table, text in _files(name).items():
            (self.folder / f"{table}.csv").write_text(text, encoding="utf-8")
        self.study = tp.read(self.folder)
        self.patient_id = self.study.patient_ids[0]
        self.picture: PatientPicture = tp.picture(self.study, self.patient_id)
        self.page = folder / f"{name}.html"
        self.said = {command: self.run(command, *self._options(command)) for command in COMMANDS}

    def _options(self, command: str) -> tuple[str, ...]:
        if command == "report":
            return ("--patient", self.patient_id, "--out", str(self.page))
        return ("--patient", self.patient_id) if command == "settle" else ()

    def run(self, command: str, *options: str) -> str:
        result = CliRunner().invoke(app, [command, str(self.folder), *options])
        assert result.exit_code == 0, result.stderr
        return result.stdout

    def rows(self, command: str, title: str = "") -> list[dict[str, str]]:
        """The table that a command shows, cell by cell; cells are two spaces or more apart."""
        block = self.said[command].partition(f"\n{title}\n")[2].split("\n\n")[0].split("\n")
        header = block[0].split()
        cells = [line.split() for line in block[1:] if line and not line.startswith("(")]
        return [dict(zip(header, row, strict=True)) for row in cells]


def _files(name: str) -> dict[str, str]:
    if name not in BUNDLED:
        return patients.tables(name)
    with resources.as_file(resources.files("turnpoint") / "datasets" / name) as folder:
        tables = {path.stem: pl.read_csv(path, infer_schema=False) for path in folder.glob("*.csv")}
    one = tp.read(Path(str(folder))).patient_ids[BUNDLED[name]]
    return {stem: table.filter(patient_id=one).write_csv() for stem, table in tables.items()}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("told")
    return cache(lambda name: Told(name, folder))


def _numbers_only(said: str, page: Path) -> str:
    """Without names of columns, which hold numbers of their own, what a table left out, and where the page is."""
    said = said.replace(str(page), "")
    said = re.sub(r"^\(\d+ of [^)]*\)$", "", said, flags=re.MULTILINE)
    return re.sub(r"\b[a-z][a-z_-]*_\w*\d\w*\b|recist-1\.1|T1|N1|^Read.*$", "", said, flags=re.MULTILINE)


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("name", CASES)
def test_every_number_in_the_terminal_is_in_the_picture(name: str, command: str, told: Any) -> None:
    one: Told = told(name)
    said = _numbers_only(one.said[command], one.page)
    # how many: one patient, one course, rows with a warning
    counts: list[float] = [0, 1, 2, *(table.height for table in (one.study.doses, one.study.events))]
    if command == "harm" and one.picture.harm is None:  # without doses and events it is on no page
        tables = tp.harm(one.study).tables().values()
        counts += [
            own for table in tables for row in table.rows() for own in row if isinstance(own, int | float)
        ]
    assert untraced(said, one.picture, counts) == []


def test_number_from_nowhere_in_the_terminal_is_noticed(told: Any) -> None:
    one: Told = told("marker-rises")
    said = _numbers_only(one.said["assess"], one.page)
    chance = f"{one.picture.assessment['p_turned'][5]:.2f}"
    assert chance in said
    assert untraced(said.replace(chance, "0.4371"), one.picture, [1])


@pytest.mark.parametrize("name", CASES)
def test_first_line_counts_what_was_read(name: str, told: Any) -> None:
    one: Told = told(name)
    days = {*one.study.lesions["day"], *one.study.markers["day"]}
    said = re.search(r"Read +\S+: 1 patient, (\d+) visits? \((.*)\)", one.said["assess"])
    assert int(said[1]) == len(days)
    counts = {noun: int(count) for count, noun in re.findall(r"(\d+) (lesion|marker|dose|adverse)", said[2])}
    tables = {
        "lesion": one.study.lesions,
        "marker": one.study.markers,
        "dose": one.study.doses,
        "adverse": one.study.events,
    }
    assert counts == {noun: table.height for noun, table in tables.items() if table.height}


def _cell(name: str, value: Any) -> str:
    """A value as a clinician reads it in a table."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        places = 2 if name.startswith("p_") else 1 if name.endswith(("_mm", "_pct")) else 0
        return f"{value:.{places}f}"
    return str(value)


def _shown(rows: list[dict[str, str]], table: pl.DataFrame) -> None:
    assert len(rows) == min(table.height, 10)
    for row, own in zip(rows, table.iter_rows(named=True), strict=False):
        known: Mapping[str, Any] = {name: own[name] for name in row if name in own}
        assert {name: row[name] for name in known} == {
            name: _cell(name, value) for name, value in known.items()
        }


@pytest.mark.parametrize("name", CASES)
def test_assess_shows_each_visit_of_the_picture_and_counts_its_last(name: str, told: Any) -> None:
    one: Told = told(name)
    rows = one.rows("assess")
    _shown(rows, one.picture.assessment)
    assert {"verdict", "alert", "p_responding", "p_turned"} <= rows[0].keys()
    last = one.picture.assessment.sort("day")["verdict"][-1]
    assert f"verdict at the last visit: 1 {last}\n" in one.said["assess"]
    alerted = int(one.picture.assessment["alert"].any())
    assert re.search(rf"alert raised for {alerted} patients?\n", one.said["assess"])


@pytest.mark.parametrize("name", [own for own in CASES if own != "ascent2-docetaxel-psa"])
def test_respond_shows_the_sums_of_the_picture(name: str, told: Any) -> None:
    one: Told = told(name)
    rows = one.rows("respond", "Response at each visit")
    _shown(rows, one.picture.sums)
    assert {"sum_of_diameters_mm", "change_from_baseline_pct", "overall_response"} <= rows[0].keys()


@pytest.mark.parametrize("name", CASES)
def test_ahead_shows_the_chances_and_days_of_the_picture(name: str, told: Any) -> None:
    one: Told = told(name)
    for row in one.rows("ahead"):
        chances = one.picture.p_progression.filter(quantity=row["quantity"])
        for weeks, chance in chances.select("weeks", "p_progression").iter_rows():
            column = f"p_progression_{weeks}w"
            assert row.get(column, "-") == _cell(column, chance)
        days = one.picture.progression_days.filter(quantity=row["quantity"]).row(0, named=True)
        for level in ("q05", "q50"):
            assert row.get(f"progression_day_{level}", "-") == _cell("progression_day", days[level])


@pytest.mark.parametrize("name", CASES)
def test_settle_ranks_as_the_picture_does(name: str, told: Any) -> None:
    one: Told = told(name)
    if one.picture.called:
        assert "nothing is left to settle" in one.said["settle"]
        assert one.picture.settle.is_empty()
        return
    lines = one.said["settle"].splitlines()
    shown = [line for line in lines if re.match(r" *\d+  ", line)]
    for line, plan in zip(shown, one.picture.settle.sort("rank").iter_rows(named=True), strict=False):
        assert re.split(r" {2,}", line.strip())[:2] == [str(plan["rank"]), plan["plan"]]
    assert len(shown) == min(10, one.picture.settle.height) > 0


@pytest.mark.parametrize("command", ["assess", "ahead", "settle", "report"])
@pytest.mark.parametrize("name", CASES)
def test_progression_is_said_first_where_the_picture_has_it(name: str, command: str, told: Any) -> None:
    one: Told = told(name)
    first = one.said[command].splitlines()[0]
    if not one.picture.called:
        assert first.startswith("Read ")
        return
    called = one.picture.called[0]
    assert first.startswith(f"Called    progression in week {called.day / 7:.0f} (day {called.day}), by ")
    assert called.criterion in first


def test_harm_shows_the_next_cycle_of_the_picture(told: Any) -> None:
    one: Told = told("late-dose")
    found = one.rows("harm", "The next cycle")
    assert len(found) == 2
    for row, own in zip(found, one.picture.harm.next_cycle.iter_rows(named=True), strict=True):
        assert (row["scenario"], row["p_shrinks"]) == (own["scenario"], f"{own['p_shrinks']:.2f}")
        for level in ("q05", "q50", "q95"):
            name = f"living_change_pct_{level}"
            assert row[name] == f"{own[name]:.1f}"


@pytest.mark.parametrize("name", CASES)
def test_fhir_observations_hold_the_numbers_of_the_picture(name: str, told: Any, tmp_path: Path) -> None:
    one: Told = told(name)
    target = tmp_path / "a.fhir.json"
    one.run("assess", "--out", str(target))
    entries = [entry["resource"] for entry in json.loads(target.read_text(encoding="utf-8"))["entry"]]
    rows = one.picture.assessment.sort("day").rows(named=True)
    assert len(entries) == len(rows)
    for entry, row in zip(entries, rows, strict=True):
        assert entry["valueCodeableConcept"]["coding"][0]["code"] == row["verdict"]
        said = {}
        for part in entry["component"]:
            value = part.get("valueQuantity", {}).get("value", part.get("valueBoolean"))
            said[part["code"]["coding"][0]["code"].replace("-", "_")] = value
        assert said.pop("alert") is row["alert"]
        assert said == {
            name: pytest.approx(row[name], abs=1e-6) if row[name] is not None else None for name in said
        }
        assert {"p_turned", "p_progression_12w", "turning_day_q50", "resistant_fraction_q95"} <= said.keys()
