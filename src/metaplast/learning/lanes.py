"""Lanes: the same computation side by side over seeds and allocations."""

from collections.abc import Callable
from functools import partial
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import PyTree


class Lanes:
    """`function` over a leading axis of `count` in all its arguments and results.

    On CPU lanes are divided among the devices and run one after the other inside each: small products do not gain
    from being batched there, and no lane waits for another's criterion. On an accelerator they run under `vmap`.
    No device ever waits for another either: results stay where they were computed (a device that waits for long at
    a common barrier makes XLA end the process), and the next call may be made with them before they are there.
    The number of lanes need not be a multiple of the number of devices; idle places repeat the last lane.
    Arrays inside `function` itself (an `eqx.Partial`, or a module) are shared by all lanes: they enter the program as
    an argument, once a device. As constants of the program they would take seconds to compile.
    """

    def __init__(self, function: Callable[..., PyTree], count: int, devices: list[Any] | None = None) -> None:
        self.count = count
        self._devices = (jax.devices() if devices is None else devices)[:count]
        self._mesh = Mesh(np.array(self._devices), ("lanes",))
        shared, static = eqx.partition(function, eqx.is_array)
        self._shared = self._everywhere(shared)
        self._program = jax.jit(self._divided(static))

    def __call__(self, *arguments: PyTree) -> PyTree:
        """Results of all lanes; waits for them."""
        return self.gather(self._program(self._shared, *self.place(arguments)))

    def compile(self, *arguments: PyTree) -> Callable[..., PyTree]:
        """The compiled function of placed arguments like these; it returns placed results, without waiting."""
        return partial(self._program.lower(self._shared, *self.place(arguments)).compile(), self._shared)

    def place(self, tree: PyTree) -> PyTree:
        """Put every lane on its device, so that no call has to move it."""
        if len(self._devices) == 1:
            return tree
        places = -(-self.count // len(self._devices)) * len(self._devices)
        lane_of_place = np.minimum(np.arange(places), self.count - 1)
        divided = NamedSharding(self._mesh, PartitionSpec("lanes"))
        return jax.tree.map(lambda leaf: jax.device_put(leaf[lane_of_place], divided), tree)

    def gather(self, tree: PyTree) -> PyTree:
        """The lanes of placed results on one device, without idle places; waits until they are there."""
        jax.block_until_ready(tree)
        if len(self._devices) == 1:
            return tree
        # By way of the host: a gathering program would queue behind what the devices compute next.
        return jax.tree.map(lambda leaf: jnp.asarray(np.asarray(leaf)[: self.count]), tree)

    def _everywhere(self, tree: PyTree) -> PyTree:
        """Put what all lanes share on every device."""
        if len(self._devices) == 1:
            return tree
        return jax.device_put(tree, NamedSharding(self._mesh, PartitionSpec()))

    def _divided(self, static: PyTree) -> Callable[..., PyTree]:
        """The program (what is shared, what is not...) -> results."""
        if self._devices[0].platform != "cpu":
            return lambda shared, *arguments: jax.vmap(eqx.combine(shared, static))(*arguments)

        def one_after_another(shared: PyTree, arguments: PyTree) -> PyTree:
            function = eqx.combine(shared, static)
            return jax.lax.map(lambda lane: function(*lane), arguments)

        divided = one_after_another
        if len(self._devices) > 1:
            lanes, everywhere = PartitionSpec("lanes"), PartitionSpec()
            divided = jax.shard_map(
                one_after_another,
                mesh=self._mesh,
                in_specs=(everywhere, lanes),
                out_specs=lanes,
                check_vma=False,
            )
        return lambda shared, *arguments: divided(shared, arguments)
