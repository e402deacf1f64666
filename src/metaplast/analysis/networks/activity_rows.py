"""Firing, memory and selectivity of the neurons in the probe trials of a run, as rows of tables."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from metaplast.analysis.networks.dynamics import firing_rates, sparseness, timescales
from metaplast.analysis.networks.moments import Moment
from metaplast.analysis.networks.probes import activity, choices, periods, spiking
from metaplast.analysis.networks.selectivity import balanced, chance_of_choice, d_prime, eta_squared, shares
from metaplast.runs import RunDirectory


class ActivityRow(NamedTuple):
    """What the neurons of one lane do at one moment."""

    condition: str
    seed: int
    moment: str
    problems: int
    unit: str
    """Hz for spikes, or `value` for graded activity."""
    neurons: int
    mean: float
    """Over neurons, of their mean activity, of graded values by their size whatever the sign."""
    q05: float
    """Quantiles over neurons."""
    q25: float
    q50: float
    q75: float
    q95: float
    silent: float
    """Share of the neurons that send nothing in any probe trial."""
    sparseness: float
    tau_q25: float
    """Quartiles over neurons of the autocorrelation time constant of the membrane in ms, or of the value without one.
    Empty where it is too long to be told."""
    tau_q50: float
    tau_q75: float
    tau_long: float
    """Share of the neurons whose time constant is too long to be told."""


class SelectivityRow(NamedTuple):
    """What the neurons of one lane tell of in one period of a trial at one moment: means over neurons."""

    condition: str
    seed: int
    moment: str
    problems: int
    period: str
    start: float
    """In ms."""
    end: float
    neurons: int
    """With any activity that changes in the period."""
    time: float
    """Shares of the variance, see `selectivity.shares`."""
    choice: float
    choice_chance: float
    """What `choice` would be if the choices were dealt to the stimuli by lot."""
    stimulus: float
    rest: float
    choice_eta: float
    """eta^2 of the choice, of the mean activity in the period."""
    choice_d: float
    """Median over neurons of |d'| between two choices, of the mean activity in the period; empty if there are more."""


def activity_rows(run: RunDirectory, moment: Moment) -> Iterator[ActivityRow]:
    """Rates and time constants of one moment."""
    probe = run.read_arrays(moment.probe)
    spikes = spiking(probe)
    sent, dt = activity(probe), float(probe["dt"])
    rates = firing_rates(sent, dt) if spikes else np.abs(sent).mean(axis=(0, 1))
    tau = timescales(probe["voltage"], dt)
    known = tau[~np.isnan(tau)]
    # Of two neighbours the lower is taken: half the way to infinity is nowhere.
    quartiles = np.quantile(known, (0.25, 0.5, 0.75), method="lower") if len(known) else np.full(3, np.nan)
    silent, long = float((sent == 0).all(axis=(0, 1)).mean()), float(np.isinf(known).mean()) if len(known) else np.nan
    spread = np.quantile(rates, (0.05, 0.25, 0.5, 0.75, 0.95)).tolist()
    sizes = ["Hz" if spikes else "value", len(rates), float(rates.mean()), *spread]
    yield ActivityRow._make([*moment, *sizes, silent, sparseness(rates), *quartiles.tolist(), long])


def selectivity_rows(run: RunDirectory, moment: Moment) -> Iterator[SelectivityRow]:
    """One row for each period of the trial."""
    probe = run.read_arrays(moment.probe)
    sent, choice, stimulus, dt = activity(probe), choices(probe), probe["stimulus"], float(probe["dt"])
    for period in periods(run, probe):
        part = sent[period.first : period.last]
        found = shares(part, choice, stimulus)
        means = part.mean(axis=0)
        weight = balanced(stimulus)
        two = len(np.unique(choice)) == 2
        yield SelectivityRow(
            *moment,
            period.name,
            period.first * dt,
            period.last * dt,
            int(np.isfinite(found.time).sum()),
            _mean(found.time),
            _mean(found.choice),
            _mean(chance_of_choice(found, choice, stimulus)),
            _mean(found.stimulus),
            _mean(found.rest),
            _mean(eta_squared(means, choice, weight)),
            float(np.median(_known(np.abs(d_prime(means, choice, weight))))) if two and means.any() else np.nan,
        )


def _known(values: np.ndarray) -> np.ndarray:
    """Without NaN; a zero where nothing is left."""
    known = values[~np.isnan(values)]
    return known if len(known) else np.zeros(1)


def _mean(values: np.ndarray) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else np.nan
