"""Downloads of one file: progress, packed files, and whose fault a failure is."""

import gzip
import logging
from pathlib import Path

import pytest
import requests

from spikingjelly.datasets import DownloadError
from spikingjelly.datasets._download import download
from tests.datasets.conftest import Mirror

_CONTENT = bytes(range(256)) * 400


def _complaint(path: Path) -> str | None:
    return None if path.read_bytes() == _CONTENT else "it is another one."


def _fetch(mirror: Mirror, folder: Path, *paths: str, progress: bool = False) -> Path:
    mirror.files = {"good": _CONTENT, "cut": _CONTENT, "wrong": _CONTENT[:-1] + b"?"}
    mirror.cut = {"cut"}
    path = folder / "file.bin"
    download([mirror.url + path for path in paths], path, _complaint, progress=progress)
    return path


@pytest.mark.parametrize("bad", ["absent", "cut", "wrong"])
def test_next_mirror_is_asked_and_the_failure_logged(
    mirror: Mirror, tmp_path: Path, bad: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert _fetch(mirror, tmp_path / "new" / "folder", bad, "good").read_bytes() == _CONTENT
    assert [path.name for path in (tmp_path / "new" / "folder").iterdir()] == ["file.bin"]
    assert (mirror.asked[0], mirror.asked[-1]) == (bad, "good")
    (record,) = (record for record in caplog.records if record.name == "spikingjelly.datasets._download")
    assert record.levelno == logging.WARNING
    assert record.getMessage().startswith(f"{mirror.url}{bad} could not be downloaded: ")


def test_compressed_file_is_not_unpacked_on_the_way(mirror: Mirror, tmp_path: Path) -> None:
    packed = gzip.compress(_CONTENT, mtime=0)
    mirror.files, mirror.encoded = {"file.gz": packed}, {"file.gz"}
    download([mirror.url + "file.gz"], tmp_path / "a.gz", lambda path: None, progress=False)
    assert (tmp_path / "a.gz").read_bytes() == packed


def test_unreachable_mirror(mirror: Mirror, tmp_path: Path) -> None:
    mirror.files = {"good": _CONTENT}
    urls = ["http://127.0.0.1:9/good", mirror.url + "good"]
    download(urls, tmp_path / "a", _complaint, progress=False)
    assert (tmp_path / "a").read_bytes() == _CONTENT


def test_all_mirrors_fail(mirror: Mirror, tmp_path: Path) -> None:
    bad = ["absent", "cut", "wrong"]
    with pytest.raises(DownloadError, match=r"file\.bin could not be downloaded from any of 3 mirrors") as caught:
        _fetch(mirror, tmp_path, *bad)
    message = str(caught.value)
    assert f"{mirror.url}absent: HTTPError: 404" in message
    assert f"{mirror.url}cut: " in message
    assert f"{mirror.url}wrong: Refused: it is another one." in message
    assert f"place the file in {tmp_path} by hand" in message
    assert [url for url, _ in caught.value.failures] == [mirror.url + path for path in bad]
    assert isinstance(caught.value.failures[0][1], requests.HTTPError)
    assert list(tmp_path.iterdir()) == []


def test_file_of_that_name_is_never_overwritten(mirror: Mirror, tmp_path: Path) -> None:
    (tmp_path / "file.bin").write_bytes(b"mine")
    with pytest.raises(FileExistsError, match="exists and is not overwritten"):
        _fetch(mirror, tmp_path, "good")
    assert (tmp_path / "file.bin").read_bytes() == b"mine"
    assert mirror.asked == []


def test_error_of_the_disk_is_not_taken_for_one_of_the_mirror(mirror: Mirror, tmp_path: Path) -> None:
    (tmp_path / "occupied").write_bytes(b"")
    with pytest.raises(FileExistsError, match="occupied"):
        _fetch(mirror, tmp_path / "occupied", "good")
    assert mirror.asked == []


@pytest.mark.parametrize("progress", [False, True])
def test_progress_bar(mirror: Mirror, tmp_path: Path, progress: bool, capsys: pytest.CaptureFixture[str]) -> None:
    _fetch(mirror, tmp_path, "good", progress=progress)
    assert ("102k/102k" in capsys.readouterr().err) is progress
