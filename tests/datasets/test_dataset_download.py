"""Downloads from mirrors that give the file, another one, half of it or nothing."""

import gzip
import hashlib
import logging
import sys
from pathlib import Path

import pytest
import requests

from spikingjelly.datasets import DownloadError, _download
from tests.datasets.conftest import Mirror

_CONTENT = bytes(range(256)) * 400
_SHA256 = f"sha256:{hashlib.sha256(_CONTENT).hexdigest()}"


def _fetch(mirror: Mirror, folder: Path, *paths: str, checksum: str = _SHA256) -> Path:
    return _download.download([mirror.url + path for path in paths], "file.bin", checksum, folder, progress=False)


def _fill(mirror: Mirror) -> None:
    mirror.files = {"good": _CONTENT, "cut": _CONTENT, "wrong": _CONTENT[:-1] + b"?"}
    mirror.cut = {"cut"}


def test_file_is_fetched_into_a_new_folder(mirror: Mirror, tmp_path: Path) -> None:
    _fill(mirror)
    path = _fetch(mirror, tmp_path / "new" / "folder", "good", "wrong")
    assert path == tmp_path / "new" / "folder" / "file.bin"
    assert path.read_bytes() == _CONTENT
    assert [each.name for each in path.parent.iterdir()] == ["file.bin"]
    assert mirror.asked == ["good"]


def test_md5(mirror: Mirror, tmp_path: Path) -> None:
    _fill(mirror)
    checksum = f"md5:{hashlib.md5(_CONTENT).hexdigest()}"
    assert _fetch(mirror, tmp_path, "wrong", "good", checksum=checksum).read_bytes() == _CONTENT
    assert mirror.asked == ["wrong", "good"]


@pytest.mark.parametrize("bad", ["absent", "cut", "wrong"])
def test_next_mirror_is_asked_and_the_failure_logged(
    mirror: Mirror, tmp_path: Path, bad: str, caplog: pytest.LogCaptureFixture
) -> None:
    _fill(mirror)
    assert _fetch(mirror, tmp_path, bad, "good").read_bytes() == _CONTENT
    assert mirror.asked == [bad, "good"]
    (record,) = (record for record in caplog.records if record.name == "spikingjelly.datasets._download")
    assert record.levelno == logging.WARNING
    assert record.getMessage().startswith(f"{mirror.url}{bad} could not be downloaded: ")


def test_compressed_file_is_not_unpacked_on_the_way(mirror: Mirror, tmp_path: Path) -> None:
    packed = gzip.compress(_CONTENT, mtime=0)
    mirror.files, mirror.encoded = {"file.gz": packed}, {"file.gz"}
    checksum = f"sha256:{hashlib.sha256(packed).hexdigest()}"
    assert _fetch(mirror, tmp_path, "file.gz", checksum=checksum).read_bytes() == packed


def test_unreachable_mirror(mirror: Mirror, tmp_path: Path) -> None:
    _fill(mirror)
    urls = ["http://127.0.0.1:9/good", mirror.url + "good"]
    assert _download.download(urls, "file.bin", _SHA256, tmp_path, progress=False).read_bytes() == _CONTENT


def test_all_mirrors_fail(mirror: Mirror, tmp_path: Path) -> None:
    _fill(mirror)
    bad = ["absent", "cut", "wrong"]
    with pytest.raises(DownloadError, match=r"file\.bin could not be downloaded from any of 3 mirrors") as caught:
        _fetch(mirror, tmp_path, *bad)
    message = str(caught.value)
    assert f"{mirror.url}absent: HTTPError: 404" in message
    assert f"{mirror.url}cut: " in message
    assert f"{mirror.url}wrong: ValueError: " in message
    assert f"place the file ({_SHA256}) in {tmp_path} by hand" in message
    assert [url for url, _ in caught.value.failures] == [mirror.url + path for path in bad]
    assert isinstance(caught.value.failures[0][1], requests.HTTPError)
    assert list(tmp_path.iterdir()) == []


def test_interrupted_download_leaves_no_file(mirror: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _fill(mirror)

    def half(response: requests.Response, *args: object, **kwargs: object) -> object:
        yield response.raw.read(1000)
        assert any(path.stat().st_size >= 0 for path in tmp_path.iterdir())
        raise KeyboardInterrupt

    monkeypatch.setattr(requests.Response, "iter_content", half)
    with pytest.raises(KeyboardInterrupt):
        _fetch(mirror, tmp_path, "good")
    assert list(tmp_path.iterdir()) == []


def test_right_file_is_kept_and_wrong_file_replaced(mirror: Mirror, tmp_path: Path) -> None:
    _fill(mirror)
    path = tmp_path / "file.bin"
    path.write_bytes(_CONTENT[:100])
    assert _fetch(mirror, tmp_path, "good").read_bytes() == _CONTENT
    assert _fetch(mirror, tmp_path, "good").read_bytes() == _CONTENT
    assert mirror.asked == ["good"]


def test_wrong_file_stays_where_no_mirror_helps(mirror: Mirror, tmp_path: Path) -> None:
    (tmp_path / "file.bin").write_bytes(b"mine")
    with pytest.raises(DownloadError):
        _fetch(mirror, tmp_path, "absent")
    assert (tmp_path / "file.bin").read_bytes() == b"mine"


def test_error_of_the_disk_is_not_taken_for_one_of_the_mirror(mirror: Mirror, tmp_path: Path) -> None:
    (tmp_path / "occupied").write_bytes(b"")
    with pytest.raises(FileExistsError):
        _fetch(mirror, tmp_path / "occupied", "good")
    assert mirror.asked == []


@pytest.mark.parametrize("progress", [False, True])
def test_progress_bar(mirror: Mirror, tmp_path: Path, progress: bool, capsys: pytest.CaptureFixture[str]) -> None:
    _fill(mirror)
    _download.download([mirror.url + "good"], "file.bin", _SHA256, tmp_path, progress=progress)
    assert ("102k/102k" in capsys.readouterr().err) is progress


def test_without_pooch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pooch", None)
    with pytest.raises(ImportError, match=r'file\.bin needs pooch.* pip install "spikingjelly\[datasets\]"') as caught:
        _download.download(["http://a/x", "http://b/x"], "file.bin", _SHA256, tmp_path / "new")
    assert f"Or place the file in {tmp_path / 'new'} by hand" in str(caught.value)
    assert "    http://a/x\n    http://b/x" in str(caught.value)
    assert not (tmp_path / "new").exists()
