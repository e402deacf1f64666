"""Go/no-go delayed recall of k cues (GNG-DR-k)."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray

from metaplast.tasks.base import Problem, Trial, orthonormal, setting
from metaplast.tasks.delayed import DelayedFamily, Timing, assemble


class GoNoGoRecallProblem(Problem):
    """k cues and the response that each calls for."""

    stimuli: Float[Array, "cues size"]
    answers: Int[Array, " cues"]
    timing: Timing
    fixation: float = eqx.field(static=True)

    def trials(self, key: PRNGKeyArray, batch: int) -> Trial:
        cue = jax.random.randint(key, (batch,), 0, self.answers.shape[0])
        return assemble(self.timing, {"sample": self.stimuli[cue]}, self.answers[cue], self.fixation)


class GoNoGoRecall(DelayedFamily):
    """GNG-DR-k: one of k cues, a delay, then go (response 1) or no-go (response 0) as the cue demands.

    A new problem has k new random orthonormal cues and a new random half of them that mean go.

    Sourced: the names of the families, and that input-output associations are new in every problem (reviews of
    arXiv 2501.14539). Assumed: what "recall" and k mean, that withholding is a response channel of its own, and all
    durations; the wait between delay and response has the length of the test stimulus of DMS.
    """

    dt: float = setting(10.0, "time step", "ms")
    cue: float = setting(100.0, "duration of the cue", "ms")
    delay: float = setting(300.0, "duration of the delay", "ms")
    response: float = setting(100.0, "duration of the response period", "ms")
    cues: int = setting(2, "number of cues, half of which mean go")

    def __check_init__(self) -> None:
        if self.cues < 2 or self.cues % 2:
            raise ValueError(f"cues is {self.cues}; half of them mean go, so give an even number of at least 2")
        orthonormal(jax.random.key(0), self.cues, self.stimulus_size)

    def periods(self) -> dict[str, float]:
        return {"sample": self.cue, "delay": self.delay, "response": self.response}

    def sample(self, key: PRNGKeyArray) -> GoNoGoRecallProblem:
        stimulus_key, mapping_key = jax.random.split(key)
        stimuli = orthonormal(stimulus_key, self.cues, self.stimulus_size)
        answers = jax.random.permutation(mapping_key, jnp.arange(self.cues) % 2)
        return GoNoGoRecallProblem(stimuli, answers, self.timing, self.fixation)
