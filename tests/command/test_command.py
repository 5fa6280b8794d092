"""``python -m spikingjelly``: what is written, what is printed, and the codes that it ends with."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch

from spikingjelly.activation_based import functional, hub, layer, neuron, nir_exchange, onnx_exchange
from spikingjelly.activation_based.model import parametric_lif_net

pytest.importorskip("typer")
pytest.importorskip("safetensors")
pytest.importorskip("huggingface_hub")


def run(*arguments: object, code: int = 0) -> str:
    """All that the command prints; it never ends with an exception of its own."""
    from typer.testing import CliRunner

    from spikingjelly._command.app import app

    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == code, result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.output


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    layers = [
        hub.Part(layer.Flatten),
        hub.Part(layer.Linear, in_features=16, out_features=8, bias=False),
        hub.Part(neuron.LIFNode, tau=2.0, decay_input=False),
    ]
    config = hub.make_config(hub.sequential, layers=layers, step_mode="m", input_shape=(1, 4, 4))
    path = tmp_path_factory.mktemp("networks") / "net"
    hub.save_pretrained(hub.build(config), path, config)
    return path


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With maximum poolings, and without an input shape."""
    config = hub.make_config(parametric_lif_net.MNISTNet, channels=2, spiking_neuron=neuron.LIFNode)
    path = tmp_path_factory.mktemp("published") / "net"
    hub.save_pretrained(hub.build(config), path, config)
    return path


def test_onnx(folder: Path, tmp_path: Path) -> None:
    for package in ("onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(package)
    out = tmp_path / "net.onnx"
    assert f"{out}: onnx, {{}} bytes" in run("export", folder, "--to", "onnx", "--out", out).replace(
        f"{out.stat().st_size:,}", "{}"
    )
    net = hub.from_pretrained(folder)
    functional.set_step_mode(net, "s")
    stream = onnx_exchange.ONNXStream(out, 2)
    for _ in range(5):
        x = torch.rand(2, 1, 4, 4) * 4
        assert torch.equal(net(x), torch.from_numpy(stream(x)))
    text = run("inspect", out)
    for line in (
        "kind        ONNX",
        "inputs      x [batch, 1, 4, 4], 2.v [batch, 8]",
        "step mode   s",
        "states      1",
    ):
        assert line in text
    assert "Gemm" in text
    assert "dt          not in the file" in text


@pytest.mark.slow
def test_onnx_of_a_sequence(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("onnxscript")
    out = tmp_path / "net.onnx"
    options = ("--form", "sequence", "--steps", 3, "--input-shape", "1,2,8")
    run("export", folder / "model.safetensors", "--to", "onnx", "--out", out, *options)
    assert "inputs      x [3, batch, 1, 2, 8]" in run("inspect", out)


def test_nir(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("nir")
    out = tmp_path / "net.nir"
    run("export", folder, "--to", "nir", "--out", out, "--dt", 0.002)
    net, again = hub.from_pretrained(folder), nir_exchange.import_from_nir(out, step_mode="m")
    x = torch.rand(5, 2, 1, 4, 4) * 4
    assert torch.equal(net(x), again(x))
    text = run("inspect", out)
    for line in ("kind        NIR", "layers      5", "dt          0.002 s", "states      1", "parameters  168"):
        assert line in text


def test_lava(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("h5py")
    out = tmp_path / "net.net"
    run("export", folder, "--to", "lava", "--out", out)
    text = run("inspect", out)
    assert "kind        netx (Lava)" in text
    assert "dense" in text
    assert "parameters  128" in text


def test_a_folder_and_weights_alone(folder: Path, published: Path, tmp_path: Path) -> None:
    text = run("inspect", folder)
    for line in (
        "network     sequential",
        "step mode   m",
        "input       [1, 4, 4]",
        "parameters  128",
        "2.v    that of",
    ):
        assert line in text
    text = run("inspect", published / "model.safetensors")
    assert "step mode   the builder's" in text
    assert text.index("conv_fc.5") < text.index("conv_fc.10")
    from safetensors.torch import save_file

    save_file({"a\x1b[31m.weight": torch.zeros(2, 3)}, tmp_path / "other.safetensors")
    text = run("inspect", tmp_path / "other.safetensors")
    assert "network     unknown: " in text
    assert "a?[31m" in text
    assert "\x1b" not in text


def test_what_a_format_can_not_express(published: Path, tmp_path: Path) -> None:
    out = tmp_path / "net"
    shape = ("--input-shape", "1,28,28")
    text = run("export", published, "--to", "lava", "--out", out, *shape, code=1)
    assert "MNISTNet" in text
    assert text.count("\n") == 1
    text = run("export", published, "--to", "onnx", "--out", out, "--input-shape", "2,7,7", code=1)
    assert "MNISTNet: expected images [N, 1, 28, 28]" in text
    assert "[2, 2, 7, 7]" in text
    assert not text.endswith("..\n")
    assert text.count("\n") == 1
    assert "does not say what its network takes" in run("export", published, "--to", "nir", "--out", out, code=1)
    assert not list(tmp_path.iterdir())


def test_max_pooling_of_spikes(published: Path, tmp_path: Path) -> None:
    pytest.importorskip("nir")
    out = tmp_path / "net.nir"
    run("export", published, "--to", "nir", "--out", out, "--input-shape", "1,28,28")
    text = run("inspect", out)
    names = [line.split()[0] for line in text.splitlines() if "2d  " in line or "LIF  " in line]
    assert names == ["conv_fc_0", "conv_fc_2", "conv_fc_3", "conv_fc_3_any"] + [
        "conv_fc_4", "conv_fc_6", "conv_fc_7", "conv_fc_7_any", "conv_fc_11", "conv_fc_14",
    ]  # fmt: skip


def test_graphs_that_are_no_networks(tmp_path: Path) -> None:
    nir = pytest.importorskip("nir")
    ends = {"input": nir.Input(np.array([2])), "output": nir.Output(np.array([2]))}
    linear = {name: nir.Linear(np.eye(2, dtype="float32")) for name in "ab"}
    around = [("input", "a"), ("a", "b"), ("b", "a"), ("b", "output")]
    missing = [("input", "a"), ("a", "c"), ("a", "b"), ("b", "output")]
    for edges, fault in ((around, "the cycle a -> b -> a is no recurrent connection"), (missing, "names the node 'c'")):
        graph = nir.NIRGraph(nodes={**ends, **linear}, edges=edges, type_check=False)
        nir.write(tmp_path / "net.nir", graph)
        text = run("inspect", tmp_path / "net.nir", code=1)
        assert "edges       4" in text
        assert "net.nir is no network: " in text
        assert fault in text
        outer = {**ends, "inner": graph}
        nir.write(
            tmp_path / "net.nir",
            nir.NIRGraph(nodes=outer, edges=[("input", "inner"), ("inner", "output")], type_check=False),
        )
        assert fault in run("inspect", tmp_path / "net.nir", code=1)


def test_places_that_can_not_be_written(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("nir")
    pytest.importorskip("onnxscript")
    for target, owner in (("nir", "export_to_nir"), ("onnx", "export_to_onnx"), ("lava", "export_hdf5")):
        with monkeypatch.context() as patch:
            patch.setattr(os, "access", lambda path, mode: Path(path) != tmp_path)
            text = run("export", folder, "--to", target, "--out", tmp_path / "net", code=1)
        assert text.startswith(f"{owner}: {tmp_path / 'net'} can't be written, for the folder {tmp_path} may not be")
        assert text.count("\n") == 1

    def fail(prefix: str, dir: Path) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(tempfile, "mkstemp", fail)
    text = run("export", folder, "--to", "lava", "--out", tmp_path / "net", code=1)
    assert f"no file can be made in the folder {tmp_path} (Read-only file system). Choose another folder" in text
    assert not list(tmp_path.iterdir())


def test_sources_that_are_wrong(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "net.nir"
    assert "there is no folder" in run("export", tmp_path / "none", "--to", "nir", "--out", out, code=1)
    truncated = tmp_path / "half.safetensors"
    truncated.write_bytes((folder / "model.safetensors").read_bytes()[:100])
    assert "truncated" in run("export", truncated, "--to", "nir", "--out", out, code=1)
    assert "truncated" in run("inspect", truncated, code=1)
    assert f"the folder {tmp_path} has no model.safetensors" in run("inspect", tmp_path, code=1)
    text = run("export", folder, "--to", "nir", "--out", tmp_path / "nowhere" / "x.nir", code=1)
    assert "does not exist" in text
    assert list(tmp_path.iterdir()) == [truncated]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--to", "nir", "--steps", 3), "--form and --steps are for --to onnx"),
        (("--to", "onnx", "--steps", 3), "--form sequence and --steps belong together"),
        (("--to", "onnx", "--form", "sequence"), "--form sequence and --steps belong together"),
        (("--to", "onnx", "--dt", 1e-3), "--dt is for --to nir"),
        (("--to", "nir", "--input-shape", "1,x"), "--input-shape must be sizes with commas between"),
        (("--to", "nir", "--input-shape", "0"), "--input-shape must be sizes with commas between"),
        (("--to", "other"), "other"),
    ],
)
def test_options_that_do_not_fit(folder: Path, tmp_path: Path, options: tuple[object, ...], message: str) -> None:
    assert message in run("export", folder, "--out", tmp_path / "x", *options, code=2)
    assert not list(tmp_path.iterdir())


def test_files_that_are_wrong(tmp_path: Path) -> None:
    assert "there is no file" in run("inspect", tmp_path / "none", code=1)
    for name, content, message in (
        ("x.txt", b"text", "is no HDF5 file"),
        ("x.onnx", b"text", "is no ONNX model, or it is truncated"),
        ("x.onnx", b"", "it has no operations"),
        ("x.nir", b"\x89HDF\r\n\x1a\n" + bytes(50), "truncated"),
    ):
        if name.endswith("nir"):
            pytest.importorskip("h5py")
        elif name.endswith("onnx"):
            pytest.importorskip("onnx")
        (tmp_path / name).write_bytes(content)
        text = run("inspect", tmp_path / name, code=1)
        assert message in text
        assert text.count("\n") == 1


def test_hdf5_of_another_kind(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    pytest.importorskip("nir")
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["weights"] = [1.0]
    assert "has no group 'node'" in run("inspect", tmp_path / "x.h5", code=1)
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["layer/0/type"] = "dense"
    assert "can't be read as HDF5" in run("inspect", tmp_path / "x.h5", code=1)


def test_the_command_itself() -> None:
    environment = {**os.environ, "COLUMNS": "100"}
    result = subprocess.run(
        [sys.executable, "-m", "spikingjelly", "inspect", "nowhere.onnx"],
        capture_output=True, text=True, env=environment, check=False,
    )  # fmt: skip
    assert result.returncode == 1
    assert result.stderr.strip() == "inspect: there is no file nowhere.onnx."


def test_without_typer(monkeypatch: pytest.MonkeyPatch) -> None:
    from spikingjelly.__main__ import main

    monkeypatch.setitem(sys.modules, "typer", None)
    with pytest.raises(SystemExit, match=r'needs typer.*pip install "spikingjelly\[cli\]"'):
        main()
