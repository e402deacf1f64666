"""Recording by a function of the state: only what the function reads is kept over time."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
from jaxtyping import PyTree


def leaves_read(function: Callable[[Any], PyTree], state: Any) -> PyTree:
    """Mask of the leaves of `state` on which `function` depends; found by tracing it, without running it."""
    leaves, structure = jax.tree.flatten(state)
    jaxpr = jax.make_jaxpr(lambda *flat: function(jax.tree.unflatten(structure, flat)))(*leaves).jaxpr
    read = {id(variable) for equation in jaxpr.eqns for variable in equation.invars}
    read |= {id(variable) for variable in jaxpr.outvars}
    return jax.tree.unflatten(structure, [id(variable) in read for variable in jaxpr.invars])


def either(first: PyTree, second: PyTree) -> PyTree:
    """Mask of the leaves that one or the other mask keeps."""
    return jax.tree.map(lambda a, b: a or b, first, second)


def over_time(function: Callable[[Any], PyTree], kept: PyTree, template: Any, steps: int) -> PyTree:
    """Values of `function` at every step.

    `kept` holds the leaves that it reads, stacked over time, and None for the others; those come from `template`
    only to give the state its structure.
    """
    return jax.vmap(lambda leaves: function(eqx.combine(leaves, template)), axis_size=steps)(kept)
