"""From an archive to a batch, as a user's subclass with the statics alone goes it."""

import json
import logging
import os
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from spikingjelly.datasets import DatasetFormatError, DatasetNotFoundError
from spikingjelly.datasets._errors import DiskSpaceError, PreparationError
from spikingjelly.datasets._preparation import frames, npz
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


def test_frames_of_a_changed_function_are_made_again_and_the_old_ones_kept(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    toy.place(tmp_path)

    def once(events: dict[str, np.ndarray], H: int, W: int) -> np.ndarray:
        return toy.count_image(events, H, W)

    def twice(events: dict[str, np.ndarray], H: int, W: int) -> np.ndarray:
        return 2 * toy.count_image(events, H, W)

    for _ in range(2):
        first = Toy(tmp_path, True, "frame", None, None, None, once, "mine", progress=False)[0][0]
    assert not list(tmp_path.glob("*outdated*"))
    second = Toy(tmp_path, True, "frame", None, None, None, twice, "mine", progress=False)[0][0]
    assert np.array_equal(second, 2 * first)
    assert np.array_equal(npz.read_frames(tmp_path / "mine.outdated-1" / "train" / "cat" / "000.npz"), first)
    assert "mine is built anew: function was" in caplog.text


def test_raw_files_may_go_when_events_are_there_and_events_when_frames_are(tmp_path: Path) -> None:
    toy.place(tmp_path)
    arguments = (True, "frame", 4, "number")
    Toy(tmp_path, *arguments, progress=False)
    shutil.rmtree(tmp_path / "download")
    shutil.rmtree(tmp_path / "extract")
    assert len(Toy(tmp_path, True, progress=False)) == 12
    shutil.rmtree(tmp_path / "events_np")
    assert len(Toy(tmp_path, *arguments, progress=False)) == 12
    with pytest.raises(DatasetNotFoundError, match=r"toy\.zip \(md5 [0-9a-f]{32}\)"):
        Toy(tmp_path, True, progress=False)


def test_deleted_sample_is_noticed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    toy.place(tmp_path)
    arguments = (True, "frame", 4, "number")
    dataset = Toy(tmp_path, *arguments, progress=False)
    os.unlink(dataset.samples[0][0])
    assert len(Toy(tmp_path, *arguments, progress=False)) == 12
    assert "it held 16 files when it was built, and holds 15 now" in caplog.text


def test_new_events_make_new_frames(tmp_path: Path) -> None:
    toy.place(tmp_path)
    arguments = (True, "frame", 4, "number")
    before = json.loads(Path(Toy(tmp_path, *arguments, progress=False).root, "..", "manifest.json").read_text())
    shutil.rmtree(tmp_path / "events_np")
    Toy(tmp_path, True, progress=False)
    after = json.loads(Path(Toy(tmp_path, *arguments, progress=False).root, "..", "manifest.json").read_text())
    assert before["source"] != after["source"]
    assert (
        before["counts"]
        == after["counts"]
        == {f"{split}/{name}": number for split, number in toy.PER_CLASS.items() for name in toy.CLASSES}
    )
    assert before["parameters"] == {"frames_number": 4, "split_by": "number", "size": [toy.H, toy.W]}


def test_complete_data_set_needs_no_write_access(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    toy.place(tmp_path)
    Toy(tmp_path, True, "frame", 4, "number", progress=False)
    (tmp_path / ".preparation.lock").unlink()
    Toy(tmp_path, False, "frame", 4, "number", progress=False)
    assert not (tmp_path / ".preparation.lock").exists()


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
        assert sorted(p.name for p in tmp_path.iterdir()) == [".preparation.lock", "download", "extract"]


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


def test_no_step_begins_without_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    toy.place(tmp_path)
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1000))
    with pytest.raises(DiskSpaceError, match=r"Toy: unpacking needs about 4\.2 kB, but .* has 1\.0 kB free"):
        Toy(tmp_path, True, progress=False)
    assert not (tmp_path / "extract").exists()
    monkeypatch.undo()
    Toy(tmp_path, True, progress=False)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=50_000))
    with pytest.raises(
        DiskSpaceError, match=r"Making frames of 16 files in .* needs about 72\.1 kB, but .* has 50\.0 kB free"
    ):
        Toy(tmp_path, True, "frame", 4, "number", progress=False)
    assert not list(tmp_path.glob("*frames_number*"))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=100_000))
    assert len(Toy(tmp_path, True, "frame", 4, "number", progress=False)) == 12


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


def test_events_of_earlier_versions_are_read_as_they_are(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name in toy.CLASSES:
        folder = tmp_path / "events_np" / "train" / name
        folder.mkdir(parents=True)
        for number in range(3):
            np.savez(folder / f"{number}.npz", **toy.events("train", name, number))
    caplog.set_level(logging.INFO)
    for _ in range(2):
        dataset = Toy(tmp_path, True, progress=False)
    assert len(dataset) == 6
    assert dataset[0][0]["p"].dtype == np.int8
    assert caplog.text.count("was not built by this version") == 1
    made = Toy(tmp_path, True, "frame", 4, "number", progress=False)
    assert np.array_equal(made[4][0], toy.by_number(toy.events("train", "dog", 1), "number", 4, toy.H, toy.W))
    with pytest.raises(DatasetFormatError, match="looks incomplete: there is no folder test"):
        Toy(tmp_path, False, progress=False)


def test_frames_of_earlier_versions(tmp_path: Path) -> None:
    """Of float64, in a folder without a manifest: read if they are as many as the events, else refused and left."""
    toy.place(tmp_path)
    Toy(tmp_path, True, progress=False)
    root = tmp_path / "frames_number_4_split_by_number"
    for path in frames.npz_files(tmp_path / "events_np"):
        target = root / path.relative_to(tmp_path / "events_np")
        target.parent.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(target, frames=np.full((4, 2, toy.H, toy.W), 7.0))
    dataset = Toy(tmp_path, True, "frame", 4, "number", progress=False)
    assert dataset[0][0].dtype == np.float32
    assert (dataset[11][0] == 7).all()
    (root / "train" / "dog" / "005.npz").unlink()
    before = sorted(root.rglob("*"))
    with pytest.raises(DatasetFormatError, match=r"looks incomplete: in train/dog it has 5 files, and events_np has 6"):
        Toy(tmp_path, True, "frame", 4, "number", progress=False)
    assert sorted(root.rglob("*")) == before


def test_links_made_while_building_hold_afterwards(tmp_path: Path) -> None:
    class Linking(Toy):
        @staticmethod
        def extract_downloaded_files(download_root: str, extract_root: str) -> None:
            Toy.extract_downloaded_files(download_root, os.path.join(extract_root, "inside"))
            os.symlink(os.path.join(extract_root, "inside", "toy"), os.path.join(extract_root, "toy"))

    toy.place(tmp_path)
    assert len(Linking(tmp_path, True, progress=False)) == 12


def test_class_without_samples_is_named(tmp_path: Path) -> None:
    (tmp_path / "events_np" / "train" / "cat" / "deep").mkdir(parents=True)
    with pytest.raises(DatasetFormatError, match="class cat in .* has no samples"):
        Toy(tmp_path, True, progress=False)
