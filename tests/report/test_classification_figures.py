"""Figures of classification runs: what must be in view is, and what would squeeze it is not."""

import numpy as np

from metaplast.analysis.classification.epochs import EpochRow, EpochTable
from metaplast.figures.classification import accuracy, gains


def learned(ends: dict[str, list[float]]) -> EpochTable:
    """Three epochs a seed: far below at first, then near the end, one point higher in between."""
    return EpochTable(
        tuple(
            EpochRow(name, seed, epoch, {"test_accuracy": value})
            for name, values in ends.items()
            for seed, end in enumerate(values)
            for epoch, value in ((1, 0.1), (2, min(end + 0.01, 1.0)), (3, end))
        )
    )


def test_every_seed_is_in_view_but_one_that_broke():
    table = learned({"S": [0.95, 0.955, 0.99], "random": [0.86, 0.85, 0.87], "B": [0.86, 0.865, 0.0]})
    curves, dots = accuracy(table).axes
    low, high = curves.get_ylim()
    assert high > 100  # of a seed in the second epoch
    assert 80 < low < 85
    left, right = dots.get_xlim()
    assert left == low
    assert right > 99
    assert sum(line.get_marker() == "<" for line in dots.lines) == 1


def test_numbers_stand_to_the_right_of_the_last_dot():
    ends = {"S": [0.95, 0.955, 0.99], "random": [0.86, 0.85, 0.87]}
    _, dots = accuracy(learned(ends)).axes
    for text, values in zip(dots.texts, ends.values(), strict=True):
        assert text.get_text() == f"{100 * np.mean(values):.2f}"
        assert text.xy[0] >= 100 * max(values)
        assert text.get_position()[0] > 0


def test_a_single_seed_and_chance_everywhere_can_be_drawn():
    for ends in ({"S": [0.1]}, {"S": [0.0, 0.0]}):
        curves, _ = accuracy(learned(ends)).axes
        low, high = curves.get_ylim()
        assert low < 100 * ends["S"][0] < high


def test_gains_have_one_scale_and_one_legend_with_all_channels():
    values = {
        "H": {"gain.hidden1.random": 1.0, "gain.hidden1.hebbian": 0.1, "gain.output.stbp": 1.0},
        "S+H": {"gain.hidden1.stbp": 0.5, "gain.hidden1.hebbian": -0.1, "gain.output.stbp": 0.5},
    }
    rows = [EpochRow(name, 0, epoch, own) for name, own in values.items() for epoch in (1, 2)]
    colours = {"stbp": "#0072B2", "hebbian": "#D55E00", "sbp": "#009E73", "random": "#E69F00"}
    figure = gains(EpochTable(tuple(rows)), list(values), colours)
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["stbp", "hebbian", "random"]
    assert all(axes.get_legend() is None for axes in figure.axes)
    assert len({axes.get_ylim() for axes in figure.axes}) == 1
    low, high = figure.axes[0].get_ylim()
    assert low < -0.1
    assert high > 1.0
