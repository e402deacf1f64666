"""The interface of a connection: how activity meets a weight, in which geometry."""

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
from jaxtyping import Array, Float


class Connection(eqx.Module):
    """Geometry of a projection. `apply` is linear in the weight and in the activity; all else follows from it."""

    @abstractmethod
    def apply(self, weight: Array | None, activity: Float[Array, "batch *source"]) -> Float[Array, "batch *target"]:
        """Current that `activity` causes through `weight`."""

    def constant(self, weight: Array | None) -> Callable[[Array], Array]:
        """`apply` for a weight that does not change in time, with whatever can be prepared once for all steps."""
        return lambda activity: self.apply(weight, activity)

    def existing(self, weight: Any) -> Any:
        """The weight with absent synapses, if there are any, as zeros."""
        return weight

    def outer(self, weight: Array, pre: Array, post: Array) -> Array:
        """Batch mean of pre x post in the geometry of `weight`: the derivative of <post, apply(w, pre)> in w.

        One product over the batch; [batch, pre, post] is never formed.
        """
        return self.contract(weight, pre, post) / pre.shape[0]

    def contract(self, weight: Array, pre: Array, post: Array) -> Array:
        """Batch *sum* of pre x post, which is also the weight gradient for the cotangent `post`."""
        (total,) = jax.linear_transpose(lambda w: self.apply(w, pre), weight)(post)
        return total

    def gram(self, now: Array, then: Array) -> Array | None:
        """Matrix [batch, other] whose product with `post` is apply(contract(w, then, post), now); None by default.

        It exists where every source cell meets every target: there it holds the inner products of the activities.
        """
        return None

    def spread(self, weight: Array, post: Array) -> Array:
        """Batch mean of a post-like value, shaped to broadcast onto `weight`."""
        return post.mean(axis=0)
