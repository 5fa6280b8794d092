"""N-MNIST in miniature: unpacked, prepared, and as sound as the published one."""

import shutil
from pathlib import Path

import pytest

from tests.datasets.command.runs import PER_CLASS, five_bytes, publish, run


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Unpacked N-MNIST of 30 recordings: of digit d, an ON event moves along row d, a column each 10 ms."""
    root = tmp_path_factory.mktemp("unpacked")
    for split, count in PER_CLASS.items():
        for digit in range(10):
            folder = root / "extract" / split / str(digit)
            folder.mkdir(parents=True)
            for k in range(count):
                content = b"".join(five_bytes(10_000 * i, i, digit, 1) for i in range(20))
                (folder / f"{k + 1:05}.bin").write_bytes(content)
    return root


@pytest.fixture(scope="module")
def prepared(unpacked: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with events and frames."""
    root = tmp_path_factory.mktemp("prepared") / "root"
    shutil.copytree(unpacked, root)
    run("prepare", "NMNIST", "--root", root, "--frames-number", 4)
    return root


@pytest.fixture
def root(unpacked: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(unpacked, tmp_path / "root"))


@pytest.fixture
def sound(prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Events and frames with nothing wrong about them, which are as many as are published."""
    publish(monkeypatch)
    return Path(shutil.copytree(prepared, tmp_path / "sound"))
