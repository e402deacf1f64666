"""Accuracy on classes never seen before: what its intervals are over, and its figure."""

import pytest

from metaplast.analysis.classification.few_shot import PIXELS, FewShotRow, few_shot_accuracy
from metaplast.figures.few_shot import few_shot
from metaplast.figures.style import png, style


def test_intervals_are_over_seeds_and_over_episodes_of_a_single_one():
    one = [FewShotRow("S", 0, "hebbian", place, value) for place, value in enumerate((0.2, 0.4, 0.6))]
    found = few_shot_accuracy(one)["S", "hebbian"]
    assert found.mean == pytest.approx(0.4)
    assert found.low < found.mean < found.high
    same = [*one, *(row._replace(seed=1) for row in one)]
    found = few_shot_accuracy(same)["S", "hebbian"]
    assert found.low == found.high == pytest.approx(0.4)


def test_the_figure_has_a_mark_for_every_readout_and_is_the_same_again():
    rows = [
        FewShotRow(condition, seed, readout, 0, 0.5 + 0.1 * seed + 0.05 * place)
        for condition in ("S", "H")
        for seed in range(2)
        for place, readout in enumerate(("hebbian", "least-squares", PIXELS))
    ]
    with style():
        figure = few_shot(rows, ways=4)
        assert png(figure) == png(few_shot(rows, ways=4))
    (axes,) = figure.axes
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names == ["hebbian", "least-squares", "chance", "nearest in pixels"]
    chance, nearest = (line.get_xdata()[0] for line in axes.lines[-2:])
    assert (chance, nearest) == (25.0, pytest.approx(65.0))
    assert [label.get_text() for label in axes.get_yticklabels()] == ["S", "H"]
