"""Delayed match to sample, plain (DMS) and with a context that inverts the rule (CD-DMS)."""

import equinox as eqx
import jax
from jaxtyping import Array, Bool, Float, PRNGKeyArray

from metaplast.tasks.base import Problem, Trial, orthonormal, setting
from metaplast.tasks.delayed import DelayedFamily, Timing, assemble


class DelayedMatchProblem(Problem):
    """Two stimuli, two context cues (unused in DMS), and which response means a match."""

    stimuli: Float[Array, "2 size"]
    contexts: Float[Array, "2 size"]
    swapped: Bool[Array, ""]
    timing: Timing
    fixation: float = eqx.field(static=True)
    contextual: bool = eqx.field(static=True)

    def trials(self, key: PRNGKeyArray, batch: int) -> Trial:
        sample, test, context = jax.random.bernoulli(key, 0.5, (3, batch))
        match = sample == test
        shown = self.stimuli[sample.astype(int)]
        if self.contextual:
            match = match ^ context
            shown = shown + self.contexts[context.astype(int)]
        answer = (match ^ self.swapped).astype(int)
        stimuli = {"sample": shown, "test": self.stimuli[test.astype(int)]}
        return assemble(self.timing, stimuli, answer, self.fixation)


class DelayedMatch(DelayedFamily):
    """DMS: sample A or B, delay, test A or B; respond 1 on a match, 0 on a non-match, when the fixation cue goes off.

    With `contextual` it is CD-DMS: a context cue on top of the sample inverts the rule in half of the trials.
    A new problem has two new stimuli and two new context cues, random and orthonormal all four; with `remap` also a
    new response for a match.

    Sourced: the names of the families, the structure of a DMS trial, and that every problem has new stimuli (reviews
    of arXiv 2501.14539; Goudar et al., 2023). Assumed: all durations, the stimulus size (Goudar's), that the meaning
    of the two responses is the same in all problems, that the context inverts the rule and comes with the sample.
    """

    dt: float = setting(10.0, "time step", "ms")
    cue: float = setting(100.0, "duration of the sample stimulus", "ms")
    delay: float = setting(200.0, "duration of the delay", "ms")
    test: float = setting(100.0, "duration of the test stimulus", "ms")
    response: float = setting(100.0, "duration of the response period", "ms")
    remap: bool = setting(False, "whether a new problem may swap the two responses")
    contextual: bool = setting(False, "whether a context cue inverts the rule in half of the trials")

    def __check_init__(self) -> None:
        orthonormal(jax.random.key(0), 4, self.stimulus_size)

    def periods(self) -> dict[str, float]:
        return {"sample": self.cue, "delay": self.delay, "test": self.test, "response": self.response}

    def sample(self, key: PRNGKeyArray) -> DelayedMatchProblem:
        stimulus_key, mapping_key = jax.random.split(key)
        vectors = orthonormal(stimulus_key, 4, self.stimulus_size)
        swapped = jax.random.bernoulli(mapping_key) & self.remap
        return DelayedMatchProblem(vectors[:2], vectors[2:], swapped, self.timing, self.fixation, self.contextual)
