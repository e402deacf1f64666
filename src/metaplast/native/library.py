"""The C++ of this folder, compiled for this machine when it is first needed, and kept in the user's cache."""

import ctypes
import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
import warnings
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

import jax

COMPILERS = ("c++", "g++", "clang++")
FLAGS = ("-std=c++17", "-O3", "-march=native", "-fPIC", "-shared", "-w")
SOURCES = ("events.cc", "convolution.cc")
HEADERS = ("images.h", "lanes.h", "pieces.h")
TARGETS = (
    "metaplast_event_product",
    "metaplast_event_outer",
    "metaplast_convolve",
    "metaplast_convolve_outer",
)


@cache
def available() -> bool:
    """Whether the native operations can be used; the first call compiles (seconds) and registers them.

    Where they cannot, for want of a compiler, it says so once; `METAPLAST_NATIVE=0` switches them off without a word.
    """
    if os.environ.get("METAPLAST_NATIVE") == "0":
        return False
    try:
        library = ctypes.CDLL(str(compiled(cache_folder())))
    except (OSError, subprocess.SubprocessError) as error:
        warnings.warn(
            f"event-driven products run as dense ones and convolutions as XLA's, for want of compiled code: {error}",
            stacklevel=2,
        )
        return False
    for target in TARGETS:
        jax.ffi.register_ffi_target(target, jax.ffi.pycapsule(getattr(library, target)), platform="cpu")
    return True


def cache_folder() -> Path:
    """Where compiled libraries are kept: `$XDG_CACHE_HOME/metaplast`, by default in the user's `.cache`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "metaplast"


def compiled(folder: Path) -> Path:
    """The library in `folder`, compiled if this source, compiler, JAX and processor have none there yet.

    Raises:
        OSError: no compiler, or a folder that cannot be written.
        subprocess.CalledProcessError: the compiler failed.
    """
    compiler = next((found for name in COMPILERS if (found := shutil.which(name))), None)
    if compiler is None:
        raise OSError(f"none of {', '.join(COMPILERS)} is on the path")
    here = files("metaplast.native")
    command = [compiler, *FLAGS, f"-I{jax.ffi.include_dir()}", *(str(here / name) for name in SOURCES)]
    texts = [(here / name).read_text() for name in (*SOURCES, *HEADERS)]
    path = folder / f"native-{_fingerprint(texts, command)}.so"
    if path.is_file():
        return path
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:  # another process may be compiling the same
        fresh = Path(scratch) / path.name
        subprocess.run([*command, "-o", str(fresh)], check=True, capture_output=True)
        os.replace(fresh, path)
    return path


def _fingerprint(texts: list[str], command: list[str]) -> str:
    """Of all that decides what comes out of the compiler."""
    parts = [*texts, *command, version("jaxlib"), platform.machine(), _processor()]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _processor() -> str:
    """What this processor can do: a home directory may be shared by machines of different kinds."""
    facts = Path("/proc/cpuinfo")
    if not facts.is_file():
        return platform.processor()
    return next((line for line in facts.read_text().splitlines() if line.startswith(("flags", "Features"))), "")
