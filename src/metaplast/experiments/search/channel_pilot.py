"""Short trainings under every mask of channels: one compiled program, since a mask enters it as numbers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PRNGKeyArray, PyTree

from metaplast.allocation import Mask, Search, Space
from metaplast.analysis.search.channel_pilot_rows import PilotRow, read_pilot, write_pilot
from metaplast.analysis.search.margin import Margin, margin
from metaplast.config import Table, to_table
from metaplast.experiments.allocation_files import CONDITION
from metaplast.experiments.classification.assignment_settings import EqualSettings
from metaplast.experiments.classification.experiment import Grid
from metaplast.experiments.classification.learners import behind_gates
from metaplast.experiments.classification.session import of_seed
from metaplast.experiments.learning_to_learn.experiment import Lane
from metaplast.experiments.learning_to_learn.pilot_lanes import catch_up, of_lane, stacked, state_name
from metaplast.experiments.search.channel_settings import ChannelSearch, gains_of
from metaplast.experiments.search.progress import Told
from metaplast.experiments.states import load_progress, load_state, save_state
from metaplast.figures.run import draw_pilot
from metaplast.learning import Lanes
from metaplast.learning.classification import Examples, known, learn_epoch
from metaplast.learning.classifier import Classifier
from metaplast.models.layered import layer_names, projection_name
from metaplast.runs import RunDirectory


@dataclass(frozen=True)
class ChannelStudy:
    """Everything that the configuration of a search for channels describes, built and checked."""

    config: ChannelSearch
    search: Search
    space: Space
    projections: dict[str, tuple[str, ...]]
    """By group the projections that are present together."""
    grid: Grid
    """One condition, with all channels in all layers, on the examples of the pilot."""

    def pilot(self, directory: RunDirectory, told: Callable[[Told], None]) -> "ChannelPilot":
        """The pilot networks that a search asks."""
        return ChannelPilot(self, directory, told)

    def found(self, mask: Mask) -> Table:
        """What a run takes: the condition with the channels and gains of a mask, without projections for the others."""
        groups = zip(self.projections.values(), mask, strict=True)
        present = {name for names, free in groups if free for name in names}
        choice = self.config.pilot.channels
        layers = {
            layer: [name for name in choice if projection_name(layer, name) in present]
            for layer in layer_names(len(self.config.network.hidden) + 1)
        }
        somewhere = [name for name in choice if any(name in names for names in layers.values())]
        gains = to_table(self.config.pilot.assignment or EqualSettings())
        if "gains" in gains:
            gains["gains"] = gains_of(gains["gains"], somewhere)
        condition = {"channels": somewhere, "layers": layers, "assignment": gains}
        return {"data": self.grid.data.name, CONDITION: condition}


class ChannelPilot:
    """Pilot networks under every mask of a space, learned as far as a search asks; the `Pilot` that searches see.

    A channel that is absent from a layer has weights and a strength of zero there, and its learner is closed: it
    contributes exactly nothing, and learns nothing. All is in `directory`, from which a search that was killed goes on.
    """

    unit = "epochs"

    def __init__(self, study: ChannelStudy, directory: RunDirectory, told: Callable[[Told], None]) -> None:
        self._study, self._directory, self._told = study, directory, told
        self.measure = study.config.pilot.objective
        self._group = study.grid.groups[0]
        pilot = study.config.pilot
        self.seeds = range(pilot.seed, pilot.seed + pilot.seeds)
        self._learn = program(study)
        self._states: dict[Lane, PyTree] = {}
        self._rows: dict[Lane, list[PilotRow]] = {}
        self._find_finished()

    @property
    def rows(self) -> list[PilotRow]:
        """All epochs of all pilot networks."""
        return [row for rows in self._rows.values() for row in rows]

    def tried(self) -> dict[str, dict[str, float]]:
        """By mask how many epochs its networks learned, and what the last that all of them learned came to."""
        found = {}
        for mask in sorted({lane.condition for lane in self._rows}):
            lanes = [self._rows[lane] for lane in self._rows if lane.condition == mask]
            last = min(len(rows) for rows in lanes) - 1
            found[mask] = {
                "epochs": sum(len(rows) for rows in lanes),
                "held_out_loss": float(np.mean([rows[last].held_out_loss for rows in lanes])),
                "held_out_error": float(np.mean([rows[last].held_out_error for rows in lanes])),
            }
        return found

    def draw(self, chosen: str) -> None:
        """Draw what was tried."""
        draw_pilot(self._directory, self.rows, list(self._study.space.groups), chosen, self.measure)

    def model(self, lane: Lane) -> Classifier:
        """The classifier of a lane, as far as it has learned."""
        template = of_seed(self._group.start, self.seeds.index(lane.seed)).model
        return eqx.combine(self._states[lane].model, template) if lane in self._states else template

    def score(self, masks: Sequence[Mask], problems: int) -> np.ndarray:
        """What is to be small after so many epochs, mean over the seeds.

        It is infinite for a mask that is not allowed, and for one under which the loss of some seed is no number.
        """
        space = self._study.space
        allowed = [mask for mask in masks if space.allows(mask)]
        lanes = [Lane(space.label(mask), seed) for mask in allowed for seed in self.seeds]
        catch_up(lanes, problems, self._reached, self._advance)
        found = np.full(len(masks), np.inf)
        for place, mask in enumerate(masks):
            if mask in allowed:
                found[place] = self.scores(space.label(mask), problems).mean()
        return found

    def scores(self, mask: str, length: int) -> np.ndarray:
        """What is to be small after so many epochs, of each network; infinite where it broke."""
        rows = [self._rows[Lane(mask, seed)][length - 1] for seed in self.seeds]
        broken = ~np.isfinite([row.held_out_loss for row in rows])
        return np.where(broken, np.inf, [getattr(row, f"held_out_{self.measure}") for row in rows])

    def margin(self, chosen: str) -> Margin | None:
        """How far ahead of the others the mask with this label is, after the epochs that all its networks learned."""
        masks = sorted({lane.condition for lane in self._rows})
        lengths = {mask: min(self._reached(Lane(mask, seed)) for seed in self.seeds) for mask in masks}
        return margin(lengths, self.scores, chosen)

    def slope(self, warm: int) -> Callable[[np.ndarray, int], np.ndarray]:
        """Channels have no gates between absent and present, so that searches which ask for them do not serve here.

        Raises:
            ValueError: always; `channel_search.build` refuses such a search before it begins.
        """
        raise ValueError("channels have no gates whose slope could be measured; choose another search.name")

    def _present(self, lane: Lane) -> dict[str, Array]:
        """For every projection whether its channel is present."""
        groups = self._study.projections
        chosen = {name for name, digit in zip(groups, lane.condition, strict=True) if digit == "1"}
        return {name: jnp.asarray(group in chosen) for group, names in groups.items() for name in names}

    def _start(self, lane: Lane) -> PyTree:
        learned = of_seed(self._group.start, self.seeds.index(lane.seed))
        return eqx.filter(learned._replace(model=without(learned.model, self._present(lane))), eqx.is_array)

    def _reached(self, lane: Lane) -> int:
        """Epochs that a lane has learned."""
        return len(self._rows.get(lane, ()))

    def _advance(self, lanes: list[Lane]) -> None:
        """Learn the next epoch, one lane a device, and write what came out."""
        keys = [self._group.keys[self.seeds.index(lane.seed)] for lane in lanes]
        states, found = self._learn(
            stacked([self._states[lane] if lane in self._states else self._start(lane) for lane in lanes]),
            stacked([self._present(lane) for lane in lanes]),
            jnp.stack(keys),
            jnp.asarray([self._reached(lane) for lane in lanes], jnp.int32),
        )
        for place, lane in enumerate(dict.fromkeys(lanes)):
            numbers = (float(value[place]) for value in found)
            rows = [*self._rows.get(lane, []), PilotRow(*lane, self._reached(lane) + 1, *numbers)]
            self._rows[lane], self._states[lane] = rows, of_lane(states, place)
            write_pilot(self._directory, self.rows)
            save_state(self._directory, state_name(lane), self._states[lane], done=len(rows))
        self._told(Told(len({lane.condition for lane in self._rows}), len(self.rows), self.unit))

    def _find_finished(self) -> None:
        """Rows and states of an earlier process; rows without a state were being written when it was killed."""
        for row in read_pilot(self._directory):
            self._rows.setdefault(Lane(row.mask, row.seed), []).append(row)
        for lane in list(self._rows):
            name = state_name(lane)
            if not self._directory.has_arrays(name):
                del self._rows[lane]
                continue
            self._rows[lane] = self._rows[lane][: int(load_progress(self._directory, name)["done"])]
            self._states[lane], _ = load_state(self._directory, name, self._start(lane))


def program(study: ChannelStudy) -> Lanes:
    """One epoch of one lane on every device: (state, present, key, epoch) -> (state, what it came to)."""
    group, data, batch = study.grid.groups[0], study.grid.data, study.config.training.batch
    static = eqx.filter(group.start, eqx.is_array, inverse=True)

    def one(
        sets: tuple[Examples, Examples], state: PyTree, present: dict[str, Array], key: PRNGKeyArray, epoch: Array
    ) -> tuple[PyTree, tuple[Array, Array, Array]]:
        train, held_out = sets
        learner = behind_gates(study.config, group.learner, group.wiring, present)
        learn_key, test_key = jax.random.split(jax.random.fold_in(key, epoch))
        now = epoch.astype(float)
        learned = eqx.combine(state, static)
        learned, metrics = learn_epoch(learner, learned, train, data.encode_train, learn_key, now, batch)
        found = known(learner, learned, held_out, data.encode_test, test_key, now, batch)
        return eqx.filter(learned, eqx.is_array), (metrics.loss, found.loss, 1.0 - found.accuracy)

    # The data are shared by all lanes: inside the function, but no constants of the program.
    return Lanes(eqx.Partial(one, (data.train, data.test)), len(jax.devices()))


def without(model: Classifier, present: dict[str, Array]) -> Classifier:
    """The model with weights and strengths of zero where a projection is not present."""
    names = list(present)
    where = lambda m: [  # noqa: E731
        leaf for name in names for leaf in (m.network.projections[name].weight, m.strength[name])
    ]
    return eqx.tree_at(
        where,
        model,
        [
            jnp.where(present[name], cast(Array, leaf), 0.0)
            for name in names
            for leaf in (model.network.projections[name].weight, model.strength[name])
        ],
    )
