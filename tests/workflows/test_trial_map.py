"""The map of a trial: every cell is the trial that `turnpoint trial` plays under the cell's assumptions."""

from dataclasses import replace

import polars as pl

from turnpoint.reports.catalogue import language
from turnpoint.reports.trial_map import MAP_SCHEMA, map_figures, map_table
from turnpoint.virtual.alerted import Watcher
from turnpoint.virtual.declaration import parsed
from turnpoint.workflows.trial import trial
from turnpoint.workflows.trial_map import TrialMap, map_player, trial_map

TEXT = """
[trial]
patients = 60
horizon_weeks = 80
[population]
prior = "docetaxel-nsclc-ct"
cross_resistance = 0.2
[alert]
particles = 256
[[arm]]
name = "late"
policy = "progression"
[[arm]]
name = "early"
policy = "alert"
[[arm]]
name = "week 12"
policy = "weeks"
after_weeks = 12
"""


def played() -> TrialMap:
    return trial_map(parsed(TEXT), (0.0, 1.0), (1.0, 0.0))


def test_cells_are_the_trials_of_the_command_and_the_filter_watches_once(monkeypatch):
    watched: list[int] = []
    watch = Watcher.watched

    def counted(self, *given):
        watched.append(1)
        return watch(self, *given)

    monkeypatch.setattr(Watcher, "watched", counted)
    found = played()
    assert watched == [1]
    assert found.trial.outcomes.equals(trial(parsed(TEXT)).outcomes)
    assert found.cells.schema == pl.Schema(MAP_SCHEMA)
    for across in (0.0, 0.2, 1.0):
        for up in (0.0, 1.0):
            cell = replace(parsed(TEXT), cross_resistance=across, strength=up)
            own = found.cells.filter(pl.col("cross_resistance") == across, pl.col("strength") == up)
            alone = trial(cell).summary.drop_nulls("gained_weeks")
            assert own.drop("cross_resistance", "strength").equals(alone.select(own.columns[2:]))


def test_early_change_to_a_drug_without_effect_only_loses():
    cells = played().cells.filter(pl.col("strength") == 0.0, pl.col("arm") == "week 12")
    assert (cells["gained_weeks"] <= 0).all()


def test_words_count_the_cells_and_the_table_lists_them():
    found = played()
    declared, english = found.trial.declaration, language("en")
    figures = map_figures(found.cells, declared, "week 12", english)
    for figure in figures:
        own = found.cells.filter(
            pl.col("arm") == "week 12", pl.col("outcome") == figure.figure_id.removeprefix("map_")
        )
        said = own.filter(pl.col("gained_weeks").abs() >= 0.05)  # what is not written as 0
        later = said.filter(pl.col("gained_weeks_low") > 0)
        earlier = said.filter(pl.col("gained_weeks_high") < 0)
        neither = own.height - later.height - earlier.height
        assert figure.caption == (
            f"Of {own.height} cells, later in {later.height}, earlier in {earlier.height}, no difference shown in "
            f"{neither}."
        )
    assert len(map_table(found.cells, declared, "week 12", english).rows) == 3 * 6


def test_player_of_a_worker_reads_the_text():
    assert map_player()(TEXT.replace("60", "20")).trial.declaration.patients == 20
