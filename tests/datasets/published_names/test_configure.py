"""Settings of the whole package take effect at once."""

import zipfile
from pathlib import Path

import numpy as np
import pytest

from spikingjelly import configure
from spikingjelly.datasets import load_npz_frames, np_savez, save_frames_to_npz_and_print
from spikingjelly.datasets._preparation import workers


def methods(path: Path) -> set[int]:
    with zipfile.ZipFile(path) as archive:
        return {info.compress_type for info in archive.infolist()}


@pytest.mark.parametrize("compressed", [True, False])
def test_compression(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compressed: bool) -> None:
    assert configure.save_datasets_compressed is True
    monkeypatch.setattr(configure, "save_datasets_compressed", compressed)
    expected = {zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED}
    frames = np.arange(48.0).reshape(2, 2, 3, 4)
    save_frames_to_npz_and_print(tmp_path / "frames.npz", frames)
    assert methods(tmp_path / "frames.npz") == expected
    np.testing.assert_array_equal(load_npz_frames(tmp_path / "frames.npz"), frames)
    np_savez(tmp_path / "arrays.npz", frames, t=np.arange(3))
    assert methods(tmp_path / "arrays.npz") == expected
    with np.load(tmp_path / "arrays.npz") as arrays:
        np.testing.assert_array_equal(arrays["arr_0"], frames)
        assert arrays["t"].tolist() == [0, 1, 2]


def test_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers.sys, "platform", "darwin")
    monkeypatch.setattr(workers.os, "cpu_count", lambda: 64)
    assert workers.Settings().workers == 16
    monkeypatch.setattr(configure, "max_threads_number_for_datasets_preprocess", 3)
    assert workers.Settings().workers == 3
    assert workers.Settings(num_workers=20).workers == 20
    monkeypatch.setattr(configure, "max_threads_number_for_datasets_preprocess", 100)
    assert workers.Settings().workers == 64
    monkeypatch.setattr(configure, "max_threads_number_for_datasets_preprocess", 0)
    with pytest.raises(ValueError, match="configure.max_threads_number_for_datasets_preprocess must be an int above 0"):
        workers.Settings().workers  # noqa: B018 - read for its error
