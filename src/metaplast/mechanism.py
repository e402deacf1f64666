"""Mechanisms: what changes a signal on its way, with a state of its own. Plasticity and intrinsic mechanisms alike."""

from abc import abstractmethod
from typing import Any

import equinox as eqx
import jax
from jaxtyping import Array, PRNGKeyArray, PyTree

from metaplast.signals import Ahead, Foresight, Local, Transmission, kept


class Mechanism(eqx.Module):
    """Something that flows in comes out changed; what it remembers is its state.

    On a projection the flow is a `Transmission` (a plasticity rule changes its weight), in a population it is a
    `Drive` (an intrinsic mechanism changes its current or threshold). The same class serves dense and
    convolutional connections, since it meets weights only through `local.outer` and `local.spread`.
    """

    @abstractmethod
    def init(self, flow: Any, local: Local, key: PRNGKeyArray) -> PyTree:
        """State before the first step; `flow` and `local` have the shapes that `update` will see."""

    @abstractmethod
    def update(self, flow: Any, state: PyTree, local: Local) -> tuple[Any, PyTree]:
        """One step: (flow, state) -> (flow, state)."""

    def draw(self, state: PyTree, flow: Any, steps: int) -> PyTree:
        """Random numbers for the next `steps` steps, [steps, ...]; an intrinsic mechanism finds them in `local.drawn`.

        What depends on nothing in the network need not be drawn inside the loop over time, where it costs more than
        the network itself. `flow` has the shapes that `update` will see. None by default.
        """
        return None

    def foresee(self, flow: Transmission, state: PyTree, local: Local, ahead: Ahead) -> Foresight | None:
        """The same work when all that will arrive is known, if that is less of it; None by default: step by step.

        `flow.activity` is [time, batch, *source], or [1, batch, *source] where it does not change in time; `local` is
        what the first step would know. The engine asks where a projection comes from outside of a block.
        """
        return None

    def finish(self, state: PyTree, local: Local) -> PyTree:
        """State at the end of a simulation, where a rule can take in the step that was last; as it is by default.

        `local` tells what the next step would have known of the target. The engine asks it of plastic projections.
        """
        return state

    def carry(self, state: PyTree, fresh: PyTree, local: Local) -> PyTree:
        """State for the next presentation: `fresh` (from `init`) with whatever of `state` lasts. Nothing by default.

        `local` tells what the next step would have known of the target, so a rule can take in the step that was last.
        """
        return fresh

    def consolidate(self, weight: Array, state: PyTree) -> tuple[Array, PyTree]:
        """Move what the state has changed into the weight, the only door between the two. None by default."""
        return weight, state


class Stepper(eqx.Module):
    """A mechanism at work with foresight."""

    @abstractmethod
    def step(self, now: PyTree, state: PyTree, local: Local) -> tuple[Array, PyTree]:
        """Current of a step, and what is remembered.

        `now` are the slices of this step; `local.pre` is empty, since it is in them.
        """


class Amplified(Stepper):
    """Another stepper whose current still lacks the gain."""

    stepper: Stepper
    gain: Array

    def step(self, now: PyTree, state: PyTree, local: Local) -> tuple[Array, PyTree]:
        current, remembered = self.stepper.step(now, state, local)
        # The derivative of the gain needs the current: kept, its product need not be formed again.
        return self.gain * kept(current), remembered


class Chain(Mechanism):
    """Mechanisms one after the other; the flow of one enters the next."""

    links: tuple[Mechanism, ...]

    def init(self, flow: Any, local: Local, key: PRNGKeyArray) -> PyTree:
        keys = jax.random.split(key, len(self.links))
        return tuple(link.init(flow, local, k) for link, k in zip(self.links, keys, strict=True))

    def update(self, flow: Any, state: PyTree, local: Local) -> tuple[Any, PyTree]:
        states, drawn = [], local.drawn or (None,) * len(self.links)
        for link, before, numbers in zip(self.links, state, drawn, strict=True):
            flow, after = link.update(flow, before, local._replace(drawn=numbers))
            states.append(after)
        return flow, tuple(states)

    def draw(self, state: PyTree, flow: Any, steps: int) -> PyTree:
        return tuple(link.draw(before, flow, steps) for link, before in zip(self.links, state, strict=True))

    def foresee(self, flow: Transmission, state: PyTree, local: Local, ahead: Ahead) -> Foresight | None:
        """That of a single link; of several, the later ones need the weight that the earlier ones make."""
        seen = self.links[0].foresee(flow, state[0], local, ahead) if len(self.links) == 1 else None
        return seen and seen._replace(finish=lambda remembered, local: (seen.finish(remembered, local),))

    def finish(self, state: PyTree, local: Local) -> PyTree:
        return tuple(link.finish(before, local) for link, before in zip(self.links, state, strict=True))

    def carry(self, state: PyTree, fresh: PyTree, local: Local) -> PyTree:
        parts = zip(self.links, state, fresh, strict=True)
        return tuple(link.carry(before, empty, local) for link, before, empty in parts)

    def consolidate(self, weight: Array, state: PyTree) -> tuple[Array, PyTree]:
        states = []
        for link, before in zip(self.links, state, strict=True):
            weight, after = link.consolidate(weight, before)
            states.append(after)
        return weight, tuple(states)


def chain(*links: Mechanism) -> Chain:
    """Mechanisms one after the other; `chain()` is the mechanism that does nothing.

    Raises:
        TypeError: a link is not a `Mechanism`.
    """
    for link in links:
        if not isinstance(link, Mechanism):
            raise TypeError(f"chain(...) takes mechanisms, got {type(link).__name__}; subclass metaplast.Mechanism")
    return Chain(links)
