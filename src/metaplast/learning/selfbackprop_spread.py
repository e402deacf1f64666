"""How a change of synapses spreads to their neighbours: along the same cell, and back to the layer before."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

PRE, POST = -2, -1
"""Axes of a weight: [pre, post] of a dense one, the channels of a kernel [height, width, in, out]."""


class Spread(NamedTuple):
    """A weight change after spreading, and what the layer before needs of it."""

    change: Float[Array, "..."]
    potentiation: Float[Array, " pre"]
    """Sum over the outputs of each presynaptic cell (of a kernel: channel) of what was potentiated."""
    depression: Float[Array, " pre"]


class Strengths(NamedTuple):
    """How far each kind of spreading goes (the paper's lambda, in [0, 1]), and the fraction f that spreads at all."""

    pre: float = 1.0
    post: float = 0.5
    back: float = 1.0
    fraction: float = 0.2


def spread(change: Float[Array, "... pre post"], above: Spread | None, strengths: Strengths) -> Spread:
    """Pre- and postsynaptic spread of a weight change, and back-propagation of that of the layer above, if any.

    With dW+ = max(dW, 0), dW- = min(dW, 0), row the sum over the outputs of a presynaptic cell, col that over the
    inputs of a postsynaptic cell, n(x) = x / sum(x) (0 where the sum is 0):

    P_pre  = (1 + l_pre f n(row dW+)) dW+        D_pre  = (1 + l_pre f n(row |dW-|)) dW-
                                                 D_post = (1 + l_post f n(col |dW-|)) dW-
    P_back = (1 + l_back f n(row P_pre[above])) dW+,  D_back likewise, by postsynaptic cell
    hidden: (P_pre + P_back) / 2 + (D_pre + D_post + D_back) / 3;    output: P_pre + (D_pre + D_post) / 2

    The paper multiplies what stands inside n by a propagation range of 0.1, which the normalisation cancels.
    """
    gained, lost = jnp.maximum(change, 0.0), jnp.minimum(change, 0.0)
    reach = strengths.fraction
    p_pre = (1 + strengths.pre * reach * _by_pre(_normal(_total(gained, PRE)))) * gained
    d_pre = (1 + strengths.pre * reach * _by_pre(_normal(_total(lost, PRE)))) * lost
    d_post = (1 + strengths.post * reach * _normal(_total(lost, POST))) * lost
    if above is None:
        total = p_pre + (d_pre + d_post) / 2
    else:
        p_back = (1 + strengths.back * reach * _normal(_cells(above.potentiation, change.shape[POST]))) * gained
        d_back = (1 + strengths.back * reach * _normal(_cells(above.depression, change.shape[POST]))) * lost
        total = (p_pre + p_back) / 2 + (d_pre + d_post + d_back) / 3
    return Spread(total, _total(p_pre, PRE), _total(d_pre, PRE))


def _total(change: Array, axis: int) -> Array:
    """Sum over all axes but one."""
    return change.sum(axis=tuple(i for i in range(change.ndim) if i != change.ndim + axis))


def _by_pre(factor: Array) -> Array:
    """Shaped to broadcast onto a weight along its presynaptic axis."""
    return factor[:, None]


def _normal(amounts: Array) -> Array:
    """x / sum(x), which is positive for amounts of one sign; 0 where the sum is 0."""
    total = amounts.sum()
    return jnp.where(total == 0, 0.0, amounts / jnp.where(total == 0, 1.0, total))


def _cells(amounts: Array, channels: int) -> Array:
    """By postsynaptic cell of the layer below; a dense layer above a kernel has one for each place and channel."""
    return amounts.reshape(-1, channels).sum(axis=0)
