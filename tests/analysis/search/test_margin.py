"""The lead of a chosen mask over the best of the others, against values worked out by hand."""

import numpy as np
import pytest

from metaplast.analysis.search.margin import margin

SCORES = {
    "11": np.array([[8.0, 9.0], [8.0, 11.0], [8.0, 10.0]]),
    "01": np.array([[9.0, 10.0], [9.0, 14.0], [9.0, 12.0]]),
    "10": np.array([[9.0, 11.0], [9.0, 15.0], [9.0, 13.0]]),
    "00": np.array([[1.0], [1.0], [1.0]]),
}
LENGTHS = {mask: values.shape[1] for mask, values in SCORES.items()}


def scores(mask: str, length: int) -> np.ndarray:
    """The last value of each network, as an error after so many epochs would be."""
    return SCORES[mask][:, length - 1]


def test_the_lead_is_over_the_best_of_those_that_went_as_far():
    found = margin(LENGTHS, scores, "11")
    assert found is not None
    assert (found.other, found.length, found.networks) == ("01", 2, 3)
    # Differences -1, -3, -2: mean -2, deviation 1, t(0.975, 2) = 4.3027, over the 12 of the other.
    half = 4.302653 / np.sqrt(3) / 12
    assert found.difference == pytest.approx((-2 / 12, -2 / 12 - half, -2 / 12 + half), rel=1e-6)
    assert not found.told_apart


def test_more_networks_tell_apart():
    many = {mask: np.tile(values, (4, 1)) for mask, values in SCORES.items()}
    found = margin(LENGTHS, lambda mask, length: many[mask][:, length - 1], "11")
    assert found is not None
    assert found.told_apart
    assert "chance" not in found.words("11", "problems", "updates")


def test_one_network_tells_nothing_apart_and_says_so():
    found = margin({"1": 2, "0": 2}, lambda mask, length: np.array([1.0 + (mask == "0")]), "1")
    assert found is not None
    assert not found.told_apart
    words = found.words("1", "problems", "updates")
    assert words.startswith("1 against 0, the best of those run as far: -50.0% updates over 2 problems")
    assert "of 1 pilot network; that may be chance" in words


def test_a_mask_that_stopped_early_is_compared_as_far_as_it_went():
    found = margin({"11": 2, "00": 1}, scores, "11")
    assert found is not None
    assert (found.other, found.length) == ("00", 1)


@pytest.mark.parametrize("lengths", [{}, {"11": 2}, {"01": 2}, {"11": 2, "01": 0}])
def test_without_another_mask_there_is_no_margin(lengths):
    assert margin(lengths, scores, "11") is None


INFINITE = float("inf")


@pytest.mark.parametrize(
    ("chosen", "other", "broken"),
    [
        ([0.1, 0.2], [INFINITE, 0.1], (0, 1)),
        ([0.1, 0.2], [float("nan"), INFINITE], (0, 2)),
        ([INFINITE, 0.2], [INFINITE, 0.3], (1, 1)),
        ([INFINITE, 0.2], [0.1, 0.3], (1, 0)),
    ],
)
@pytest.mark.filterwarnings("error")
def test_a_network_that_broke_is_counted_and_no_difference_is_told(chosen, other, broken):
    values = {"1": np.array(chosen), "0": np.array(other)}
    found = margin({"1": 3, "0": 3}, lambda mask, length: values[mask], "1")
    assert found is not None
    assert found.difference is None
    assert (found.broken, found.broken_other) == broken
    assert not found.told_apart
    assert found.words("1", "epochs", "error") == (
        "1 against 0, the best of those run as far: no difference of error, "
        f"since {broken[0]} of 1 and {broken[1]} of 0 broke over 3 epochs of 2 pilot networks"
    )


def test_a_mask_that_never_broke_is_nearer_than_one_that_did():
    values = {"11": np.array([0.1, 0.1]), "01": np.array([0.9, 0.9]), "10": np.array([INFINITE, 0.1])}
    found = margin(dict.fromkeys(values, 1), lambda mask, length: values[mask], "11")
    assert found is not None
    assert (found.other, found.broken_other) == ("01", 0)
