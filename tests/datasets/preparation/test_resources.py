"""Files placed by hand, mirrors that break, servers that continue and those that only say so."""

import hashlib
import itertools
import logging
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import spikingjelly
from spikingjelly.datasets import DatasetFormatError, DatasetNotFoundError, DownloadError
from spikingjelly.datasets._preparation.resources import Resource, find, obtain

_CONTENT = bytes(range(256)) * 4000
_PIECE = 2**16
_MD5 = hashlib.md5(_CONTENT).hexdigest()
_SHA256 = hashlib.sha256(_CONTENT).hexdigest()


class Server(ThreadingHTTPServer):
    """Behaves as the path says; ``asked`` holds path and Range header of each request."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[tuple[str, str | None]] = []

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_port}/{path}"


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        path, wanted = self.path.lstrip("/"), self.headers.get("Range")
        self.server.asked.append((path, wanted))
        start = int(wanted.split("=")[1].rstrip("-")) if wanted else 0
        if path == "absent":
            self.send_error(404)
        elif path == "elsewhere":
            self.send_response(302)
            self.send_header("Location", "http://example.invalid/file")
            self.end_headers()
        elif path == "moved":
            self.send_response(301)
            self.send_header("Location", "/good")
            self.end_headers()
        elif path == "circle":
            self.send_response(302)
            self.send_header("Location", "/circle")
            self.end_headers()
        elif path == "page":
            self._give(b"<!DOCTYPE html><html>sign in</html>", 200, kind="text/html; charset=utf-8")
        elif path == "wrong":
            self._give(_CONTENT[:-1] + b"?", 200)
        elif path == "no_ranges":
            self._give(_CONTENT, 200)
        elif path == "good":
            self._part(start)
        elif path == "thirds":  # breaks after a third of the file, and continues
            self._part(start, start + len(_CONTENT) // 3)
        elif path == "half":  # breaks half-way, whatever is asked
            self._give(_CONTENT, 200, len(_CONTENT) // 2)
        elif path == "shifted":  # continues from another place than asked
            self._part(start, shift=1)
        elif path == "hanging":
            self._give(_CONTENT, 200, len(_CONTENT) // 2, hang=True)

    def _part(self, start: int, end: int | None = None, shift: int = 0) -> None:
        if start >= len(_CONTENT):
            self.send_error(416)
            return
        if start == 0:
            self._give(_CONTENT, 200, end)
            return
        place = f"bytes {start + shift}-{len(_CONTENT) - 1}/{len(_CONTENT)}"
        self._give(_CONTENT[start:], 206, None if end is None else end - start, place)

    def _give(
        self,
        content: bytes,
        status: int,
        cut: int | None = None,
        place: str | None = None,
        hang: bool = False,
        kind: str = "application/zip",
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        if place:
            self.send_header("Content-Range", place)
        self.end_headers()
        self.wfile.write(content[:cut])
        if hang:
            self.wfile.flush()
            time.sleep(15)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def _resource(server: Server, *paths: str) -> Resource:
    return Resource("File.zip", tuple(server.url(path) for path in paths), _MD5, _SHA256, len(_CONTENT), "https://page")


def _obtain(resource: Resource, folder: Path, fetch: bool = True) -> Path:
    (path,) = obtain([resource], folder, fetch, "Toy", progress=False)
    return path


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_mirrors_are_asked_in_turn(server: Server, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = _obtain(_resource(server, "absent", "wrong", "page", "good", "half"), tmp_path / "new" / "folder")
    assert path == tmp_path / "new" / "folder" / "File.zip"
    assert path.read_bytes() == _CONTENT
    assert _names(path.parent) == ["File.zip"]
    assert [asked for asked, _ in server.asked] == ["absent", "wrong", "page", "good"]
    reasons = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    assert "/absent could not be downloaded: 404" in reasons[0]
    wrong = hashlib.sha256(_CONTENT[:-1] + b"?").hexdigest()
    assert f"its sha256 is {wrong}, expected {_SHA256}." in reasons[1]
    assert "the mirror announces 35 bytes of a web page, expected 1024000" in reasons[2]


def test_web_page_in_place_of_a_file_of_unknown_size(server: Server, tmp_path: Path) -> None:
    resource = replace(_resource(server, "page"), size=None)
    with pytest.raises(DownloadError, match="its sha256 is .* A web page was received in place of the file"):
        _obtain(resource, tmp_path)
    assert _names(tmp_path) == []


def test_broken_connection_is_continued(server: Server, tmp_path: Path) -> None:
    assert _obtain(_resource(server, "thirds"), tmp_path).read_bytes() == _CONTENT
    starts = [int(re.sub(r"\D", "", wanted or "0")) for _, wanted in server.asked]
    assert len(starts) == 4
    for start, after in itertools.pairwise(starts):
        # the pieces in flight when the connection broke are asked for again
        assert start + len(_CONTENT) // 3 - _PIECE <= after <= start + len(_CONTENT) // 3
    assert _names(tmp_path) == ["File.zip"]


@pytest.mark.parametrize("known", [True, False])
def test_half_a_file_is_kept_for_the_next_mirror_and_the_next_run(server: Server, tmp_path: Path, known: bool) -> None:
    half = len(_CONTENT) // 2
    resource = replace(_resource(server, "half"), size=len(_CONTENT) if known else None)
    with pytest.raises(DownloadError, match="File.zip.part holds the first [1-9].* bytes and will be continued"):
        _obtain(resource, tmp_path)
    length = (tmp_path / "File.zip.part").stat().st_size
    assert half - _PIECE <= length <= half
    assert _names(tmp_path) == ["File.zip.part"]
    assert _obtain(replace(resource, urls=(server.url("good"),)), tmp_path).read_bytes() == _CONTENT
    assert server.asked[-1] == ("good", f"bytes={length}-")


def test_server_that_does_not_continue_gives_the_whole_file(server: Server, tmp_path: Path) -> None:
    (tmp_path / "File.zip.part").write_bytes(_CONTENT[:1000])
    assert _obtain(_resource(server, "no_ranges"), tmp_path).read_bytes() == _CONTENT
    assert server.asked == [("no_ranges", "bytes=1000-")]


def test_continuation_from_another_place_is_refused(server: Server, tmp_path: Path) -> None:
    (tmp_path / "File.zip.part").write_bytes(_CONTENT[:1000])
    with pytest.raises(DownloadError, match="asked for the bytes from 1000 on, the mirror answered with .*1001"):
        _obtain(_resource(server, "shifted"), tmp_path)


@pytest.mark.parametrize("size", [1000, len(_CONTENT) - 1, len(_CONTENT), len(_CONTENT) + 1000])
@pytest.mark.parametrize("known", [True, False])
def test_continued_part_of_another_file_is_fetched_as_a_whole(
    server: Server, tmp_path: Path, size: int, known: bool
) -> None:
    (tmp_path / "File.zip.part").write_bytes(b"?" * size)
    resource = replace(_resource(server, "good"), size=len(_CONTENT) if known else None)
    assert _obtain(resource, tmp_path).read_bytes() == _CONTENT
    assert server.asked[-1] == ("good", None)


def test_complete_part_only_needs_its_name(server: Server, tmp_path: Path) -> None:
    (tmp_path / "File.zip.part").write_bytes(_CONTENT)
    assert _obtain(_resource(server, "good"), tmp_path).read_bytes() == _CONTENT
    assert server.asked == []


@pytest.mark.parametrize("path", ["elsewhere", None])
def test_nothing_but_https(server: Server, tmp_path: Path, path: str | None) -> None:
    """Not asked for, and not followed to."""
    url = server.url(path) if path else "http://example.invalid/file"
    with pytest.raises(DownloadError, match=r"http://example\.invalid/file is not https"):
        _obtain(replace(_resource(server), urls=(url,)), tmp_path)
    assert _names(tmp_path) == []


def test_redirections_are_followed_as_long_as_they_lead_somewhere(server: Server, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match="more than 10 redirections"):
        _obtain(_resource(server, "circle"), tmp_path)
    assert _obtain(_resource(server, "moved"), tmp_path).read_bytes() == _CONTENT


def test_killed_download_is_continued(server: Server, tmp_path: Path) -> None:
    root = Path(spikingjelly.__file__).parents[1]
    code = (
        "import sys; from pathlib import Path; from spikingjelly.datasets._preparation.resources import *\n"
        f"obtain([Resource('File.zip', (sys.argv[1],), {_MD5!r})], Path(sys.argv[2]), True, 'Toy', False)"
    )
    victim = subprocess.Popen(
        [sys.executable, "-c", code, server.url("hanging"), str(tmp_path)],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    part = tmp_path / "File.zip.part"
    deadline = time.monotonic() + 60
    while not (part.exists() and part.stat().st_size):
        assert time.monotonic() < deadline
        assert victim.poll() is None
        time.sleep(0.02)
    victim.send_signal(signal.SIGKILL)
    victim.wait()
    length = part.stat().st_size
    assert _names(tmp_path) == ["File.zip.part"]
    assert _obtain(_resource(server, "good"), tmp_path).read_bytes() == _CONTENT
    assert server.asked[-1] == ("good", f"bytes={length}-")


def test_right_file_placed_by_hand_is_used_under_any_case(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file.ZIP").write_bytes(_CONTENT)
    assert _obtain(_resource(server, "good"), tmp_path) == tmp_path / "file.ZIP"
    assert server.asked == []
    assert find(tmp_path, "File.zip") == tmp_path / "file.ZIP"
    (tmp_path / "File.zip").write_bytes(b"")
    assert find(tmp_path, "File.zip") == tmp_path / "File.zip"


@pytest.mark.parametrize(
    ("resource", "message"),
    [
        (Resource("a", md5=_MD5), f"its md5 is {hashlib.md5(b'mine').hexdigest()}, expected {_MD5}"),
        (Resource("a", md5="0" * 32, sha256=_SHA256.upper()), f"its sha256 is .*, expected {_SHA256}"),
        (Resource("a", md5=_MD5, size=5), "it has 4 bytes, expected 5"),
    ],
)
def test_wrong_file_placed_by_hand_is_reported_and_left(tmp_path: Path, resource: Resource, message: str) -> None:
    (tmp_path / "A").write_bytes(b"mine")
    resource = replace(resource, urls=("http://127.0.0.1:9/a",), page="https://page")
    for fetch in (True, False):
        with pytest.raises(DatasetFormatError, match=message) as caught:
            _obtain(resource, tmp_path, fetch)
        assert f"{tmp_path / 'A'}: " in str(caught.value)
        assert "The right one: https://page" in str(caught.value)
    assert _names(tmp_path) == ["A"]
    assert (tmp_path / "A").read_bytes() == b"mine"


def test_all_wrong_files_are_named_at_once(tmp_path: Path) -> None:
    resources = [Resource(name, md5=_MD5) for name in "abc"]
    for name, content in {"a": b"1", "b": _CONTENT, "c": b"3"}.items():
        (tmp_path / name).write_bytes(content)
    with pytest.raises(DatasetFormatError) as caught:
        obtain(resources, tmp_path, True, "Toy")
    assert re.findall(r"^    \S+/(\w): its md5", str(caught.value), re.MULTILINE) == ["a", "c"]


def test_what_hands_must_do(tmp_path: Path) -> None:
    (tmp_path / "b").write_bytes(_CONTENT)
    resources = [Resource(name, md5=_MD5, size=len(_CONTENT), page=f"https://page/{name}") for name in "abc"]
    with pytest.raises(DatasetNotFoundError) as caught:
        obtain(resources, tmp_path, True, "Toy")
    assert str(caught.value) == (
        "Toy: 2 files must be downloaded by hand:\n"
        f"    a (md5 {_MD5}, bytes {len(_CONTENT)})  from  https://page/a\n"
        f"    c (md5 {_MD5}, bytes {len(_CONTENT)})  from  https://page/c\n"
        f"Put them into the folder\n    {tmp_path}\nand run this again."
    )


def test_nothing_is_fetched_against_the_users_will(server: Server, tmp_path: Path) -> None:
    with pytest.raises(DatasetNotFoundError, match=r"Toy: 1 file is missing \(download=False\)"):
        _obtain(replace(_resource(server, "good"), page=None), tmp_path, fetch=False)
    assert server.asked == []


def test_tuples_of_users(tmp_path: Path) -> None:
    entry = ("a.zip", "https://x/y", _MD5)
    assert Resource.of(entry, True) == Resource("a.zip", ("https://x/y",), _MD5)
    assert Resource.of(entry, False) == Resource("a.zip", (), _MD5, page="https://x/y")
    assert Resource.of(("a", None, None), True) == Resource("a")
    ready = Resource("b")
    assert Resource.of(ready, False) is ready


def test_without_requests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "requests.exceptions", None)
    with pytest.raises(ImportError, match=r'needs requests.* pip install "spikingjelly\[datasets\]"') as caught:
        _obtain(Resource("a", ("https://x/a",)), tmp_path / "new")
    assert f"Or place the file in {tmp_path / 'new'} by hand" in str(caught.value)
