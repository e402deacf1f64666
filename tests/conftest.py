"""Fixtures for every test."""

import os
import shutil

import jax
import pytest

from metaplast.native.library import COMPILERS

if not any(shutil.which(name) for name in COMPILERS):
    os.environ["METAPLAST_NATIVE"] = "0"  # event-driven connections then say nothing and run as dense ones


@pytest.fixture
def key():
    return jax.random.key(7)


@pytest.fixture(scope="module")
def quick_compilation():
    """For tests that compile many small programs and compare them: the compiler optimises little."""
    before = jax.config.values["jax_disable_most_optimizations"]
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", before)
