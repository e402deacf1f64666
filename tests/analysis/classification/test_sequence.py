"""The measures of a sequence of tasks, in closed form."""

import numpy as np
import pytest

from metaplast.analysis.classification.epochs import EpochRow, EpochTable
from metaplast.analysis.classification.sequence import (
    accuracy_matrix,
    average_accuracy,
    backward_transfer,
    forgetting,
    forward_transfer,
    learned_accuracy,
)

MATRIX = np.array(
    [
        [
            [0.1, 0.1, 0.2],
            [0.9, 0.3, 0.2],
            [0.6, 0.8, 0.4],
            [0.5, 0.7, 1.0],
        ]
    ]
)
"""One seed, three tasks; the first row before anything is learned."""


@pytest.mark.parametrize(
    ("measure", "expected"),
    [
        (average_accuracy, (0.5 + 0.7 + 1.0) / 3),
        (learned_accuracy, (0.9 + 0.8 + 1.0) / 3),
        (backward_transfer, ((0.5 - 0.9) + (0.7 - 0.8)) / 2),
        (forgetting, ((0.9 - 0.5) + (0.8 - 0.7)) / 2),
        (forward_transfer, ((0.3 - 0.1) + (0.4 - 0.2)) / 2),
    ],
)
def test_measures_have_their_closed_forms(measure, expected):
    np.testing.assert_allclose(measure(MATRIX), [expected])


def test_forgetting_is_of_the_best_there_was_and_backward_transfer_of_what_was_learned():
    matrix = MATRIX.copy()
    matrix[0, 2, 0] = 0.95  # task 1 gained while task 2 was learned
    assert forgetting(matrix) == pytest.approx(((0.95 - 0.5) + 0.1) / 2)
    assert backward_transfer(matrix) == pytest.approx(backward_transfer(MATRIX))


def test_seeds_are_kept_apart():
    both = np.concatenate([MATRIX, np.zeros_like(MATRIX)])
    np.testing.assert_allclose(average_accuracy(both), [2.2 / 3, 0.0])


def test_the_matrix_is_what_the_last_epoch_of_each_task_was_tested_with():
    rows = []
    for epoch in range(1, 5):
        values = {"task.1": epoch / 10, "task.2": epoch / 100}
        values |= {"start.1": 0.01, "start.2": 0.02} if epoch == 1 else {}
        rows.append(EpochRow("S", 0, epoch, values))
    found = accuracy_matrix(EpochTable(tuple(rows)), "S", epochs=2)
    np.testing.assert_allclose(found, [[[0.01, 0.02], [0.2, 0.02], [0.4, 0.04]]])
