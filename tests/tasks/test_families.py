"""Contracts of every registered family: shapes, timing, balance and determinism."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metaplast.tasks import (
    FAMILIES,
    DelayedAssociation,
    DelayedMatch,
    Family,
    GoNoGoRecall,
    Problem,
    RotatedImages,
    Trial,
)
from metaplast.tasks.base import count_steps, orthonormal

FIXATION = 2
EXAMPLES: dict[str, Family] = {
    "delayed-match": DelayedMatch(),
    "context": DelayedMatch(contextual=True, remap=True),
    "go-no-go-recall": GoNoGoRecall(),
    "fine steps": GoNoGoRecall(dt=5.0),
    "delayed-association": DelayedAssociation(),
}
BATCH = 400


def test_every_registered_family_has_an_example_and_named_settings():
    # Rotated images have no fixation cue and no response period; their tests are their own.
    assert {type(family) for family in EXAMPLES.values()} | {RotatedImages} == set(FAMILIES.values())
    for kind in FAMILIES.values():
        documented = [field.metadata.get("help") for field in kind.__dataclass_fields__.values()]
        assert all(documented), kind


@pytest.fixture(scope="module", params=EXAMPLES)
def drawn(request: pytest.FixtureRequest, quick_compilation: None) -> tuple[Family, Problem, Trial]:
    """A family, one of its problems, and many trials of it."""
    family = EXAMPLES[request.param]
    problem = family.sample(jax.random.key(1))
    return family, problem, problem.trials(jax.random.key(2), BATCH)


def response_start(family: Family) -> int:
    return round(sum(list(family.periods().values())[:-1]) / family.dt)


def test_shapes_and_types(drawn):
    family, _, trial = drawn
    steps = round(sum(family.periods().values()) / family.dt)
    assert trial.inputs.shape == (steps, BATCH, family.channels)
    assert len(set(family.output_names)) == family.outputs
    assert trial.inputs.dtype == trial.mask.dtype == trial.decision.dtype == jnp.float32
    assert jnp.issubdtype(trial.target.dtype, jnp.integer)
    assert trial.target.shape == trial.mask.shape == trial.decision.shape == (steps, BATCH)
    assert set(np.unique(trial.target)) == set(range(family.outputs))


def test_fixation_cue_and_target_last_exactly_until_the_response(drawn):
    family, _, trial = drawn
    start = response_start(family)
    cue = np.asarray(trial.inputs[..., -1])
    np.testing.assert_array_equal(cue[:start], np.float32(10**-0.5))
    np.testing.assert_array_equal(cue[start:], 0.0)
    np.testing.assert_array_equal(trial.target[:start], FIXATION)
    answers = np.asarray(trial.target[start:])
    assert set(np.unique(answers)) == {0, 1}
    assert (answers == answers[:1]).all()


def test_mask_leaves_out_the_grace_alone_and_decision_is_the_rest_of_the_response(drawn):
    family, _, trial = drawn
    start = response_start(family)
    graded = start + round(family.grace / family.dt)
    steps = np.arange(trial.mask.shape[0])
    mask = np.where((steps >= start) & (steps < graded), 0.0, 1.0)
    np.testing.assert_array_equal(trial.mask, np.repeat(mask[:, None], BATCH, 1))
    np.testing.assert_array_equal(trial.decision, np.repeat(1.0 * (steps >= graded)[:, None], BATCH, 1))


def test_answers_are_balanced(drawn):
    ones = int(drawn[2].target[-1].sum())
    assert abs(ones - BATCH / 2) < 4 * np.sqrt(BATCH) / 2


def test_stimuli_are_orthonormal(drawn):
    problem = drawn[1]
    vectors = np.concatenate([problem.stimuli, getattr(problem, "contexts", problem.stimuli[:0])])
    np.testing.assert_allclose(vectors @ vectors.T, np.eye(len(vectors)), atol=1e-6)


def test_the_stimuli_of_many_problems_lean_in_no_direction():
    # A fixed channel that tells which response a stimulus calls for would be learned once for all problems.
    problems, count, size = 1000, 4, 10
    keys = jax.random.split(jax.random.key(5), problems)
    mean = jax.vmap(lambda key: orthonormal(key, count, size))(keys).mean(axis=0)
    assert np.abs(np.asarray(mean)).max() < 5 / np.sqrt(size * problems)


def test_compiled_trials_are_the_same(drawn):
    family, _, trial = drawn
    compiled = eqx.filter_jit(lambda keys: family.sample(keys[0]).trials(keys[1], BATCH))
    again = compiled((jax.random.key(1), jax.random.key(2)))
    np.testing.assert_allclose(again.inputs, trial.inputs, atol=1e-6)
    assert all(np.array_equal(one, two) for one, two in zip(again[1:], trial[1:], strict=True))


def test_a_key_determines_a_problem_and_another_key_gives_another(drawn):
    family, problem, _ = drawn
    same, other = family.sample(jax.random.key(1)), family.sample(jax.random.key(3))
    assert eqx.tree_equal(same, problem)
    assert np.abs(np.asarray(other.stimuli - problem.stimuli)).max(axis=1).min() > 0.05
    first, second = (problem.trials(jax.random.key(seed), 50).target[-1] for seed in (2, 4))
    assert not np.array_equal(first, second)


@pytest.mark.parametrize(
    ("kind", "settings", "message"),
    [
        (DelayedMatch, {"delay": 15.0}, "delay is 15.0 ms, which is not a whole number of steps of 10.0 ms"),
        (DelayedMatch, {"delay": -100.0}, "delay is -100.0 ms; a duration must be finite and not negative"),
        (DelayedMatch, {"delay": float("nan")}, "delay is nan ms"),
        (DelayedMatch, {"dt": 0.0}, "dt is 0.0 ms; a time step must be positive"),
        (DelayedMatch, {"dt": -10.0}, "dt is -10.0 ms"),
        (DelayedMatch, {"grace": 100.0}, "grace is 100.0 ms; it must be shorter than the response of 100.0 ms"),
        (DelayedMatch, {"grace": 5.0}, "grace is 5.0 ms, which is not a whole number"),
        (DelayedMatch, {"stimulus_size": 3}, "4 orthonormal stimuli do not fit into stimulus_size = 3"),
        (GoNoGoRecall, {"cues": 3}, "cues is 3; half of them mean go"),
        (GoNoGoRecall, {"cues": 0}, "cues is 0"),
        (GoNoGoRecall, {"cues": 12}, "12 orthonormal stimuli do not fit"),
        (GoNoGoRecall, {"cue": 101.0}, "sample is 101.0 ms, which is not a whole number"),
        (DelayedAssociation, {"stimulus_size": 1}, "2 orthonormal stimuli do not fit"),
        (DelayedAssociation, {"choice": 50.0}, "grace is 100.0 ms; it must be shorter"),
    ],
)
def test_impossible_settings_are_refused_at_construction(kind, settings, message):
    with pytest.raises(ValueError, match=message):
        kind(**settings)


def test_steps_are_counted_exactly():
    assert count_steps("delay", 0.3, 0.1) == 3
    assert count_steps("delay", 0.0, 0.1) == 0
    with pytest.raises(ValueError, match="not a whole number"):
        count_steps("delay", 0.35, 0.1)
