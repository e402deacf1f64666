"""Whether two sides computed the same thing; no time counts without it."""

from pathlib import Path

import numpy as np

COSINE = 0.999
PLASTIC_RATES = 0.02, 0.2
"""Between these shares of active steps the cost of STDP is comparable."""
FIRST, FIRST_LOSSES, ALL_LOSSES = 10, 1e-4, 1e-2
"""Relative difference allowed to the first task losses and to all: one spike more or less moves those that follow."""


def same_gradients(ours: Path, peer: Path, late: bool) -> dict:
    """Equal spikes and parallel gradients; `late`: the peer gives every spike one step later, and not the last one."""
    with np.load(ours) as left, np.load(peer) as right:
        mine, theirs = left["spikes"], right["spikes"]
        different = 0
        if late:
            different += int(np.count_nonzero(theirs[0]))
            mine, theirs = mine[:-1], theirs[1:]
        different += int(np.count_nonzero(mine != theirs))
        names = sorted(name for name in right.files if name.startswith("grad_"))
        cosines = {name.removeprefix("grad_"): cosine(left[name], right[name]) for name in names}
        rate = float(theirs.mean())
    passed = different == 0 and 0 < rate < 0.5 and bool(cosines) and all(value > COSINE for value in cosines.values())
    return {"passed": passed, "different_spikes": different, "spikes": mine.size, "rate": rate, "cosines": cosines}


def same_learning(ours: Path, peer: Path) -> dict:
    """Equal losses over the first updates of two problems, and parallel gradients at the start of either."""
    with np.load(ours) as left, np.load(peer) as right:
        losses = [np.concatenate([side["0/losses"], side["1/losses"]]) for side in (left, right)]
        names = sorted(name for name in left.files if "/gradient/" in name)
        cosines = {name.replace("/gradient/", "/"): cosine(left[name], right[name]) for name in names}
    difference = np.abs(losses[1] / losses[0] - 1)
    first, every = float(difference[:FIRST].max()), float(difference.max())
    passed = first <= FIRST_LOSSES and every <= ALL_LOSSES and all(value > COSINE for value in cosines.values())
    return {"passed": passed, "first_losses": first, "all_losses": every, "cosines": cosines}


def cosine(left: np.ndarray, right: np.ndarray) -> float:
    """Cosine of the angle between two arrays; 0 if one of them is zero or not finite."""
    left, right = left.ravel().astype(np.float64), right.ravel().astype(np.float64)
    norms = np.sqrt((left @ left) * (right @ right))
    return float(left @ right / norms) if np.isfinite(norms) and norms > 0 else 0.0


def lively(result: Path) -> dict:
    """STDP: only that the cells fire, since the pairings of the two sides differ."""
    with np.load(result) as arrays:
        rate = float(arrays["spikes"].mean())
        changed = bool(np.any(arrays["delta_w"]) and np.all(np.isfinite(arrays["delta_w"])))
    low, high = PLASTIC_RATES
    return {"passed": low <= rate <= high and changed, "rate": rate}
