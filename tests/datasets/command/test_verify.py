"""``verify``: what it is content with, what it finds, and what it leaves alone."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("typer")

from spikingjelly.datasets import Resource
from spikingjelly.datasets._command import registry
from spikingjelly.datasets._preparation.npz import write_events, write_frames
from tests.datasets.command.runs import FRAMES, publish, run, tree
from tests.datasets.preparation import toy
from tests.datasets.preparation.toy import place


def test_verify_is_content_with_what_is_sound_and_changes_nothing(sound: Path) -> None:
    before = tree(sound)
    text = run("verify", "nmnist", "--root", sound, "--every", 1)
    assert f"N-MNIST: no fault was found in {sound}" in text
    assert "Train.zip is not there, so it was not checked" in text
    assert tree(sound) == before


def _remove(root: Path) -> str:
    (root / "events_np" / "test" / "4" / "00001.npz").unlink()
    return f"{root / 'events_np' / 'test' / '4'}: holds 0 files, and held 1 when it was built"


def _cut(root: Path) -> str:
    path = root / FRAMES / "train" / "0" / "00001.npz"
    path.write_bytes(path.read_bytes()[:-30])
    return f"{path} is damaged"


def _unnamed(root: Path) -> str:
    path = root / FRAMES / "train" / "0" / "00001.npz"
    with path.open("wb") as file:
        np.save(file, np.zeros((4, 2, 34, 34)))
    return f"{path} is damaged or no npz file"


def _beyond(root: Path) -> str:
    path = root / "events_np" / "train" / "0" / "00001.npz"
    write_events(path, {"t": np.arange(2), "x": np.array([3, 34]), "y": np.zeros(2, int), "p": np.zeros(2, int)})
    return f"{path}: x is from 3 to 34, expected 0 to 33"


def _empty(root: Path) -> str:
    path = root / "events_np" / "train" / "0" / "00001.npz"
    write_events(path, dict.fromkeys("txyp", np.zeros(0, int)))
    return f"{path}: it holds no events"


def _other_shape(root: Path) -> str:
    path = root / FRAMES / "train" / "0" / "00001.npz"
    write_frames(path, np.zeros((5, 2, 34, 34)))
    return f"{path}: its frames have the shape [5, 2, 34, 34], expected [4, 2, 34, 34]"


def _negative(root: Path) -> str:
    path = root / FRAMES / "train" / "0" / "00001.npz"
    write_frames(path, np.full((4, 2, 34, 34), -1))
    return f"{path}: its frames are not all counts of events"


def _other_events(root: Path) -> str:
    path = root / "events_np" / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"id": "new"}))
    return f"{root / FRAMES}: was made from other events"


def _manifest(root: Path) -> str:
    (root / FRAMES / "manifest.json").write_text("{")
    return f"{root / FRAMES / 'manifest.json'} is damaged"


def _class(root: Path) -> str:
    (root / FRAMES / "test" / "9").rename(root / FRAMES / "test" / "8" / "inner")
    return f"{root / FRAMES / 'test'}: holds 9 classes, and 10 are published"


def _download(root: Path) -> str:
    path = root / "download" / "train.ZIP"
    path.parent.mkdir()
    path.write_bytes(b"wrong")
    found = hashlib.md5(b"wrong").hexdigest()
    return f"{path}: its md5 is {found}, expected 20959b8e626244a1b502305a9e6e2031"


@pytest.mark.parametrize(
    "harm",
    [_remove, _cut, _unnamed, _beyond, _empty, _other_shape, _negative, _other_events, _manifest, _class, _download],
)
def test_verify_finds(sound: Path, harm: Callable[[Path], str]) -> None:
    expected = harm(sound)
    text = run("verify", "nmnist", "--root", sound, code=1)
    assert expected in text


def test_verify_opens_every_so_many_th_file(sound: Path) -> None:
    path = sound / "events_np" / "test" / "1" / "00001.npz"  # the second of all
    path.write_bytes(b"damaged")
    run("verify", "nmnist", "--root", sound, "--every", 2)
    assert f"{path} is damaged" in run("verify", "nmnist", "--root", sound, "--every", 1, code=1)


def test_verify_compares_with_the_published_numbers(root: Path) -> None:
    run("prepare", "nmnist", "--root", root)
    text = run("verify", "nmnist", "--root", root, code=1)
    assert "2 problems" in text
    assert f"{root / 'events_np' / 'train'}: holds 20 samples, and 60,000 are published" in text
    assert f"{root / 'events_np' / 'test'}: holds 10 samples, and 10,000 are published" in text


def test_verify_knows_the_archive_that_was_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when the archive is gone; and a file that is lost from the folder is missed."""
    place(tmp_path)
    splits = {"train": registry.Split({"train": True}, 12), "test": registry.Split({"train": False}, 4)}
    entry = registry.Entry("Toy", toy.__name__, "Toy", 2, splits)
    monkeypatch.setattr(registry, "ENTRIES", [entry])
    run("prepare", "toy", "--root", tmp_path)
    assert "is not there" not in run("verify", "toy", "--root", tmp_path, "--every", 1)
    (tmp_path / "download" / "toy.zip").unlink()
    assert "toy.zip is not there" in run("verify", "toy", "--root", tmp_path)
    (tmp_path / "extract" / "toy" / "test" / "cat" / "000.txt").unlink()
    monkeypatch.setattr(toy.Toy, "resource_url_md5", staticmethod(lambda: [("toy.zip", "", "0" * 32)]))
    text = run("verify", "toy", "--root", tmp_path, code=1)
    assert "2 problems" in text
    assert f"{tmp_path / 'extract'}: was made from toy.zip with hash" in text
    assert f"{tmp_path / 'extract' / 'toy' / 'test' / 'cat'}: holds 1 files, and held 2" in text


def test_verify_compares_the_total_where_parts_are_unknown(sound: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(monkeypatch, total=31)
    assert f"{sound / 'events_np'}: holds 30 samples, and 31 are published" in run(
        "verify", "nmnist", "--root", sound, code=1
    )


def test_verify_notes_what_is_not_a_fault(sound: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (sound / "download").mkdir()
    (sound / "download" / "Test.zip.part").write_bytes(b"1")
    (sound / ".events_np.building-7").mkdir()
    (sound / FRAMES / "manifest.json").unlink()
    cls = registry.find("nmnist").load()
    monkeypatch.setattr(cls, "resource_url_md5", staticmethod(lambda: [Resource("Train.zip")]))
    (sound / "download" / "Train.zip").write_bytes(b"1")
    text = run("verify", "nmnist", "--root", sound)
    assert "Test.zip.part: a download that is not complete" in text
    assert ".events_np.building-7: left by an interrupted run" in text
    assert f"{sound / FRAMES}: has no manifest" in text
    assert "Train.zip: no hash is published for it" in text


def test_verify_of_nothing(tmp_path: Path) -> None:
    assert "nothing of the data set is there" in run("verify", "nmnist", "--root", tmp_path, code=1)
    assert "nothing of the data set is there" in run("verify", "shd", "--root", tmp_path / "no", code=1)
