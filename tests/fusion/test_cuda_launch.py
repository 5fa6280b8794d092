"""How the CUDA target asks CuPy for a kernel and starts it. Where there is no device, CuPy is replaced by a record."""

import sys
from contextlib import contextmanager
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from spikingjelly.activation_based import neuron, surrogate
from spikingjelly.fusion import operator
from spikingjelly.fusion.build import BuildError
from spikingjelly.fusion.targets import cupy
from tests.fusion.compare import assert_close, everything, in_loop, initial, on_device

DEVICE = torch.device("cuda", 1)
NO_DEVICE = "needs an NVIDIA GPU" if not torch.cuda.is_available() else cupy.refusal(torch.device("cuda"))


class Record:
    """Stands in for the modules `cupy` and `torch.cuda`; ``events`` is what they were asked, in order."""

    def __init__(self, has_protocol: bool = True, fails: bool = False) -> None:
        self.events: list = []
        self.fails = fails
        self.cuda = SimpleNamespace(
            Stream=SimpleNamespace(from_external=self.from_external) if has_protocol else SimpleNamespace(),
            ExternalStream=lambda pointer: self.entered("stream", pointer),
        )

    @contextmanager
    def entered(self, *what: object):
        self.events.append(("enter", *what))
        yield
        self.events.append(("exit", *what))

    def from_external(self, stream: object):
        version, pointer = stream.__cuda_stream__()
        assert version == 0
        return self.entered("stream", pointer)

    def RawModule(self, *, code: str, options: tuple[str, ...], backend: str) -> SimpleNamespace:
        if self.fails:
            raise RuntimeError("no such architecture")
        self.events.append(("build", code, options, backend))
        return SimpleNamespace(get_function=lambda name: lambda *arguments: self.events.append((name, *arguments)))


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch):
    def install(**options: bool) -> Record:
        record = Record(**options)
        monkeypatch.setitem(sys.modules, "cupy", record)
        monkeypatch.setattr(torch.cuda, "device", lambda device: record.entered("device", device))
        monkeypatch.setattr(torch.cuda, "current_stream", lambda device: SimpleNamespace(cuda_stream=77))
        forget()
        return record

    yield install
    monkeypatch.undo()
    forget()


def forget() -> None:
    for cached in (cupy._kernels, cupy._stream, cupy._import_error):
        cached.cache_clear()


@pytest.mark.parametrize("has_protocol", [True, False])
def test_a_kernel_starts_on_the_stream_of_pytorch(install, has_protocol: bool) -> None:
    record = install(has_protocol=has_protocol)
    arguments = (np.int64(1), np.float32(2))
    cupy.launch("text", "forward", DEVICE, 3, 128, arguments)
    assert record.events == [
        ("enter", "device", DEVICE),
        ("enter", "stream", 77),
        ("build", "text", cupy._OPTIONS, "nvrtc"),
        ("forward", (3,), (128,), arguments),
        ("exit", "stream", 77),
        ("exit", "device", DEVICE),
    ]


def test_a_kernel_is_built_once_for_each_device(install, monkeypatch: pytest.MonkeyPatch) -> None:
    record = install()
    monkeypatch.setattr(cupy, "_stream", lambda pointer, device: record.entered("stream", pointer))
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    monkeypatch.setattr(cupy, "source", lambda *arguments: "text")
    cupy.prepare("a program", torch.float32)
    for number in (0, 0, 1):
        cupy.launch("text", "backward", torch.device("cuda", number), 1, 32, ())
    assert [event[0] for event in record.events if event[0] in ("build", "backward")] == [
        "build", "backward", "backward", "build", "backward",
    ]  # fmt: skip


def test_arithmetic_is_not_contracted() -> None:
    assert "--fmad=false" in cupy._OPTIONS
    assert not any("fast" in option or "prec" in option for option in cupy._OPTIONS)


def test_a_failed_build_says_so(install) -> None:
    install(fails=True)
    with pytest.raises(BuildError, match="no such architecture"):
        cupy.launch("text", "forward", DEVICE, 1, 32, ())


def test_refusals(install, monkeypatch: pytest.MonkeyPatch) -> None:
    install()
    assert cupy.refusal(DEVICE) is None
    assert "not on cpu" in cupy.refusal(torch.device("cpu"))
    monkeypatch.setattr(torch.version, "hip", "6.0")
    assert "ROCm" in cupy.refusal(DEVICE)


def test_refusal_without_cupy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cupy", None)
    forget()
    assert "CuPy can't be imported" in cupy.refusal(DEVICE)
    assert "pip install" in cupy.refusal(DEVICE)
    forget()


def test_few_neurons_spread_over_the_device() -> None:
    assert cupy._threads(1000) == 32
    assert cupy._threads(1 << 20) == 128


def lif() -> neuron.LIFNode:
    return neuron.LIFNode(tau=1.7, v_reset=None, surrogate_function=surrogate.ATan(alpha=2.5), backend="torch")


def drawn(T: int) -> torch.Tensor:
    return torch.rand(T, 1000, generator=torch.Generator().manual_seed(1), dtype=torch.float64) * 3 - 1


@pytest.mark.skipif(NO_DEVICE is not None, reason=str(NO_DEVICE))
@pytest.mark.parametrize("T", [1, 9, 40])
def test_a_device_agrees_with_the_loop_on_the_cpu(monkeypatch: pytest.MonkeyPatch, T: int) -> None:
    monkeypatch.setitem(operator.TARGETS, "cupy", cupy)
    expected = everything(in_loop, lif(), drawn(T), 5, None)
    actual = everything(on_device, lif(), drawn(T).cuda(), 5, None)
    assert torch.equal(actual[0].cpu(), expected[0])
    for one, other in zip(actual, expected, strict=True):
        assert_close(one.cpu(), other, 1e-12)


@pytest.mark.skipif(NO_DEVICE is not None, reason=str(NO_DEVICE))
def test_a_call_can_be_captured_in_a_graph(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(operator.TARGETS, "cupy", cupy)
    node, x = lif(), drawn(20).cuda()
    states = initial(node, x[0], 5)
    on_device(node, x, states)  # builds the kernels
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        y = on_device(node, x, states)[0]
    x.copy_(1.5 - x)
    graph.replay()
    assert torch.equal(y, on_device(node, x, states)[0])
