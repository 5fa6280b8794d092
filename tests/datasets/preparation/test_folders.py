"""What is built once, used again, built anew, left alone: the folders below the root."""

import json
import logging
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from spikingjelly.datasets import DatasetFormatError, DatasetNotFoundError
from spikingjelly.datasets._errors import DiskSpaceError
from spikingjelly.datasets._preparation import frames, npz
from tests.datasets.preparation import toy
from tests.datasets.preparation.toy import Toy


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


def test_those_who_list_the_folders_meet_what_they_put_there_only(tmp_path: Path) -> None:
    """Users' methods go over ``os.listdir`` of the folders that they are given."""
    seen = {}

    class Listing(Toy):
        @staticmethod
        def extract_downloaded_files(download_root: str, extract_root: str) -> None:
            seen["extract, before"] = os.listdir(extract_root)
            Toy.extract_downloaded_files(download_root, extract_root)

        @staticmethod
        def create_events_np_files(extract_root: str, events_np_root: str) -> None:
            seen["extract, after"] = os.listdir(extract_root)
            seen["events"] = os.listdir(events_np_root)
            Toy.create_events_np_files(extract_root, events_np_root)

    toy.place(tmp_path)
    Listing(tmp_path, True, progress=False)
    assert seen == {"extract, before": [], "extract, after": ["toy"], "events": []}


def test_unpacked_files_are_used_again_and_made_again_where_they_lack(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    calls = []

    class Counting(Toy):
        @staticmethod
        def extract_downloaded_files(download_root: str, extract_root: str) -> None:
            calls.append(extract_root)
            Toy.extract_downloaded_files(download_root, extract_root)

    toy.place(tmp_path)
    Counting(tmp_path, True, progress=False)
    shutil.rmtree(tmp_path / "events_np")
    Counting(tmp_path, True, progress=False)
    assert len(calls) == 1
    shutil.rmtree(tmp_path / "events_np")
    (tmp_path / "extract" / "toy" / "train" / "cat" / "000.txt").unlink()
    assert len(Counting(tmp_path, True, progress=False)) == 12
    assert len(calls) == 2
    assert "extract is built anew: it held 16 files when it was built, and holds 15 now" in caplog.text


def test_files_unpacked_by_hand_are_used(tmp_path: Path) -> None:
    place = toy.place(tmp_path)
    shutil.unpack_archive(place, tmp_path / "extract")
    shutil.rmtree(tmp_path / "download")
    assert len(Toy(tmp_path, True, progress=False)) == 12


def test_root_that_was_copied_is_not_built_again(tmp_path: Path) -> None:
    toy.place(tmp_path / "first")
    Toy(tmp_path / "first", True, "frame", 4, "number", progress=False)
    shutil.copytree(tmp_path / "first", tmp_path / "second")
    shutil.rmtree(tmp_path / "first")
    before = sorted(p.name for p in (tmp_path / "second").iterdir())
    Toy(tmp_path / "second", True, progress=False)
    Toy(tmp_path / "second", True, "frame", 4, "number", progress=False)
    assert sorted(p.name for p in (tmp_path / "second").iterdir()) == before


def test_nothing_to_unpack(tmp_path: Path) -> None:
    """A data set whose events come from elsewhere."""

    class Made(Toy):
        @staticmethod
        def resource_url_md5() -> list[tuple[str, str, str]]:
            return []

        @staticmethod
        def extract_downloaded_files(download_root: str, extract_root: str) -> None:
            pass

        @staticmethod
        def create_events_np_files(extract_root: str, events_np_root: str) -> None:
            assert os.listdir(extract_root) == []
            for name in toy.CLASSES:
                os.makedirs(os.path.join(events_np_root, name))
                npz.write_events(os.path.join(events_np_root, name, "0.npz"), toy.events("train", name, 0))

    assert Made(tmp_path, progress=False).targets == [0, 1]
    shutil.rmtree(tmp_path / "events_np")
    assert Made(tmp_path, progress=False).targets == [0, 1]
    assert not list(tmp_path.glob("*outdated*"))


def test_conversion_that_makes_nothing_is_an_error(tmp_path: Path) -> None:
    class Nothing(Toy):
        @staticmethod
        def create_events_np_files(extract_root: str, events_np_root: str) -> None:
            pass

    toy.place(tmp_path)
    with pytest.raises(DatasetFormatError, match="events_np would be empty"):
        Nothing(tmp_path, True, progress=False)
    assert not (tmp_path / "events_np").exists()


def test_damaged_manifest_is_named(tmp_path: Path) -> None:
    toy.place(tmp_path)
    Toy(tmp_path, True, progress=False)
    (tmp_path / "events_np" / "manifest.json").write_text("{")
    with pytest.raises(DatasetFormatError, match=r"events_np/manifest\.json is damaged"):
        Toy(tmp_path, True, progress=False)
