"""Lanes: the same computation side by side over seeds and allocations."""

from collections.abc import Callable
from functools import partial
from typing import Any

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
    The first `shared` arguments are the same for all lanes, such as a data set, and have no such axis.
    """

    def __init__(
        self, function: Callable[..., PyTree], count: int, devices: list[Any] | None = None, *, shared: int = 0
    ) -> None:
        self.count = count
        self._shared = shared
        self._devices = (jax.devices() if devices is None else devices)[:count]
        self._mesh = Mesh(np.array(self._devices), ("lanes",))
        self._program = jax.jit(self._divided(function))

    def __call__(self, *arguments: PyTree) -> PyTree:
        """Results of all lanes; waits for them."""
        return self.gather(self._program(*self._placed(arguments)))

    def compile(self, *arguments: PyTree) -> Callable[..., PyTree]:
        """The compiled function of placed arguments like these; it returns placed results, without waiting."""
        return self._program.lower(*self._placed(arguments)).compile()

    def place(self, tree: PyTree) -> PyTree:
        """Put every lane on its device, so that no call has to move it."""
        if len(self._devices) == 1:
            return tree
        places = -(-self.count // len(self._devices)) * len(self._devices)
        lane_of_place = np.minimum(np.arange(places), self.count - 1)
        divided = NamedSharding(self._mesh, PartitionSpec("lanes"))
        return jax.tree.map(lambda leaf: jax.device_put(leaf[lane_of_place], divided), tree)

    def place_shared(self, tree: PyTree) -> PyTree:
        """Put what all lanes share on every device."""
        if len(self._devices) == 1:
            return tree
        return jax.device_put(tree, NamedSharding(self._mesh, PartitionSpec()))

    def _placed(self, arguments: tuple[PyTree, ...]) -> tuple[PyTree, ...]:
        shared, own = arguments[: self._shared], arguments[self._shared :]
        return (*self.place_shared(shared), *self.place(own))

    def gather(self, tree: PyTree) -> PyTree:
        """The lanes of placed results on one device, without idle places; waits until they are there."""
        jax.block_until_ready(tree)
        if len(self._devices) == 1:
            return tree
        # By way of the host: a gathering program would queue behind what the devices compute next.
        return jax.tree.map(lambda leaf: jnp.asarray(np.asarray(leaf)[: self.count]), tree)

    def _divided(self, function: Callable[..., PyTree]) -> Callable[..., PyTree]:
        shared = self._shared
        if self._devices[0].platform != "cpu":
            return lambda *arguments: jax.vmap(partial(function, *arguments[:shared]))(*arguments[shared:])

        def one_after_another(*arguments: PyTree) -> PyTree:
            return jax.lax.map(lambda lane: function(*arguments[:shared], *lane), arguments[shared:])

        if len(self._devices) == 1:
            return one_after_another
        whole, spec = PartitionSpec(), PartitionSpec("lanes")

        def divided(*arguments: PyTree) -> PyTree:
            specs = tuple(whole if place < shared else spec for place in range(len(arguments)))
            return jax.shard_map(one_after_another, mesh=self._mesh, in_specs=specs, out_specs=spec, check_vma=False)(
                *arguments
            )

        return divided
