"""The data sets that the command knows: where their classes are, and what is known of each without its files."""

import difflib
import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from spikingjelly.datasets._preparation.resources import Resource


class UnknownDatasetError(LookupError):
    """No data set goes by the name."""


@dataclass(frozen=True)
class Split:
    """A part of a data set.

    :param arguments: of the constructor, that choose this part
    :param samples: how many the authors publish; None if that was not checked
    """

    arguments: Mapping[str, Any]
    samples: int | None = None


@dataclass(frozen=True)
class Entry:
    """A data set. Facts that were not checked are None.

    :param splits: its parts; one of the name "" if it has no official split
    :param total: samples of all parts, where only that is known
    :param download: size of what is downloaded
    :param paper_of: the entry whose class names the paper, if it is not this one
    :param others: further names that it goes by
    """

    name: str
    module: str
    class_name: str
    classes: int
    splits: Mapping[str, Split]
    total: int | None = None
    download: str | None = None
    licence: str | None = None
    paper_of: str | None = None
    others: tuple[str, ...] = ()

    def load(self) -> Any:
        """The class, which is imported only now."""
        return getattr(importlib.import_module(self.module), self.class_name)

    def resources(self) -> list[Resource]:
        """The files that the data set is made from."""
        cls = self.load()
        return [Resource.of(entry, cls.downloadable()) for entry in cls.resource_url_md5()]

    @property
    def names(self) -> set[str]:
        """All names that it goes by, as :func:`plain` gives them."""
        return {plain(name) for name in (self.name, self.class_name, *self.others)}


def plain(name: str) -> str:
    """``name`` without what people write in different ways."""
    return name.casefold().replace("-", "").replace("_", "").replace(" ", "")


def find(name: str) -> Entry:
    """The data set of that name, whatever its case and hyphens.

    :raises UnknownDatasetError: if there is none; lists names that look alike, or else all
    """
    wanted = plain(name)
    for entry in ENTRIES:
        if wanted in entry.names:
            return entry
    close = _close(wanted)
    which = f"Did you mean {' or '.join(close)}?" if close else f"Known are {', '.join(e.name for e in ENTRIES)}."
    raise UnknownDatasetError(f'There is no data set "{name}". {which}')


def _close(wanted: str) -> list[str]:
    def likeness(entry: Entry) -> float:
        inside = any(wanted in known or known in wanted for known in entry.names) and len(wanted) > 2
        ratios = [difflib.SequenceMatcher(None, wanted, known).ratio() for known in entry.names]
        return max(*ratios, 0.7 if inside else 0.0)

    ranked = sorted(ENTRIES, key=likeness, reverse=True)
    return [entry.name for entry in ranked[:3] if likeness(entry) >= 0.6]


def _train_test(train: int | None = None, test: int | None = None) -> dict[str, Split]:
    return {"train": Split({"train": True}, train), "test": Split({"train": False}, test)}


def _unsplit(samples: int | None = None) -> dict[str, Split]:
    return {"": Split({}, samples)}


_HERE = "spikingjelly.datasets."
_CC_BY = "CC BY 4.0"
_NONE = "none stated"

ENTRIES = [
    Entry("ASL-DVS", _HERE + "asl_dvs", "ASLDVS", 24, _unsplit(100_800), download="5.8 GB", licence=_NONE),
    Entry(
        "Bullying10K", _HERE + "bullying10k", "Bullying10kClassification", 10, _train_test(),
        total=10_000, licence=_CC_BY,
    ),
    Entry("CIFAR10-DVS", _HERE + "cifar10_dvs", "CIFAR10DVS", 10, _unsplit(10_000), download="8.4 GB"),
    Entry(
        "DVS128-Gesture", _HERE + "dvs128_gesture", "DVS128Gesture", 11, _train_test(1176, 288),
        download="3 GB", licence=_CC_BY, others=("DVS-Gesture", "DVSG"),
    ),
    Entry("DVS-Lip", _HERE + "dvs_lip", "DVSLip", 100, _train_test(14_896, 4975), licence=_NONE),
    Entry(
        "ES-ImageNet", _HERE + "es_imagenet", "ESImageNet", 1000, _train_test(None, 49_881),
        download="100 GB", licence="ImageNet terms",
    ),
    Entry(
        "Fashion-MNIST", _HERE + "mnist", "FashionMNIST", 10, _train_test(60_000, 10_000),
        download="31 MB", licence="MIT",
    ),
    Entry(
        "HARDVS", _HERE + "hardvs", "HARDVS", 300,
        {part: Split({"train_test_val": part}) for part in ("train", "val", "test")}, licence=_NONE,
    ),
    Entry("MNIST", _HERE + "mnist", "MNIST", 10, _train_test(60_000, 10_000), download="12 MB"),
    Entry(
        "N-Caltech101", _HERE + "n_caltech101", "NCaltech101", 101, _unsplit(8709),
        download="4.0 GB", licence=_CC_BY,
    ),
    Entry("N-MNIST", _HERE + "n_mnist", "NMNIST", 10, _train_test(60_000, 10_000), download="1.2 GB"),
    Entry(
        "NavGesture-sit", _HERE + "nav_gesture", "NAVGestureSit", 6, _unsplit(),
        licence=_NONE, paper_of="NavGesture-walk",
    ),
    Entry("NavGesture-walk", _HERE + "nav_gesture", "NAVGestureWalk", 6, _unsplit(), licence=_NONE),
    Entry("SHD", _HERE + "shd", "SpikingHeidelbergDigits", 20, _train_test(8156, 2264), licence=_CC_BY),
    Entry(
        "SSC", _HERE + "shd", "SpikingSpeechCommands", 35,
        {
            part: Split({"split": part}, samples)
            for part, samples in (("train", 75_466), ("valid", 9981), ("test", 20_382))
        },
        licence=_CC_BY, paper_of="SHD",
    ),
]  # fmt: skip
