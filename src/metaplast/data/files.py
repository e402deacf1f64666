"""Files of data sets: finding them, fetching them when asked, and reading the formats they come in."""

import gzip
import hashlib
import os
import struct
import tarfile
import urllib.request
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple
from zipfile import BadZipFile

import numpy as np

ENVIRONMENT = "METAPLAST_DATA"
"""Environment variable with the folder of the data sets."""
TIMEOUT = 30.0
"""Seconds without a byte after which a download is given up."""
IDX_TYPES = {8: np.dtype(np.uint8)}
"""Types of numbers in idx files that images and labels use."""


class Remote(NamedTuple):
    """A file that may be downloaded, and what it must be."""

    path: str
    """Where it is put, below the folder of the data sets."""
    url: str
    sha256: str


def folders(root: str = "") -> list[Path]:
    """Where data sets are looked for, in order: `root` alone if it is given, else METAPLAST_DATA and ./data."""
    if root:
        return [Path(root).expanduser()]
    named = os.environ.get(ENVIRONMENT)
    return [*([Path(named).expanduser()] if named else []), Path("data")]


def find(names: Sequence[str], root: str = "") -> Path | None:
    """The first of the relative paths `names` that exists in one of the folders."""
    return next((folder / name for folder in folders(root) for name in names if (folder / name).exists()), None)


def bare(names: Sequence[str], root: str = "") -> list[str]:
    """The last parts of `names`, if `root` is given and itself holds such a file while none of `names` is there.

    So `root` may be the folder of the files of one data set, rather than one with a folder for each.
    """
    last = list(dict.fromkeys(Path(name).name for name in names))
    return last if root and find(names, root) is None and find(last, root) is not None else []


def locate(
    what: str, names: Sequence[str], root: str = "", *, remote: Remote | None = None, download: bool = False
) -> Path:
    """The file or folder of a data set, downloaded if it is not there and `download` allows it.

    Raises:
        FileNotFoundError: it is in no folder, and was not to be downloaded or cannot be.
        ValueError: the download is not the file that it should be.
        ConnectionError: the download failed.
    """
    found = find(names, root)
    if found is not None:
        return found
    if download and remote is not None:
        return fetch(remote, folders(root)[0])
    files = " or ".join(dict.fromkeys(Path(name).name for name in names))
    places = [
        folder / parent for folder in folders(root) for parent in dict.fromkeys(Path(name).parent for name in names)
    ]
    looked = ", ".join(dict.fromkeys(map(str, [folders(root)[0], *places] if root else places)))
    more = "; or set download = true" if remote is not None else ""
    raise FileNotFoundError(
        f"{what}: no {files}; looked in {looked}; put it there, or name its folder in data.root or {ENVIRONMENT}{more}"
    )


def fetch(remote: Remote, folder: Path) -> Path:
    """Download a file into `folder`: whole and with the right checksum, or not at all.

    Raises:
        ValueError: another checksum.
        ConnectionError: no answer.
    """
    target = folder / remote.path
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    digest = hashlib.sha256()
    try:
        with urllib.request.urlopen(remote.url, timeout=TIMEOUT) as answer, partial.open("wb") as stream:
            while block := answer.read(1 << 20):
                digest.update(block)
                stream.write(block)
        if digest.hexdigest() != remote.sha256:
            raise ValueError(
                f"{remote.url} has SHA-256 {digest.hexdigest()}, expected {remote.sha256}; nothing was kept, try again "
                f"or put the file at {target} yourself"
            )
        os.replace(partial, target)
    except OSError as error:
        raise ConnectionError(f"{remote.url} could not be downloaded to {target}: {error}") from None
    finally:
        partial.unlink(missing_ok=True)
    return target


def read_idx(path: Path, dimensions: int) -> np.ndarray:
    """Array of unsigned bytes of an idx file, compressed (.gz) or not, with so many dimensions.

    Format: two zero bytes, the type (8 for unsigned bytes), the number of dimensions, big-endian sizes, the data.

    Raises:
        ValueError: not such a file, or cut short.
    """
    content = _unpacked(path)
    if not content:
        raise ValueError(f"{path} is empty; fetch it again")
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in IDX_TYPES or content[3] != dimensions:
        raise ValueError(
            f"{path} begins with {content[:4].hex()}, expected {8 << 8 | dimensions:08x} (idx, unsigned bytes, "
            f"{dimensions} dimensions); give the original file"
        )
    head = 4 + 4 * dimensions
    shape = struct.unpack(f">{dimensions}I", content[4:head]) if len(content) >= head else (0,) * dimensions
    wanted = int(np.prod(shape, dtype=np.int64)) + head
    if len(content) != wanted or len(content) < head:
        raise ValueError(f"{path} has {len(content)} bytes, expected {wanted}; it is cut short, fetch it again")
    return np.frombuffer(content, IDX_TYPES[8], offset=head).reshape(shape)


def _unpacked(path: Path) -> bytes:
    """Content of a file, decompressed if its name ends in .gz."""
    raw = path.read_bytes()
    if path.suffix != ".gz":
        return raw
    try:
        return gzip.decompress(raw)
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"{path} is not whole gzip data ({error}); fetch it again") from None


def read_npz(path: Path, names: Sequence[str]) -> list[np.ndarray]:
    """Arrays of an .npz file by name; nothing that needs pickle is read.

    Raises:
        ValueError: not such a file, an array that is not there, or one of objects.
    """
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
            absent = [name for name in names if name not in arrays.files]
            if absent:
                raise ValueError(f"it lacks {', '.join(absent)}; it has {', '.join(arrays.files)}")
            return [arrays[name] for name in names]
    except (ValueError, OSError, EOFError, BadZipFile, zlib.error, TypeError, AttributeError) as error:
        raise ValueError(f"{path} cannot be read: {error}; give the .npz file with {', '.join(names)}") from None


def read_members(path: Path, names: Sequence[str]) -> list[bytes]:
    """Contents of files by their last name, from a folder or a .tar.gz archive (nothing is unpacked to disk).

    Raises:
        ValueError: a file that is not there, or a broken archive.
    """
    if path.is_dir():
        absent = [name for name in names if not (path / name).is_file()]
        if absent:
            raise ValueError(f"{path} lacks {', '.join(absent)}; unpack the whole archive there")
        return [(path / name).read_bytes() for name in names]
    try:
        with tarfile.open(path) as archive:
            members = {Path(member.name).name: member for member in archive.getmembers() if member.isfile()}
            absent = [name for name in names if name not in members]
            if absent:
                raise ValueError(f"it lacks {', '.join(absent)}")
            return [archive.extractfile(members[name]).read() for name in names]  # pyright: ignore
    except (tarfile.TarError, OSError, EOFError, zlib.error, ValueError) as error:
        raise ValueError(f"{path} cannot be read: {error}; fetch it again") from None
