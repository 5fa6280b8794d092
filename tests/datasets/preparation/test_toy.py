"""From an archive to a batch, as a user's subclass with the statics alone goes it."""

import hashlib
import json
import os
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from spikingjelly.datasets import DatasetFormatError, DatasetNotFoundError
from spikingjelly.datasets._errors import PreparationError
from spikingjelly.datasets._preparation.resources import Resource
from tests.datasets.conftest import Mirror
from tests.datasets.preparation import toy
from tests.datasets.preparation.toy import AnyToy, Toy


def test_from_archive_to_batch(tmp_path: Path) -> None:
    toy.place(tmp_path)
    dataset = Toy(tmp_path, True, "frame", 4, "number", progress=False)
    batches = list(DataLoader(dataset, batch_size=12, num_workers=1))
    ((x, y),) = batches
    assert x.shape == (12, 4, 2, toy.H, toy.W)
    assert x.dtype == torch.float32
    assert y.tolist() == [0] * 6 + [1] * 6
    for index, (name, number) in enumerate((n, k) for n in toy.CLASSES for k in range(6)):
        expected = toy.by_number(toy.events("train", name, number), "number", 4, toy.H, toy.W)
        assert np.array_equal(x[index].numpy(), expected)


def test_events_come_back_as_they_were_in_wide_types(tmp_path: Path) -> None:
    toy.place(tmp_path)
    dataset = Toy(tmp_path, train=False, progress=False)
    events, label = dataset[3]
    assert label == 1
    expected = toy.events("test", "dog", 1)
    assert list(events) == ["t", "x", "y", "p"]
    for key, kind in {"t": np.int64, "x": np.int32, "y": np.int32, "p": np.int8}.items():
        assert events[key].dtype == kind
        assert np.array_equal(events[key], expected[key])
    with np.load(dataset.samples[3][0]) as file:
        assert {key: file[key].dtype.name for key in file} == {"t": "uint32", "x": "uint8", "y": "uint8", "p": "uint8"}


def test_what_a_dataset_folder_has(tmp_path: Path) -> None:
    toy.place(tmp_path)
    dataset = Toy(
        tmp_path, train=False, transform=lambda x: len(x["t"]), target_transform=lambda y: y + 10, progress=False
    )
    assert len(dataset) == 4
    assert dataset.classes == toy.CLASSES
    assert dataset.class_to_idx == {"cat": 0, "dog": 1}
    assert dataset.targets == [0, 0, 1, 1]
    assert dataset.root == str(tmp_path / "events_np" / "test")
    assert dataset.samples[2] == (os.path.join(dataset.root, "dog", "000.npz"), 1)
    assert [dataset[i] for i in range(4)] == [(20, 10), (21, 10), (20, 11), (21, 11)]
    assert len(dataset.loader(dataset.samples[1][0])["t"]) == 21


def test_duration_is_in_the_folder_and_the_number_of_frames_in_the_name(tmp_path: Path) -> None:
    toy.place(tmp_path)
    dataset = Toy(tmp_path, train=True, data_type="frame", duration=30_000, progress=False)
    assert dataset.root == str(tmp_path / "duration_30000" / "train")
    for index, (path, _) in enumerate(dataset.samples):
        stem, number = Path(path).stem.split("_")
        assert stem == f"{index % 6:03d}"
        assert dataset[index][0].shape == (int(number), 2, toy.H, toy.W)


@pytest.mark.parametrize("processes", [False, True])
def test_custom_function_runs_in_the_workers(tmp_path: Path, processes: bool) -> None:
    toy.place(tmp_path)
    here = (os.getpid(), threading.get_ident())

    def signed(events: dict[str, np.ndarray], H: int, W: int) -> np.ndarray:
        assert (os.getpid() != here[0]) is processes
        assert processes or threading.get_ident() != here[1]
        return toy.count_image(events, H, W) - 0.5

    dataset = Toy(
        tmp_path, True, "frame", custom_integrate_function=signed, processes=processes, num_workers=2, progress=False
    )
    assert dataset.root == str(tmp_path / "signed" / "train")
    expected = toy.count_image(toy.events("train", "cat", 5), toy.H, toy.W) - 0.5
    assert np.array_equal(dataset[5][0], expected)


@pytest.mark.parametrize("on_error", ["raise", "skip"])
def test_bad_file_is_named_or_skipped(tmp_path: Path, on_error: str, caplog: pytest.LogCaptureFixture) -> None:
    bad = "toy/train/dog/003.txt"
    toy.place(tmp_path, toy.archive(bad))
    if on_error == "skip":
        dataset = AnyToy(tmp_path, True, on_error="skip", progress=False)
        assert dataset.targets == [0] * 6 + [1] * 5
        (skipped,) = json.loads((tmp_path / "events_np" / "manifest.json").read_text())["skipped"].items()
        assert skipped[0].endswith(bad)
        assert skipped[1].startswith("ValueError: ")
        assert "1 files were skipped" in caplog.text
    else:
        with pytest.raises(PreparationError, match=r"train/dog/003\.txt could not be converted: ValueError") as caught:
            AnyToy(tmp_path, True, progress=False)
        assert caught.value.path is not None
        assert caught.value.path.endswith(bad)
        assert sorted(p.name for p in tmp_path.iterdir()) == [
            ".extract.manifest.json",
            ".preparation.lock",
            "download",
            "extract",
        ]


@pytest.mark.parametrize("processes", [False, True])
def test_failing_custom_function_names_the_file_and_leaves_nothing(tmp_path: Path, processes: bool) -> None:
    toy.place(tmp_path)

    class Odd(Exception):
        def __init__(self, a: int, b: int) -> None:  # can't be rebuilt from its message alone
            super().__init__(f"odd {a}{b}")

    def fails(events: dict[str, np.ndarray], H: int, W: int) -> np.ndarray:
        if len(events["t"]) == 25:
            raise Odd(1, 2)
        return toy.count_image(events, H, W)

    with pytest.raises(PreparationError, match=r"events_np/train/(cat|dog)/005\.npz could not be .*odd 12"):
        Toy(tmp_path, True, "frame", custom_integrate_function=fails, processes=processes, progress=False)
    assert not [p.name for p in tmp_path.iterdir() if "fails" in p.name]


def test_frames_must_have_a_time_axis(tmp_path: Path) -> None:
    toy.place(tmp_path)
    with pytest.raises(PreparationError, match=r"have the shape \[\], expected \[T, \.\.\.\]"):
        Toy(
            tmp_path,
            True,
            "frame",
            custom_integrate_function=lambda e, H, W: np.float32(1),
            custom_integrated_frames_dir_name="scalar",
            progress=False,
        )


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"train": 1}, TypeError, "train must be True, False or None, but 1"),
        ({"data_type": "frames"}, ValueError, 'data_type must be "event" or "frame"'),
        ({"data_type": "frame"}, ValueError, "needs one of .*, but none was given"),
        ({"data_type": "frame", "frames_number": 2, "duration": 3}, ValueError, "but frames_number and duration was"),
        ({"data_type": "frame", "frames_number": 2}, ValueError, "split_by must be"),
        (
            {"data_type": "frame", "frames_number": 0, "split_by": "time"},
            ValueError,
            "frames_number must be a positive",
        ),
        (
            {"data_type": "frame", "frames_number": True, "split_by": "time"},
            ValueError,
            "frames_number must be a positive",
        ),
        ({"data_type": "frame", "duration": 0.5}, ValueError, "duration must be a positive int"),
        ({"data_type": "frame", "custom_integrate_function": 3}, TypeError, "must be a function"),
        (
            {"data_type": "frame", "custom_integrate_function": lambda e, h, w: e},
            ValueError,
            "'<lambda>' can't be the name",
        ),
        ({"on_error": "ignore"}, ValueError, "on_error must be"),
        ({"num_workers": 0}, ValueError, "num_workers must be"),
    ],
)
def test_arguments_are_refused_before_anything_happens(
    tmp_path: Path, arguments: dict, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        Toy(tmp_path / "root", **arguments)
    assert not (tmp_path / "root").exists()


@pytest.mark.parametrize(
    "way", [{"frames_number": 4, "split_by": "time"}, {"duration": 4}, {"custom_integrate_function": toy.count_image}]
)
def test_frames_that_are_not_made_are_warned_of(tmp_path: Path, way: dict) -> None:
    """Programs whose data_type is an option pass both: they go on with events."""
    toy.place(tmp_path)
    with pytest.warns(UserWarning, match=rf'data_type="event" .* but {next(iter(way))} was given\. Pass'):
        dataset = Toy(tmp_path, True, progress=False, **way)
    assert sorted(dataset[0][0]) == ["p", "t", "x", "y"]


@pytest.mark.parametrize(
    "name", ["extract", "events_np", "duration_10", "frames_number_2_split_by_time", "../up", ".x", ""]
)
def test_custom_folder_is_none_of_the_others(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="can't be the name|name of another folder"):
        Toy(
            tmp_path,
            True,
            "frame",
            custom_integrate_function=toy.count_image,
            custom_integrated_frames_dir_name=name,
        )


def test_split_data_set_wants_to_know_the_split(tmp_path: Path) -> None:
    toy.place(tmp_path)
    with pytest.raises(ValueError, match="split into test and train: give train=True or False"):
        Toy(tmp_path, progress=False)


def test_root_when_train_is_none_is_the_subclass_s(tmp_path: Path) -> None:
    class Part(Toy):
        def set_root_when_train_is_none(self, _root: str) -> str:
            return os.path.join(_root, "test")

    toy.place(tmp_path)
    assert len(Part(tmp_path, progress=False)) == 4


def test_class_without_samples_is_named(tmp_path: Path) -> None:
    (tmp_path / "events_np" / "train" / "cat" / "deep").mkdir(parents=True)
    with pytest.raises(DatasetFormatError, match="class cat in .* has no samples"):
        Toy(tmp_path, True, progress=False)


def test_everything_from_a_mirror(tmp_path: Path, mirror: Mirror) -> None:
    class Fetched(Toy):
        @staticmethod
        def resource_url_md5() -> list[Resource]:
            urls = (mirror.url + "absent", mirror.url + "toy.zip")
            return [Resource("toy.zip", urls, hashlib.md5(toy.archive()).hexdigest(), size=len(toy.archive()))]

        @staticmethod
        def downloadable() -> bool:
            return True

    mirror.files = {"toy.zip": toy.archive()}
    with pytest.raises(DatasetNotFoundError, match="download=False"):
        Fetched(tmp_path, True, download=False)
    assert mirror.asked == []
    assert len(Fetched(tmp_path, True, "frame", 4, "number", progress=False)) == 12
    assert mirror.asked == ["absent", "toy.zip"]
    assert len(Fetched(tmp_path, True, "frame", duration=10_000, progress=False)) == 12
    assert mirror.asked == ["absent", "toy.zip"]
