"""The commands. Each reads its arguments, calls one workflow, and says what came of it.

Everything heavy (Polars, NumPy, the renderer) is imported inside a command, once its arguments make sense, so that
`--help` and wrong usage are answered at once.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from turnpoint import __version__
from turnpoint.cli import summaries
from turnpoint.cli.ahead_command import ahead, settle
from turnpoint.cli.convert_command import convert
from turnpoint.cli.diagnose_command import diagnose
from turnpoint.cli.failures import DATA_EXIT_CODE, GuardedGroup
from turnpoint.cli.harm_command import harm
from turnpoint.cli.inputs import WITHOUT_EVENTS, expanded_prior, only_patient, read_study
from turnpoint.cli.map_command import mapping
from turnpoint.cli.options import (
    Audience,
    ContinuingOption,
    ContinuingResponse,
    FalseAlertsOption,
    Language,
    PriorOption,
    SeedOption,
    StudyArgument,
    TableOption,
)
from turnpoint.cli.partition_command import EngineOption, WorkersOption, done_by_parts, partition
from turnpoint.cli.picture_command import AtOption, drawn, picture
from turnpoint.cli.prior_from_command import prior_from
from turnpoint.cli.problems import print_every_problem, problem_frame
from turnpoint.cli.progress import ProgressBar
from turnpoint.cli.serve_command import serve
from turnpoint.cli.simulate_command import simulate
from turnpoint.cli.store_commands import access, audit, backup, restore
from turnpoint.cli.survival_command import LANDMARKS, fit_link_to, survival
from turnpoint.cli.targets import (
    FHIR_ENDINGS,
    FHIR_NAMES,
    PRIOR_ENDINGS,
    REPORT_ENDINGS,
    TABLE_ENDINGS,
    checked_folder,
    checked_folder_targets,
    checked_target,
    existing_study,
)
from turnpoint.cli.trial_command import trial
from turnpoint.cli.watch_command import watch
from turnpoint.errors import UsageError
from turnpoint.study.whole_files import appearing_whole

if TYPE_CHECKING:
    from turnpoint.criteria.protocol import ProtocolRules
    from turnpoint.criteria.responses import Responses
    from turnpoint.pictures.patient import PatientPicture
    from turnpoint.study.study import Study
    from turnpoint.workflows.quality import QualityControl


app = typer.Typer(
    name="turnpoint",
    cls=GuardedGroup,
    no_args_is_help=True,
    rich_markup_mode=None,  # plain help: fast, and readable at any width and by a screen reader
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"]},
    epilog="Exit codes: 0 done, 1 the data has errors, 2 wrong usage. Turnpoint informs a conversation "
    "between patient and doctor; it is not a medical device.",
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"turnpoint {__version__}")
        raise typer.Exit


@app.callback()
def turnpoint(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and exit."),
    ] = False,
) -> None:
    """Is chemotherapy still shrinking the tumour, has it reached its plateau, or is it growing back?"""


@app.command(short_help="The main job on the bundled real data")
def demo(
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FOLDER", help="Where to write; by default the current folder."),
    ] = None,
) -> None:
    """Do the main job on the bundled real data: summary, HTML report, its path on the last line."""
    folder = None if out is None else checked_folder(out)

    from turnpoint.workflows.demo import demo as run

    with ProgressBar("Working on the bundled studies"):
        result = run(folder)
    summaries.say_demo(result)


@app.command(short_help="List every problem in the data")
def check(study: StudyArgument, out: TableOption = None) -> None:
    """List every problem in the data and how to mend it; exit 1 if any is an error."""
    source = existing_study(study)
    target = None if out is None else checked_target(out, TABLE_ENDINGS, source)

    from turnpoint.workflows.check import check as run

    with ProgressBar("Checking"):
        result = run(source)
    stream = summaries.summary_stream(target)
    if target is None:
        print_every_problem(result.problems)
    summaries.say_checked(result, source.resolve().name, stream)
    if target is not None:
        summaries.save_or_show(problem_frame(result.problems), target, (), stream)
    if not result.ok:
        raise typer.Exit(DATA_EXIT_CODE)


@app.command(short_help="Judge the response at every visit")
def respond(
    study: StudyArgument,
    criteria: Annotated[
        str, typer.Option("--criteria", metavar="NAME", help="Which response criteria to apply.")
    ] = "recist-1.1",
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="FOLDER",
            help="Write responses.csv, best_responses.csv, progression_free_survival.csv and, when several "
            "readers judged, adjudication.csv into it. A file name ending in .parquet or .json sets the format: that "
            "file, and the others beside it.",
        ),
    ] = None,
    reported: Annotated[
        Path | None,
        typer.Option(
            "--reported",
            metavar="FILE",
            help="Compare with the responses in this table, SDTM RS data set or folder of either; lists every "
            "difference with its numbers, and writes differences.csv.",
        ),
    ] = None,
    minimum_stable_days: Annotated[
        int, typer.Option(metavar="DAYS", min=0, help="Stable disease counts from this day on.")
    ] = 42,
    confirmation_days: Annotated[
        int, typer.Option(metavar="DAYS", min=0, help="Least days from a response to its confirmation.")
    ] = 28,
    not_evaluable_between: Annotated[
        int, typer.Option(metavar="N", min=0, help="Visits not evaluable that may lie between the two.")
    ] = 1,
    stable_between: Annotated[
        int,
        typer.Option(metavar="N", min=0, help="Visits of SD that may lie between a PR and its confirmation."),
    ] = 0,
    missed_visits: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=0, help="Censor progression or death after more than N missed visits in a row."
        ),
    ] = None,
    visit_interval_days: Annotated[
        int | None,
        typer.Option(
            metavar="DAYS", min=1, help="Days planned between visits; by default the study's median."
        ),
    ] = None,
    continuing_response: ContinuingOption = ContinuingResponse.time_point,
    engine: EngineOption = None,
    workers: WorkersOption = None,
) -> None:
    """Judge the response at every visit, the best response, and progression-free survival."""
    source = existing_study(study)
    beside = None if reported is None else existing_study(reported, "--reported")

    from turnpoint.workflows.partition import is_partitioned
    from turnpoint.workflows.respond import ProtocolRules, tables_needed
    from turnpoint.workflows.respond import respond as run

    rules = ProtocolRules(
        minimum_stable_days=minimum_stable_days,
        confirmation_days=confirmation_days,
        most_not_evaluable_between=not_evaluable_between,
        most_stable_between=stable_between,
        most_missed_visits=missed_visits,
        visit_interval_days=visit_interval_days,
        continuing_response=continuing_response.value,
    )
    if beside is not None and is_partitioned(source):
        raise UsageError("--reported: a partitioned study cannot be compared. Name the study itself.")
    if done_by_parts("respond", source, out, engine, workers, criteria=criteria, rules=rules):
        return
    targets = None if out is None else checked_folder_targets(out, summaries.RESPONSE_TABLES, source)
    data = read_study(source, tables_needed(criteria))
    with ProgressBar("Judging response"):
        result = run(data, criteria, rules=rules)
    compared = None if beside is None else _compared(data, beside, criteria, result, rules)
    summaries.say_read(data, sys.stdout)
    summaries.say_responses(result, criteria)
    if compared is not None:
        summaries.say_compared(compared, sys.stdout)
    if targets is None:
        summaries.show(result.best_responses, result.best_responses.columns, "Best responses")
        summaries.show(result.responses, summaries.response_columns(result), "Response at each visit")
    if compared is not None:
        summaries.show(compared.differences, summaries.DIFFERENCE_COLUMNS, "Reported otherwise")
    if targets is None:
        return
    tables = result.tables() | ({} if compared is None else {"differences": compared.differences})
    for name, frame in tables.items():
        summaries.save_or_show(frame, targets[name], (), sys.stdout)


@app.command(short_help="State, cause and turning point, by visit")
def assess(
    study: StudyArgument,
    prior: PriorOption = None,
    false_alerts: FalseAlertsOption = None,
    seed: SeedOption = 0,
    out: TableOption = None,
    engine: EngineOption = None,
    workers: WorkersOption = None,
) -> None:
    """At every visit, from the data up to it: responding, plateau or regrowing, why, and how sure.

    --out NAME.fhir.json or NAME.fhir.ndjson writes FHIR Observations.
    """
    source = existing_study(study)
    given: dict[str, Any] = {
        "prior": expanded_prior(prior),
        "seed": seed,
        "false_alerts_per_100": false_alerts,
    }
    if done_by_parts("assess", source, out, engine, workers, **given):
        return
    as_fhir = out is not None and out.name.lower().endswith(FHIR_NAMES)
    endings = FHIR_ENDINGS if as_fhir else TABLE_ENDINGS
    target = None if out is None else checked_target(out, endings, source)

    from turnpoint.workflows.assess import assess as run
    from turnpoint.workflows.respond import called

    data = read_study(source, WITHOUT_EVENTS)
    with ProgressBar("Assessing") as progress:
        result = run(data, progress=progress, **given)
    stream = summaries.summary_stream(target)
    summaries.say_called(called(data), stream)
    summaries.say_read(data, stream)
    summaries.say_priors(result.priors, stream)
    summaries.say_assessed(result.frame, stream)
    if as_fhir and target is not None:
        with appearing_whole(target) as part:
            result.save_fhir(part)
        summaries.say_written(target, "FHIR Observations", stream)
        return
    summaries.save_or_show(result.frame, target, summaries.ASSESSMENT_COLUMNS, stream)


@app.command(short_help="Forecast the next visit")
def forecast(
    study: StudyArgument,
    prior: PriorOption = None,
    horizon: Annotated[
        float | None,
        typer.Option(
            "--horizon",
            metavar="WEEKS",
            help="Forecast this many weeks after each patient's last visit, not each next visit.",
        ),
    ] = None,
    seed: SeedOption = 0,
    out: TableOption = None,
    engine: EngineOption = None,
    workers: WorkersOption = None,
) -> None:
    """Forecast each quantity at the next visit, from the data up to the visit before."""
    if horizon is not None and not 0 < horizon < math.inf:
        raise UsageError(f"--horizon={horizon:g} weeks: must be above 0. Write for example --horizon 12.")
    source = existing_study(study)
    given: dict[str, Any] = {"prior": expanded_prior(prior), "horizon_weeks": horizon, "seed": seed}
    if done_by_parts("forecast", source, out, engine, workers, **given):
        return
    target = None if out is None else checked_target(out, TABLE_ENDINGS, source)

    from turnpoint.workflows.forecast import forecast as run

    data = read_study(source, WITHOUT_EVENTS)
    with ProgressBar("Forecasting") as progress:
        frame = run(data, progress=progress, **given)
    stream = summaries.summary_stream(target)
    summaries.say_read(data, stream)
    summaries.say_forecast(frame, stream)
    summaries.save_or_show(frame, target, summaries.FORECAST_COLUMNS, stream)


@app.command(short_help="Growth metrics of each patient")
def metrics(
    study: StudyArgument, out: TableOption = None, engine: EngineOption = None, workers: WorkersOption = None
) -> None:
    """Growth metrics of each patient: depth of response, growth and kill rates, time to nadir, ..."""
    source = existing_study(study)
    if done_by_parts("metrics", source, out, engine, workers):
        return
    target = None if out is None else checked_target(out, TABLE_ENDINGS, source)

    from turnpoint.workflows.metrics import metrics as run

    data = read_study(source, WITHOUT_EVENTS)
    with ProgressBar("Measuring growth") as progress:
        frame = run(data, progress=progress)
    stream = summaries.summary_stream(target)
    summaries.say_read(data, stream)
    summaries.save_or_show(frame, target, frame.columns, stream)


@app.command(short_help="The priors that come along")
def priors(out: TableOption = None) -> None:
    """The priors that come along, by disease, with their cards: data, source, patients, false-alert rate, warnings."""
    target = None if out is None else checked_target(out, TABLE_ENDINGS, Path())

    from turnpoint.study.diseases import diseases
    from turnpoint.workflows.priors import priors as run
    from turnpoint.workflows.priors import unmeasured_diseases

    stream = summaries.summary_stream(target)
    if target is None:
        titles = {name: own.title for name, own in diseases().items()}
        summaries.say_priors_by_disease(run(), titles, stream)
    else:
        summaries.save_or_show(run(), target, [], stream)
    summaries.say_unmeasured([own.title for own in unmeasured_diseases()], stream)


@app.command(short_help="Fit a prior, or a survival link, to a study")
def fit(
    study: StudyArgument,
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            metavar="PRIOR.json",
            help="Write the prior, or the link, here; its name is the file's.",
            show_default=False,
        ),
    ],
    to_survival: Annotated[
        bool,
        typer.Option(
            "--survival", help="Fit a link from growth to survival to the study's deaths instead of a prior."
        ),
    ] = False,
    method: Annotated[
        str | None,
        typer.Option(
            "--method",
            metavar="METHOD",
            help="Of a link: shared (the default, from all sizes up to death) or landmark (from those up to each "
            "landmark).",
        ),
    ] = None,
    landmark_weeks: Annotated[
        str | None,
        typer.Option("--landmark-weeks", metavar="WEEKS", help="Of a landmark link; by default 8,16,24."),
    ] = None,
    prior: Annotated[
        str | None,
        typer.Option("--prior", metavar="PRIOR", help="Of a link: by which sizes are read."),
    ] = None,
    seed: SeedOption = 0,
) -> None:
    """Fit a population prior to the study, with its provenance and diagnostics; or a link from growth to survival."""
    source = existing_study(study)
    target = checked_target(out, PRIOR_ENDINGS, source)
    if to_survival:
        fit_link_to(
            source,
            target,
            method=method or "shared",
            landmark_weeks=landmark_weeks or LANDMARKS,
            prior=prior,
            seed=seed,
        )
        return
    named = {"--method": method, "--landmark-weeks": landmark_weeks, "--prior": prior}
    for option in [name for name, value in named.items() if value is not None]:
        raise UsageError(f"{option} is of a link: write --survival too, or leave it out.")

    from turnpoint.workflows.fit import fit as run

    data = read_study(source, WITHOUT_EVENTS)
    with ProgressBar("Fitting") as progress:
        result = run(data, name=target.stem, seed=seed, progress=progress)
    with appearing_whole(target) as part:
        result.save(part)
    summaries.say_read(data, sys.stdout)
    summaries.say_fitted(result, sys.stdout)
    summaries.say_written(target, f"the prior {target.stem}", sys.stdout)


app.command(short_help="A prior from a published model")(prior_from)
app.command(short_help="When progression would be called")(ahead)
app.command(short_help="What would settle it soonest")(settle)
app.command(short_help="Doses against limits, and the next cycle")(harm)
app.command(short_help="Survival given growth, for trials")(survival)
app.command(short_help="Is the model right about this study?")(diagnose)
app.command(short_help="Virtual patients with their truth, as a study")(simulate)
app.command(short_help="Play a declared virtual trial")(trial)
app.command(short_help="Cut a large study into parts")(partition)
app.command(short_help="What changed since last night")(watch)
app.command(short_help="Between formats: SDTM, ADaM, FHIR, study")(convert)
app.add_typer(mapping)


app.command(short_help="The web app on this computer")(serve)
app.command(short_help="The app's store as one file")(backup)
app.command(short_help="A backup back into a store")(restore)
app.add_typer(audit, name="audit")
app.add_typer(access, name="access")


app.command(short_help="All that is said about one patient, as JSON")(picture)


@app.command(short_help="Write a self-contained report")
def report(
    study: StudyArgument,
    *,
    patient: Annotated[
        str | None,
        typer.Option("--patient", metavar="ID", help="Whose report; without it, a page on the whole study."),
    ] = None,
    audience: Annotated[Audience, typer.Option("--audience", help="Who it is for.")] = Audience.clinician,
    lang: Annotated[Language, typer.Option("--lang", help="In which language.")] = Language.en,
    at: AtOption = None,
    prior: PriorOption = None,
    false_alerts: FalseAlertsOption = None,
    seed: SeedOption = 0,
    continuing_response: ContinuingOption = ContinuingResponse.time_point,
    out: Annotated[
        Path,
        typer.Option("--out", metavar="FILE", help="Write the report: .html, or .pdf with the extra `pdf`."),
    ] = Path("turnpoint-report.html"),
) -> None:
    """Write a self-contained report, on one patient or on the whole study; or show a picture that was written."""
    source = existing_study(study)
    target = checked_target(out, REPORT_ENDINGS, source)

    from turnpoint.charts.svg import start_renderer
    from turnpoint.pictures.document import from_json, is_picture

    if is_picture(source):
        given = {"--patient": patient, "--at": at, "--prior": prior, "--false-alerts-per-100": false_alerts}
        if continuing_response is not ContinuingResponse.time_point:
            given["--continuing-response"] = continuing_response.value
        if any(value is not None for value in given.values()):
            named = " and ".join(name for name, value in given.items() if value is not None)
            raise UsageError(
                f"{named}: a picture is shown as it was computed. Leave it out, or name the study."
            )
        _page_of(from_json(source.read_bytes(), source.name), None, target, audience, lang)
        return
    data = read_study(source)
    start_renderer()
    if patient is not None:
        data = only_patient(data, patient)
        shown = drawn(
            data,
            patient,
            at=at,
            prior=prior,
            false_alerts=false_alerts,
            seed=seed,
            continuing_response=continuing_response,
        )
        _page_of(shown, data, target, audience, lang)
        return
    if at is not None:
        raise UsageError("--at: only a patient's report can go back. Name one with --patient.")
    if continuing_response is not ContinuingResponse.time_point:
        raise UsageError(
            "--continuing-response: only a patient's report shows the response at each visit. Name one with --patient."
        )

    from turnpoint.workflows.assess import assess as run_assess
    from turnpoint.workflows.report import report as run
    from turnpoint.workflows.respond import called

    with ProgressBar("Assessing") as progress:
        assessment = run_assess(
            data,
            expanded_prior(prior),
            false_alerts_per_100=false_alerts,
            seed=seed,
            progress=progress,
        )
    with ProgressBar("Writing the report"), appearing_whole(target) as part:
        run(assessment, audience=audience.value, lang=lang.value).save(part)
    summaries.say_called(called(data), sys.stdout)
    summaries.say_read(data, sys.stdout)
    summaries.say_priors(assessment.priors, sys.stdout)
    summaries.say_written(target, f"report for the {audience.value}", sys.stdout)


def _page_of(
    shown: PatientPicture, read: Study | None, target: Path, audience: Audience, lang: Language
) -> None:
    """Write the page of a picture, and say what it is of; `read` is the study, where one was read for it."""
    from turnpoint.workflows.report import report as run

    with ProgressBar("Writing the report"), appearing_whole(target) as part:
        run(shown, audience=audience.value, lang=lang.value).save(part)
    summaries.say_called_in(shown, sys.stdout)
    if read is not None:
        summaries.say_read(read, sys.stdout)
    summaries.say_provenance(shown.provenance, sys.stdout)
    summaries.say_written(target, f"report for the {audience.value}", sys.stdout)


def _compared(
    data: Study, reported: Path, criteria: str, derived: Responses, rules: ProtocolRules
) -> QualityControl:
    """The derived responses beside the reported ones."""
    from turnpoint.workflows.quality import quality

    with ProgressBar("Comparing"):
        return quality(data, reported, criteria, rules=rules, derived=derived)
