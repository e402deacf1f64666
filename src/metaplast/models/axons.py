"""Axons of a recurrent model: delays, cell by cell, on what its cells send to each other."""

from dataclasses import replace

import jax
import numpy as np
from jaxtyping import PRNGKeyArray

from metaplast.connections import OneToOne
from metaplast.models.recurrent import RECURRENT, Recurrent
from metaplast.network import Network, Population, Projection, activity
from metaplast.neurons import Axon

AXONS = "axons"
"""The population that stands between the recurrent cells and their weights onto each other."""


def with_axons(model: Recurrent, longest_delay: float, key: PRNGKeyArray) -> Recurrent:
    """The model with an axon a cell, over which it reaches the other cells up to `longest_delay` (ms) later.

    Delays are drawn uniformly below the longest; the readout hears the cells as before. Parameter:
    `network.populations.axons.neuron.delay`, in steps.

    Raises:
        ValueError: a longest delay of no whole number of steps, or of none; cells that read membranes of each other,
            which are there at the first step, when an axon is still silent.
    """
    network = model.network
    steps = round(longest_delay / network.dt) if np.isfinite(longest_delay) else 0
    if steps < 1 or not np.isclose(steps * network.dt, longest_delay):
        raise ValueError(
            f"longest_delay is {longest_delay} ms; give a multiple of the time step, which is {network.dt} ms"
        )
    cells, within = network.populations[RECURRENT].shape, network.projections[RECURRENT]
    if within.read is not activity:
        raise ValueError("an axon carries what a cell sends; the cells of this model show each other their membranes")
    axons = Population(Axon(jax.random.uniform(key, cells, maxval=steps), steps), cells)
    projections = {
        AXONS: Projection(RECURRENT, AXONS, OneToOne()),
        RECURRENT: replace(within, source=AXONS),
    }
    delayed = Network(network.populations | {AXONS: axons}, network.projections | projections, network.dt)
    return replace(model, network=delayed)
