"""The wrapped layers: the torch layer at each time step, in both step modes, with its names, gradients and layouts."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from spikingjelly.activation_based import base, functional, layer

T, N = 3, 2


@dataclass(frozen=True)
class Case:
    """A layer with every argument at a value that is not its default, and the shape of one sample."""

    cls: str
    args: tuple[Any, ...]
    sample: tuple[int, ...]
    kwargs: dict[str, Any] = field(default_factory=dict)

    def make(self, step_mode: str) -> nn.Module:
        torch.manual_seed(1)
        return getattr(layer, self.cls)(*self.args, **self.kwargs, step_mode=step_mode)

    def make_torch(self) -> nn.Module:
        torch.manual_seed(1)
        return getattr(nn, self.cls)(*self.args, **self.kwargs)

    def input(self, *leading: int) -> torch.Tensor:
        return torch.randn(*leading, *self.sample, dtype=torch.float64)

    def __str__(self) -> str:
        return f"{self.cls}{self.args}{self.kwargs or ''}"


CONV = {"stride": 2, "padding": 1, "dilation": 2, "groups": 2, "bias": False, "padding_mode": "circular"}
TRANSPOSED = {"stride": 2, "padding": 1, "output_padding": 1, "groups": 2, "bias": False, "dilation": 2}
NORM = {"eps": 0.1, "momentum": 0.3}
MAX = {"stride": 1, "padding": 1, "dilation": 2, "ceil_mode": True}
AVG = {"stride": 2, "padding": 1, "ceil_mode": True, "count_include_pad": False}

CASES = [
    Case("Conv1d", (4, 6, 3), (4, 9), CONV),
    Case("Conv2d", (4, 6, (3, 2)), (4, 7, 6), CONV),
    Case("Conv2d", (4, 2, 3), (4, 5, 5), {"padding": "same"}),
    Case("Conv3d", (4, 2, 2), (4, 4, 5, 4), CONV),
    Case("ConvTranspose1d", (4, 6, 3), (4, 5), TRANSPOSED),
    Case("ConvTranspose2d", (4, 6, 3), (4, 3, 4), TRANSPOSED),
    Case("ConvTranspose2d", (4, 6, 3), (4, 3, 4)),
    Case("ConvTranspose3d", (4, 2, 2), (4, 2, 3, 2), TRANSPOSED),
    Case("Linear", (5, 4), (5,)),
    Case("Linear", (5, 4), (3, 5), {"bias": False}),
    Case("GroupNorm", (2, 4), (4, 3, 3), {"eps": 0.1}),
    Case("GroupNorm", (2, 4), (4,), {"affine": False}),
    Case("MaxPool1d", (3,), (2, 8), MAX),
    Case("MaxPool2d", (3,), (2, 6, 7), MAX),
    Case("MaxPool3d", (3,), (2, 6, 5, 6), MAX),
    Case("AvgPool1d", (3,), (2, 8), AVG),
    Case("AvgPool2d", (3,), (2, 6, 7), {**AVG, "divisor_override": 5}),
    Case("AvgPool3d", (3,), (2, 4, 5, 4), {**AVG, "divisor_override": 5}),
    Case("AdaptiveAvgPool1d", (3,), (2, 8)),
    Case("AdaptiveAvgPool2d", ((2, None),), (2, 6, 5)),
    Case("AdaptiveAvgPool3d", (2,), (2, 4, 5, 4)),
    Case("Flatten", (), (2, 3, 4)),
    Case("Flatten", (2, 3), (2, 3, 4, 2)),
    Case("Flatten", (-2, -1), (2, 3, 4)),
    Case("Upsample", (), (2, 3, 4), {"scale_factor": (2.0, 1.5), "mode": "bilinear", "align_corners": True}),
    Case("Upsample", (), (2, 5), {"size": 7, "mode": "nearest"}),
    Case("Upsample", (), (2, 3, 4), {"scale_factor": 1.7, "mode": "bicubic", "recompute_scale_factor": True}),
]  # the batch norms, whose time steps are not independent of each other, have a file of their own
PARAMETERISED = [case for case in CASES if case.cls.startswith(("Conv", "Linear", "GroupNorm"))]
RANKED = [case for case in CASES if case.cls not in ("Linear", "Flatten", "GroupNorm", "Upsample")]


def outputs_and_gradients(
    run: Callable[[torch.Tensor], torch.Tensor], module: nn.Module, x: torch.Tensor
) -> list[torch.Tensor]:
    x = x.clone().requires_grad_()
    y = run(x)
    weight = torch.linspace(-1, 1, y.numel(), dtype=y.dtype).view(y.shape)
    return [y, *torch.autograd.grad((y * weight).sum(), [x, *module.parameters()])]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_sequence_is_the_torch_layer_at_each_time_step(case: Case) -> None:
    reference, ours = case.make_torch().double(), case.make("m").double()
    x_seq = case.input(T, N)
    expected = outputs_and_gradients(lambda x: torch.stack([reference(step) for step in x]), reference, x_seq)
    torch.testing.assert_close(outputs_and_gradients(ours, ours, x_seq), expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_single_step_is_the_torch_layer(case: Case) -> None:
    reference, ours = case.make_torch().double(), case.make("s").double()
    x = case.input(N)
    expected = outputs_and_gradients(reference, reference, x)
    torch.testing.assert_close(outputs_and_gradients(ours, ours, x), expected, rtol=0, atol=0)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_subclass_names_and_repr(case: Case) -> None:
    reference, ours = case.make_torch(), case.make("m")
    assert isinstance(ours, getattr(nn, case.cls))
    assert isinstance(ours, base.StepModule)
    assert {k: v.shape for k, v in ours.state_dict().items()} == {k: v.shape for k, v in reference.state_dict().items()}
    ours.load_state_dict(reference.state_dict())
    assert repr(ours) == repr(reference)[:-1] + ", step_mode=m)"


def test_repr_as_published() -> None:
    assert repr(layer.Conv2d(1, 2, 3)) == "Conv2d(1, 2, kernel_size=(3, 3), stride=(1, 1), step_mode=s)"
    assert repr(layer.Linear(2, 3)) == "Linear(in_features=2, out_features=3, bias=True, step_mode=s)"


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.parametrize("batch", [0, 1])
def test_empty_and_single_batches(case: Case, batch: int) -> None:
    reference, ours = case.make_torch().double(), case.make("m").double()
    assert ours(case.input(T, batch)).shape == (T, *reference(case.input(batch)).shape)


@pytest.mark.parametrize("case", [c for c in CASES if "Conv" in c.cls or "Pool" in c.cls], ids=str)
def test_unbatched_steps_as_torch_allows(case: Case) -> None:
    x = case.input()
    assert torch.equal(case.make("s").double()(x), case.make_torch().double()(x))


@pytest.mark.parametrize("cls", ["Conv2d", "ConvTranspose2d"])
def test_channels_last_stays_channels_last(cls: str) -> None:
    ours = getattr(layer, cls)(3, 4, 3, step_mode="m").to(memory_format=torch.channels_last)
    plain = torch.rand(T * N, 3, 6, 6)
    x_seq = plain.contiguous(memory_format=torch.channels_last).unflatten(0, (T, N))
    y_seq = ours(x_seq)
    assert y_seq.flatten(0, 1).is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(y_seq, ours(plain.view(T, N, 3, 6, 6)))


def test_a_sequence_is_not_copied_on_the_way_in() -> None:
    x_seq = torch.rand(T, N, 4, 4)
    names: list[str] = []
    with _Recorder(names):
        layer.Conv1d(4, 4, 1, step_mode="m")(x_seq)
        layer.Linear(4, 4, step_mode="m")(x_seq)
        layer.BatchNorm1d(4, step_mode="m")(x_seq)
    assert any(name.startswith("aten.convolution") for name in names)
    assert not [name for name in names if name.split(".")[1] in ("clone", "copy_", "_reshape_copy", "cat")]
    assert layer.Flatten(step_mode="m")(x_seq).data_ptr() == x_seq.data_ptr()


class _Recorder(TorchDispatchMode):
    def __init__(self, names: list[str]) -> None:
        super().__init__()
        self.names = names

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        self.names.append(str(func))
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize(("cls", "sample"), [("1d", (6,)), ("2d", (6, 4)), ("3d", (4, 4, 4))])
def test_max_pool_returns_indices_of_each_step(cls: str, sample: tuple[int, ...]) -> None:
    x_seq = torch.rand(T, N, 2, *sample)
    pool = getattr(layer, f"MaxPool{cls}")(2, return_indices=True, step_mode="m")
    values, indices = pool(x_seq)
    reference = getattr(nn, f"MaxPool{cls}")(2, return_indices=True)
    for t in range(T):
        step_values, step_indices = reference(x_seq[t])
        assert torch.equal(values[t], step_values)
        assert torch.equal(indices[t], step_indices)


def test_max_pool_flatten_and_upsample_take_integers() -> None:
    x_seq = torch.randint(0, 9, (T, N, 2, 4, 4), dtype=torch.uint8)
    assert layer.MaxPool2d(2, step_mode="m")(x_seq).dtype == torch.uint8
    assert layer.Flatten(step_mode="m")(x_seq).shape == (T, N, 32)
    assert torch.equal(layer.Upsample(scale_factor=2, step_mode="m")(x_seq)[..., ::2, ::2], x_seq)


def test_flatten_can_merge_the_batch_but_never_the_time() -> None:
    x_seq = torch.rand(T, N, 2, 4)
    assert torch.equal(layer.Flatten(0, step_mode="m")(x_seq), x_seq.reshape(T, -1))
    assert torch.equal(layer.Flatten(-3, -1, step_mode="m")(x_seq), x_seq.reshape(T, -1))
    with pytest.raises(IndexError, match=r"a time step of the sequence \[3, 2, 2, 4\] has dimensions -3 to 2"):
        layer.Flatten(-4, step_mode="m")(x_seq)
    with pytest.raises(IndexError, match=r"start_dim=1 and end_dim=3"):
        layer.Flatten(1, 3, step_mode="m")(x_seq)


def test_transposed_convolution_takes_the_size_of_its_output() -> None:
    x_seq = torch.rand(T, N, 2, 4, 4)
    ours = layer.ConvTranspose2d(2, 3, 3, stride=2)
    reference = nn.ConvTranspose2d(2, 3, 3, stride=2)
    reference.load_state_dict(ours.state_dict())
    expected = torch.stack([reference(x, [10, 9]) for x in x_seq])
    assert torch.equal(ours(x_seq[0], [10, 9]), expected[0])
    functional.set_step_mode(ours, "m")
    torch.testing.assert_close(ours(x_seq, output_size=[10, 9]), expected)


def test_linear_reads_the_last_dimension_of_anything() -> None:
    linear = layer.Linear(4, 3, step_mode="m")
    for shape in [(4,), (2, 4), (T, N, 5, 4)]:
        x = torch.rand(shape)
        torch.testing.assert_close(linear(x), x @ linear.weight.T + linear.bias)


@pytest.mark.parametrize("case", RANKED, ids=str)
def test_a_step_in_mode_m_is_refused(case: Case) -> None:
    letters = {1: "C, L", 2: "C, H, W", 3: "C, D, H, W"}[len(case.sample) - 1]
    message = rf"{case.cls}: expected x with shape \[T, N, {letters}\], but got x with shape \[2, .*use step_mode='s'"
    with pytest.raises(ValueError, match=message):
        case.make("m").double()(case.input(N))


@pytest.mark.parametrize("case", [c for c in RANKED if "Adaptive" not in c.cls], ids=str)
def test_a_sequence_in_mode_s_is_refused(case: Case) -> None:
    letters = {1: "C, L", 2: "C, H, W", 3: "C, D, H, W"}[len(case.sample) - 1]
    message = rf"expected x with shape \[N, {letters}\] in step_mode='s', .*set_step_mode\(net, 'm'\)"
    with pytest.raises(ValueError, match=message):
        case.make("s").double()(case.input(T, N))


@pytest.mark.parametrize(
    ("module", "shape", "message"),
    [
        (layer.GroupNorm(1, 2, step_mode="m"), (2, 2), r"GroupNorm: expected x with shape \[T, N, C, \*\], but got x"),
        (layer.Upsample(2, step_mode="m"), (2, 2, 2), r"\[T, N, C, L\] or \[T, N, C, H, W\] or \[T, N, C, D, H, W\]"),
        (
            layer.Flatten(step_mode="m"),
            (2,),
            r"Flatten: expected x with shape \[T, N, \*\], but got x with shape \[2\]",
        ),
    ],
)
def test_ranks_of_the_open_layouts(module: nn.Module, shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        module(torch.rand(shape))


@pytest.mark.parametrize("mode", ["s", "m"])
@pytest.mark.parametrize("case", [c for c in CASES if c.cls not in ("Flatten", "Upsample")], ids=str)
def test_inputs_that_are_no_tensors(case: Case, mode: str) -> None:
    with pytest.raises(TypeError, match=rf"{case.cls}: the input must be a torch.Tensor, but \[\[1.0\]\] \(list\)"):
        case.make(mode)([[1.0]])


@pytest.mark.parametrize("mode", ["s", "m"])
@pytest.mark.parametrize("case", PARAMETERISED + [c for c in CASES if "Avg" in c.cls], ids=str)
@pytest.mark.parametrize("dtype", [torch.uint8, torch.int64])
def test_integers_are_not_converted_silently(case: Case, mode: str, dtype: torch.dtype) -> None:
    x = torch.zeros(case.input(*((T, N) if mode == "m" else (N,))).shape, dtype=dtype)
    message = rf"{case.cls}: the input must have a floating-point dtype.*{dtype}.*x.float\(\) / 255"
    with pytest.raises(TypeError, match=message):
        case.make(mode)(x)


def test_other_errors_of_torch_stay() -> None:
    with pytest.raises(RuntimeError, match="expected input.* to have 3 channels"):
        layer.Conv2d(3, 4, 3)(torch.rand(2, 5, 6, 6))
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        layer.Linear(3, 4, step_mode="m")(torch.rand(2, 2, 4))


def test_complex_layers_work() -> None:
    with pytest.warns(UserWarning, match="Complex modules are a new feature"):
        conv = layer.Conv1d(2, 3, 1, step_mode="m").to(torch.complex64)
    assert conv(torch.rand(T, N, 2, 4, dtype=torch.complex64)).dtype == torch.complex64


def test_step_mode_is_checked() -> None:
    with pytest.raises(ValueError, match=r"Conv2d: step_mode must be 's' or 'm', but 'x' \(str\)"):
        layer.Conv2d(1, 2, 3, step_mode="x")


def test_a_network_is_switched_as_a_whole() -> None:
    net = nn.Sequential(layer.Conv2d(1, 2, 3), layer.MaxPool2d(2), layer.Flatten(), layer.Linear(18, 3))
    x_seq = torch.rand(T, N, 1, 8, 8)
    expected = torch.stack([net(x) for x in x_seq])
    functional.set_step_mode(net, "m")
    torch.testing.assert_close(net(x_seq), expected)


def test_subclasses_call_super_as_in_published_code() -> None:
    class Doubled(layer.Conv2d):
        def __init__(self, in_channels: int, out_channels: int, **kwargs: Any) -> None:
            super().__init__(in_channels, out_channels, kernel_size=3, padding=1, step_mode="m", **kwargs)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return 2 * super().forward(x)

    doubled = Doubled(1, 2, bias=False)
    x_seq = torch.rand(T, N, 1, 4, 4)
    expected = 2 * torch.nn.functional.conv2d(x_seq[1], doubled.weight, padding=1)
    torch.testing.assert_close(doubled(x_seq)[1], expected)


def test_layers_can_be_traced_and_compiled() -> None:
    net = nn.Sequential(layer.Conv2d(1, 2, 3), layer.AvgPool2d(2), layer.Flatten(), layer.Linear(18, 3))
    x = torch.rand(N, 1, 8, 8)
    assert torch.equal(torch.fx.symbolic_trace(net)(x), net(x))
    for mode, sample in (("s", x), ("m", x.expand(T, *x.shape))):
        functional.set_step_mode(net, mode)
        torch.testing.assert_close(torch.compile(net, fullgraph=True, backend="eager")(sample), net(sample))
