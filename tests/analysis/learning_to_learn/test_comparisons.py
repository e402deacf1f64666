"""Comparisons of conditions find what is there, and nothing else, on tables that are made up."""

import numpy as np
import pytest

from metaplast.analysis.learning_to_learn.comparisons import compare, exponential_band
from metaplast.runs import ProblemRow, ProblemTable


def table_of(seeds: int, **updates) -> ProblemTable:
    """A table with the updates that `updates[condition](seed, problem)` gives, 100 problems a seed."""
    rows = [
        ProblemRow(condition, seed, problem, int(count(seed, problem)), 0.01, 1.0, True, 5.0)
        for condition, count in updates.items()
        for seed in range(seeds)
        for problem in range(100)
    ]
    return ProblemTable.from_rows(rows)


def noisy(scale: float, salt: int):
    """Updates that the seed and the problem determine, times `scale`, with noise of the condition's own."""
    draws = np.random.default_rng(salt).normal(size=(20, 100))
    shared = np.random.default_rng(0).normal(size=(20, 1))
    return lambda seed, problem: scale * (100 + 10 * shared[seed, 0]) + 3 * draws[seed, problem]


def test_pairing_finds_a_difference_that_the_spread_over_seeds_would_hide():
    table = table_of(10, plain=noisy(1.0, 1), better=noisy(0.95, 2), same=noisy(1.0, 6))
    better, same = compare(table, [("better", "plain"), ("same", "plain")])
    assert better.difference.high < 0
    assert better.ratio.low < 0.95 < better.ratio.high
    assert better.ratio.high - better.ratio.low < 0.02
    assert better.p_value < 0.01
    assert better.effect < -2
    assert same.difference.low < 0 < same.difference.high
    assert same.p_value > 0.05


def test_correction_never_makes_a_difference_surer():
    table = table_of(8, a=noisy(1.0, 1), b=noisy(0.99, 2), c=noisy(0.97, 3))
    found = compare(table, [("b", "a"), ("c", "a"), ("c", "b")])
    assert all(one.p_corrected >= one.p_value for one in found)
    assert any(one.p_corrected > one.p_value for one in found)


def test_only_common_seeds_are_compared():
    table = table_of(3, a=noisy(1.0, 1), b=noisy(0.9, 2))
    fewer = table.select((table.condition == "a") | (table.seed < 2))
    assert compare(fewer, [("b", "a")])[0].seeds == 2
    with pytest.raises(ValueError, match="have no seed in common"):
        compare(table.select((table.condition == "a") == (table.seed == 0)), [("b", "a")])


def test_bands_hold_the_curve_that_the_updates_follow():
    draws = np.random.default_rng(4).normal(size=(20, 100))
    curve = lambda seed, x: 140 * np.exp(-x / 12) + 22 + 2 * draws[seed, x] + seed % 3  # noqa: E731
    band = exponential_band(table_of(9, rate=curve), "rate")
    assert len(band.fits) == 9
    assert band.amplitude.mean == pytest.approx(140, rel=0.05)
    assert band.scale.mean == pytest.approx(12, rel=0.05)
    assert band.floor.low < 23 < band.floor.high + 0.5
