"""Files are found where they should be, fetched whole or not at all, and broken ones refused by name."""

import gzip
import hashlib
import io
import tarfile

import numpy as np
import pytest

from data_helpers import idx
from metaplast.data.files import Remote, fetch, find, folders, locate, read_idx, read_members, read_npz

ARRAY = np.arange(24).reshape(4, 3, 2)


def test_the_given_folder_wins_and_the_environment_comes_before_the_working_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for place in ("given", "named", "data"):
        (tmp_path / place).mkdir()
        (tmp_path / place / "file").write_text(place)
    monkeypatch.setenv("METAPLAST_DATA", str(tmp_path / "named"))
    assert find(["file"], str(tmp_path / "given")).read_text() == "given"
    assert find(["other", "file"]).read_text() == "named"
    monkeypatch.delenv("METAPLAST_DATA")
    assert find(["file"]).read_text() == "data"
    assert len(folders()) == 1


def test_what_is_not_there_is_said_with_the_mend(tmp_path):
    with pytest.raises(
        FileNotFoundError, match=r"mnist: no a or b; looked in .*, .*/x; .*METAPLAST_DATA; or set download = true"
    ):
        locate("mnist", ["x/a", "x/b"], str(tmp_path), remote=Remote("a", "file:///nowhere", ""))
    with pytest.raises(FileNotFoundError, match=r"METAPLAST_DATA$"):
        locate("n-mnist", ["a"], str(tmp_path), download=True)


def served(path, content: bytes) -> Remote:
    path.write_bytes(content)
    return Remote("folder/file", path.as_uri(), hashlib.sha256(content).hexdigest())


def test_a_download_is_whole_or_not_there(tmp_path):
    remote = served(tmp_path / "source", b"some content")
    found = locate("it", ["folder/file"], str(tmp_path), remote=remote, download=True)
    assert found.read_bytes() == b"some content"
    assert [path.name for path in found.parent.iterdir()] == ["file"]


def test_a_wrong_checksum_leaves_nothing(tmp_path):
    remote = served(tmp_path / "source", b"some content")._replace(sha256="0" * 64)
    with pytest.raises(ValueError, match=r"has SHA-256 .*, expected 0000"):
        fetch(remote, tmp_path)
    assert list((tmp_path / "folder").iterdir()) == []


def test_a_failed_download_leaves_nothing(tmp_path):
    with pytest.raises(ConnectionError, match="could not be downloaded"):
        fetch(Remote("folder/file", (tmp_path / "absent").as_uri(), ""), tmp_path)
    assert list((tmp_path / "folder").iterdir()) == []


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_idx_is_read_as_it_was_written(tmp_path, suffix):
    path = tmp_path / f"file{suffix}"
    path.write_bytes(gzip.compress(idx(ARRAY)) if suffix else idx(ARRAY))
    np.testing.assert_array_equal(read_idx(path, 3), ARRAY)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty; fetch it again"),
        (b"\x89PNG....", "begins with 89504e47, expected 00000803"),
        (idx(ARRAY[0]), "begins with 00000802"),
        (idx(ARRAY)[:-1], r"has 39 bytes, expected 40; it is cut short"),
        (idx(ARRAY) + b"\0", "has 41 bytes, expected 40"),
        (idx(ARRAY)[:9], "cut short"),
    ],
    ids=["empty", "other", "flat", "byte-lost", "byte-more", "head-lost"],
)
def test_a_broken_idx_file_is_refused_by_name(tmp_path, content, message):
    path = tmp_path / "some-images"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"some-images {message}|some-images has .*{message}"):
        read_idx(path, 3)


def test_an_empty_packed_file_is_said_to_be_empty(tmp_path):
    for content in (b"", gzip.compress(b"")):
        (tmp_path / "labels.gz").write_bytes(content)
        with pytest.raises(ValueError, match=r"labels\.gz is empty; fetch it again"):
            read_idx(tmp_path / "labels.gz", 1)


@pytest.mark.parametrize("content", [b"no gzip", gzip.compress(idx(ARRAY), mtime=0)[:-9]], ids=["other", "cut"])
def test_broken_gzip_is_refused_by_name(tmp_path, content):
    path = tmp_path / "images.gz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"images\.gz is not whole gzip data"):
        read_idx(path, 3)


def test_npz_gives_its_arrays_and_reads_no_pickle(tmp_path):
    path = tmp_path / "arrays.npz"
    np.savez(path, one=ARRAY, two=np.asarray([None, {}], object))
    np.testing.assert_array_equal(read_npz(path, ["one"])[0], ARRAY)
    with pytest.raises(ValueError, match="lacks three; it has one, two"):
        read_npz(path, ["three"])
    with pytest.raises(ValueError, match=r"arrays\.npz cannot be read: .*pickle"):
        read_npz(path, ["two"])
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ValueError, match=r"arrays\.npz cannot be read"):
        read_npz(path, ["one"])


def test_members_come_from_a_folder_or_an_archive(tmp_path):
    path = tmp_path / "archive.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        member = tarfile.TarInfo("inner/one.bin")
        member.size = 3
        archive.addfile(member, io.BytesIO(b"abc"))
    (tmp_path / "one.bin").write_bytes(b"abc")
    assert read_members(path, ["one.bin"]) == read_members(tmp_path, ["one.bin"]) == [b"abc"]
    for place in (path, tmp_path):
        with pytest.raises(ValueError, match=r"lacks two\.bin"):
            read_members(place, ["two.bin"])
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(ValueError, match=r"archive\.tar\.gz cannot be read"):
        read_members(path, ["one.bin"])
