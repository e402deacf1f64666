"""Classes as what the cells of an output should be."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int


def one_hot(
    target: Float[Array, "batch classes"] | Int[Array, " batch"], classes: int
) -> Float[Array, "batch classes"]:
    """Classes as whole numbers become one-hot; floats stay."""
    return jax.nn.one_hot(target, classes) if jnp.issubdtype(target.dtype, jnp.integer) else target
