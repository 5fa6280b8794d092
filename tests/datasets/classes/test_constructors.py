"""Published code calls the data sets by these arguments, many of them by position."""

import inspect
from typing import Any

import pytest

from spikingjelly.datasets import NeuromorphicDatasetFolder
from spikingjelly.datasets.shd import SpikingHeidelbergDigits, SpikingSpeechCommands
from tests.datasets.classes.published import ALL

LAST = {
    "data_type": "event", "frames_number": None, "split_by": None, "duration": None,
    "custom_integrate_function": None, "custom_integrated_frames_dir_name": None,
    "transform": None, "target_transform": None,
}  # fmt: skip
PART: dict[str, dict[str, Any]] = {
    **{
        name: {"train": None}
        for name in ("NeuromorphicDatasetFolder", "DVS128Gesture", "NMNIST", "DVSLip", "ESImageNet",
                     "Bullying10kClassification", "SpikingHeidelbergDigits")
    },
    **{name: {} for name in ("CIFAR10DVS", "NCaltech101", "ASLDVS", "NAVGestureWalk", "NAVGestureSit")},
    "HARDVS": {"train_test_val": None},
    "SpikingSpeechCommands": {"split": "train"},
}  # fmt: skip
SIZES = {
    "DVS128Gesture": (128, 128), "CIFAR10DVS": (128, 128), "NMNIST": (34, 34), "NCaltech101": (180, 240),
    "ASLDVS": (180, 240), "NAVGestureWalk": (240, 304), "NAVGestureSit": (240, 304), "DVSLip": (128, 128),
    "ESImageNet": (256, 256), "HARDVS": (260, 346), "Bullying10kClassification": (260, 346),
}  # fmt: skip
DOWNLOADED = {"CIFAR10DVS", "ESImageNet", "Bullying10kClassification"}
FOLDERS = [build().cls for build in ALL]


@pytest.mark.parametrize(
    "cls",
    [NeuromorphicDatasetFolder, *FOLDERS, SpikingHeidelbergDigits, SpikingSpeechCommands],
    ids=lambda c: c.__name__,
)
def test_positional_arguments_and_their_defaults(cls: type[Any]) -> None:
    """What else there is must be named, so that it never stands in the way."""
    parameters = inspect.signature(cls).parameters.values()
    positional = {p.name: p.default for p in parameters if p.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD}
    expected = {"root": inspect.Parameter.empty, **PART[cls.__name__], **LAST}
    assert list(positional.items()) == list(expected.items())
    named = {p.name for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY}
    assert "download" in named or any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters)


@pytest.mark.parametrize("cls", FOLDERS, ids=lambda c: c.__name__)
def test_size_source_and_sums(cls: type[Any]) -> None:
    """Every file has an address and a checksum; ASL-DVS has none, as its source packs it anew for everyone."""
    assert cls.get_H_W() == SIZES[cls.__name__]
    assert cls.downloadable() == (cls.__name__ in DOWNLOADED)
    for resource in cls.resources():
        assert cls.__name__ == "ASLDVS" or (resource.md5 and len(resource.md5) == 32)
        assert all(url.startswith("https://") for url in resource.urls)
        assert bool(resource.urls) == cls.downloadable()
        assert resource.urls or resource.page.startswith("https://")


def test_an_option_that_does_not_exist_is_refused() -> None:
    for cls in FOLDERS:
        with pytest.raises(TypeError, match="colour"):
            cls("nowhere", *(["train"] if cls.__name__ == "HARDVS" else []), colour="red")
