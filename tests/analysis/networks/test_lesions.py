"""Effects of lesions are found where they are, and nowhere else, on tables that are made up."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from metaplast.analysis.networks.lesion_table import RANDOM, LesionRow, LesionTable, read_lesions, read_rows, write_rows
from metaplast.analysis.networks.lesions import cost_matrix, dependence, effects, properties
from metaplast.figures.lesions import lesions
from metaplast.figures.style import png, style
from metaplast.runs import RunDirectory

BINS = 3


def row(property: str, seed: int, place: int, loss: float, updates: int, condition: str = "a") -> LesionRow:
    low, high = (np.nan, np.nan) if property == RANDOM else (10.0 * place + seed, 10.0 * place + 5)
    return LesionRow(
        condition, seed, property, place, low, high, 7, loss, 0.25, 0.5, 1.0, updates, 20, updates < 2000, True
    )


def table_of(seeds: int, cost: Callable[[str, int], float], noise: float = 0.05) -> LesionTable:
    """Increases of the loss as `cost(property, bin)` with noise, and a hundred times as many updates."""
    draw = np.random.default_rng(1)
    rows = []
    for seed in range(seeds):
        for name in ("tau_soma", "threshold", RANDOM):
            for place in range(BINS):
                more = cost(name, place) + noise * draw.normal()
                rows.append(row(name, seed, place, 0.25 + more, 20 + round(100 * more)))
    return LesionTable.from_rows(rows)


def costly_first(name: str, place: int) -> float:
    """The bin of the smallest time constants costs much; all else what lots cost."""
    return 3.0 if (name, place) == ("tau_soma", 0) else 1.0


def test_what_is_written_comes_back_and_is_the_same_bytes(tmp_path: Path):
    run = RunDirectory.create(tmp_path / "run")
    assert len(read_lesions(run)) == 0
    rows = [row("tau_soma", 1, 0, np.float32(0.1).item(), 33), row(RANDOM, 1, 2, float("nan"), 2000)]
    write_rows(run, rows)
    content = (run.path / "lesions.csv").read_text()
    header = (
        "condition,seed,property,bin,low,high,neurons,loss,loss_intact,accuracy,accuracy_intact,updates,updates_intact"
        ",solved,solved_intact"
    )
    assert content.splitlines() == [
        header,
        "a,1,tau_soma,0,1.0,5.0,7,0.1,0.25,0.5,1.0,33,20,true,true",
        "a,1,random,2,nan,nan,7,nan,0.25,0.5,1.0,2000,20,false,true",
    ]
    write_rows(run, read_rows(run))
    assert (run.path / "lesions.csv").read_text() == content
    table = read_lesions(run)
    assert table.conditions() == ["a"]
    assert table.properties() == ["tau_soma", RANDOM]
    assert table.loss.dtype == np.float32
    assert table.loss[0] == np.float32(0.1)


def test_costs_are_differences_from_the_intact_network_and_positive_where_worse():
    rows = [row("tau_soma", seed, place, 0.25 + seed + place, 20 + 5 * place) for seed in (4, 2) for place in (1, 0)]
    table = LesionTable.from_rows(rows)
    assert cost_matrix(table, "a", "tau_soma", "loss").tolist() == [[2, 3], [4, 5]]
    assert cost_matrix(table, "a", "tau_soma", "updates").tolist() == [[0, 5], [0, 5]]
    assert (cost_matrix(table, "a", "tau_soma", "accuracy") == 0.5).all()
    with pytest.raises(ValueError, match="3 rows for 2 seeds and 2 bins"):
        cost_matrix(table.select(np.arange(4) != 2), "a", "tau_soma", "loss")
    with pytest.raises(ValueError, match="'b' by tau_soma: 0 rows"):
        cost_matrix(table, "b", "tau_soma", "loss")


def test_a_bin_that_costs_more_than_lots_is_found_and_no_other():
    *found, control = effects(table_of(10, costly_first), "a")
    assert [(one.property, one.bin) for one in found] == [
        (name, place) for name in ("tau_soma", "threshold") for place in range(BINS)
    ]
    first, *others = found
    assert (first.low, first.high, first.seeds) == (4.5, 5.0, 10)
    assert first.loss.low < 3.0 < first.loss.high
    assert first.updates.low < 300 < first.updates.high
    assert max(first.p_loss, first.p_updates) < 0.05
    assert all(min(one.p_loss, one.p_updates) > 0.05 for one in others)
    assert control.property == RANDOM
    assert control.loss.mean == pytest.approx(1.0, abs=0.05)
    assert control.loss.low < control.loss.mean < control.loss.high
    assert np.isnan(control.p_loss)


def test_dependence_on_the_bin_is_told_from_none():
    table = table_of(10, costly_first)
    soma, threshold = dependence(table, "a")
    assert max(soma.p_loss, soma.p_updates) < 0.01
    assert min(threshold.p_loss, threshold.p_updates) > 0.05
    alone = dependence(table.select(table.seed == 0), "a")
    assert {value for one in alone for value in one[2:]} == {1.0}


def test_without_any_dependence_small_p_values_are_rare():
    table = table_of(60, lambda name, place: 1.0)
    triples = [table.select(np.isin(table.seed, range(first, first + 3))) for first in range(0, 60, 3)]
    found = [one.p_loss for triple in triples for one in dependence(triple, "a")]
    assert len(found) == 40
    assert np.mean(np.array(found) < 0.1) < 0.3
    assert 0.3 < np.mean(found) < 0.7


def test_a_single_seed_has_effects_without_intervals():
    *found, control = effects(table_of(1, costly_first), "a")
    assert all(np.isnan(one.loss.low) and one.p_loss == 1.0 for one in found)
    assert np.isnan(control.updates.high)


def test_the_figure_is_drawn_the_same_again_and_only_where_there_is_something():
    table = table_of(2, costly_first)
    one = table.select((table.property != "threshold") & (table.seed == 0))
    with style():
        first, second, alone = (png(lesions(rows, "a", "#0072B2")) for rows in (table, table, one))
    assert first == second
    assert first.startswith(b"\x89PNG")
    assert len(first) < 400_000
    assert alone != first
    by_lot = table.select(table.property == RANDOM)
    assert properties(by_lot, "a") == []
    with pytest.raises(ValueError, match="grouped by no property"):
        lesions(by_lot, "a", "#0072B2")


def test_unsolved_problems_are_counted_since_their_cost_is_a_lower_bound():
    rows = [
        row(name, seed, 0, 0.5, 2000 if (name, seed) == ("tau_soma", 1) else 30)
        for name in ("tau_soma", RANDOM)
        for seed in (0, 1)
    ]
    table = LesionTable.from_rows(rows)
    assert [one.censored for one in effects(table, "a")] == [1, 0]
    with pytest.raises(ValueError, match="earlier version"):
        LesionRow.parse("a,1,tau_soma,0,1.0,5.0,7,0.1,0.25,0.5,1.0,33,20")
