"""``python -m spikingjelly.datasets``: what it says, what it makes, and how it ends."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("typer")

from spikingjelly.datasets import __main__
from spikingjelly.datasets._command import registry
from tests.conftest import ROOT
from tests.datasets.command.runs import FRAMES, five_bytes, publish, run, tree


def test_list_has_a_row_for_each_data_set_and_no_guesses() -> None:
    rows = {line.split()[0]: line.split() for line in run("list").splitlines() if line}
    assert {entry.name for entry in registry.ENTRIES} <= rows.keys()
    assert " ".join(rows["DVS128-Gesture"]) == "DVS128-Gesture 11 1,176 / 288 128 x 128 3 GB by hand CC BY 4.0"
    assert " ".join(rows["CIFAR10-DVS"]) == "CIFAR10-DVS 10 10,000 128 x 128 8.4 GB yes ?"
    assert " ".join(rows["HARDVS"]) == "HARDVS 300 ? 260 x 346 ? by hand none stated"
    assert " ".join(rows["SSC"]) == "SSC 35 75,466 / 9,981 / 20,382 700 channels ? yes CC BY 4.0"


@pytest.mark.parametrize("entry", registry.ENTRIES, ids=lambda entry: entry.name)
def test_info_tells_paper_files_and_code(entry: registry.Entry) -> None:
    text = run("info", entry.name)
    for resource in entry.resources():
        assert resource.name in text
        assert (resource.md5 or "") in text
        assert (resource.page or resource.urls[0]) in text
    assert " et al., " in text.split("paper")[1].splitlines()[0]
    code = text.split("Example:\n")[1]
    compile("\n".join(line[4:] for line in code.splitlines()), "example", "exec")
    assert "``" not in text
    assert ":param" not in text


def test_example_of_info_runs(root: Path) -> None:
    code = run("info", "nmnist").split("Example:\n")[1].replace("path/to/N-MNIST", root.as_posix())
    names: dict[str, Any] = {}
    exec("\n".join(line[4:] for line in code.splitlines()), names)
    assert names["frames"].shape == (20, 2, 34, 34)
    assert f"# {list(names['frames'].shape)}" in code


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("dvs128-gesture", "DVS128Gesture"),
        ("DVS128_GESTURE", "DVS128Gesture"),
        ("n mnist", "NMNIST"),
        ("navgesturesit", "NAVGestureSit"),
        ("shd", "SpikingHeidelbergDigits"),
        ("spiking-speech-commands", "SpikingSpeechCommands"),
        ("bullying10k", "Bullying10kClassification"),
    ],
)
def test_names_are_read_as_people_write_them(given: str, found: str) -> None:
    assert registry.find(given).class_name == found


def test_no_name_means_two_data_sets() -> None:
    names = [name for entry in registry.ENTRIES for name in entry.names]
    assert len(names) == len(set(names))


def test_unknown_names_get_an_answer() -> None:
    assert 'no data set "dvs gestur". Did you mean DVS128-Gesture or' in run("info", "dvs gestur", code=1)
    assert "Did you mean CIFAR10-DVS?" in run("info", "cifar10", code=1)
    text = run("verify", "qqq", "--root", ".", code=1)
    assert all(entry.name in text for entry in registry.ENTRIES)


def test_prepare_makes_events_and_frames_and_counts_them(root: Path) -> None:
    text = run("prepare", "n-mnist", "--root", root, "--frames-number", 4, "--num-workers", 1)
    text = text[text.index(f"N-MNIST is ready in {root} after ") :]
    lines = [" ".join(line.split()) for line in text.splitlines()]
    train, test = lines.index("train: 20 samples of 10 classes"), lines.index("test: 10 samples of 10 classes")
    assert lines[train + 1 : train + 11] == [f"{digit} 2" for digit in range(10)]
    assert lines[test + 1 : test + 11] == [f"{digit} 1" for digit in range(10)]
    assert "extract 30 files 3.0 kB" in lines
    size = sum(path.stat().st_size for path in (root / FRAMES).rglob("*") if path.is_file())
    assert f"{FRAMES} 31 files {size / 1000:.1f} kB" in lines
    before = tree(root)
    run("prepare", "n-mnist", "--root", root, "--frames-number", 4)
    assert tree(root) == before


def test_prepare_with_the_other_options(root: Path) -> None:
    text = run("prepare", "nmnist", "--root", root, "--duration", 50_000, "--test", "--processes", "--num-workers", 1)
    assert "test: 10 samples" in text
    assert "train: " not in text
    assert len(list((root / "duration_50000" / "test").rglob("*_4.npz"))) == 10
    run("prepare", "nmnist", "--root", root, "--frames-number", 2, "--split-by", "time", "--no-download")
    assert (root / "frames_number_2_split_by_time" / "manifest.json").is_file()


def test_damaged_files_end_it_or_are_left_out(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(monkeypatch)
    bad = root / "extract" / "Train" / "3" / "00002.bin"
    bad.write_bytes(b"1234")
    assert str(bad) in run("prepare", "nmnist", "--root", root, code=1)
    assert "(1 damaged file left out)" in run("prepare", "nmnist", "--root", root, "--on-error", "skip")
    text = run("verify", "nmnist", "--root", root, code=1)
    assert f"{bad}: was left out" in text
    assert f"{root / 'events_np' / 'train'}: holds 19 samples, and 20 are published" in text


def test_missing_files_are_asked_for(tmp_path: Path) -> None:
    text = run("prepare", "dvs128gesture", "--root", tmp_path, code=1)
    assert "DvsGesture.tar.gz (md5 8a5c71fb11e24e5ca5b11866ca6c00a1)" in text
    assert str(tmp_path / "download") in text
    assert "download=False" in run("prepare", "shd", "--root", tmp_path, "--no-download", code=1)


@pytest.mark.parametrize(
    ("arguments", "answer"),
    [
        (["prepare", "nmnist", "--frames-number", 4, "--duration", 10], "not both"),
        (["prepare", "nmnist", "--split-by", "time"], "--split-by needs --frames-number"),
        (["prepare", "cifar10dvs", "--train"], "no official split"),
        (["prepare", "shd", "--duration", 4], "makes its frames when they are read"),
        (["show", "nmnist", 0, "--out", "a.jpg"], "*.gif or *.png"),
        (["show", "nmnist", 0, "--out", "no/such/folder/a.gif"], "there is no folder"),
    ],
)
def test_options_that_make_no_sense(tmp_path: Path, arguments: list[object], answer: str) -> None:
    assert answer in " ".join(run(*arguments, "--root", tmp_path, code=2).split())
    assert list(tmp_path.iterdir()) == []


def test_show_animates_the_frames(sound: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    out = sound / "a.gif"
    text = run("show", "nmnist", 5, "--root", sound, "--out", out, "--frames-number", 4, "--test")
    assert "sample 5 of test, class 5, 20 events" in text
    factor = 256 // 34
    with image.open(out) as picture:
        assert picture.n_frames == 4
        for k in range(4):
            picture.seek(k)
            pixels = np.asarray(picture.convert("RGB"))
            # 20 events at 0, 10, ... 190 ms: four windows of 47.5 ms
            first, last = -(-k * 47_500 // 10_000), -(-(k + 1) * 47_500 // 10_000) + (k == 3)
            lit = np.zeros((34, 34), bool)
            lit[5, first:last] = True
            np.testing.assert_array_equal(pixels[..., 2] > 100, lit.repeat(factor, 0).repeat(factor, 1))


def test_one_hot_pixel_does_not_darken_the_others(root: Path, tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    moving = b"".join(five_bytes(1000 * i, i, 3, 1) for i in range(30))
    (root / "extract" / "Train" / "0" / "00001.bin").write_bytes(moving + five_bytes(29_000, 33, 33, 1) * 200)
    run("prepare", "nmnist", "--root", root)
    run("show", "nmnist", 0, "--root", root, "--out", tmp_path / "a.gif", "--frames-number", 2)
    with image.open(tmp_path / "a.gif") as picture:
        row = np.asarray(picture.convert("RGB"))[3 * (256 // 34), :: 256 // 34, 2]
    assert row[0] > 200
    assert row[20] == 0  # frames are of equal duration, so it is in the second one


def test_show_draws_frames_in_a_row_and_a_cloud_of_events(sound: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    pytest.importorskip("matplotlib")
    out = sound / "a.png"
    run("show", "nmnist", 1, "--root", sound, "--out", out, "--frames-number", 3)
    with image.open(out) as picture:
        pixels = np.asarray(picture.convert("RGB")).astype(int)
    side = 128 // 34 * 34
    black = (pixels[:side] == 0).all(2).any(0)
    assert np.flatnonzero(np.diff(black)).tolist() == [side - 1, side + 3, 2 * side + 3, 2 * side + 7, 3 * side + 7]
    below = pixels[side:]
    assert ((below[..., 2] - below[..., 0]) > 80).sum() > 20  # the points of ON events are blue


def test_show_wants_a_prepared_data_set_and_a_sample_of_it(sound: Path, tmp_path: Path) -> None:
    text = run("show", "nmnist", 0, "--root", tmp_path / "other", "--out", tmp_path / "a.gif", code=1)
    assert f'python -m spikingjelly.datasets prepare N-MNIST --root "{tmp_path / "other"}"' in text
    assert not (tmp_path / "other").exists()
    assert "train has the samples 0 to 19" in run(
        "show", "nmnist", 20, "--root", sound, "--out", tmp_path / "a.gif", code=2
    )


def test_spikes_of_channels(tmp_path: Path) -> None:
    """A data set that is read from HDF5 files goes through all commands as well."""
    h5py = pytest.importorskip("h5py")
    pytest.importorskip("matplotlib")
    (tmp_path / "extract").mkdir()
    path = tmp_path / "extract" / "shd_train.h5"
    with h5py.File(path, "w") as file:
        file["labels"] = np.array([1, 0, 1])
        file["extra/keys"] = np.array([b"zero", b"one"])
        for name, kind, value in (("times", np.float16, 0.25), ("units", np.uint16, 699)):
            column = file.create_dataset(f"spikes/{name}", 3, h5py.vlen_dtype(kind))
            for index, count in enumerate((2, 1, 0)):
                column[index] = np.full(count, value, kind)
    text = " ".join(run("prepare", "shd", "--root", tmp_path, "--train").split())
    assert "train: 3 samples of 2 classes zero 1 one 2" in text
    text = run("verify", "shd", "--root", tmp_path, "--every", 1, code=1)
    assert f"{path}: holds 3 samples, and 8,156 are published" in text
    assert f"{path}, recording 2: it holds no spikes" in text
    assert "test: is not unpacked" in text
    assert "class one, 2 events" in run("show", "shd", 0, "--root", tmp_path, "--out", tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert "one picture" in run("show", "shd", 0, "--root", tmp_path, "--out", tmp_path / "a.gif", code=2)
    text = run("show", "shd", 0, "--root", tmp_path, "--out", tmp_path / "b.png", "--test", code=1)
    assert "download=False" in text  # to look at a sample fetches nothing
    path.write_bytes(path.read_bytes()[:500])
    assert str(path) in run("verify", "shd", "--root", tmp_path, code=1)


def test_without_typer_it_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "typer", None)
    with pytest.raises(SystemExit, match=r'needs typer.*pip install "spikingjelly\[cli\]"'):
        __main__.main()


def test_as_a_program(root: Path) -> None:
    command = [sys.executable, "-m", "spikingjelly.datasets", "prepare", "nmnist", "--root", str(root)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=60, env=os.environ | {"PYTHONPATH": str(ROOT)}
    )
    assert done.returncode == 0, done.stderr
    assert "train: 20 samples of 10 classes" in done.stdout
    assert "NMNIST: events: 100%" in done.stderr
    assert (root / "events_np" / "manifest.json").is_file()
