"""Files: whole or not there, and no trust in what is read."""

import os
from pathlib import Path
from typing import Any

import h5py
import nir
import numpy as np
import pytest
import torch
from torch import nn

from spikingjelly.activation_based import layer, neuron
from spikingjelly.activation_based.nir_exchange import export_to_nir, import_from_nir

X = torch.zeros(1, 4)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "net.nir"
    export_to_nir(nn.Sequential(layer.Linear(4, 3), neuron.LIFNode()), X, file)
    return file


def _refused(path: Path, problem: str, **options: Any) -> None:
    with pytest.raises(ValueError, match=problem) as refusal:
        import_from_nir(path, **options)
    assert str(path) in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_file_is_replaced_whole_or_stays(path: Path, monkeypatch: Any) -> None:
    before = path.read_bytes()

    def fail(name: str, graph: Any) -> None:
        Path(name).write_bytes(b"half")
        raise OSError("no space left")

    monkeypatch.setattr(nir, "write", fail)
    with pytest.raises(OSError, match="no space left"):
        export_to_nir(neuron.IFNode(), X, path)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]
    monkeypatch.undo()
    export_to_nir(neuron.IFNode(), X, str(path))
    assert path.read_bytes() != before
    assert path.stat().st_mode & 0o777 == 0o666 & ~_umask()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_places_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"the folder .*nowhere of save_path does not exist"):
        export_to_nir(neuron.IFNode(), X, tmp_path / "nowhere" / "net.nir")
    with pytest.raises(FileNotFoundError, match=r"there is no file .*net.nir"):
        import_from_nir(tmp_path / "net.nir")


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_truncated_files(path: Path, share: float) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    _refused(path, "it may be truncated or damaged")


def test_damaged_files_never_do_worse_than_a_clear_error(path: Path) -> None:
    content, rng = path.read_bytes(), np.random.default_rng(0)
    refused = 0
    for _ in range(40):
        damaged = bytearray(content)
        for place in rng.integers(0, len(damaged), 30):
            damaged[place] = rng.integers(256)
        path.write_bytes(bytes(damaged))
        try:
            import_from_nir(path)
        except ValueError:
            refused += 1
    assert refused > 5


def test_files_of_another_kind(path: Path) -> None:
    path.write_text("not HDF5")
    _refused(path, "it is no readable HDF5 file")
    with h5py.File(path, "w") as file:
        file["weights"] = np.ones(3)
    _refused(path, "has no group 'node'")
    with h5py.File(path, "w") as file:
        file["node"] = np.ones(3)
    _refused(path, "its 'node' is an array")
    with h5py.File(path, "w") as file:
        file["node/type"] = "LIF"
    _refused(path, "the graph is no NIRGraph with nodes, but of type 'LIF'")


def test_nothing_outside_of_the_file_is_read(path: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret.bin"
    secret.write_bytes(np.arange(3, dtype=np.float32).tobytes())
    with h5py.File(path, "r+") as file:
        node = file["node/nodes/_0"]
        del node["bias"]
        node.create_dataset("bias", shape=(3,), dtype="f4", external=[(str(secret), 0, 12)])
    _refused(path, "keeps its values in another file")
    with h5py.File(tmp_path / "other.h5", "w") as other:
        other["x"] = np.ones(3, np.float32)
    for link in h5py.ExternalLink(str(tmp_path / "other.h5"), "/x"), h5py.SoftLink("/version"):
        with h5py.File(path, "r+") as file:
            del file["node/nodes/_0/bias"]
            file["node/nodes/_0/bias"] = link
        _refused(path, "links to elsewhere are not followed")
    with h5py.File(path, "r+") as file:
        del file["node/nodes/_0/bias"]
        layout = h5py.VirtualLayout((3,), "f4")
        layout[:] = h5py.VirtualSource(str(tmp_path / "other.h5"), "x", (3,))
        file.create_virtual_dataset("node/nodes/_0/bias", layout)
    _refused(path, "keeps its values in another file")


def test_sizes_are_added_up_before_anything_is_unpacked(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        del file["node/nodes/_0/bias"]
        file["node/nodes/_0"].create_dataset("bias", shape=(2**40,), dtype="f4", chunks=(2**20,), compression="gzip")
    assert path.stat().st_size < 10**6
    _refused(path, r"take more than max_bytes; /node/nodes/_0/bias alone has the shape \[1099511627776\]")


def test_the_limit_can_be_set(path: Path) -> None:
    _refused(path, "take more than max_bytes", max_bytes=50)
    import_from_nir(path, max_bytes=5000)
    graph = nir.NIRGraph.from_list(nir.Flatten({"input": np.array([2**20, 2**20])}, 0))
    with pytest.raises(ValueError, match="takes more than max_bytes"):
        import_from_nir(graph)


def test_groups_inside_themselves_end(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        file["node/nodes/again"] = file["node"]
    _refused(path, "deeper than 32")


def test_types_and_names_that_are_not_nirs(path: Path) -> None:
    for kind, problem in [
        ("str2NIRNode", "is of type 'str2NIRNode'. NIR has"),
        ("NIRNode", "of type 'NIRNode'"),
        ("TimeGriddedData", "NIR has"),
    ]:
        with h5py.File(path, "r+") as file:
            del file["node/nodes/_0/type"]
            file["node/nodes/_0/type"] = kind
        _refused(path, problem)
    with h5py.File(path, "r+") as file:
        del file["node/nodes/_0/type"]
        file["node/nodes/_0/type"] = "Affine"
        file["node/nodes/_0/extra"] = 1
    _refused(path, r"the node '_0' \(Affine\) can't be made of what the file says")
    with h5py.File(path, "r+") as file:
        del file["node/nodes/_0/extra"]
        del file["node/nodes/_0/bias"]
    _refused(path, r"the node '_0' \(Affine\) can't be made.*bias")
    with h5py.File(path, "r+") as file:
        file["node/nodes/_0/bias"] = np.zeros(3, dtype=[("a", "f4")])
    _refused(path, "neither numbers nor text")


def test_edges_that_are_no_pairs_of_names(path: Path) -> None:
    for edges in np.ones((2, 2)), np.array([[b"a", b"b", b"c"]]), np.array([b"ab", b"cd"]):
        with h5py.File(path, "r+") as file:
            del file["node/edges"]
            file["node/edges"] = edges
        _refused(path, "an edge must be two names of nodes")


def test_metadata_of_a_wrong_kind(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        del file["node/metadata/dt"]
        file["node/metadata/dt"] = "soon"
    with pytest.raises(TypeError, match="metadata of the graph: dt must be a number"):
        import_from_nir(path)
    with h5py.File(path, "r+") as file:
        del file["node/metadata"]
        file["node/metadata"] = 3
    _refused(path, "the metadata of the graph are no group")


def test_files_that_the_package_writes_itself_are_read(tmp_path: Path) -> None:
    graph = nir.NIRGraph.from_list(nir.Linear(np.ones((3, 4), np.float32)))
    for compression in "gzip", "lzf", None:
        nir.write(tmp_path / "net.nir", graph, compression=compression)
        assert import_from_nir(tmp_path / "net.nir")(torch.ones(1, 4)).tolist() == [[4.0, 4.0, 4.0]]
