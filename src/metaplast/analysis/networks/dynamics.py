"""How the neurons of a network behave in its probe trials: how often they fire, and for how long they remember."""

from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.optimize import minimize_scalar

FLOOR = 0.05
"""An autocorrelation is fitted up to the lag at which it first falls below this."""
CEILING = 0.9
"""An autocorrelation that never falls below this determines no time constant."""


def firing_rates(spikes: Float[np.ndarray, "time trials neurons"], dt: float) -> Float[np.ndarray, " neurons"]:
    """Mean rate of every neuron in Hz: spikes a step over `dt` in ms."""
    return 1e3 / dt * np.asarray(spikes, float).mean(axis=(0, 1))


def sparseness(rates: Float[np.ndarray, " neurons"]) -> float:
    """How unevenly the activity is spread over neurons: 0 if all fire alike, 1 if one neuron fires alone.

    S = (1 - (mean r)^2 / mean r^2) / (1 - 1 / N), r not negative;  NaN of a silent network.

    Reference: Vinje & Gallant (2000), after Rolls & Tovee (1995).
    """
    squares = float((rates**2).mean())
    if squares == 0 or len(rates) < 2:
        return np.nan
    return float((1 - rates.mean() ** 2 / squares) / (1 - 1 / len(rates)))


def autocorrelation(values: Float[np.ndarray, "time trials neurons"]) -> Float[np.ndarray, "lags neurons"]:
    """Autocorrelation of every neuron's deviations from its mean time course, for lags of 0 to half of the steps.

    x = v - mean over trials;   rho(k) = sum x(t) x(t + k) / sqrt(sum x(t)^2  sum x(t + k)^2)

    with sums over trials and the steps t for which t + k is in the trial. What is locked to the time of the trial is
    taken away, so rho tells for how long a difference between trials lasts. NaN for a neuron that does the same in all
    trials, or for lags at which nothing is left to compare.

    Reference: Murray et al. (2014), Nature Neuroscience 17:1661-1663, who correlate across trials likewise.
    """
    values = np.asarray(values, float)
    deviation = values - values.mean(axis=1, keepdims=True)
    deviation[np.abs(deviation) < 1e-6 * np.abs(values).max(initial=1e-300)] = 0.0  # rounding is no difference
    steps = len(values)
    lags = np.arange(steps // 2 + 1)
    # Correlation by the Fourier transform, padded so that the end of a trial does not meet its start.
    spectrum = np.fft.rfft(deviation, 2 * steps, axis=0)
    products = np.fft.irfft((np.abs(spectrum) ** 2).sum(axis=1), 2 * steps, axis=0)[lags]
    power = np.cumsum((deviation**2).sum(axis=1), axis=0)
    early, late = power[steps - 1 - lags], power[-1] - np.where(lags[:, None] > 0, power[lags - 1], 0.0)
    norm = np.sqrt(early * np.maximum(late, 0.0))
    return np.divide(products, norm, out=np.full_like(products, np.nan), where=norm > 1e-9 * power[-1])


def timescale(correlation: Float[np.ndarray, " lags"], dt: float) -> float:
    """Time constant in ms of an autocorrelation: the tau with the least squares of rho(k) - exp(-k dt / tau).

    Lags from 1 to the first at which rho falls below 0.05 count, since later ones are noise or another period of the
    trial (assumed). Infinite where rho does not fall by a tenth: the neuron remembers for longer than can be told. NaN
    where rho is not known.
    """
    known = np.flatnonzero(~np.isfinite(correlation))
    correlation = correlation[: known[0]] if len(known) else correlation
    if len(correlation) < 2:
        return np.nan
    if correlation[1:].min() > CEILING:
        return np.inf
    below = np.flatnonzero(correlation[1:] < FLOOR)
    last = int(below[0]) + 1 if len(below) else len(correlation) - 1
    lag, wanted = dt * np.arange(1, last + 1), correlation[1 : last + 1]
    error = lambda logarithm: float(((wanted - np.exp(-lag / np.exp(logarithm))) ** 2).sum())  # noqa: E731
    bounds = (np.log(0.1 * dt), np.log(10 * dt * len(correlation)))
    found: Any = minimize_scalar(error, bounds=bounds, method="bounded", options={"xatol": 1e-8})
    return float(np.exp(found.x))


def timescales(values: Float[np.ndarray, "time trials neurons"], dt: float) -> Float[np.ndarray, " neurons"]:
    """Autocorrelation time constant of every neuron in ms, see `timescale`."""
    return np.array([timescale(one, dt) for one in autocorrelation(values).T])
