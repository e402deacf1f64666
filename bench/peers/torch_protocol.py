"""The learning protocol of `metaplast run dms` in plain PyTorch: first repeated from metaplast's start, then timed.

python bench/peers/torch_protocol.py FIRST_UPDATES.npz OUT_DIR [--threads 1] [--processes 1] [--seconds 60]

Writes OUT_DIR/torch_protocol.npz (losses and gradients where metaplast gave its own) and .json (updates and seconds of
every process). Several processes learn a lane each at the same time.
"""

import argparse
import json
import multiprocessing
from pathlib import Path

import numpy as np
import torch
from torch_learning import DelayedMatch, Learner, Settings, Trials, learn_for
from torch_models import Arrays, Model, build

PROBLEMS, WARM_UP_S = 2, 1.0


class Given:
    """What metaplast wrote: settings, start, trials."""

    def __init__(self, path: Path) -> None:
        with np.load(path) as archive:
            self.arrays: Arrays = dict(archive)
        record = json.loads(path.with_suffix(".json").read_text())
        self.name, self.heads = record["model"]["name"], record["model"]["heads"]
        self.updates, self.settings = record["updates"], Settings(**record["settings"])

    def learner(self, problem: int) -> Learner:
        """Model and learner as they were before the first update of a problem.

        The singular directions are given, too: an orthogonal matrix has no leading ones of its own.
        """
        model = self.model(problem)
        learner = Learner(model, self.settings, model.directions(self.arrays[f"{problem}/directions"]))
        learner.target = float(self.arrays[f"{problem}/homeostatic_target"])
        return learner

    def model(self, problem: int) -> Model:
        """The model as it was before the first update of a problem."""
        prefix = f"{problem}/parameter/"
        start = {name.removeprefix(prefix): array for name, array in self.arrays.items() if name.startswith(prefix)}
        steps = self.arrays[f"{problem}/inputs"].shape[1]
        return build(self.name, self.heads, start, self.settings.dt, steps)

    def trials(self, problem: int, update: int) -> Trials:
        """The trials of one update."""
        found = (torch.from_numpy(self.arrays[f"{problem}/{part}"][update]) for part in Trials._fields)
        inputs, target, mask, decision = found
        return Trials(inputs, target.long(), mask, decision)


def repeat(given: Given) -> Arrays:
    """The same updates on the same trials: losses, and the gradients where metaplast started either problem."""
    learner, found = given.learner(0), {}
    for problem in range(PROBLEMS):
        learner.begin()
        found |= {f"{problem}/{name}": array for name, array in gradients(given, problem).items()}
        losses = [learner.update(given.trials(problem, update))[0] for update in range(given.updates)]
        found[f"{problem}/losses"] = np.array(losses, np.float32)
        found[f"{problem}/homeostatic_target"] = np.float32(learner.target)
    return found


def gradients(given: Given, problem: int) -> Arrays:
    """Gradient of the first update of a problem, at metaplast's own parameters: losses drift apart by rounding."""
    there = given.learner(problem)
    there.loss(given.trials(problem, 0))[0].backward()
    return {f"gradient/{name}": gradient.numpy() for name, gradient in there.model.gradients().items()}


def lane(path: Path, threads: int, seconds: float, seed: int, ready) -> dict:
    """One lane for that long: updates, seconds, and updates of every problem that was finished."""
    torch.set_num_threads(threads)
    torch.manual_seed(seed)
    given = Given(path)
    family = DelayedMatch(given.settings)
    learn_for(given.learner(0), family, WARM_UP_S)
    if ready is not None:
        ready.wait()
    return learn_for(given.learner(0), family, seconds).record()


def in_process(places: tuple) -> None:
    """Body of a process: its lane, and the record into the queue."""
    *arguments, records = places
    records.put(lane(*arguments))


def lanes(path: Path, threads: int, processes: int, seconds: float) -> list[dict]:
    """A lane in every process, all at the same time."""
    if processes == 1:
        return [lane(path, threads, seconds, 0, None)]
    context = multiprocessing.get_context("spawn")
    ready, records = context.Barrier(processes), context.Queue()
    children = [
        context.Process(target=in_process, args=((path, threads, seconds, seed, ready, records),))
        for seed in range(processes)
    ]
    for child in children:
        child.start()
    found = [records.get(timeout=seconds + 120) for _ in children]
    for child in children:
        child.join()
    return found


def main() -> None:
    """Repeat, time, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("given", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=60.0)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    repeated = repeat(Given(arguments.given))
    records = lanes(arguments.given, arguments.threads, arguments.processes, arguments.seconds)
    record = {
        "torch_version": torch.__version__,
        "updates_per_s": sum(found["updates"] / found["seconds"] for found in records),
        "processes": records,
    }
    arguments.out.mkdir(parents=True, exist_ok=True)
    np.savez(arguments.out / "torch_protocol.npz", **repeated)
    (arguments.out / "torch_protocol.json").write_text(json.dumps(record, indent=1))


if __name__ == "__main__":
    main()
