"""metaplast's first updates, for another implementation to repeat: python bench/first_updates.py OUT_DIR [SETTING ...].

Writes OUT_DIR/first_updates.npz and .json: the settings of `metaplast run dms` with these `a.b=value`, the trials of
two problems of `--updates` updates each (whether solved or not), the task losses, and for the first update of either
problem what it started from (parameters, singular directions, homeostatic target) and its gradient.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import numpy as np

from metaplast.experiments.learning_to_learn.configuration import configuration
from metaplast.experiments.learning_to_learn.experiment import Study, build, build_learner, lane_model
from metaplast.learning import GradientLearner
from metaplast.params import named_arrays
from metaplast.tasks import Family

PROBLEMS = 2


def settings_of(study: Study) -> dict[str, Any]:
    """All numbers of the protocol, by the names that the other side has for them."""
    config, family = study.config, study.family
    learning, loss, criterion = config.learning, config.loss, config.criterion
    learner = jax.tree.map(lambda rate: rate[0], study.learner)
    return {
        "dt": family.dt,
        "periods": family.periods(),
        "grace": family.grace,
        "stimulus_size": family.stimulus_size,
        "fixation": family.fixation,
        "batch": learning.batch,
        "rate": learning.rate,
        "betas": [learning.beta1, learning.beta2],
        "clip": learning.clip,
        "homeostasis": loss.homeostasis,
        "input_price": loss.input_price,
        "recurrent_price": loss.recurrent_price,
        "output_price": loss.output_price,
        "loss_below": criterion.loss_below,
        "window": criterion.window,
        "limit": criterion.limit,
        "rank": learner.loss.rank,
        "remembered": learner.loss.window,
    }


def first_updates(study: Study, updates: int) -> dict[str, np.ndarray]:
    """The arrays of the file, by name; what belongs to a problem begins with its number."""
    rates = jax.tree.map(lambda rate: rate[0], study.learner.rates)
    learner = build_learner(study.config, rates)
    model, arrays = lane_model(study.start, 0), {}
    state = learner.init(model)
    step = eqx.filter_jit(learner.step)
    for problem in range(PROBLEMS):
        state = learner.begin(model, state)
        losses, shown = [], []
        for trials, key in trials_of(study.family, study.keys[0], problem, updates, study.config.learning.batch):
            if not losses:
                arrays |= {
                    f"{problem}/{name}": array for name, array in start_of(learner, model, state, trials, key).items()
                }
            model, state, metrics = step(model, state, trials, key)
            losses.append(metrics.loss)
            shown.append(trials)
        stacked = jax.tree.map(lambda *parts: np.stack(parts), *shown)._asdict()
        arrays |= {f"{problem}/{name}": array for name, array in stacked.items()}
        arrays[f"{problem}/losses"] = np.stack(losses)
    return {name: np.asarray(array) for name, array in arrays.items()}


def trials_of(family: Family, key: Any, problem: int, updates: int, batch: int) -> list[tuple[Any, Any]]:
    """Trials and key of every update, as `learn_sequence` and `learn` draw them."""
    problem_key, learn_key = jax.random.split(jax.random.fold_in(key, problem))
    drawn, made = family.sample(problem_key), []
    for update in range(updates):
        trial_key, step_key = jax.random.split(jax.random.fold_in(learn_key, update))
        made.append((drawn.trials(trial_key, batch), step_key))
    return made


def start_of(learner: GradientLearner, model: Any, state: Any, trials: Any, key: Any) -> dict[str, Any]:
    """What an update starts from, and its gradient in every learned parameter."""
    learned, constant = learner.split(model)

    def total(learned: Any) -> Any:
        candidate = eqx.combine(learned, constant)
        return learner.loss(candidate, candidate.respond(trials.inputs, key), trials, state.loss)[0]

    gradient = eqx.filter_jit(jax.grad(total))(learned)
    return {
        "directions": state.loss.directions,
        "homeostatic_target": state.loss.target,
        **{f"parameter/{name}": array for name, array in named_arrays(model).items()},
        **{f"gradient/{name}": array for name, array in named_arrays(gradient).items()},
    }


def main() -> None:
    """Write both files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("settings", nargs="*")
    parser.add_argument("--updates", type=int, default=20)
    arguments = parser.parse_args()
    study = build(configuration("dms", arguments.settings))
    model = {"name": study.config.model.__struct_config__.tag, "heads": getattr(study.config.model, "heads", 0)}
    arrays = first_updates(study, arguments.updates)
    arguments.out.mkdir(parents=True, exist_ok=True)
    np.savez(arguments.out / "first_updates.npz", **arrays)
    record = {"model": model, "updates": arguments.updates, "settings": settings_of(study)}
    (arguments.out / "first_updates.json").write_text(json.dumps(record, indent=1))


if __name__ == "__main__":
    main()
