"""Draw the pictures of docs/claims.md: `python scripts/claims_pictures.py`.

Numbers of claims 1 to 4 and 6 are computed as `benchmarks/claims.py` does, from the same data; those of claims 5 and 7
are published ones, with their sources in docs/claims.md.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
from claims_drawing import CANVAS, DOT, axis, key, note, parted_bars, picture, save, save_beside

from turnpoint.charts import palette
from turnpoint.charts.canvas import Layer, at_x, at_y, words
from turnpoint.charts.specification import Marks, Scale, channel, marks
from turnpoint.kinetics.progression_gap import progression_gap
from turnpoint.kinetics.volume import cell_number_estimate, volume_ratio
from turnpoint.model.parameters import dynamics_of, reading_of
from turnpoint.model.prior import named_prior

# benchmarks are no package: the import below needs their folder
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "benchmarks"))
import claims_series as counted
from plateaus import OUTCOMES

DOCETAXEL = "docetaxel-nsclc-ct"
PROGRESSED = palette.STATES["regrowing"]
OUTCOME_MARKS = {
    "progressed": (PROGRESSED, "progressed"),
    "risen": ("#d08a6e", "larger"),
    "flat": (palette.STATES["plateau"], "still flat"),
    "fallen": (palette.STATES["responding"], "smaller again"),
    "unknown": (palette.LINE, "series ended before"),
}
# end point, trial, late, early: medians in months; sources in docs/claims.md
TRIALS = (
    ("Overall survival", "MRC OV05: CA-125, chemotherapy", 27.1, 25.7),
    ("Overall survival", "SWOG S0500: CTC, chemotherapy", 10.7, 12.5),
    ("Overall survival", "Fidias: planned, docetaxel", 9.7, 12.3),
    ("Second progression (PFS2)", "SERENA-6: ESR1, camizestrant", 19.1, 25.7),
    ("First progression (PFS)", "Fidias: planned, docetaxel", 2.7, 5.7),
    ("First progression (PFS)", "PADA-1: ESR1, fulvestrant", 5.7, 11.9),
    ("First progression (PFS)", "SERENA-6: ESR1, camizestrant", 9.2, 16.0),
)


def doublings() -> None:
    """Claim 1."""
    scale = Scale(type="log", domain=[0.02, 200])
    x = channel("doublings:Q", scale=Scale(domain=[0, 41]), axis=axis(range(0, 41, 5), grid=False))
    y = channel("diameter:Q", scale=scale, axis=axis([0.1, 1, 10, 100], format="~g"))

    def rows(cells_per_cm3: float, diameters: np.ndarray) -> pl.DataFrame:
        cells = [(each, cell_number_estimate(float(each), cells_per_cm3)) for each in diameters]
        pairs = [(each, math.log2(number)) for each, number in cells if number >= 1]
        return pl.DataFrame(pairs, schema=["diameter", "doublings"], orient="row")

    every, ten = np.geomspace(0.02, 150, 120), np.array([10.0])
    seen = pl.DataFrame({"low": [10.0], "high": [200.0]})
    colour = palette.FORECAST
    full, few = (f"{math.log2(cell_number_estimate(10, cells)):.0f}" for cells in (1e9, 1e8))
    layers: list[Layer] = [
        marks(seen, "rect", color=palette.TURNING_TINT).encode(y=channel("low:Q", scale=scale), y2="high:Q"),
        marks(rows(1e8, every), "line", color=colour, strokeDash=[5, 4]).encode(x=x, y=y),
        marks(rows(1e9, every), "line", color=colour, strokeWidth=2.5).encode(x=x, y=y),
        *(marks(rows(cells, ten), "point", color=colour, **DOT).encode(x=x, y=y) for cells in (1e9, 1e8)),
        note("Diameter, mm (each grid line is ten times the one below)", 8 - CANVAS.left_px, -18),
        note("Volume doublings of one cell", 0, 292),
        note("can be measured on CT: 10 mm and more", 8, 40, colour=palette.TURNING),
        note(f"{full} doublings at 10⁹ cells per cm³\n{few} at 10⁸ (dashed)", 464, 108, colour=palette.INK),
    ]
    save(
        "claim-1-doublings",
        picture(layers, 260, canvas=replace(CANVAS, right_px=30)),
        "Doublings from one cell to a lesion of 10 mm",
        f"Diameter against volume doublings of one cell: 10 mm is reached after {full} doublings at 10⁹ cells per cm³ "
        f"and after {few} at 10⁸; 40 doublings at 10⁹ are about 124 mm.",
    )


def bar() -> None:
    """Claim 2."""
    x = channel(
        "nadir:Q", scale=Scale(domain=[10, 100]), axis=axis([10, 25, 50, 75, 100], grid=False, offset=6)
    )
    y = channel(
        "ratio:Q",
        scale=Scale(domain=[1, 3.6]),
        axis=axis([1, 1.5, 2, 2.5, 3, 3.5], format=".1f", offset=6),
    )
    frame = pl.DataFrame(
        [(nadir, progression_gap(nadir, nadir).volume_ratio) for nadir in range(10, 101)],
        schema=["nadir", "ratio"],
        orient="row",
    )
    low = pl.DataFrame({"nadir": [10, 25], "ratio": [volume_ratio(10, 12)] * 2})
    ends = frame.filter(pl.col("nadir").is_in([10, 25]))
    texts = (
        (10, 3.375, "RECIST waits for 15 mm: 3.4 times the volume", 12),
        (10, 1.56, "12 mm: 1.73 times the volume", 0),
        (25, 1.92, "from 25 mm on, +20 % decides: 1.73 times the volume", 4),
    )
    notes = [
        words(pl.DataFrame({"nadir": [at], "ratio": [ratio], "text": [text]}), x, y, size_px=13, dx=dx)
        for at, ratio, text, dx in texts
    ]
    layers: list[Layer] = [
        marks(low, "line", color=palette.QUIET, strokeDash=[5, 4]).encode(x=x, y=y),
        marks(frame, "line", color=PROGRESSED, strokeWidth=2.5).encode(x=x, y=y),
        marks(ends, "point", color=PROGRESSED, **DOT).encode(x=x, y=y),
        marks(low.head(1), "point", color=palette.QUIET, **DOT).encode(x=x, y=y),
        *notes,
        note("Volume when RECIST calls progression, as a multiple of the smallest", 8 - CANVAS.left_px, -18),
        note("Smallest sum of diameters, mm", 0, 268),
    ]
    save(
        "claim-2-recist-bar",
        picture(layers, 230, canvas=replace(CANVAS, right_px=30)),
        "How much a tumour has grown when RECIST 1.1 calls progression",
        "Volume at progression over volume at the smallest sum: 3.4 times at 10 mm (12 mm would be 1.73 times), "
        "falling to 1.73 times from 25 mm on.",
    )


def lag() -> None:
    """Claim 3: the course of a patient at the centre of the docetaxel prior."""
    prior = named_prior(DOCETAXEL)
    dates = counted.dates_under(DOCETAXEL, prior.mean[None, :])
    dynamics, reading = dynamics_of(prior.mean), reading_of(prior.mean, prior.quantities[0], 0)
    week = np.linspace(0, 64, 257)
    zero = np.zeros_like(week)
    burden = dynamics.log_burden(week, zero)
    diameter = 100 * np.exp(reading.log_signal(burden) - reading.log_signal(np.zeros(1)))
    resistant = 100 * np.exp(burden) * dynamics.resistant_share(week, zero)
    x = channel("week:Q", scale=Scale(domain=[0, 64], nice=False), axis=axis(range(0, 61, 12), grid=False))
    y = channel("value:Q", scale=Scale(domain=[0, 130]), axis=axis([0, 25, 50, 75, 100, 125]))

    def line(values: np.ndarray, colour: str, dash: tuple[int, int] = (1, 0)) -> Marks:
        kept = pl.DataFrame({"week": week, "value": values}).filter(pl.col("value") <= 124)
        mark = marks(kept, "line", color=colour, strokeWidth=2.5, strokeDash=list(dash))
        return mark.encode(x=x, y=y)

    names = ("resistant majority", "turning point", "growth shows", "RECIST: +20 %")
    at = [float(each[0]) for each in (dates.dominance, dates.turning, dates.detectable, dates.progression)]
    dates_at = pl.DataFrame(
        {"week": at, "text": [f"{name}\nweek {when:.0f}" for name, when in zip(names, at, strict=True)]}
    )
    rules = marks(dates_at, "rule", color=palette.TURNING, strokeWidth=1.25, strokeDash=[3, 3])
    right = CANVAS.plot_width_px + 10
    layers: list[Layer] = [
        rules.encode(x=x),
        line(100 * np.exp(burden), palette.FITTED),
        line(resistant, PROGRESSED, (5, 4)),
        line(diameter, palette.INK),
        # every other label higher, so that neighbours do not touch
        *(
            words(
                row,
                x,
                at_y(-50 if place % 2 == 0 else -16),
                size_px=12,
                colour=palette.TURNING,
                align="center",
            )
            for place, row in enumerate(dates_at.iter_slices(1))
        ),
        note("% of the start", 8 - CANVAS.left_px, -86),
        note("Weeks of treatment", 0, 292),
        note("diameter on the scan", right, 260 * (1 - diameter[-1] / 130), colour=palette.INK),
        note("living volume (grey)\nresistant part (red)", right, 64),
    ]
    save(
        "claim-3-lag",
        picture(layers, 260, canvas=replace(CANVAS, width_px=780, right_px=170), top=102),
        "The three dates and RECIST in a patient at the centre of the docetaxel prior",
        "Diameter, living volume and its resistant part: "
        + "; ".join(dates_at["text"].str.replace("\n", ", "))
        + ".",
    )


def what_next() -> None:
    """Claim 4."""
    rows, texts = [], []
    names = {"flat": "after a plateau", "fallen": "while still shrinking"}
    for drug, place in ((0, 0.0), (1, 2.6)):
        series = counted.series_of(counted.SETTINGS[drug])
        for lower, trend in enumerate(names):
            found = counted.outcomes(series, trend, 24)["outcome"]  # type: ignore[arg-type]
            label, start = f"{names[trend]}, n {len(found)}", 0.0
            for name in OUTCOMES:
                count = int((found == name).sum())
                end = start + 100 * count / len(found)
                rows.append((place + lower, label, name, start, end, str(count)))
                texts.append(f"{series.setting.label}, {label}, {OUTCOME_MARKS[name][1]}: {count}")
                start = end
    frame = pl.DataFrame(rows, schema=["place", "label", "part", "start", "end", "text"], orient="row")
    canvas = replace(CANVAS, left_px=190, right_px=24)
    where = channel("place:Q", scale=Scale(domain=[-0.95, 4.2], reverse=True), axis=None)
    heads = pl.DataFrame({"place": [-0.68, 1.92], "text": ["Lung, docetaxel", "Lung, atezolizumab"]})
    layers: list[Layer] = [
        *parted_bars(
            frame, [0, 25, 50, 75, 100], (-0.95, 4.2), {name: mark[0] for name, mark in OUTCOME_MARKS.items()}
        ),
        words(heads, at_x(-10), where, size_px=13, align="right", bold=True),
        note("% of patients; their number in the bars. One lesion a patient", 0, 274),
        *key([("square", *mark) for mark in OUTCOME_MARKS.values()], 14 - canvas.left_px),
    ]
    save(
        "claim-4-what-came-next",
        picture(layers, 240, canvas=canvas, top=40),
        "What came within 24 weeks",
        "; ".join(texts) + ".",
    )


def agreement() -> None:
    """Claim 5: CA-125 and RECIST on chemotherapy, CALYPSO (Sinikovic Zebic 2024)."""
    rows = [
        (0, "CA-125 progression, n 387", "with", 0, 276, "276 with RECIST progression"),
        (0, "", "without", 276, 387, "111 without"),
        (1, "no CA-125 progression, n 382", "with", 0, 255, "255 with RECIST progression"),
        (1, "", "without", 255, 382, "127 without"),
    ]
    frame = pl.DataFrame(rows, schema=["place", "label", "part", "start", "end", "text"], orient="row")
    colours = {"with": PROGRESSED, "without": palette.BAR}
    layers = [
        *parted_bars(frame, [0, 100, 200, 300, 400], (-0.5, 1.5), colours),
        note("Patients with recurrent ovarian cancer on chemotherapy", 0, 164),
    ]
    save(
        "claim-5-ca-125-and-recist",
        picture(layers, 130, canvas=replace(CANVAS, left_px=214, right_px=40), top=10),
        "CA-125 and RECIST on chemotherapy, CALYPSO",
        "Of 387 patients with CA-125 progression 276 had RECIST progression (71 %); "
        "of 382 without it 255 had RECIST progression too (67 %).",
    )


def aligned(drug: int) -> pl.DataFrame:
    """Readings as % of the plateau's level, by weeks from the visit at which it is seen; up to progression."""
    series = counted.series_of(counted.SETTINGS[drug])
    visits = counted.visits_of(series, "flat").rename({"day": "seen"})
    week, pct = (pl.col("day") - pl.col("seen")) / 7, 100 * pl.col("value") / pl.col("level")
    return (
        series.readings.join(visits, on="patient_id")
        .join(series.progressions, on="patient_id", how="left")
        .filter(pl.col("progression_day").is_null() | (pl.col("day") <= pl.col("progression_day")))
        .select("patient_id", week.alias("week"), pct.clip(25, 300).alias("pct"))
        .filter(pl.col("week").is_between(-30, 40))
        .sort("patient_id", "week")
    )


def after() -> None:
    """Claim 6: every plateau, lined up on the visit at which it is seen."""
    canvas = replace(CANVAS, width_px=410, left_px=48, right_px=16)
    panels = []
    for drug, name in ((0, "Lung, docetaxel"), (1, "Lung, atezolizumab")):
        frame = aligned(drug)
        x = channel("week:Q", scale=Scale(domain=[-30, 40]), axis=axis(range(-24, 37, 12), grid=False))
        y = channel(
            "pct:Q",
            scale=Scale(type="log", domain=[25, 300]),
            axis=axis([25, 50, 75, 100, 150, 200, 300]),
        )
        six_weeks = ((pl.col("week") / 6).round() * 6).alias("week")
        middle = frame.group_by(six_weeks).agg(pl.col("pct").median(), pl.len()).filter(pl.col("len") >= 10)
        own = marks(frame, "line", color=palette.FITTED, strokeWidth=0.9, opacity=0.55)
        median = marks(middle.sort("week"), "line", color=palette.INK, strokeWidth=3)
        zero = pl.DataFrame({"week": [0.0]})
        patients = frame["patient_id"].n_unique()
        layers: list[Layer] = [
            marks(zero, "rule", color=palette.TURNING, strokeDash=[3, 3]).encode(x=x),
            own.encode(x=x, y=y, detail="patient_id:N"),
            median.encode(x=x, y=y),
            note(f"{name}, {patients} plateaus", 8 - canvas.left_px, -44, bold=True, colour=palette.INK),
            note("Diameter, % of the plateau", 8 - canvas.left_px, -22),
            note("Weeks from the third flat scan", 0, 292),
        ]
        panels.append(picture(layers, 260, canvas=canvas, top=58))
    save_beside(
        "claim-6-after-the-plateau",
        panels,
        (410, 366),
        "Before and after the plateau",
        "Diameter as % of the plateau, each patient grey, the median of those still followed black. It falls until the "
        "plateau; after it the median stays level for 24 weeks, while single patients rise or fall.",
    )


def trials() -> None:
    """Claim 7: medians of the randomised trials."""
    rows, heads, place = [], [], 0.0
    for row, (endpoint, trial, late, early) in enumerate(TRIALS):
        if row == 0 or TRIALS[row - 1][0] != endpoint:
            place += 0.5 if row else 0.0
            heads.append({"place": place, "text": endpoint})
            place += 1
        rows.append({"place": place, "text": trial, "late": late, "early": early})
        place += 1
    frame = pl.DataFrame(rows)
    canvas = replace(CANVAS, left_px=270, right_px=40)
    where = channel("place:Q", scale=Scale(domain=[-0.6, place - 0.4], reverse=True), axis=None)
    late, early = (
        channel(f"{name}:Q", scale=Scale(domain=[0, 30]), axis=axis(range(0, 31, 6)))
        for name in ("late", "early")
    )
    circle = {"filled": True, "opacity": 1, "shape": "circle", "size": 95, "color": palette.FITTED}
    diamond = {"filled": True, "opacity": 1, "shape": "diamond", "size": 110, "color": palette.TURNING}
    layers: list[Layer] = [
        marks(frame, "rule", color=palette.FITTED, strokeWidth=2).encode(x=late, x2="early:Q", y=where),
        marks(frame, "point", **circle).encode(x=late, y=where),
        marks(frame, "point", **diamond).encode(x=early, y=where),
        words(frame.select("place", "text"), at_x(-12), where, size_px=13, align="right"),
        words(pl.DataFrame(heads), at_x(-12), where, size_px=13, align="right", bold=True),
        note("Median, months", 0, 342),
        *key([("circle", palette.FITTED, "late"), ("diamond", palette.TURNING, "early")], 6),
    ]
    medians = "; ".join(f"{trial}, {endpoint}: {late}, {early}" for endpoint, trial, late, early in TRIALS)
    save(
        "claim-7-trials",
        picture(layers, 310, canvas=canvas, top=38),
        "Early against late switch in randomised trials",
        f"Medians in months, late then early: {medians}.",
    )


PICTURES: Mapping[str, Callable[[], None]] = {
    "1": doublings,
    "2": bar,
    "3": lag,
    "4": what_next,
    "5": agreement,
    "6": after,
    "7": trials,
}


def main() -> None:
    """Draw the pictures named on the command line, or all."""
    for number in sys.argv[1:] or PICTURES:
        PICTURES[number]()


if __name__ == "__main__":
    main()
