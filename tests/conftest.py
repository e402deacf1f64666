"""Fixtures for every test."""

import jax
import pytest


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
