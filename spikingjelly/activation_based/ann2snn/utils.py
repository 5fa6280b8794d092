"""Fetch a file over HTTP."""

import os
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from tqdm import tqdm

__all__ = ["download_url"]

_PIECE = 1 << 16
_TIMEOUT = 60.0


def download_url(url: str, dst: str | os.PathLike[str]) -> int:
    """Fetch ``url`` to the file ``dst``, with a progress bar. A file that is there already is kept.

    The data go to ``dst`` with ``.part`` at its end, which gets its name only when it is complete.

    :param url: http or https
    :param dst: the file to write; its folder is made if missing
    :return: the size of the file in bytes

    :raises ValueError: for other kinds of URL
    :raises ConnectionError: if the file can't be fetched whole
    """
    if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
        raise ValueError(f"download_url: url must begin with http:// or https://, but {url!r} was given.")
    path = Path(dst)
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(path.name + ".part")
        try:
            _fetch(url, part)
            os.replace(part, path)
        finally:
            part.unlink(missing_ok=True)
    return path.stat().st_size


def _fetch(url: str, part: Path) -> None:
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT) as response, part.open("wb") as file:
            size = int(response.headers.get("Content-Length") or 0) or None
            with tqdm(total=size, unit="B", unit_scale=True, desc=part.stem, leave=False) as bar:
                while piece := response.read(_PIECE):
                    file.write(piece)
                    bar.update(len(piece))
    except (urllib.error.URLError, OSError) as error:
        raise ConnectionError(f"download_url: {url} can't be fetched: {error}") from error
    if size is not None and part.stat().st_size != size:
        raise ConnectionError(f"download_url: {url} ended after {part.stat().st_size} of {size} bytes. Try again.")
