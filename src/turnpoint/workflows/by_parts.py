"""A batch verb on a partitioned study, part by part: bounded memory, resumable, whatever dies in between."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal, get_args

import polars as pl

from turnpoint._version import __version__
from turnpoint.criteria.protocol import ProtocolRules
from turnpoint.engine.processes import Workers
from turnpoint.engine.progress import Progress
from turnpoint.engine.threads import in_order
from turnpoint.errors import MissingExtraError, StudyError, TurnpointError, UsageError
from turnpoint.model.series import readings_of
from turnpoint.study.study import Study
from turnpoint.workflows.ahead import PROGRESSION_AHEAD_SCHEMA, ahead
from turnpoint.workflows.assess import Asked, assess_all
from turnpoint.workflows.forecast import FORECAST_SCHEMA, forecast
from turnpoint.workflows.metrics import metrics
from turnpoint.workflows.partition import (
    MANIFEST,
    Part,
    PartitionedStudy,
    appearing,
    digest,
    partitioned,
    saying_why_out_cannot_be_written,
    settle_down,
    write_json,
)
from turnpoint.workflows.respond import respond

Verb = Literal["ahead", "assess", "forecast", "metrics", "respond"]
LOCAL: Final = "local"
_KIND: Final = "turnpoint results by part"
_DONE: Final = "done.json"
_TRIES: Final = 2


@dataclass(frozen=True, slots=True)
class Failure:
    """A part that could not be done.

    Attributes:
        part: its name.
        reason: of the last try; names no patient.
    """

    part: str
    reason: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run came to.

    Attributes:
        folder: of the results: in each part's folder a Parquet table of each name, and the manifest.
        parts: how many there are.
        reused: how many had been done before.
        failures: of this run, in the parts' order; the others are done.
        rows: of each table, in the parts that are done.
    """

    folder: Path
    parts: int
    reused: int
    failures: tuple[Failure, ...]
    rows: Mapping[str, int]

    def table(self, name: str) -> pl.LazyFrame:
        """One table of all parts that are done, read when it is asked for."""
        return pl.scan_parquet(self.folder / "part-*" / f"{name}.parquet")


def by_parts(
    verb: Verb,
    study: str | Path,
    out: str | Path,
    *,
    engine: str = LOCAL,
    workers: int | None = None,
    progress: Progress | None = None,
    **given: Any,
) -> Outcome:
    """Run a verb on every part of a partitioned study that has not been done yet.

    The result does not depend on how the study was cut, on the engine or on the number of workers: of no verb does
    what it says of one patient depend on another. A part's results appear whole or not at all; a part that fails is
    tried again, then named with its reason, and a second run does those that are missing.

    Args:
        verb: which.
        study: folder of the partitioned study.
        out: folder of the results.
        engine: `local`, worker processes on this machine; or the address of a Dask scheduler whose workers see the
            same folders (extra `cluster`).
        workers: local processes at work at once, each holding one part; by default one a core.
        progress: called with patients done and patients in all.
        given: arguments of the verb.

    Raises:
        UsageError: no such verb or study; the folder holds results of another run, or cannot be written to.
        MissingExtraError: the engine needs a library that is not installed.
    """
    if verb not in _VERBS:
        raise UsageError(
            f"{verb}: not a verb that works by parts. Those that do: {', '.join(get_args(Verb))}."
        )
    source, folder = partitioned(study), Path(out)
    asked = {"verb": verb, "given": _plain(given), "turnpoint": __version__}
    _claim(folder, source, asked)
    is_done = [_is_done(folder, part, asked) for part in source.parts]
    done, waiting = (
        [part for part, own in zip(source.parts, is_done, strict=True) if own == wanted]
        for wanted in (True, False)
    )
    failures: list[Failure] = []
    reported, finished = source.patients, sum(part.patients for part in done)
    if progress is not None:
        progress(finished, reported)
    # each worker gets the parts one by one, and need not know of the others
    alone = replace(source, folder=source.folder.resolve(), parts=())
    arguments = (alone, folder.resolve(), asked, dict(given))
    for part, reason in _over(waiting, arguments, engine, workers):
        finished += part.patients
        if reason is not None:
            failures.append(Failure(part.name, reason))
        if progress is not None:
            progress(finished, reported)
    outcome = Outcome(folder, len(source.parts), len(done), tuple(failures), _rows(folder, source.parts))
    write_json(
        _heading(source, asked)
        | {
            "done": [part.name for part in source.parts if part.name not in {own.part for own in failures}],
            "failed": {own.part: own.reason for own in failures},
            "rows": outcome.rows,
        },
        folder / MANIFEST,
    )
    return outcome


def _over(
    parts: list[Part], arguments: tuple[Any, ...], engine: str, workers: int | None
) -> Iterator[tuple[Part, str | None]]:
    """Each part with None, or with the reason why it failed."""
    if engine != LOCAL:
        from turnpoint.engine.cluster import over_cluster  # noqa: PLC0415

        try:
            yield from over_cluster(engine, worker, arguments, parts)
        except ImportError as error:
            raise MissingExtraError(
                "--engine: a Dask cluster needs Dask's library. Install it with: pip install 'turnpoint[cluster]'"
            ) from error
        except ConnectionError as error:
            raise UsageError(f"--engine {engine}: no Dask scheduler answers there.") from error
        return
    processes = min(workers or os.cpu_count() or 1, len(parts))
    with ExitStack() as stack:
        work: Callable[[Part], tuple[Part, str | None]] = (
            stack.enter_context(Workers(worker, arguments, processes))
            if processes > 1
            else worker(*arguments)
        )
        yield from in_order(work, parts, processes)


def worker(
    study: PartitionedStudy, folder: Path, asked: Mapping[str, Any], given: Mapping[str, Any]
) -> Callable[[Part], tuple[Part, str | None]]:
    """The function that does one part: the same in this process, in a worker and on a cluster.

    Args:
        study: that the parts are of.
        folder: of the results.
        asked: as the results name it.
        given: arguments of the verb.
    """

    def do(part: Part) -> tuple[Part, str | None]:
        for tried in range(1, _TRIES + 1):
            try:
                _do(study, part, folder, asked, given)
            except (TurnpointError, OSError, MemoryError, pl.exceptions.PolarsError) as error:
                reason = _said(error)
                if tried == _TRIES:
                    return part, reason
            else:
                break
        return part, None

    return do


def _do(
    study: PartitionedStudy, part: Part, folder: Path, asked: Mapping[str, Any], given: Mapping[str, Any]
) -> None:
    """Work out a part's tables; they appear together."""
    begun = time.monotonic()
    target = folder / part.name
    beside = appearing(target)
    try:
        tables = _VERBS[asked["verb"]](study.read(part), given)
        for name, frame in tables.items():
            frame.write_parquet(beside / f"{name}.parquet")
        record = {
            "asked": asked,
            "source": part.digest,
            "rows": {name: frame.height for name, frame in tables.items()},
            "digest": {file.name: digest(file) for file in beside.iterdir()},
            "seconds": round(time.monotonic() - begun, 3),
        }
        write_json(record, beside / _DONE)
        settle_down(beside, target)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _is_done(folder: Path, part: Part, asked: Mapping[str, Any]) -> bool:
    """The part's results are there, of this part as it is, and as this run asks for them."""
    place = folder / part.name
    record = _json_in(place / _DONE)
    try:
        found = {file.name: digest(file) for file in place.glob("*.parquet")}
    except OSError:
        return False
    return record == {**record, "asked": asked, "source": part.digest, "digest": found}


def _claim(folder: Path, source: PartitionedStudy, asked: Mapping[str, Any]) -> None:
    """Say what the folder holds, before anything is in it.

    Raises:
        UsageError: something else is.
    """
    heading = _heading(source, asked)
    with saying_why_out_cannot_be_written():
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / MANIFEST).exists():
            if any(folder.iterdir()):
                raise UsageError(f"--out: `{folder.name}` holds something else. Name an empty folder.")
            write_json(heading, folder / MANIFEST)
    found = _json_in(folder / MANIFEST)
    if {name: found.get(name) for name in heading} != heading:
        raise UsageError(
            f"--out: `{folder.name}` holds results of another study, verb, version or of other arguments. Name "
            "another folder."
        )


def _heading(source: PartitionedStudy, asked: Mapping[str, Any]) -> dict[str, Any]:
    return {"kind": _KIND, "study": source.name, "asked": dict(asked)}


def _rows(folder: Path, parts: tuple[Part, ...]) -> dict[str, int]:
    """Rows of each table in the parts that are done."""
    total: dict[str, int] = {}
    for part in parts:
        for name, rows in _json_in(folder / part.name / _DONE).get("rows", {}).items():
            total[name] = total.get(name, 0) + rows
    return total


def _json_in(file: Path) -> dict[str, Any]:
    """What a JSON file holds; nothing where it is not there, or is not whole."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _said(error: BaseException) -> str:
    """The reason in one line; a study's problems by their rules, for their rows are of patients."""
    if isinstance(error, StudyError):
        return "; ".join(sorted({problem.rule for problem in error.problems}))
    if isinstance(error, OSError):
        return (error.strerror or type(error).__name__).lower()
    return str(error) if isinstance(error, TurnpointError) else type(error).__name__


def _plain(given: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments as a manifest holds them; a prior's file by what is in it."""
    plain: dict[str, Any] = {}
    for name, value in sorted(given.items()):
        is_file = name == "prior" and isinstance(value, str | Path) and Path(value).is_file()
        if is_file:
            plain[name] = f"sha256:{digest(Path(value))}"
        elif isinstance(value, ProtocolRules):
            plain[name] = repr(value)
        elif value is None or isinstance(value, str | int | float | bool):
            plain[name] = value
        else:
            raise UsageError(f"{name}: by parts it is given by name or as a file.")
    return plain


def _respond(study: Study, given: Mapping[str, Any]) -> dict[str, pl.DataFrame]:
    rules = given.get("rules") or ProtocolRules()
    if rules.most_missed_visits is not None and rules.visit_interval_days is None:
        raise UsageError(
            "--missed-visits: by parts needs --visit-interval-days, for the usual one is the study's."
        )
    return respond(study, **given).tables()


def _or_empty(
    verb: Callable[..., pl.DataFrame],
    schema: Mapping[str, type[pl.DataType]],
    study: Study,
    given: Mapping[str, Any],
) -> pl.DataFrame:
    """The verb's frame; an empty one of a part in which nobody has a value that can be used."""
    return verb(study, **given) if readings_of(study).height else pl.DataFrame(schema=schema)


_VERBS: Final[Mapping[str, Callable[[Study, Mapping[str, Any]], dict[str, pl.DataFrame]]]] = {
    "ahead": lambda study, given: {"ahead": _or_empty(ahead, PROGRESSION_AHEAD_SCHEMA, study, given)},
    "assess": lambda study, given: {"assessment": assess_all(study, Asked(**given)).frame},
    "forecast": lambda study, given: {"forecast": _or_empty(forecast, FORECAST_SCHEMA, study, given)},
    "metrics": lambda study, given: {"metrics": metrics(study, **given)},
    "respond": _respond,
}
