"""When does a change of drug at the alert beat one at RECIST progression? The map of issue 6, design section 9.

    .venv/bin/python benchmarks/trial_map.py [--patients 2000] [--seed 0]

Writes docs/results/virtual-trials.md and docs/images/virtual-trials-map.svg. The filter watches each population and
schedule once: what is assumed about the second drug does not change what is seen on the first.
"""

from __future__ import annotations

import argparse
import platform
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from trial_map_checks import predictive_checks, randomised
from trial_map_people import BASE, HORIZON_WEEKS, Setting, Watched, watcher_of

from turnpoint import __version__
from turnpoint.charts.svg import svg
from turnpoint.charts.trial_map import Grid, gain_map
from turnpoint.engine.processes import Workers
from turnpoint.model.parameters import dynamics_of
from turnpoint.virtual.alerted import first_alert_day
from turnpoint.virtual.comparison import Estimate, difference
from turnpoint.virtual.people import Assumptions, Fates

ROOT = Path(__file__).parents[1]
LETHAL_FOLD = 8.0
LONG_WEEKS = 520
MARGIN_WEEKS = 4.0
BLOCK = 250
OUTCOMES = (
    ("progression", "First progression"),
    ("second_progression", "Progression on drug B"),
    ("lethal", "Lethal burden"),
)
CROSS = (0.0, 0.001, 0.01, 0.1, 0.3, 0.6, 1.0)
STRENGTH = (2.0, 1.0, 0.5, 0.25, 0.0)
MUTATION = (0.0, 1e-6, 1e-5, 1e-4)
FRACTIONS = ((0.0, 0.02), (0.02, 0.1), (0.1, 0.3), (0.3, 1.0))
THRESHOLDS = (0.5, None, 0.9, 0.97)


SETTINGS = (
    Setting(
        "Colorectal cancer, first line; CT every 8 weeks and CEA every 3",
        "chemotherapy-colorectal-ct",
        8,
        (("CEA", 3),),
    ),
    Setting("Colorectal cancer, first line; CT every 8 weeks", "chemotherapy-colorectal-ct", 8),
    Setting("NSCLC, docetaxel; CT every 6 weeks and CEA every 3", "docetaxel-nsclc-ct", 6, (("CEA", 3),)),
    Setting("NSCLC, docetaxel; CT every 6 weeks", "docetaxel-nsclc-ct", 6),
)


def blocks_of(setting: Setting, patients: int, seed: int, processes: int) -> list[Watched]:
    blocks = [(number, BLOCK) for number in range(-(-patients // BLOCK))]
    with Workers(watcher_of, (setting, seed), processes) as workers, ThreadPoolExecutor(processes) as pool:
        return list(pool.map(workers, blocks))


@dataclass(frozen=True)
class Compared:
    """Fates of everybody at progression and under another policy, block by block joined."""

    reference: Fates
    other: Fates

    def gain(self, outcome: str, rows: np.ndarray | None = None) -> tuple[Estimate, float, float]:
        """Weeks gained in an outcome, and the shares of patients who gain or lose four weeks."""
        chosen = slice(None) if rows is None else rows
        found = difference(
            getattr(self.other, outcome)[chosen],
            getattr(self.reference, outcome)[chosen],
            HORIZON_WEEKS,
            MARGIN_WEEKS,
        )
        return found.gained_weeks, found.better, found.worse


def compared(
    blocks: Sequence[Watched],
    assumed: Assumptions,
    when: Callable[[Watched], np.ndarray],
    horizon_weeks: float = HORIZON_WEEKS,
) -> Compared:
    """Everybody at progression, and at the days that `when` says, under these assumptions."""
    pairs = []
    for block in blocks:
        people = block.people.with_tumours(assumed)
        pairs.append(
            [people.after(days, horizon_weeks, LETHAL_FOLD) for days in (people.progression_day, when(block))]
        )
    return Compared(*(joined([pair[side] for pair in pairs]) for side in (0, 1)))


def joined(fates: Sequence[Fates]) -> Fates:
    return Fates(*(np.concatenate([getattr(own, name) for own in fates]) for name in Fates.__slots__))


def at_alert(threshold: float | None = None) -> Callable[[Watched], np.ndarray]:
    """Change at the alert, or at progression where that comes first; None is the prior's own threshold."""

    def when(block: Watched) -> np.ndarray:
        people = block.people
        own = people.prior.alert.threshold if threshold is None else threshold
        alert = first_alert_day(block.table, own, len(people.progression_day))
        return np.minimum(alert, people.progression_day)

    return when


def at_turning(block: Watched) -> np.ndarray:
    return np.minimum(block.people.turning_day, block.people.progression_day)


def after_weeks(weeks: float) -> Callable[[Watched], np.ndarray]:
    return lambda block: np.minimum(7.0 * weeks, block.people.progression_day)


def resistant_fractions(blocks: Sequence[Watched]) -> np.ndarray:
    return np.concatenate([dynamics_of(block.people.particles).resistant_fraction for block in blocks])


def grids(blocks: Sequence[Watched]) -> tuple[list[list[Grid]], list[list[str]]]:
    """The two lines of the map, and every cell as a row of a table."""
    first = {
        (strength, cross): compared(
            blocks, replace(BASE, cross_resistance=cross, strength=strength), at_alert()
        )
        for strength in STRENGTH
        for cross in CROSS
    }
    fraction = resistant_fractions(blocks)
    second = {
        mutation: compared(
            blocks, replace(BASE, cross_resistance=0.0, mutation_per_division=mutation), at_alert()
        )
        for mutation in MUTATION
    }
    lines, rows = [[], []], []
    for outcome, title in OUTCOMES:
        lines[0].append(
            Grid(
                title,
                "cross-resistance",
                "B's effect / A's",
                tuple(f"{cross:g}" for cross in CROSS),
                tuple(f"{strength:g}" for strength in STRENGTH),
                tuple(
                    tuple(first[strength, cross].gain(outcome)[0].mean for cross in CROSS)
                    for strength in STRENGTH
                ),
            )
        )
        strata = [
            (low, high, np.flatnonzero((fraction >= low) & (fraction < high))) for low, high in FRACTIONS
        ]
        lines[1].append(
            Grid(
                title,
                "mutations per division",
                "resistant at start",
                tuple(f"{mutation:g}" for mutation in MUTATION),
                tuple(f"{low:.0%} to {high:.0%}" for low, high, _ in strata),
                tuple(
                    tuple(second[mutation].gain(outcome, rows)[0].mean for mutation in MUTATION)
                    for *_, rows in strata
                ),
            )
        )
        rows += [
            [title, f"{strength:g}", f"{cross:g}", *cells(first[strength, cross].gain(outcome))]
            for strength in STRENGTH
            for cross in CROSS
        ]
    return lines, rows


def cells(found: tuple[Estimate, float, float]) -> list[str]:
    gain, better, worse = found
    return [words(gain), f"{better:.0%}", f"{worse:.0%}"]


def words(gain: Estimate) -> str:
    return f"{gain.mean:+.1f} ({gain.low:+.1f} to {gain.high:+.1f})".replace("-", "\N{MINUS SIGN}")


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def policies(setting: Setting, blocks: Sequence[Watched]) -> Iterator[list[str]]:
    """One row a policy: how often it changes early, and what it gains under the base assumptions."""
    own = blocks[0].people.prior.alert.threshold
    rules = [
        *(
            (f"alert at {own if threshold is None else threshold:.2f}", at_alert(threshold))
            for threshold in THRESHOLDS
        ),
        ("true turning point", at_turning),
        ("week 12", after_weeks(12)),
        ("week 24", after_weeks(24)),
    ]
    progression = np.concatenate([block.people.progression_day for block in blocks])
    turning = np.concatenate([block.people.turning_day for block in blocks])
    for name, when in rules:
        days = np.concatenate([when(block) for block in blocks])
        early = days < progression
        lead = (
            np.median((np.minimum(progression, 7.0 * HORIZON_WEEKS) - days)[early]) / 7.0
            if early.any()
            else 0.0
        )
        found = compared(blocks, BASE, when)
        yield [
            setting.name,
            name,
            f"{early.mean():.0%}",
            f"{lead:.0f}",
            f"{(early & (days < turning)).mean():.0%}",
            *(words(found.gain(outcome)[0]) for outcome, _ in OUTCOMES),
        ]


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--patients", type=int, default=2000)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--processes", type=int, default=2)
    chosen = options.parse_args()
    started = time.perf_counter()
    watched = {
        setting: blocks_of(setting, chosen.patients, chosen.seed, chosen.processes) for setting in SETTINGS
    }
    lines, rows = grids(watched[SETTINGS[0]])
    picture = svg(
        gain_map(lines, 20.0),
        figure_id="virtual-trials-map",
        title="Weeks gained by a change of drug at the alert, against one at RECIST progression",
        description="Three outcomes, over cross-resistance and the strength of drug B, and over mutation and the "
        "resistant fraction at the start; the numbers are in the table below it.",
    )
    (ROOT / "docs" / "images" / "virtual-trials-map.svg").write_text(picture + "\n", encoding="utf-8")
    by_policy = [row for setting in SETTINGS for row in policies(setting, watched[setting])]
    parts = {
        "map": table(
            [
                "outcome",
                "B's effect / A's",
                "cross-resistance",
                "gained, weeks",
                "later by 4 weeks",
                "earlier by 4 weeks",
            ],
            rows,
        ),
        "policies": table(
            [
                "population and visits",
                "change at",
                "before progression",
                "median lead, weeks",
                "before the turning point",
                *(title for _, title in OUTCOMES),
            ],
            by_policy,
        ),
        "survival": table(
            [
                "population and visits",
                "cross-resistance",
                "B's effect / A's",
                f"lethal by week {HORIZON_WEEKS}",
                f"by week {LONG_WEEKS}",
                "alert, weeks gained",
                "true turning point",
                "week 12",
            ],
            [row for setting in (SETTINGS[0], SETTINGS[2]) for row in survival(setting, watched[setting])],
        ),
        "trials": randomised(watched[SETTINGS[0]], BASE, compared),
        "checks": predictive_checks(chosen.seed),
        "line": f"{time.strftime('%Y-%m-%d')}, commit {commit()}, {platform.machine()}, Python "
        f"{platform.python_version()}, Turnpoint {__version__}; {chosen.patients} virtual patients a population and "
        f"schedule, seed {chosen.seed}, {time.perf_counter() - started:.0f} s in all.",
    }
    write(parts)


def survival(setting: Setting, blocks: Sequence[Watched]) -> Iterator[list[str]]:
    """The lethal burden followed for ten years: how many reach it, and what a change before progression gains."""
    for cross, strength in ((0.0, 1.0), (0.02, 1.0), (0.1, 1.0), (0.9, 1.0), (0.0, 0.25), (0.0, 0.0)):
        assumed = replace(BASE, cross_resistance=cross, strength=strength)
        cells = []
        for when in (at_alert(), at_turning, after_weeks(12)):
            found = compared(blocks, assumed, when, LONG_WEEKS)
            gain = difference(
                found.other.lethal, found.reference.lethal, LONG_WEEKS, MARGIN_WEEKS
            ).gained_weeks
            cells.append(words(gain))
        reached = [
            f"{np.mean(found.reference.lethal <= horizon):.0%}" for horizon in (HORIZON_WEEKS, LONG_WEEKS)
        ]
        yield [setting.name, f"{cross:g}", f"{strength:g}", *reached, *cells]


def commit() -> str:
    found = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, cwd=ROOT, check=False
    )
    return found.stdout.strip() or "unknown"


def write(parts: dict[str, str]) -> None:
    """Put the numbers into the page, between its markers; the words around them are written by hand."""
    page = ROOT / "docs" / "results" / "virtual-trials.md"
    text = page.read_text(encoding="utf-8")
    for name, own in parts.items():
        start, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
        before, rest = text.split(start, 1)
        text = f"{before}{start}\n{own}\n{end}{rest.split(end, 1)[1]}"
    page.write_text(text, encoding="utf-8")
    print(parts["policies"], parts["survival"], parts["trials"], parts["checks"], sep="\n\n")


if __name__ == "__main__":
    main()
