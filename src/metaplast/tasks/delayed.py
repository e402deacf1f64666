"""The trial that the delayed-response families share: stimuli, a fixation cue, and an answer when it goes off."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from metaplast.tasks.base import Family, Trial, count_steps, during, setting, spans

FIXATION = 2
"""Output channel that is wanted until the response period; channels 0 and 1 are the two responses."""

OUTPUTS = 3


class Timing(eqx.Module):
    """Periods of a trial, of which the last is the response; `grace` is its beginning that counts in no loss."""

    periods: tuple[tuple[str, float], ...] = eqx.field(static=True)
    grace: float = eqx.field(static=True)
    dt: float = eqx.field(static=True)

    def __check_init__(self) -> None:
        steps = [count_steps(name, duration, self.dt) for name, duration in self.periods]
        if count_steps("grace", self.grace, self.dt) >= steps[-1]:
            response = self.periods[-1][1]
            raise ValueError(f"grace is {self.grace} ms; it must be shorter than the response of {response} ms")

    @property
    def spans(self) -> dict[str, slice]:
        return spans(dict(self.periods), self.dt)

    @property
    def steps(self) -> int:
        return list(self.spans.values())[-1].stop


def assemble(
    timing: Timing,
    stimuli: dict[str, Float[Array, "batch size"]],
    answer: Int[Array, " batch"],
    fixation: float,
) -> Trial:
    """A trial with a stimulus in each named period, the fixation cue until the response, and the answer in it."""
    steps, spans = timing.steps, timing.spans
    response = list(spans.values())[-1]
    graded = slice(response.start + count_steps("grace", timing.grace, timing.dt), response.stop)
    batch = answer.shape[0]
    image = sum(during(steps, spans[name])[:, None, None] * stimulus for name, stimulus in stimuli.items())
    cue = fixation * (1.0 - during(steps, response))
    cue = jnp.broadcast_to(cue[:, None, None], (steps, batch, 1))
    answering = during(steps, response)[:, None] > 0
    target = jnp.where(answering, answer[None, :], FIXATION)
    decision = jnp.broadcast_to(during(steps, graded)[:, None], (steps, batch))
    mask = jnp.where(answering, decision, 1.0)
    return Trial(jnp.concatenate([image, cue], axis=-1), target, mask, decision)


class DelayedFamily(Family):
    """What these families share: an image and a fixation channel in, two responses and fixation out."""

    grace: float = setting(20.0, "beginning of the response period that counts in no loss", "ms")
    stimulus_size: int = setting(10, "channels of a stimulus")
    fixation: float = setting(10**-0.5, "value of the fixation channel")

    def __check_init__(self) -> None:
        Timing(tuple(self.periods().items()), self.grace, self.dt)  # refuses periods that do not fit

    @property
    def channels(self) -> int:
        return self.stimulus_size + 1

    @property
    def outputs(self) -> int:
        return OUTPUTS

    @property
    def output_names(self) -> tuple[str, ...]:
        return "response 0", "response 1", "fixation"

    @property
    def timing(self) -> Timing:
        return Timing(tuple(self.periods().items()), self.grace, self.dt)
