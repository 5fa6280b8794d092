"""One file from the first mirror that has it, checked before it gets its name."""

import logging
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from tqdm import tqdm

from spikingjelly.datasets._errors import DownloadError, indented

_logger = logging.getLogger(__name__)
_TIMEOUT = 30  # seconds without an answer
_CHUNK = 2**16


def download(urls: Sequence[str], file_name: str, checksum: str, folder: Path, progress: bool = True) -> Path:
    """Fetch ``folder/file_name`` from the first of ``urls`` that gives a file with the right checksum.

    The data go to a temporary file, which gets its name only when it is complete and its checksum is right. A file
    of that name with the right checksum is kept and nothing is fetched; one with another checksum is replaced.
    Each mirror that fails is logged as a warning.

    :param urls: the mirrors' full URLs (http or https) of the file, tried in turn
    :param file_name: the name that the file gets
    :param checksum: algorithm and hexadecimal digest, as in ``"sha256:440fcabf..."`` or ``"md5:f68b3c2d..."``
    :param folder: where the file goes; made if missing
    :param progress: whether to show a progress bar
    :return: the path of the file
    :raises ImportError: if pooch is not installed; says how to install it and how to do without
    :raises DownloadError: (a RuntimeError) if no mirror gave the file; holds the failure of each
    """
    pooch = _import_pooch(urls, file_name, folder)
    from requests.exceptions import RequestException

    def fetch(url: str, output_file: str, _: Any) -> None:
        _fetch(url, output_file, file_name if progress else None)

    folder.mkdir(parents=True, exist_ok=True)
    failures: list[tuple[str, Exception]] = []
    for url in urls:
        try:
            return Path(pooch.retrieve(url, checksum, file_name, folder, downloader=fetch))
        except (RequestException, ValueError) as error:  # an OSError of the disk is not the mirror's fault
            _logger.warning("%s could not be downloaded: %s", url, error)
            failures.append((url, error))
    raise DownloadError(_failure_message(failures, file_name, checksum, folder), failures)


def _fetch(url: str, output_file: str, label: str | None) -> None:
    """Write what ``url`` gives to ``output_file``, with a progress bar named ``label`` unless that is None.

    In place of pooch's own downloader, which leaves connection and progress bar open where a mirror fails.
    """
    import requests

    plain = {"Accept-Encoding": "identity"}
    with requests.get(url, stream=True, timeout=_TIMEOUT, headers=plain) as response:
        response.raise_for_status()
        # Some servers declare .gz files as an encoding, and requests would unpack them on the way.
        response.raw.headers.pop("Content-Encoding", None)
        size = int(response.headers.get("Content-Length", 0)) or None
        bar = tqdm(desc=label, total=size, unit="B", unit_scale=True, disable=label is None)
        with bar, open(output_file, "wb") as file:
            for chunk in response.iter_content(_CHUNK):
                bar.update(file.write(chunk))


def _import_pooch(urls: Sequence[str], file_name: str, folder: Path) -> ModuleType:
    try:
        import pooch
    except ImportError as error:
        raise ImportError(
            f"Downloading {file_name} needs pooch, which can't be imported ({error}). "
            'Install it with: pip install "spikingjelly[datasets]"\n'
            f"Or place the file in {folder.absolute()} by hand; it can be found at\n{indented(urls)}"
        ) from error
    return pooch


def _failure_message(failures: Sequence[tuple[str, Exception]], file_name: str, checksum: str, folder: Path) -> str:
    reasons = [f"{url}: {type(error).__name__}: {error}" for url, error in failures]
    return (
        f"{file_name} could not be downloaded from any of {len(failures)} mirrors:\n{indented(reasons)}\n"
        f"Try again later, or place the file ({checksum}) in {folder.absolute()} by hand."
    )
