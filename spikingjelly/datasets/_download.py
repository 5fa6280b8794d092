"""Downloads: kept half done where the connection breaks, continued where the server agrees, named when checked."""

import logging
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

from tqdm import tqdm

from spikingjelly._extras import needing
from spikingjelly.datasets._errors import DownloadError, indented

_logger = logging.getLogger(__name__)
_TIMEOUT = 30  # seconds without an answer
_CHUNK = 2**16  # what is lost at most when a connection breaks
_ATTEMPTS = 5  # a mirror, as long as each brings the file forward
_REDIRECTIONS = 10
_LOCAL = {"localhost", "127.0.0.1", "::1"}


class _Refused(ValueError):
    """What the mirror gave is not the file, or the mirror is not to be asked."""


def download(
    urls: Sequence[str], path: Path, check: Callable[[Path], str | None], size: int | None = None, progress: bool = True
) -> None:
    """Fetch ``path`` from the first of ``urls`` that gives a file which ``check`` finds nothing wrong with.

    The data go to ``<path>.part``, which stays when the connection breaks, and is continued by the next attempt if
    the server confirms the place to go on from (status 206 and a fitting Content-Range). A file that fails the check
    is removed; if it had been continued, the mirror is asked once more for the whole of it. Only https is used, also
    behind redirections (http for servers on this machine). A file of the name ``path`` is never overwritten.

    :param urls: the mirrors' full URLs of the file, tried in turn
    :param path: the file; its folder is made if missing
    :param check: what is wrong with the file, in words; None if nothing is
    :param size: its number of bytes where that is known
    :param progress: whether to show a progress bar
    :raises ImportError: if requests is not installed; says how to install it and how to do without
    :raises DownloadError: (a RuntimeError) if no mirror gave the file; holds the failure of each
    :raises FileExistsError: if ``path`` exists
    """
    requests_exception = _import_requests(urls, path)
    if path.exists():
        raise FileExistsError(f"{path} exists and is not overwritten.")
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    failures: list[tuple[str, Exception]] = []
    for url in urls:
        try:
            _from_mirror(url, part, check, size, path.name if progress else None)
        except (requests_exception, ValueError) as error:  # an OSError of the disk is not the mirror's fault
            _logger.warning("%s could not be downloaded: %s", url, error)
            failures.append((url, error))
            continue
        os.replace(part, path)
        return
    raise DownloadError(_failure_message(failures, path, part), failures)


def _from_mirror(
    url: str, part: Path, check: Callable[[Path], str | None], size: int | None, label: str | None
) -> None:
    """Bring ``part`` to its end from one mirror; ValueError or an error of requests if that does not succeed."""
    from requests.exceptions import ChunkedEncodingError, ConnectionError, ReadTimeout

    for attempt in range(_ATTEMPTS):
        before = _length(part)
        try:
            resumed = _fetch(url, part, size, label)
        except (ChunkedEncodingError, ConnectionError, ReadTimeout):
            if _length(part) <= before or attempt == _ATTEMPTS - 1:
                raise
            continue
        if size is not None and _length(part) < size and attempt < _ATTEMPTS - 1 and _length(part) > before:
            continue
        wrong = check(part)
        if wrong is None:
            return
        page = _is_web_page(part)
        part.unlink()
        if not resumed:
            raise _Refused(wrong + (" A web page was received in place of the file." if page else ""))
    raise _Refused(f"the mirror did not give the whole file in {_ATTEMPTS} attempts")


def _fetch(url: str, part: Path, size: int | None, label: str | None) -> bool:
    """Append to ``part`` what it lacks, or write it anew; whether it was continued."""
    import requests

    have = _length(part)
    if size is not None and have > size:
        part.unlink()
        have = 0
    if have and have == size:
        return True
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    with requests.Session() as session, _answer(session, url, headers) as response:
        if response.status_code == 416:  # nothing lies behind what we have: it is whole, or of another file
            return True
        response.raise_for_status()
        resumed = bool(have) and _confirms(response, have, size)
        # Some servers declare .gz files as an encoding, and requests would unpack them on the way.
        response.raw.headers.pop("Content-Encoding", None)
        rest = int(response.headers.get("Content-Length", 0))
        start = have if resumed else 0
        if size is not None and rest and start + rest != size:
            page = " of a web page" if "html" in response.headers.get("Content-Type", "") else ""
            raise _Refused(f"the mirror announces {start + rest} bytes{page}, expected {size}")
        _write(response, part, start, start + rest if rest else size, label)
    return resumed


def _answer(session: Any, url: str, headers: dict[str, str]) -> Any:
    """What lies behind ``url`` and the redirections that it leads to, each looked at before it is followed."""
    for _ in range(_REDIRECTIONS):
        _refuse_plain_http(url)
        response = session.get(url, stream=True, timeout=_TIMEOUT, headers=headers, allow_redirects=False)
        if not response.is_redirect:
            return response
        url = urljoin(url, response.headers["Location"])
        response.close()
    raise _Refused(f"more than {_REDIRECTIONS} redirections")


def _write(response: Any, part: Path, start: int, total: int | None, label: str | None) -> None:
    bar = tqdm(desc=label, total=total, initial=start, unit="B", unit_scale=True, disable=label is None)
    with bar, open(part, "ab" if start else "wb") as file:
        for chunk in response.iter_content(_CHUNK):
            bar.update(file.write(chunk))
        file.flush()
        os.fsync(file.fileno())


def _confirms(response: Any, have: int, size: int | None) -> bool:
    """Whether the answer starts where our part ends; an answer of any other kind is the whole file."""
    if response.status_code != 206:
        return False
    given = response.headers.get("Content-Range", "")
    match = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", given.strip())
    if match is None or int(match[1]) != have or (size is not None and match[2] not in ("*", str(size))):
        raise _Refused(f"asked for the bytes from {have} on, the mirror answered with Content-Range {given!r}")
    return True


def _refuse_plain_http(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOCAL):
        raise _Refused(f"{url} is not https, and nothing else is used")


def _is_web_page(path: Path) -> bool:
    with open(path, "rb") as file:
        return file.read(256).lstrip().lower().startswith((b"<!doctype html", b"<html"))


def _length(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _import_requests(urls: Sequence[str], path: Path) -> type[Exception]:
    by_hand = f"\nOr place the file in {path.parent.absolute()} by hand; it can be found at\n{indented(urls)}"
    with needing("requests", f"Downloading {path.name}", "datasets", by_hand):
        from requests.exceptions import RequestException
    return RequestException


def _failure_message(failures: Sequence[tuple[str, Exception]], path: Path, part: Path) -> str:
    reasons = [f"{url}: {type(error).__name__.lstrip('_')}: {error}" for url, error in failures]
    kept = f" {part.name} holds the first {_length(part)} bytes and will be continued." if _length(part) else ""
    return (
        f"{path.name} could not be downloaded from any of {len(failures)} mirrors:\n{indented(reasons)}\n"
        f"Try again later, or place the file in {path.parent.absolute()} by hand.{kept}"
    )
