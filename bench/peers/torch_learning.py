"""The learning-to-learn protocol in plain PyTorch: delayed match to sample, the five-term loss, Adam, the criterion."""

import copy
import math
import time
from collections import deque
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional
from torch_models import Model, Response


class Trials(NamedTuple):
    """A batch of trials; everything is [time, batch, ...]."""

    inputs: Tensor
    target: Tensor
    mask: Tensor
    decision: Tensor


@dataclass(frozen=True)
class Settings:
    """Numbers of the protocol, as metaplast's configuration has them."""

    dt: float
    periods: dict[str, float]
    """Durations of sample, delay, test and response (ms)."""
    grace: float
    stimulus_size: int
    fixation: float
    batch: int
    rate: float
    betas: tuple[float, float]
    clip: float
    homeostasis: float
    input_price: float
    recurrent_price: float
    output_price: float
    loss_below: float
    window: int
    limit: int
    rank: int
    remembered: int
    """Updates of the first problem whose activity becomes the homeostatic target."""


class DelayedMatch:
    """Problems of two orthonormal stimuli; respond 1 to a match and 0 to a non-match."""

    FIXATION = 2

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        sample, delay, test, response = (round(ms / settings.dt) for ms in settings.periods.values())
        self.sample, self.test = slice(0, sample), slice(sample + delay, sample + delay + test)
        self.response = slice(self.test.stop, self.test.stop + response)
        steps, batch = self.response.stop, settings.batch
        graded = self.response.start + round(settings.grace / settings.dt)
        self.mask, self.decision = torch.ones(steps, batch), torch.zeros(steps, batch)
        self.mask[self.response.start : graded] = 0
        self.decision[graded:] = 1
        self.blank = torch.zeros(steps, batch, settings.stimulus_size + 1)
        self.blank[: self.response.start, :, -1] = settings.fixation

    def new_problem(self) -> Tensor:
        """Two of four random orthonormal vectors."""
        vectors, lengths = torch.linalg.qr(torch.randn(self.settings.stimulus_size, 4))
        return (vectors * lengths.diagonal().sign()).T[:2].contiguous()

    def trials(self, stimuli: Tensor) -> Trials:
        """Fresh random trials of a problem."""
        sample, test = torch.randint(0, 2, (2, self.settings.batch))
        inputs = self.blank.clone()
        inputs[self.sample, :, :-1] = stimuli[sample]
        inputs[self.test, :, :-1] = stimuli[test]
        target = torch.full(self.mask.shape, self.FIXATION)
        target[self.response] = (sample == test).long()
        return Trials(inputs, target, self.mask, self.decision)


class Learner:
    """Adam on the five-term loss; what it carries from update to update."""

    def __init__(self, model: Model, settings: Settings, directions: Tensor) -> None:
        self.model, self.settings, self.directions = model, settings, directions
        self.parameters = list(model.parameters())
        self.target = 0.0
        self.recent: deque[float] = deque(maxlen=settings.remembered)
        self.problems = 0

    def begin(self) -> None:
        """At the start of a problem: a fresh Adam; after the first one, its activity becomes the target."""
        settings = self.settings
        self.optimiser = torch.optim.Adam(self.parameters, lr=settings.rate, betas=settings.betas, fused=True)
        if self.problems == 1:
            self.target = sum(self.recent) / len(self.recent)
        self.problems += 1

    def loss(self, trials: Trials) -> tuple[Tensor, Tensor, Response]:
        """Total loss, task loss, and the answer."""
        settings = self.settings
        response = self.model(trials.inputs)
        errors = functional.cross_entropy(response.output.flatten(0, 1), trials.target.flatten(), reduction="none")
        task = errors @ trials.mask.flatten() / trials.mask.sum()
        square = response.hidden.square().mean()
        weights = self.model.weights()
        with torch.no_grad():
            self.recent.append(square.item())
            self.directions = torch.linalg.qr(weights.recurrent.T @ (weights.recurrent @ self.directions))[0]
        leading = (weights.recurrent @ self.directions).square().sum() / settings.rank
        total = (
            task
            + settings.homeostasis * (square - self.target).abs()
            + settings.input_price * weights.share * weights.input.square().mean()
            + settings.recurrent_price * leading
            + settings.output_price * weights.output.square().mean()
        )
        return total, task, response

    def update(self, trials: Trials) -> tuple[float, float]:
        """One update: task loss and accuracy before it."""
        total, task, response = self.loss(trials)
        self.optimiser.zero_grad(set_to_none=True)
        total.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.parameters, self.settings.clip)
        self.optimiser.step()
        self.model.project()
        loss = task.item() if math.isfinite(norm.item()) else math.nan
        return loss, accuracy(response.output, trials)


@torch.no_grad()
def accuracy(output: Tensor, trials: Trials) -> float:
    """Fraction of trials whose mean output over the decision steps is largest at the target."""
    weight = trials.decision / trials.decision.sum(0)
    choice = (output * weight[:, :, None]).sum(0).argmax(-1)
    wanted = trials.target.masked_fill(trials.decision == 0, -1).amax(0)
    return (choice == wanted).float().mean().item()


@dataclass
class Tally:
    """What was done in a given time."""

    updates: int = 0
    seconds: float = 0.0
    problems: list[int] = field(default_factory=list)
    """Updates of every finished problem."""
    failures: int = 0

    def record(self) -> dict:
        return {"updates": self.updates, "seconds": self.seconds, "problems": self.problems, "failures": self.failures}


def learn(learner: Learner, family: DelayedMatch, tally: Tally, until: float) -> None:
    """One problem until the criterion, the cap or a loss that is not a number; or until time is up."""
    settings, stimuli = learner.settings, family.new_problem()
    before = copy.deepcopy(learner.model.state_dict())
    losses: deque[float] = deque(maxlen=settings.window)
    accuracies: deque[float] = deque(maxlen=settings.window)
    learner.begin()
    for spent in range(1, settings.limit + 1):
        loss, right = learner.update(family.trials(stimuli))
        losses.append(loss)
        accuracies.append(right)
        tally.updates += 1
        solved = len(losses) == settings.window and sum(losses) / settings.window < settings.loss_below
        if solved or math.isnan(loss) or spent == settings.limit:
            tally.problems.append(spent)
            tally.failures += not solved
            if math.isnan(loss):
                learner.model.load_state_dict(before)
            return
        if time.perf_counter() > until:
            return


def learn_for(learner: Learner, family: DelayedMatch, seconds: float) -> Tally:
    """Problem after problem for that many seconds."""
    tally, began = Tally(), time.perf_counter()
    while time.perf_counter() < began + seconds:
        learn(learner, family, tally, began + seconds)
    tally.seconds = time.perf_counter() - began
    return tally
