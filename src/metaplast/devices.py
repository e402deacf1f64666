"""How a machine's cores are used: to be said before JAX starts, since it cannot be changed afterwards."""

import ctypes
import os
import sys
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import PyTree

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_MAX = -1, -2, -4
"""Parameters of mallopt(3)."""
FEWER_COPIES = ((0, 10),)
"""Versions of JAX in which the flag below was tried; XLA aborts the process at a flag that it does not know."""


def prepare(count: int = 0) -> int:
    """Divide the CPU into `count` devices (0: one a core), each with one thread, and keep freed memory.

    Small networks gain nothing from several threads in one product, but they do from one device a core: lanes or parts
    of a batch then run side by side. Memory that goes back to the operating system after every call has to be cleared
    by it before the next; keeping it saved up to a quarter of the time of a long run (glibc only, elsewhere nothing
    happens). XLA is told to look closer before it copies the buffers of a loop (3 to 10 % of a training step). Call it
    before the first JAX operation; what XLA_FLAGS says already is left as it is. Where JAX has started already, the
    devices stay as they are.

    Returns the number of devices.
    """
    _keep_freed_memory()
    count = count or available_cores()
    try:
        jax.config.update("jax_num_cpu_devices", count)
    except RuntimeError:
        return jax.device_count()
    if jax.__version_info__[:2] in FEWER_COPIES:
        _add_flag("xla_cpu_copy_insertion_use_region_analysis=true")
    if count == 1:
        return count
    _add_flag("xla_cpu_multi_thread_eigen=false")
    return count


def _add_flag(flag: str) -> None:
    """XLA reads its flags once, when JAX starts; one that is there already stays."""
    flags = os.environ.get("XLA_FLAGS", "")
    if flag.split("=")[0] not in flags:
        os.environ["XLA_FLAGS"] = f"{flags} --{flag}".strip()


def available_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)


def _keep_freed_memory() -> None:
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_MMAP_MAX, 0)
        mallopt(M_TRIM_THRESHOLD, 2**31 - 1)
        mallopt(M_TOP_PAD, 2**28)


def batch_value_and_grad(
    loss: Callable[..., Any], *, has_aux: bool = False, devices: list[Any] | None = None
) -> Callable[..., Any]:
    """`jax.value_and_grad(loss)`, the batch divided among the devices.

    `loss(model, *data)` is a *sum* over examples; every array of `data`, and of what it returns beside the sum if
    `has_aux`, is [time, batch, ...]. Each device takes an equal part of the batch, and sums and gradients are added.
    A plastic weight that is shared over the batch would see only its part: for those, use one device.

    Raises:
        ValueError: a batch that the devices cannot share equally.
    """
    devices = jax.devices() if devices is None else devices
    gradient = jax.value_and_grad(loss, has_aux=has_aux)
    if len(devices) == 1:
        return gradient
    mesh = Mesh(np.array(devices), ("batch",))
    whole, parts = PartitionSpec(), PartitionSpec(None, "batch")

    def part(model: PyTree, *data: PyTree) -> Any:
        value, change = gradient(model, *data)
        total, aux = value if has_aux else (value, None)
        total, change = jax.lax.psum((total, change), "batch")
        return ((total, aux), change) if has_aux else (total, change)

    def divided(model: PyTree, *data: PyTree) -> Any:
        batch = jax.tree.leaves(data)[0].shape[1]
        if batch % len(devices):
            raise ValueError(f"a batch of {batch} cannot be divided among {len(devices)} devices")
        outputs = ((whole, parts), whole) if has_aux else (whole, whole)
        inputs = (whole, *(parts for _ in data))
        return jax.shard_map(part, mesh=mesh, in_specs=inputs, out_specs=outputs, check_vma=False)(model, *data)

    return divided


def place(tree: PyTree, *, batch: bool = False, devices: list[Any] | None = None) -> PyTree:
    """Put arrays where `batch_value_and_grad` wants them: on all devices, or divided along the batch axis."""
    devices = jax.devices() if devices is None else devices
    spec = PartitionSpec(None, "batch") if batch else PartitionSpec()
    return jax.device_put(tree, NamedSharding(Mesh(np.array(devices), ("batch",)), spec))
