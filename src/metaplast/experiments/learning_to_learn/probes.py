"""Probe trials: what the saved networks of a run do on many trials of the problem that they learned last."""

from collections.abc import Callable
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int, PRNGKeyArray

from metaplast.experiments.learning_to_learn.experiment import Lane, Study
from metaplast.experiments.learning_to_learn.session import load_model
from metaplast.learning import Lanes
from metaplast.models import Model, Response
from metaplast.run_names import Moment, probe_name
from metaplast.runs import RunDirectory
from metaplast.tasks import Family, Trial

DECIMALS = 5
"""Digits to which two inputs have to agree to count as the same stimulus."""


class Probe(NamedTuple):
    """A saved network to be probed."""

    lane: Lane
    moment: Moment

    @property
    def name(self) -> str:
        """Name of its arrays in the run directory."""
        return probe_name(self.lane.condition, self.lane.seed, self.moment.name)

    @property
    def problem(self) -> int:
        """Index of the problem learned last; of the network that has learned none, the first."""
        return max(self.moment.problems - 1, 0)


def probe_trials(family: Family, key: PRNGKeyArray, problem: Int[Array, ""], trials: int) -> tuple[Trial, PRNGKeyArray]:
    """Fresh trials of a problem of the sequence that `key` determines, and a key for whatever is random in a network.

    They depend on `key` and `problem` alone, so all conditions of a seed are probed with the same trials. None of
    them was learned from.
    """
    problem_key, trial_key = jax.random.split(jax.random.fold_in(key, problem))
    return family.sample(problem_key).trials(trial_key, trials), trial_key


def probes_of(study: Study, directory: RunDirectory) -> list[Probe]:
    """Every saved network of the seeds that are probed, seed by seed."""
    run, seeds = study.config.run, study.config.analysis.seeds
    lanes = [lane for lane in study.lanes if not seeds or lane.seed < run.seed + seeds]
    return [Probe(lane, moment) for lane in lanes for moment in directory.moments(*lane)]


def record_probes(study: Study, directory: RunDirectory, told: Callable[[int, int], None]) -> None:
    """Write probes/*.npz for every saved network; those that are there already are not made again.

    `told` hears how many are done, and of how many.

    Raises:
        Mismatch: a saved network that does not fit the configuration.
    """
    probes = probes_of(study, directory)
    missing = [probe for probe in probes if not directory.has_arrays(probe.name)]
    told(len(probes) - len(missing), len(probes))
    places = len(jax.devices())
    respond = Lanes(_response_function(study), places)
    for first in range(0, len(missing), places):
        together = missing[first : first + places]
        # Idle places repeat the last network, so that one compiled program serves all calls.
        filled = [*together, *[together[-1]] * (places - len(together))]
        models = [load_model(directory, study, probe.lane, probe.moment.name) for probe in filled]
        keys = jnp.stack([study.keys[study.lanes.index(probe.lane)] for probe in filled])
        problems = jnp.asarray([probe.problem for probe in filled], jnp.int32)
        recorded = respond(jax.tree.map(lambda *leaves: jnp.stack(leaves), *models), keys, problems)
        for place, probe in enumerate(together):
            trial, response = jax.tree.map(lambda leaf, place=place: np.asarray(leaf[place]), recorded)
            directory.write_arrays(probe.name, probe_arrays(study, probe, trial, response))
        told(len(probes) - len(missing) + first + len(together), len(probes))


def _response_function(study: Study) -> Callable[..., tuple[Trial, Response]]:
    def respond(family: Family, model: Model, key: PRNGKeyArray, problem: Array) -> tuple[Trial, Response]:
        trial, network_key = probe_trials(family, key, problem, study.config.analysis.trials)
        return trial, model.respond(trial.inputs, network_key)

    return eqx.Partial(respond, study.family)


def probe_arrays(study: Study, probe: Probe, trial: Trial, response: Response) -> dict[str, np.ndarray]:
    """What is written of a probe: the response and the trials, [time, trials, ...] each, and which trial shows what."""
    if study.start.model.spiking:
        sent = {"spikes": np.asarray(response.activity).astype(np.uint8)}
    else:
        sent = {"activity": np.asarray(response.activity, np.float32)}
    return sent | {
        "voltage": np.asarray(response.hidden, np.float32),
        "inputs": np.asarray(trial.inputs, np.float32),
        "target": np.asarray(trial.target),
        "decision": np.asarray(trial.decision),
        "stimulus": distinct(np.asarray(trial.inputs)),
        "problem": np.asarray(probe.problem),
        "dt": np.asarray(study.family.dt),
    }


def distinct(inputs: np.ndarray) -> np.ndarray:
    """For inputs [time, trials, channels] the index, from 0, of the distinct sequence that each trial shows.

    The indices have no order that means something: two problems number their stimuli independently.
    """
    rows = np.round(np.swapaxes(inputs, 0, 1).reshape(inputs.shape[1], -1), DECIMALS) + 0.0  # no -0.0 beside 0.0
    return np.unique(rows, axis=0, return_inverse=True)[1].reshape(-1)
