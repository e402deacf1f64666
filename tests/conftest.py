"""Fixtures for every test."""

import os
import shutil
import tempfile

import jax
import pytest

from metaplast.native.library import COMPILERS

if not any(shutil.which(name) for name in COMPILERS):
    os.environ["METAPLAST_NATIVE"] = "0"  # event-driven connections then say nothing and run as dense ones

FUSION_EMITTERS = "xla_cpu_use_fusion_emitters"
if jax.__version_info__[:2] == (0, 10) and FUSION_EMITTERS not in os.environ.get("XLA_FLAGS", ""):
    # XLA compiles faster without them, and what it compiles runs more slowly: for tests that is the better bargain.
    # It aborts at a flag that it does not know, so only where it was tried.
    os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} --{FUSION_EMITTERS}=false".strip()

if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
    # A killed run that goes on, a worker beside this one and a process of its own compile the same programs: once is
    # enough. Workers and processes inherit the name; who made the folder removes it.
    _cache = tempfile.TemporaryDirectory(prefix="metaplast-tests-")
    _settings = {"jax_compilation_cache_dir": _cache.name, "jax_persistent_cache_min_compile_time_secs": 0.1}
    for _name, _value in _settings.items():
        jax.config.update(_name, _value)
        os.environ[_name.upper()] = str(_value)


@pytest.fixture
def key():
    return jax.random.key(7)


@pytest.fixture(scope="module")
def quick_compilation():
    """For tests that compile many small programs and compare them: the compiler optimises little."""
    before = jax.config.values["jax_disable_most_optimizations"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAX_DISABLE_MOST_OPTIMIZATIONS", "true")  # for processes that a test starts
        jax.config.update("jax_disable_most_optimizations", True)
        yield
    jax.config.update("jax_disable_most_optimizations", before)


THOROUGH = ("native",)
"""Folders whose programs compile as users' do. Elsewhere it is only asked whether they are right."""


@pytest.fixture(scope="module", autouse=True)
def all_but_the_native_compiles_quickly(request):
    if request.path.parent.name not in THOROUGH:
        request.getfixturevalue("quick_compilation")


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
