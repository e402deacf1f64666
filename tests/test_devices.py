"""Cores and devices, and a batch divided among them."""

import os
import subprocess
import sys

import jax
import jax.numpy as jnp
import pytest

from metaplast.devices import available_cores, batch_value_and_grad, prepare

PROGRAM = """
import os
from metaplast.devices import prepare, batch_value_and_grad, place
assert prepare(2) == 2
import jax, jax.numpy as jnp, numpy as np
assert jax.device_count() == 2
assert "--xla_cpu_multi_thread_eigen=false" in os.environ["XLA_FLAGS"]
assert prepare(3) == 2, "JAX has started, so two it stays"
assert prepare(0) == (2 if os.cpu_count() > 1 else 1)
weight, data = jnp.arange(3.0), jnp.arange(24.0).reshape(2, 4, 3)
def loss(weight, data):
    per_example = jnp.sin(data * weight)
    return per_example.sum(), per_example
for has_aux in (True, False):
    function = loss if has_aux else (lambda *args: loss(*args)[0])
    wanted = jax.jit(jax.value_and_grad(function, has_aux=has_aux))(weight, data)
    divided = jax.jit(batch_value_and_grad(function, has_aux=has_aux))
    found = divided(place(weight), place(data, batch=True))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6), found, wanted)
try:
    divided(weight, data[:, :3])
except ValueError as error:
    assert "a batch of 3 cannot be divided among 2 devices" in str(error)
else:
    raise AssertionError("a batch of three was divided by two")
"""


def test_two_devices_share_a_batch_and_stay_two():
    environment = {name: value for name, value in os.environ.items() if name not in ("XLA_FLAGS", "JAX_PLATFORMS")}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment | {"JAX_PLATFORMS": "cpu"}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]


def test_prepare_leaves_a_started_jax_as_it_is(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XLA_FLAGS", "--untouched")
    devices = jax.device_count()
    assert prepare(devices + 3) == devices
    assert jax.device_count() == devices
    assert os.environ["XLA_FLAGS"] == "--untouched"


def test_on_one_device_nothing_is_divided():
    gradient = batch_value_and_grad(lambda weight, data: (weight * data).sum(), devices=jax.devices()[:1])
    value, change = gradient(jnp.asarray(2.0), jnp.ones((3, 5)))
    assert (float(value), float(change)) == (30.0, 15.0)


def test_cores_are_those_of_this_process():
    assert 1 <= available_cores() <= os.cpu_count()
