"""Which code, on which machine: what a result must carry to be made again."""

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = ("jax", "jaxlib", "equinox", "optax", "numpy", "msgspec")


def provenance(device: str) -> dict[str, Any]:
    """Version and commit of metaplast, versions of what it stands on, Python, platform and number of CPUs.

    `device` is what the caller computes on, e.g. `"cpu"`: this module does not wake a backend to find out.
    """
    return {
        "version": package_version("metaplast"),
        "commit": git_commit(),
        "packages": {name: package_version(name) for name in PACKAGES},
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpus": os.cpu_count() or 0,
        "device": device,
    }


def package_version(name: str) -> str:
    """Installed version of a package, empty if it is not installed."""
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def git_commit(package: Path = Path(__file__).parent) -> str:
    """Commit of the checkout that holds `package` as src/metaplast, with `-dirty` after it if files were changed.

    Empty without git or outside a checkout: an environment inside somebody else's repository is not ours.
    """
    root = _git(package, "rev-parse", "--show-toplevel")
    if not root or Path(root, "src", "metaplast").resolve() != package.resolve():
        return ""
    return _git(package, "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")


def _git(folder: Path, *arguments: str) -> str:
    """Output of a git command in `folder`, empty if it fails."""
    try:
        done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
