"""Lanes: the same computation side by side over seeds and allocations."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import PyTree


def over_lanes(function: Callable[..., PyTree], lanes: int, devices: list[Any] | None = None) -> Callable[..., PyTree]:
    """`function` over a leading axis of `lanes` in all its arguments.

    On CPU lanes are divided among the devices and run one after the other inside each: small products do not gain
    from being batched there, and no lane waits for another's criterion. On an accelerator they run under `vmap`.
    The number of lanes need not be a multiple of the number of devices; idle places repeat the last lane.
    """
    devices = (jax.devices() if devices is None else devices)[:lanes]
    if devices[0].platform != "cpu":
        return jax.vmap(function)

    def one_after_another(arguments: PyTree) -> PyTree:
        return jax.lax.map(lambda lane: function(*lane), arguments)

    if len(devices) == 1:
        return lambda *arguments: one_after_another(arguments)
    spec = PartitionSpec("lanes")
    mesh = Mesh(np.array(devices), ("lanes",))
    divided = jax.shard_map(one_after_another, mesh=mesh, in_specs=spec, out_specs=spec, check_vma=False)

    def padded(*arguments: PyTree) -> PyTree:
        places = -(-lanes // len(devices)) * len(devices)
        filled = jax.tree.map(partial(_fill, places=places), arguments)
        real = jax.tree.map(lambda leaf: leaf[:lanes], divided(filled))
        # The same layout goes in as comes out, so that a compiled program can be fed its own results.
        return jax.lax.with_sharding_constraint(real, NamedSharding(mesh, PartitionSpec()))

    return padded


def _fill(leaf: Any, places: int) -> Any:
    """Repeat the last lane until there are `places` of them."""
    return leaf[jnp.minimum(jnp.arange(places), leaf.shape[0] - 1)]
