"""The answers of every family, found again from the inputs by a rule written in numpy."""

import equinox as eqx
import jax
import numpy as np
import pytest

from metaplast.tasks import DelayedAssociation, DelayedMatch, Family, GoNoGoRecall, Problem, Trial

BATCH = 200


@eqx.filter_jit
def draw(problem: Problem) -> Trial:
    return problem.trials(jax.random.key(5), BATCH)


@eqx.filter_jit
def sample(family: Family, seed: int) -> Problem:
    return family.sample(jax.random.key(seed))


def seen(problem: Problem) -> np.ndarray:
    """The image part of the input, [time, batch, size]."""
    return np.asarray(draw(problem).inputs)[..., :-1]


def answers(problem: Problem) -> np.ndarray:
    return np.asarray(draw(problem).target)[-1]


def nearest(images: np.ndarray, vectors) -> np.ndarray:
    return (images @ np.asarray(vectors).T).argmax(axis=1)


SEEDS = np.arange(3)


@pytest.mark.parametrize("seed", SEEDS)
def test_delayed_match_answers_one_exactly_when_sample_and_test_are_alike(seed):
    problem = sample(DelayedMatch(), seed)
    images = seen(problem)
    first, second = images[0], images[30]
    match = np.abs(first - second).max(axis=1) < 1e-6
    np.testing.assert_array_equal(answers(problem), match.astype(int))
    # The sample is shown for 100 ms, then nothing for 200 ms, then the test for 100 ms, then nothing.
    shown = np.abs(images).max(axis=(1, 2)) > 0
    np.testing.assert_array_equal(shown, np.repeat([True, False, True, False], [10, 20, 10, 10]))
    np.testing.assert_array_equal(images[:10], np.repeat(first[None], 10, 0))
    np.testing.assert_array_equal(images[30:40], np.repeat(second[None], 10, 0))


@pytest.mark.parametrize("seed", SEEDS)
def test_context_inverts_the_rule_in_half_of_the_trials(seed):
    problem = sample(DelayedMatch(contextual=True), seed)
    first, second = seen(problem)[0], seen(problem)[30]
    context = nearest(first, problem.contexts)
    match = nearest(first, problem.stimuli) == nearest(second, problem.stimuli)
    np.testing.assert_array_equal(answers(problem), (match ^ (context == 1)).astype(int))
    assert 0.35 < context.mean() < 0.65
    # Sample and context lie on top of each other, each with length 1; the test comes alone.
    np.testing.assert_allclose(np.linalg.norm(first, axis=1), np.sqrt(2), rtol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(second, axis=1), 1.0, rtol=1e-5)
    # Without the context nothing can be told.
    assert 0.35 < (match == answers(problem)).mean() < 0.65


def test_remap_swaps_the_responses_of_about_half_of_the_problems():
    agreements = []
    for seed in np.arange(24):
        problem = sample(DelayedMatch(remap=True), seed)
        images = seen(problem)
        match = nearest(images[0], problem.stimuli) == nearest(images[30], problem.stimuli)
        agreements.append((answers(problem) == match).mean())
    assert set(agreements) == {0.0, 1.0}
    assert 6 <= sum(agreements) <= 18
    assert not any(sample(DelayedMatch(), seed).swapped for seed in np.arange(8))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("cues", [2, 4])
def test_exactly_half_of_the_cues_mean_go_and_every_cue_keeps_its_meaning(seed, cues):
    problem = sample(GoNoGoRecall(cues=cues), seed)
    assert int(problem.answers.sum()) == cues // 2
    images = seen(problem)
    cue = nearest(images[0], problem.stimuli)
    np.testing.assert_array_equal(answers(problem), np.asarray(problem.answers)[cue])
    assert set(cue) == set(range(cues))
    shown = np.abs(images).max(axis=(1, 2)) > 0
    np.testing.assert_array_equal(shown, np.repeat([True, False], [10, 40]))


def test_cues_get_new_meanings_in_new_problems():
    meanings = {tuple(sample(GoNoGoRecall(cues=4), seed).answers.tolist()) for seed in np.arange(24)}
    assert len(meanings) > 3


def test_association_is_exactly_as_published():
    """Goudar et al. (2023): every number here is theirs."""
    family = DelayedAssociation()
    assert family.dt == 1.0
    assert list(family.periods().values()) == [500.0, 1000.0, 500.0]
    assert (family.channels, family.outputs) == (11, 3)
    problem = sample(family, 0)
    assert problem.stimuli.shape == (2, 10)
    trial = jax.tree.map(np.asarray, draw(problem))
    assert trial.inputs.shape == (2000, BATCH, 11)
    images, cue = trial.inputs[..., :-1], trial.inputs[..., -1]
    shown = np.abs(images).max(axis=(1, 2)) > 0
    np.testing.assert_array_equal(shown, np.arange(2000) < 500)
    np.testing.assert_allclose(cue, np.repeat(0.31622777 * (np.arange(2000) < 1500)[:, None], BATCH, 1), rtol=1e-6)
    np.testing.assert_array_equal(trial.target[:1500], 2)
    chosen = nearest(images[0], problem.stimuli)
    np.testing.assert_array_equal(trial.target[1500:], np.repeat(chosen[None], 500, 0))
    counted = (np.arange(2000) < 1500) | (np.arange(2000) >= 1600)
    np.testing.assert_array_equal(trial.mask, np.repeat(1.0 * counted[:, None], BATCH, 1))
    np.testing.assert_allclose(np.linalg.norm(images[0], axis=1), 1.0, rtol=1e-5)
