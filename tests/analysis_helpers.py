"""A run directory with networks saved on the way and probe trials, made up and small."""

from pathlib import Path

import numpy as np

from metaplast.runs import ProblemRow, RunDirectory

NEURONS, STEPS, PROBLEMS = 10, 12, 6
PREFIX = "network.populations.recurrent.neuron."
MOMENTS = {"start": 0, "after0003": 3, "end": PROBLEMS}
STIMULI = np.repeat(np.arange(4), 2)
"""Two trials of each stimulus."""


def made_up_run(
    path: Path, conditions: tuple[str, ...] = ("fixed", "all"), *, probes: bool = True, graded: bool = False
) -> RunDirectory:
    """Three seeds a condition; `fixed` keeps its time constants, the others move theirs."""
    run = RunDirectory.create(path)
    run.write_config({"experiment": "learning_to_learn", "family": {"name": "dms"}})
    for condition in conditions:
        for seed in range(3):
            draw = np.random.default_rng([seed, len(condition)])
            run.append_problems(
                ProblemRow(condition, seed, problem, int(draw.integers(5, 50)), 0.01, 1.0, True, 9.0)
                for problem in range(PROBLEMS)
            )
            for moment, problems in MOMENTS.items():
                run.write_arrays(f"networks/{condition}-seed{seed}-{moment}", parameters(draw, condition, problems))
                if probes:
                    run.write_arrays(f"probes/{condition}-seed{seed}-{moment}", probe(draw, problems, graded))
    run.write_arrays(
        f"trials/{conditions[0]}-seed0",
        {"period_names": np.array(["sample", "response"]), "period_ends_ms": np.array([80.0, 120.0])},
    )
    # The figure of the trial itself is tested elsewhere.
    (run.path / "trials" / f"{conditions[0]}-seed0.npz").rename(run.path / "trials" / "periods.npz")
    return run


def parameters(draw: np.random.Generator, condition: str, problems: int) -> dict[str, np.ndarray]:
    moved = 1.0 if condition == "fixed" else 1.0 + 0.1 * problems
    return {
        PREFIX + "tau_soma": (np.linspace(10, 50, NEURONS) * moved).astype(np.float32),
        PREFIX + "threshold": np.ones(NEURONS, np.float32) - (0.01 * problems if condition != "fixed" else 0.0),
        "network.projections.recurrent.weight": draw.normal(size=(NEURONS, 1, NEURONS)).astype(np.float32),
    }


def probe(draw: np.random.Generator, problems: int, graded: bool = False) -> dict[str, np.ndarray]:
    """Trials whose choice is whether the stimulus is even; half of the neurons show it, more with every problem."""
    choice = STIMULI % 2
    shown = np.arange(STEPS)[:, None, None] * (2 * choice[None, :, None] - 1) * (np.arange(NEURONS) < NEURONS // 2)
    stimulus = draw.normal(size=(4, NEURONS))[STIMULI]
    voltage = 0.06 * problems * shown + stimulus + 0.3 * draw.normal(size=(STEPS, len(choice), NEURONS))
    activity = voltage > 0.5
    return {
        "activity" if graded else "spikes": voltage.astype(np.float32) if graded else activity.astype(np.uint8),
        "voltage": voltage.astype(np.float32),
        "inputs": np.zeros((STEPS, len(choice), 2), np.float32),
        "target": np.where(np.arange(STEPS)[:, None] < 9, 2, choice),
        "decision": (np.arange(STEPS)[:, None] >= 9).astype(float) * np.ones(len(choice)),
        "stimulus": STIMULI,
        "problem": np.array(max(problems - 1, 0)),
        "dt": np.array(10.0),
    }
