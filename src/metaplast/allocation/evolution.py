"""Evolution of masks, for spaces too large to try them all."""

import random
from typing import ClassVar

import equinox as eqx
import numpy as np
from deap import base, tools

from metaplast.allocation.search import Pilot, Search
from metaplast.allocation.space import Mask, Space


class Fewest(base.Fitness):
    """Fitness of a mask: the fewer updates, the fitter."""

    weights: ClassVar = (-1.0,)


class Individual(list):
    """A mask that evolves."""

    def __init__(self, genes: Mask) -> None:
        super().__init__(genes)
        self.fitness = Fewest()


class Evolution(Search):
    """A genetic algorithm: tournaments of two, uniform crossover, flipped bits, the best mask always kept.

    Reference: Goldberg (1989); the operators are those of the library DEAP (Fortin et al., 2012).
    """

    population: int = eqx.field(default=8, static=True)
    generations: int = eqx.field(default=5, static=True)
    problems: int = eqx.field(default=100, static=True)
    flip: float = eqx.field(default=0.15, static=True)
    """Probability that a bit flips."""

    def __check_init__(self) -> None:
        self._at_least(2, "population")  # of fewer there are no two to take part in a tournament
        self._at_least(0, "generations")
        self._at_least(1, "problems")
        if not 0 <= self.flip <= 1:
            raise ValueError(f"flip is {self.flip}; give a probability from 0 to 1")

    def choose(self, space: Space, pilot: Pilot, seed: int) -> Mask:
        before = random.getstate()
        random.seed(seed)  # the library draws from the global generator of Python, which is given back as it was
        try:
            return self._evolve(space, pilot, np.random.default_rng(seed))
        finally:
            random.setstate(before)

    def _evolve(self, space: Space, pilot: Pilot, draw: np.random.Generator) -> Mask:
        size = len(space.groups)
        people = [Individual(tuple(bool(bit) for bit in row)) for row in draw.integers(0, 2, (self.population, size))]
        self._judge(people, pilot)
        for _ in range(self.generations):
            best = tools.selBest(people, 1)
            parents = tools.selTournament(people, self.population - 1, tournsize=2)
            children = [Individual(tuple(parent)) for parent in parents]
            for left, right in zip(children[::2], children[1::2], strict=False):
                tools.cxUniform(left, right, indpb=0.5)
            for child in children:
                tools.mutFlipBit(child, indpb=self.flip)
            people = [*best, *children]
            self._judge(people, pilot)
        return tuple(bool(bit) for bit in tools.selBest(people, 1)[0])

    def _judge(self, people: list[Individual], pilot: Pilot) -> None:
        masks = [tuple(bool(bit) for bit in person) for person in people]
        for person, updates in zip(people, pilot.score(masks, self.problems), strict=True):
            # What is no number compares with nothing, and would win or lose by its place.
            person.fitness.values = (float("inf") if np.isnan(updates) else float(updates),)
