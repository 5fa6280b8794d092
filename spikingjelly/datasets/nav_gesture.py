"""NavGesture: six gestures to navigate a smartphone, seen by an ATIS camera, sitting or walking."""

from pathlib import Path

from spikingjelly.datasets._conversion import convert, recordings
from spikingjelly.datasets._errors import DatasetFormatError
from spikingjelly.datasets._events import Events
from spikingjelly.datasets._preparation.archives import extract
from spikingjelly.datasets._unsplit import UnsplitDatasetFolder
from spikingjelly.datasets.formats import read_dat

_PAGE = "https://www.neuromorphic-vision.com/public/downloads/navgesture/ (closed; ask the authors)"
_CLASSES = ("do", "ho", "le", "ri", "se", "up")


class _NavGesture(UnsplitDatasetFolder):
    _archive: str
    _md5: str

    @classmethod
    def resource_url_md5(cls) -> list:
        return [(cls._archive, _PAGE, cls._md5)]

    @staticmethod
    def downloadable() -> bool:
        return False

    @classmethod
    def extract_downloaded_files(cls, download_root: str, extract_root: str) -> None:
        extract(Path(download_root) / cls._archive, extract_root, inner="here")

    @classmethod
    def create_events_np_files(cls, extract_root: str, events_np_root: str) -> None:
        files = recordings(Path(extract_root), "**/*.dat", cls.__name__)
        target = Path(events_np_root)
        convert(files, _read, lambda f: target / gesture_of(f) / f"{f.stem}.npz", f"{cls.__name__}: events")

    @staticmethod
    def get_H_W() -> tuple[int, int]:
        return 240, 304


class NAVGestureWalk(_NavGesture):
    """NavGesture-walk [Maro et al., "Event-based gesture recognition with dynamic background suppression using
    smartphone computational capabilities", Front. Neurosci. 2020].

    About 340 recordings of ten walking persons: ``do`` (down), ``ho`` (home), ``le`` (left), ``ri`` (right), ``se``
    (select), ``up``; 240 x 304 pixels. The archive must be got by hand. There is no official split; the number of the
    person stands in the file's name. Time starts at 0 in each recording.

    The parameters are those of :class:`NeuromorphicDatasetFolder`, without ``train``.
    """

    _archive, _md5 = "navgesture-walk.zip", "5d305266f13005401959e819abe206f0"


class NAVGestureSit(_NavGesture):
    """NavGesture-sit: about 1340 recordings of sitting persons, else like :class:`NAVGestureWalk`."""

    _archive, _md5 = "navgesture-sit.zip", "1571753ace4d9e0946e6503313712c22"


def gesture_of(recording: Path) -> str:
    """The gesture in a name such as ``user09_do_11.dat``.

    :raises DatasetFormatError: if there is none
    """
    parts = recording.stem.split("_")
    if len(parts) < 2 or parts[1] not in _CLASSES:
        raise DatasetFormatError(
            f"{recording}: expected a name such as user09_do_11.dat, one of {', '.join(_CLASSES)}."
        )
    return parts[1]


def _read(recording: Path) -> Events:
    events = read_dat(recording, H=240, W=304)
    return {**events, "t": events["t"] - events["t"][:1]} if len(events["t"]) else events
