"""Lanes on several devices give what each lane gives alone."""

import json
import os
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metaplast.learning import Lanes

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def found() -> dict:
    """The program needs two devices, which only a process of its own can have."""
    paths = os.pathsep.join([str(HERE.parent), os.environ.get("PYTHONPATH", "")])
    environment = os.environ | {"JAX_NUM_CPU_DEVICES": "2", "JAX_PLATFORMS": "cpu", "PYTHONPATH": paths}
    environment |= {"JAX_DISABLE_MOST_OPTIMIZATIONS": "1"}  # the same bits are asked for, not speed
    environment.pop("XLA_FLAGS", None)  # of what users' programs are made of, not of what compiles quickest
    command = [sys.executable, str(HERE / "lanes_program.py")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_two_devices_give_exactly_what_one_gives(found):
    assert found["devices"] == 2
    assert found["two devices against one"] == 0.0
    assert found["two devices against alone"] == 0.0


def test_lanes_need_not_be_a_multiple_of_the_devices(found):
    """Three lanes of two devices above; here five."""
    assert found["sum"] == [1.0, 2.0, 3.0, 4.0, 5.0]
    assert found["square"] == [0.0, 1.0, 4.0, 9.0, 16.0]
    assert np.shape(found["updates"]) == (3, 2)


def test_no_device_waits_for_another(found):
    """A common barrier would make XLA end the process as soon as one device is 40 s ahead."""
    assert found["devices of a placed result"] == [2]
    barriers = "all-gather", "all-reduce", "all-to-all", "collective-permute", "reduce-scatter"
    assert not [barrier for barrier in barriers if barrier in found["program"]]


def test_a_lane_with_zero_rates_is_a_lane_that_frees_nothing_there(found):
    assert found["zero rates against none"] < 1e-6
    assert found["conditions apart"] > 1e-3


def test_lanes_on_one_device():
    lanes = Lanes(lambda a, b: (a + b.sum(), a * 2), 3, jax.devices()[:1])
    total, double = lanes(jnp.arange(3.0), jnp.ones((3, 2)))
    assert total.tolist() == [2.0, 3.0, 4.0]
    assert double.tolist() == [0.0, 2.0, 4.0]
