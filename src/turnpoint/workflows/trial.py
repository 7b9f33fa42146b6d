"""Run a declared virtual trial: block by block, so that a trial that was stopped goes on where it was."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from turnpoint._version import __version__
from turnpoint.engine.processes import Workers
from turnpoint.engine.progress import Progress
from turnpoint.errors import UsageError
from turnpoint.model.prior import Prior, choose_prior, named_prior
from turnpoint.reports.trial_page import TrialView, trial_page
from turnpoint.study.writing import StudyFormat, write_table
from turnpoint.virtual.alerted import Remembering
from turnpoint.virtual.block import Player, block_player
from turnpoint.virtual.comparison import summary, treatment
from turnpoint.virtual.declaration import FILE, Declaration, parsed
from turnpoint.virtual.people import with_resistant_fraction
from turnpoint.workflows.provenance import provenance
from turnpoint.workflows.report import Report

PATIENTS_PER_BLOCK = 500
MANY_PATIENTS = 20_000
FEW_BLOCKS = 1  # starting processes takes as long as they save on fewer
STATE_FILE = "trial.json"
BLOCK_FOLDER = "blocks"


@dataclass(frozen=True, slots=True)
class Trial:
    """A finished virtual trial.

    Attributes:
        declaration: what was declared.
        outcomes: one row a patient and arm, columns `virtual.block.OUTCOMES`; null is "not by the horizon".
        summary: one row an arm and outcome, columns `virtual.comparison.SUMMARY_SCHEMA`.
        treatment: one row an arm: what was given, how often the tumour died out; columns `TREATMENT_SCHEMA` there.
        prior: whom the patients were drawn from.
        resumed_patients: how many of them were played in an earlier run.
    """

    declaration: Declaration
    outcomes: pl.DataFrame
    summary: pl.DataFrame
    treatment: pl.DataFrame
    prior: Prior
    resumed_patients: int = 0

    def view(self) -> TrialView:
        """What the page is given."""
        return TrialView(
            self.declaration, self.outcomes, self.summary, self.treatment, provenance(self.prior)
        )

    def report(self) -> Report:
        """The page: what was declared, what came of it, and how sure that is."""
        return Report(trial_page(self.view()))

    def save(self, folder: str | Path, *, format: StudyFormat = "csv") -> tuple[Path, ...]:  # noqa: A002
        """Write `outcomes`, `summary`, `treatment` and the page `trial.html` into a folder; returns the paths."""
        place = Path(folder)
        return (
            write_table(self.outcomes, place / f"outcomes.{format}"),
            write_table(self.summary, place / f"summary.{format}"),
            write_table(self.treatment, place / f"treatment.{format}"),
            self.report().save(place / "trial.html"),
        )


def trial(
    declaration: str | Path | Declaration,
    out: str | Path | None = None,
    *,
    progress: Progress | None = None,
    watcher: Remembering | None = None,
) -> Trial:
    """Play a declared trial.

    Args:
        declaration: a `trial.toml`, or one that was read already (`virtual.declaration.parsed`).
        out: a folder to keep finished blocks in: run again with the same declaration, the trial goes on from them.
        progress: called with patients done and patients in all.
        watcher: the filter of a trial of the same patients, seen the same way; then all is played in this process.

    Returns:
        The trial; the same declaration gives the same numbers on any number of processes.

    Raises:
        UsageError: the file cannot be read, or with every mistake in it; the folder holds another trial.
        PriorError: the prior cannot be read or knows no sum of diameters.
    """
    declared = declaration if isinstance(declaration, Declaration) else read_declaration(declaration)
    prior = prior_of(declared)
    folder = None if out is None else _opened(Path(out), declared, prior)
    if folder is not None and not isinstance(declaration, Declaration):
        _copied(Path(declaration), Path(out or "") / FILE)
    blocks = _blocks(declared)
    kept = {} if folder is None else _kept(folder, blocks)
    missing = [block for block in blocks if block[0] not in kept]
    resumed = sum(size for first, size in blocks if first in kept)
    done, found = resumed, dict(kept)
    sizes = dict(blocks)
    for first, frame in _played(declared, prior, missing, watcher):
        found[first] = frame
        if folder is not None:
            write_table(frame, folder / _block_file(first))
        done += sizes[first]
        if progress is not None:
            progress(done, declared.patients)
    outcomes = _joined(declared, found)
    table = summary(outcomes, declared.horizon_weeks, declared.margin_weeks)
    given = treatment(outcomes, by_chance=declared.is_by_chance)
    return Trial(declared, outcomes, table, given, prior, resumed)


def read_declaration(path: str | Path) -> Declaration:
    """The declaration in a TOML file.

    Raises:
        UsageError: it cannot be read, or with every mistake in it.
    """
    place = Path(path)
    try:
        text = place.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        raise UsageError(f"{place.name}: cannot be read ({reason.lower()}). Check the path.") from error
    return parsed(text, place.name)


def prior_of(declared: Declaration) -> Prior:
    """Whom a declared trial draws, and what its filter believes."""
    named = named_prior(declared.prior)
    chosen = choose_prior(declared.schedule.quantities, " ".join(named.keywords), named)
    return with_resistant_fraction(chosen, declared.resistant_fraction)


def _blocks(declared: Declaration) -> list[tuple[int, int]]:
    """First patient, counted from 0, and size of each block."""
    size = PATIENTS_PER_BLOCK
    if declared.is_by_chance:
        # many steps of little work each: a larger block takes no more steps
        size *= min(max(declared.patients // MANY_PATIENTS, 1), 10)
    return [(first, min(size, declared.patients - first)) for first in range(0, declared.patients, size)]


def _played(
    declared: Declaration, prior: Prior, blocks: list[tuple[int, int]], watcher: Remembering | None
) -> Iterator[tuple[int, pl.DataFrame]]:
    """Each block's first patient and outcomes, as they are done."""
    if not blocks:
        return
    processes = min(os.cpu_count() or 1, len(blocks))
    if watcher is not None or processes == 1 or len(blocks) <= FEW_BLOCKS:
        play = block_player(declared, prior) if watcher is None else Player(declared, prior, watcher)
        for block in blocks:
            yield block[0], play(block)
        return
    with ExitStack() as stack:
        workers: Workers[tuple[int, int], pl.DataFrame] = stack.enter_context(
            Workers(block_player, (declared, prior), processes)
        )
        pool = stack.enter_context(ThreadPoolExecutor(processes))
        running = {pool.submit(workers, block): block[0] for block in blocks}
        try:
            for future in as_completed(running):
                yield running[future], future.result()
        finally:
            for future in running:
                future.cancel()


def _joined(declared: Declaration, found: Mapping[int, pl.DataFrame]) -> pl.DataFrame:
    """The blocks as one table, arm by arm, patients numbered from 1."""
    first = pl.concat([found[block] for block in sorted(found)]).with_columns(pl.col("patient") + 1)
    order = {arm.name: place for place, arm in enumerate(declared.arms)}
    place = pl.col("arm").replace_strict(order, return_dtype=pl.Int64)
    return first.sort(place, "patient")


def _opened(out: Path, declared: Declaration, prior: Prior) -> Path:
    """The folder of blocks, with what was declared beside it.

    Raises:
        UsageError: the folder holds blocks of another declaration, version or prior.
    """
    state = {
        "turnpoint": __version__,
        "numpy": np.__version__,
        "prior": hashlib.sha256(json.dumps(prior.to_dict(), sort_keys=True).encode()).hexdigest(),
        "declaration": asdict(declared),
    }
    folder, kept = out / BLOCK_FOLDER, out / STATE_FILE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        before = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else None
        if before is None:
            kept.write_text(json.dumps(state, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise UsageError(
            f"--out: {out.name} cannot be used ({type(error).__name__}). Name another folder."
        ) from error
    if before is not None:
        changed = list(_changes(before, json.loads(json.dumps(state))))
        if changed:
            raise UsageError(
                f"--out: {out.name} holds another trial. Changed: {'; '.join(changed)}. Name another folder, or go "
                f"back to {out.name}/{STATE_FILE}."
            )
    return folder


def _copied(source: Path, target: Path) -> None:
    """The file as it was declared, beside what came of it."""
    if source.resolve() != target.resolve():
        target.write_bytes(source.read_bytes())


def _changes(before: Any, now: Any, where: str = "") -> Iterator[str]:
    """What is not the same in two nested dictionaries."""
    if isinstance(before, dict) and isinstance(now, dict):
        for name in dict.fromkeys([*before, *now]):
            yield from _changes(
                before.get(name), now.get(name), f"{where}.{name}".removeprefix(".declaration").strip(".")
            )
    elif before != now:
        short = where == "prior"
        yield where if short or isinstance(now, list) else f"{where} was {before}, is {now}"


def _kept(folder: Path, blocks: list[tuple[int, int]]) -> dict[int, pl.DataFrame]:
    """The blocks that an earlier run finished."""
    files = {first: folder / _block_file(first) for first, _ in blocks}
    return {first: pl.read_parquet(file) for first, file in files.items() if file.exists()}


def _block_file(first: int) -> str:
    return f"{first // PATIENTS_PER_BLOCK:05d}.parquet"
