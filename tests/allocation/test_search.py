"""Searches find the best mask of a landscape that is known, and spend what they say."""

import random

import jax
import numpy as np
import pytest

from metaplast.allocation import SEARCHES, Evolution, Exhaustive, Halving, Preset, RandomSearch, Relaxed, Space

SPACE = Space({"a": ("*.a",), "b": ("*.b",), "c": ("*.c1", "*.c2")}, always=("*.weight",))
BEST = (True, False, True)


class Landscape:
    """Scores with one best mask; every mask gets harder to tell apart the fewer problems are looked at."""

    def __init__(self, blur: float = 0.0) -> None:
        self.measured: dict = {}
        self.blur = blur
        self.draw = np.random.default_rng(1)

    def score(self, masks, problems):
        for mask in masks:
            self.measured[mask] = max(self.measured.get(mask, 0), problems)
        distance = [10.0 + 2.0 * sum(x != y for x, y in zip(mask, BEST, strict=False)) for mask in masks]
        return np.asarray(distance) + self.blur * self.draw.normal(size=len(masks)) / np.sqrt(problems)

    def slope(self, warm):
        """The loss falls along the gates of the best mask and rises along the others."""
        return lambda gates, step: np.where(BEST, -0.02, 0.02)

    @property
    def cost(self) -> int:
        return sum(self.measured.values())


@pytest.mark.parametrize(
    "search", [Exhaustive(), Halving(), Evolution(generations=6), RandomSearch(candidates=8), Relaxed()]
)
def test_the_best_mask_is_found(search):
    assert search.choose(SPACE, Landscape(), seed=0) == BEST


def test_every_registered_search_is_tried_here_or_refuses_without_settings():
    assert set(SEARCHES) == {"preset", "random", "exhaustive", "halving", "evolution", "relaxed"}


def test_a_preset_measures_nothing():
    landscape = Landscape()
    assert Preset("010").choose(SPACE, landscape, seed=0) == (False, True, False)
    assert landscape.cost == 0


@pytest.mark.parametrize("mask", ["", "01", "012", "abc"])
def test_a_preset_that_is_no_mask_is_refused(mask):
    with pytest.raises(ValueError, match="give one 0 or 1 for each of the groups: a, b, c"):
        Preset(mask).choose(SPACE, Landscape(), seed=0)


def test_a_race_costs_less_than_half_of_trying_everything():
    everything, race = Landscape(), Landscape()
    Exhaustive(problems=100).choose(SPACE, everything, seed=0)
    Halving(problems=100, first=10).choose(SPACE, race, seed=0)
    assert everything.cost == 800
    assert race.cost == 4 * 10 + 2 * 20 + 2 * 100
    assert sorted(race.measured.values()) == [10, 10, 10, 10, 20, 20, 100, 100]


def space_of(count: int) -> Space:
    """A space of so many masks, as searches for channels have where each of two layers needs at least one."""
    layers = {3: (2,), 7: (3,), 8: (), 49: (3, 3), 64: ()}[count]
    needed = [tuple(f"{layer}{one}" for one in range(size)) for layer, size in zip("ab", layers, strict=False)]
    free = [f"c{one}" for one in range({8: 3, 64: 6}.get(count, 0))]
    names = [*(name for names in needed for name in names), *free]
    return Space({name: (name,) for name in names}, needed=tuple(needed))


@pytest.mark.parametrize(
    ("count", "share"), [(3, 205 / 300), (7, 0.34), (8, 0.35), (49, 0.18), (64, 0.16)], ids=lambda value: f"{value:.3g}"
)
def test_a_race_of_any_size_ends_between_two_that_run_all_problems(count, share):
    space, landscape = space_of(count), Landscape()
    assert len(space.all()) == count
    Halving(problems=100, first=5).choose(space, landscape, seed=0)
    assert sum(problems == 100 for problems in landscape.measured.values()) == 2
    assert landscape.cost <= share * 100 * count


def test_a_short_race_ends_between_two_too():
    """As searches for channels have it: six epochs, of which the first round is one."""
    landscape = Landscape()
    Halving(problems=6, first=1).choose(space_of(7), landscape, seed=0)
    assert sorted(landscape.measured.values()) == [1, 1, 1, 2, 2, 6, 6]


@pytest.mark.parametrize(
    ("name", "setting", "value", "words"),
    [
        ("random", "candidates", 0, "1 or more"),
        ("random", "problems", 0, "1 or more"),
        ("exhaustive", "problems", -2, "1 or more"),
        ("halving", "first", 0, "1 or more"),
        ("halving", "first", -3, "1 or more"),
        ("halving", "problems", 0, "1 or more"),
        ("evolution", "population", 0, "2 or more"),
        ("evolution", "population", 1, "2 or more"),
        ("evolution", "generations", -1, "0 or more"),
        ("evolution", "problems", 0, "1 or more"),
        ("evolution", "flip", 7.0, "a probability from 0 to 1"),
        ("evolution", "flip", float("nan"), "a probability from 0 to 1"),
        ("relaxed", "steps", -1, "1 or more"),
        ("relaxed", "warm", 0, "1 or more"),
        ("relaxed", "rate", 0.0, "a number above 0"),
        ("relaxed", "price", -1.0, "0 or more"),
        ("relaxed", "temperature", 0.0, "a number above 0"),
    ],
)
def test_a_setting_out_of_range_is_refused_by_its_name(name, setting, value, words):
    with pytest.raises(ValueError, match=rf"^{setting} is {value}; give {words}$"):
        SEARCHES[name](**{setting: value})


@pytest.mark.parametrize("search", [RandomSearch(candidates=1), Halving(first=1), Evolution(2, 0), Relaxed(1)])
def test_the_least_settings_that_are_taken_serve(search):
    assert search.choose(SPACE, Landscape(), seed=0) in SPACE.all()


def test_a_race_survives_noise_that_averages_out():
    found = [Halving(problems=400, first=50).choose(SPACE, Landscape(blur=3.0), seed=seed) for seed in range(5)]
    assert found.count(BEST) >= 4


def test_evolution_repeats_with_its_seed_and_leaves_the_global_generator_alone():
    random.seed(7)
    expected = random.random()
    random.seed(7)
    wide = Space({str(index): (f"*.{index}",) for index in range(9)})
    first, second = (Evolution(generations=2).choose(wide, Landscape(), seed=3) for _ in range(2))
    assert first == second
    assert random.random() == expected


def test_an_allocation_is_named_after_its_mask_and_frees_its_groups():
    allocation = SPACE.allocation(BEST)
    assert allocation.name == "101"
    assert allocation.patterns == ("*.weight", "*.a", "*.c1", "*.c2")
    with pytest.raises(ValueError, match="mask 10 has 2 digits for 3 groups"):
        SPACE.allocation((True, False))


def test_a_space_without_groups_is_refused():
    with pytest.raises(ValueError, match="groups is empty"):
        Space({})


def test_gates_are_closed_open_or_between_and_their_odds_are_those_of_the_formula():
    search = Relaxed()
    logits = np.array([-2.0, 0.0, 1.5])
    drawn = np.array([search.gates(logits, key) for key in jax.random.split(jax.random.key(0), 4000)])
    assert (drawn == 0).any()
    assert (drawn == 1).any()
    assert ((drawn > 0) & (drawn < 1)).any()
    np.testing.assert_allclose((drawn > 0).mean(axis=0), search.open(logits), atol=0.03)


def test_a_price_closes_gates_that_change_nothing():
    class Flat(Landscape):
        def slope(self, warm):
            return lambda gates, step: np.zeros(3)

    assert Relaxed(price=0.05).choose(SPACE, Flat(), seed=0) == (False, False, False)


@pytest.mark.parametrize("search", [Exhaustive(), Halving(), Evolution(generations=6), RandomSearch(candidates=8)])
def test_a_score_that_is_no_number_never_wins(search):
    class Breaking(Landscape):
        def score(self, masks, problems):
            broken = [mask != BEST and mask[1] for mask in masks]
            return np.where(broken, np.nan, super().score(masks, problems))

    assert search.choose(SPACE, Breaking(), 0) == BEST
