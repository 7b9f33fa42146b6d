"""Each command: arguments reach the workflow, the result reaches the file, the summary says what happened."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import polars as pl
import pytest
from typer.testing import Result

from turnpoint import __version__
from turnpoint.cli.commands import app
from turnpoint.cli.summaries import DIAGNOSTIC_TABLES
from turnpoint.criteria.called_progression import CALLED_SCHEMA
from turnpoint.errors import Problem
from turnpoint.study.study import Study

Run = Callable[..., Result]
Put = Callable[..., None]

ASSESSED = pl.DataFrame(
    {
        "patient_id": ["P001", "P001", "P002", "P002"],
        "day": [-6, 84, -3, 85],
        "p_responding": [0.5, 0.25, 0.5, 0.125],
        "verdict": ["undetermined", "plateau", "undetermined", "regrowing"],
        "alert": [False, False, False, True],
        "turning_day_q50": [None, 101.4, None, 40.0],
    }
)
PRIOR = SimpleNamespace(
    name="docetaxel",
    quantities=("sum_of_diameters_mm",),
    card=SimpleNamespace(
        data="OAK", patients=325, readings=1658, warnings=("From one trial.",), simulated=False
    ),
    alert=SimpleNamespace(threshold=0.85, false_alerts_per_100=5.0),
    save=lambda path: Path(path).write_text("{}", encoding="utf-8"),
)


NOTHING_CALLED = pl.DataFrame(schema=CALLED_SCHEMA)
CALLED = pl.DataFrame(
    [
        ("P001", 126, 126, "RECIST 1.1", "new_lesion", "N1", "brain", 11.0, None, "mm"),
        ("P002", 85, 85, "RECIST 1.1", "target", None, None, 60.0, 40.0, "mm"),
    ],
    schema=CALLED_SCHEMA,
    orient="row",
)


@pytest.fixture
def calls(put: Put, study: Study) -> list[tuple[tuple[object, ...], dict[str, object]]]:
    """Workflows that answer at once and note what they were asked."""
    noted: list[tuple[tuple[object, ...], dict[str, object]]] = []

    def answering(answer: object) -> Callable[..., object]:
        def workflow(*arguments: object, **options: object) -> object:
            options.pop("progress", None)
            noted.append((arguments[1:], options))
            return answer

        return workflow

    put("workflows.opening", read=lambda *_: study)
    put(
        "workflows.assess",
        assess=answering(SimpleNamespace(frame=ASSESSED, priors=dict.fromkeys(("P001", "P002"), PRIOR))),
    )
    put("workflows.respond", called=lambda _: NOTHING_CALLED)
    put("workflows.fit", fit=answering(PRIOR))
    forecasts = pl.DataFrame({"patient_id": ["P001"], "quantity": ["sum_of_diameters_mm"], "q50": [27.5]})
    put("workflows.forecast", forecast=answering(forecasts))
    put("workflows.metrics", metrics=answering(pl.DataFrame({"patient_id": ["P001"], "doublings": [1.5]})))
    page = SimpleNamespace(save=lambda path: Path(path).write_text("<html>", encoding="utf-8"))
    put("workflows.report", report=answering(page))
    return noted


def test_version_is_the_packages(run: Run) -> None:
    result = run("--version")
    assert (result.exit_code, result.stdout) == (0, f"turnpoint {__version__}\n")


def test_help_lists_every_command_of_the_design(run: Run) -> None:
    result = run("--help")
    assert result.exit_code == 0
    listed = result.stdout.split("Commands:\n")[1].split("\n\n")[0]
    assert [line.split()[0] for line in listed.splitlines()] == [
        "demo",
        "check",
        "respond",
        "assess",
        "forecast",
        "metrics",
        "priors",
        "fit",
        "prior-from",
        "ahead",
        "settle",
        "harm",
        "survival",
        "diagnose",
        "simulate",
        "trial",
        "partition",
        "watch",
        "convert",
        "serve",
        "backup",
        "restore",
        "picture",
        "report",
        "map",
        "audit",
        "access",
    ]


BY_PARTS = ("--engine", "--workers")


@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("demo", {"--out"}),
        ("check", {"--out"}),
        (
            "respond",
            {
                "--criteria",
                "--continuing-response",
                "--out",
                "--reported",
                "--minimum-stable-days",
                "--confirmation-days",
                "--not-evaluable-between",
                "--stable-between",
                "--missed-visits",
                "--visit-interval-days",
                *BY_PARTS,
            },
        ),
        ("assess", {"--prior", "--false-alerts-per-100", "--seed", "--out", *BY_PARTS}),
        ("ahead", {"--prior", "--seed", "--out", *BY_PARTS}),
        ("settle", {"--patient", "--prior", "--seed", "--out"}),
        ("forecast", {"--prior", "--horizon", "--seed", "--out", *BY_PARTS}),
        ("metrics", {"--out", *BY_PARTS}),
        ("partition", {"--patients"}),
        ("watch", {"--prior", "--false-alerts-per-100", "--seed", "--out"}),
        ("prior-from", {"--seed", "--out"}),
        ("fit", {"--survival", "--method", "--landmark-weeks", "--prior", "--seed", "--out"}),
        ("survival", {"--landmark-weeks", "--link", "--prior", "--seed", "--out"}),
        ("diagnose", {"--patient", "--prior", "--seed", "--out"}),
        (
            "report",
            {
                "--patient",
                "--audience",
                "--lang",
                "--at",
                "--prior",
                "--false-alerts-per-100",
                "--seed",
                "--continuing-response",
                "--out",
            },
        ),
        (
            "picture",
            {
                "--patient",
                "--at",
                "--prior",
                "--false-alerts-per-100",
                "--continuing-response",
                "--seed",
                "--out",
            },
        ),
    ],
)
def test_command_has_exactly_its_options(run: Run, command: str, options: set[str]) -> None:
    words = run(command, "--help").stdout.split("Options:")[1].replace(",", " ").split()
    lines = run(command, "--help").stdout.split("Options:")[1].splitlines()
    starts = {line.split()[0].rstrip(",") for line in lines if line.startswith("  -")}
    assert starts - {"-h"} == options
    assert "--help" in words


def test_assess_passes_prior_and_seed_and_counts_last_verdicts_and_alerts(
    run: Run, calls: list[tuple[tuple[object, ...], dict[str, object]]], study_folder: Path
) -> None:
    result = run("assess", study_folder, "--prior", "mine.json", "--seed", "7")
    assert result.exit_code == 0, result.stderr
    assert calls == [((), {"prior": "mine.json", "false_alerts_per_100": None, "seed": 7})]
    assert "Read      my study: 2 patients, 6 visits (6 lesion measurements)\n" in result.stdout
    assert "Prior     docetaxel, fitted to 325 patients: OAK\n          From one trial.\n" in result.stdout
    assert "Found     verdict at the last visit: 1 plateau, 1 regrowing\n" in result.stdout
    assert "alert raised for 1 patient\n" in result.stdout


def test_progression_that_was_called_is_the_first_line_of_the_summary(
    run: Run, put: Put, calls: object, study_folder: Path
) -> None:
    put("workflows.respond", called=lambda _: CALLED)
    first = "Called    progression of 2 patients: 1 by a new lesion, 1 by growth of the target lesions"
    for command in (("assess",), ("report", "--out", study_folder / "r.html")):
        result = run(command[0], study_folder, *command[1:])
        assert result.exit_code == 0, result.stderr
        assert result.stdout.splitlines()[0] == first


@pytest.mark.parametrize(
    ("patient", "expected"),
    [
        ("P001", "progression in week 18 (day 126), by a new lesion: brain N1, 11 mm (RECIST 1.1)"),
        (
            "P002",
            "progression in week 12 (day 85), by growth of the target lesions: 60 mm, from 40 at its smallest",
        ),
    ],
)
def test_progression_of_one_patient_is_said_with_lesion_and_site(
    run: Run, put: Put, calls: object, study_folder: Path, patient: str, expected: str
) -> None:
    put("workflows.respond", called=lambda _: CALLED.filter(pl.col("patient_id") == patient))
    result = run("assess", study_folder)
    said = " ".join(result.stdout.split("Read ")[0].split())
    assert said.startswith(f"Called {expected}")


def test_settle_says_that_nothing_is_left_to_settle_when_progression_was_called(
    run: Run, put: Put, calls: object, study_folder: Path
) -> None:
    put("workflows.respond", called=lambda _: CALLED.head(1))
    put("workflows.settle", settle=lambda *_, **__: pl.DataFrame(schema={"plan": pl.String}))
    result = run("settle", study_folder, "--patient", "P001")
    assert result.exit_code == 0, result.stderr
    assert "nothing is left to settle: progression has been called" in result.stdout
    assert "no rows" not in result.stdout


def test_first_rows_are_shown_when_there_is_no_out(run: Run, calls: object, study_folder: Path) -> None:
    lines = run("assess", study_folder).stdout.splitlines()
    header = lines.index("patient_id  day  verdict       alert  p_responding  turning_day_q50")
    assert lines[header + 2] == "P001         84  plateau       no             0.25              101"
    assert not any("of 4 rows" in line for line in lines)  # all of them are there


@pytest.mark.parametrize("ending", ["csv", "parquet", "json"])
def test_table_is_written_in_the_format_of_its_ending(
    run: Run, calls: object, study_folder: Path, tmp_path: Path, ending: str
) -> None:
    target = tmp_path / "new folder" / f"assessed.{ending}"
    result = run("assess", study_folder, "--out", target)
    assert result.exit_code == 0, result.stderr
    read = {"csv": pl.read_csv, "parquet": pl.read_parquet, "json": pl.read_json}[ending]
    assert read(target).select(ASSESSED.columns).rows() == ASSESSED.rows()
    assert result.stdout.splitlines()[-1].endswith("(4 rows, 6 columns)")
    assert target.name in result.stdout.splitlines()[-1]


def test_table_goes_to_stdout_and_the_summary_to_stderr_when_out_is_a_dash(
    run: Run, calls: object, study_folder: Path
) -> None:
    result = run("assess", study_folder, "--out", "-")
    assert result.stdout.splitlines()[0] == ",".join(ASSESSED.columns)
    assert len(result.stdout.splitlines()) == 5
    assert "Found" in result.stderr


@pytest.mark.parametrize(
    ("given", "weeks"), [([], None), (["--horizon", "6"], 6.0), (["--horizon", "0.5"], 0.5)]
)
def test_forecast_passes_the_horizon_in_weeks(
    run: Run,
    calls: list[tuple[tuple[object, ...], dict[str, object]]],
    study_folder: Path,
    given: list[str],
    weeks: float | None,
) -> None:
    result = run("forecast", study_folder, *given)
    assert result.exit_code == 0, result.stderr
    assert calls == [((), {"prior": None, "horizon_weeks": weeks, "seed": 0})]
    assert "forecasts for 1 patient: 1 sum_of_diameters_mm" in result.stdout


def test_fit_names_the_prior_after_its_file(
    run: Run, calls: list[tuple[tuple[object, ...], dict[str, object]]], study_folder: Path, tmp_path: Path
) -> None:
    target = tmp_path / "lung-ct.json"
    result = run("fit", study_folder, "--out", target)
    assert result.exit_code == 0, result.stderr
    assert calls == [((), {"name": "lung-ct", "seed": 0})]
    assert target.read_text() == "{}"
    assert (
        "from a chance of progression of 0.85 (5 in 100 real patients had one that nothing followed)"
        in result.stdout
    )


COVERAGE = pl.DataFrame(
    {
        "quantity": ["PSA"] * 3,
        "nominal": [0.4, 0.5, 0.8],
        "coverage": [0.41, 0.52, 0.79],
        "coverage_low": [0.3, 0.45, 0.7],
        "coverage_high": [0.5, 0.6, 0.86],
    }
)


@pytest.fixture
def diagnosed(put: Put, study: Study) -> list[tuple[tuple[object, ...], dict[str, object]]]:
    """A workflow that diagnoses at once and notes what it was asked."""
    noted: list[tuple[tuple[object, ...], dict[str, object]]] = []
    tables = {name: pl.DataFrame({"table": [name]}) for name in DIAGNOSTIC_TABLES}
    page = SimpleNamespace(save=lambda path: Path(path).write_text("<html>", encoding="utf-8"))
    found = SimpleNamespace(
        pit=pl.DataFrame({"pit": [0.1, 0.6]}),
        coverage=COVERAGE,
        prior=PRIOR,
        tables=lambda: tables,
        report=lambda: page,
    )

    def diagnose(*arguments: object, **options: object) -> object:
        options.pop("progress")
        noted.append((arguments[1:], options))
        return found

    put("workflows.opening", read=lambda *_: study)
    put("workflows.diagnose", diagnose=diagnose)
    return noted


def test_diagnose_writes_every_table_and_the_page_into_the_folder(
    run: Run,
    diagnosed: list[tuple[tuple[object, ...], dict[str, object]]],
    study_folder: Path,
    tmp_path: Path,
) -> None:
    result = run("diagnose", study_folder, "--out", tmp_path / "found", "--seed", "3", "--prior", "mine")
    assert result.exit_code == 0, result.stderr
    assert diagnosed == [(("mine",), {"seed": 3})]
    written = {file.name for file in (tmp_path / "found").iterdir()}
    assert written == {f"{name}.csv" for name in DIAGNOSTIC_TABLES} | {"diagnostics.html"}
    assert (tmp_path / "found" / "coverage.csv").read_text() == "table\ncoverage\n"
    assert "2 forecasts" in result.stdout
    assert "80% intervals of PSA held 79.0% of the readings (70.0% to 86.0%)" in result.stdout
    assert "40% intervals" not in result.stdout


def test_diagnose_writes_the_format_of_a_file_name_and_the_page_beside_it(
    run: Run, diagnosed: list[object], study_folder: Path, tmp_path: Path
) -> None:
    result = run("diagnose", study_folder, "--out", tmp_path / "pit.parquet")
    assert result.exit_code == 0, result.stderr
    assert pl.read_parquet(tmp_path / "shrinkage_pit.parquet")["table"].to_list() == ["shrinkage"]
    assert (tmp_path / "diagnostics.html").read_text() == "<html>"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "Missing option '--out'"),
        (("--out", "-"), "cannot all go to stdout"),
        (("--out", "page.html"), "Name a folder"),
        (("--out", "folder", "--patient", "P001"), "Write --out FILE.nc"),
    ],
)
def test_diagnose_refuses_what_it_cannot_write(
    run: Run, diagnosed: list[object], study_folder: Path, options: tuple[str, ...], said: str
) -> None:
    result = run("diagnose", study_folder, *options)
    assert result.exit_code == 2
    assert said in result.stderr
    assert diagnosed == []


def test_diagnose_writes_the_draws_of_one_patient_when_the_file_is_netcdf(
    run: Run, put: Put, diagnosed: list[object], study_folder: Path, tmp_path: Path
) -> None:
    asked: list[object] = []

    def inference_data(_: Study, *arguments: object, **options: object) -> object:
        asked.append((arguments, options["seed"]))
        return SimpleNamespace(children={"posterior": 1, "prior": 2})

    def save_netcdf(_: object, path: Path) -> None:
        path.write_text("draws", encoding="utf-8")

    put("workflows.inference_data", inference_data=inference_data, save_netcdf=save_netcdf)
    target = tmp_path / "draws.nc"
    result = run("diagnose", study_folder, "--out", target, "--patient", "P002")
    assert result.exit_code == 0, result.stderr
    assert asked == [(("P002", None), 0)]
    assert target.read_text() == "draws"
    assert "posterior, prior" in result.stdout
    refused = run("diagnose", study_folder, "--out", target, "--patient", "p002")
    assert (refused.exit_code, len(asked)) == (2, 1)
    assert "differs only in case" in refused.stderr
    assert diagnosed == []


def test_report_is_on_the_study_when_no_patient_is_named(
    run: Run, calls: list[tuple[tuple[object, ...], dict[str, object]]], study_folder: Path, tmp_path: Path
) -> None:
    target = tmp_path / "report.html"
    result = run("report", study_folder, "--out", target)
    assert result.exit_code == 0, result.stderr
    assert [call for call in calls if "audience" in call[1]] == [
        ((), {"audience": "clinician", "lang": "en"})
    ]
    assert target.read_text() == "<html>"


def test_report_of_a_patient_shows_the_picture_and_so_does_the_written_picture(
    run: Run, study_folder: Path, tmp_path: Path
) -> None:
    asked = ("--patient", "P002", "--seed", "3", "--at", "60")
    document, page, again = tmp_path / "p.json", tmp_path / "page.html", tmp_path / "again.html"
    written = run("picture", study_folder, *asked, "--out", document)
    assert written.exit_code == 0, written.stderr
    whole = json.loads(document.read_bytes())
    assert whole["format"] == "turnpoint-picture"
    assert [row[1] for row in whole["picture"]["assessment"]["rows"]] == [-3, 43]
    for source, target, options in ((study_folder, page, asked), (document, again, ())):
        result = run("report", source, *options, "--audience", "patient", "--lang", "zh", "--out", target)
        assert result.exit_code == 0, result.stderr
        assert "Prior     generic" in result.stdout
    assert page.read_text(encoding="utf-8") == again.read_text(encoding="utf-8")
    # a picture is what was computed: nothing about it can be asked for again
    refused = run("report", document, "--seed", "3", "--patient", "P002", "--out", again)
    assert (refused.exit_code, "--patient" in refused.stderr) == (2, True)


def test_going_back_needs_a_patient_and_a_visit(run: Run, study_folder: Path, tmp_path: Path) -> None:
    for arguments, said in (
        (("report", study_folder, "--at", "40"), "--patient"),
        (
            ("picture", study_folder, "--patient", "P001", "--at", "-20"),
            "nothing had been measured by that day",
        ),
        (("picture", study_folder, "--patient", "p001"), "differs only in case"),
    ):
        result = run(*arguments, "--out", tmp_path / ("x.html" if arguments[0] == "report" else "x.json"))
        assert (result.exit_code, said in result.stderr) == (2, True)
        assert list(tmp_path.glob("x.*")) == []


def test_warnings_are_in_the_summary_and_do_not_fail_the_command(
    run: Run, put: Put, calls: object, study: Study, study_folder: Path
) -> None:
    odd = Problem("lesions.csv", 3, "diameter_mm", "410", "above 300 mm", "Check the unit.", "warning")
    put("workflows.opening", read=lambda *_: replace(study, problems=(odd, replace(odd, row=4))))
    result = run("metrics", study_folder)
    assert result.exit_code == 0
    assert "Warnings  2; `turnpoint check STUDY` lists them\n" in result.stdout
    assert "2 x lesions.csv, diameter_mm: above 300 mm\n" in result.stdout


def test_demo_ends_with_the_reports_path(run: Run, put: Put, tmp_path: Path) -> None:
    report = tmp_path / "with space" / "turnpoint-report.html"
    put(
        "workflows.demo",
        demo=lambda _: SimpleNamespace(summary=("Read two studies",), report_path=report),
    )
    result = run("demo", "--out", tmp_path / "with space")
    assert result.stdout.splitlines() == ["Read two studies", str(report)]
    assert report.parent.is_dir()


@pytest.mark.parametrize(
    ("typed", "offered"), [("turnpoint fo", ["forecast"]), ("turnpoint report x --au", ["--audience"])]
)
def test_completion_offers_commands_and_options(
    typed: str, offered: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("_TURNPOINT_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", typed)
    monkeypatch.setenv("COMP_CWORD", str(len(typed.split()) - 1))
    with pytest.raises(SystemExit):
        app(prog_name="turnpoint")
    assert capsys.readouterr().out.split() == offered


def test_priors_lists_every_prior_with_its_card(run: Run, tmp_path: Path) -> None:
    shown = run("priors")
    assert shown.exit_code == 0
    for name in ("docetaxel-nsclc-ct", "immunotherapy-nsclc-ct", "docetaxel-prostate-psa", "generic"):
        assert name in shown.stdout
    assert "fitted to 357 virtual patients of a published model" in shown.stdout
    assert "measured here: small-cell lung cancer, breast cancer, pancreatic cancer" in shown.stdout
    target = tmp_path / "priors.csv"
    assert run("priors", "--out", str(target)).exit_code == 0
    frame = pl.read_csv(target)
    assert frame.height == 12
    assert frame.filter(pl.col("name") != "generic")["source"].is_not_null().all()


def test_prior_from_writes_the_prior_of_a_published_model(run: Run, tmp_path: Path) -> None:
    target = tmp_path / "own.json"
    result = run("prior-from", "docetaxel-nsclc-ct-published", "--out", target)
    assert result.exit_code == 0
    assert "From a published model, not from patients" in result.stdout
    written = json.loads(target.read_text(encoding="utf-8"))
    assert (written["name"], written["card"]["simulated"]) == ("own", True)


def test_prior_from_names_the_models_when_there_is_no_such_one(run: Run, tmp_path: Path) -> None:
    result = run("prior-from", "nobody", "--out", tmp_path / "own.json")
    assert result.exit_code == 2
    assert "no published model is called so" in result.stderr
    assert "platinum-ovarian-ct-ca-125" in result.stderr


def test_assess_refuses_a_false_alert_rate_that_its_prior_was_not_calibrated_for(
    run: Run, study_folder: Path
) -> None:
    result = run("assess", study_folder, "--prior", "docetaxel-nsclc-ct", "--false-alerts-per-100", "50")
    assert result.exit_code == 2
    assert "--false-alerts-per-100 50: calibrated for 1 to 20" in result.stderr


def test_ahead_writes_a_row_for_each_patient_and_quantity(
    run: Run, study_folder: Path, tmp_path: Path
) -> None:
    target = tmp_path / "ahead.csv"
    result = run("ahead", study_folder, "--prior", "docetaxel-nsclc-ct", "--out", target)
    assert result.exit_code == 0, result.stderr
    found = pl.read_csv(target)
    assert found["patient_id"].to_list() == ["P001", "P002"]
    # P002 has grown from 40 to 60 mm: the criterion is met already
    assert found["p_progression_24w"].is_null().to_list() == [False, True]


def test_settle_ranks_plans_for_one_patient_and_names_nobody_when_there_is_no_such_patient(
    run: Run, study_folder: Path, tmp_path: Path
) -> None:
    target = tmp_path / "settle.csv"
    prior = ("--prior", "docetaxel-nsclc-ct")
    result = run("settle", study_folder, "--patient", "P001", *prior, "--out", target)
    assert result.exit_code == 0, result.stderr
    found = pl.read_csv(target)
    assert found["rank"].to_list() == list(range(1, found.height + 1))
    assert found["information_bit_weeks"].is_sorted(descending=True)
    missing = run("settle", study_folder, "--patient", "P009", *prior)
    assert missing.exit_code == 2
    assert "P009" not in missing.stderr


def test_assess_writes_fhir_observations_when_the_name_says_so(
    run: Run, study_folder: Path, tmp_path: Path
) -> None:
    target = tmp_path / "a.fhir.json"
    result = run("assess", study_folder, "--prior", "docetaxel-nsclc-ct", "--out", target)
    assert result.exit_code == 0, result.stderr
    bundle = json.loads(target.read_text(encoding="utf-8"))
    assert (bundle["resourceType"], len(bundle["entry"])) == ("Bundle", 6)
    plain = run("assess", study_folder, "--prior", "docetaxel-nsclc-ct", "--out", tmp_path / "a.json")
    assert plain.exit_code == 0, plain.stderr
    assert isinstance(json.loads((tmp_path / "a.json").read_text(encoding="utf-8")), list)
