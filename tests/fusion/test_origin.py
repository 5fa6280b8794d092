"""Behind a batch normalisation a fused neuron keeps no input of its own: less memory, the same bits."""

import contextlib
import copy
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import nn
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils.checkpoint import checkpoint

from spikingjelly.activation_based import functional, layer, memopt, neuron, surrogate
from spikingjelly.fusion import build, operator, origin
from spikingjelly.fusion.origin import Origin, origin_of
from tests.cases import NEURONS, NeuronCase
from tests.versions import needs_torch

pytestmark = pytest.mark.skipif(build.compiler() is None, reason="there is no C++ compiler here")
keeps_less = needs_torch("2.8", "Keeping no input behind a batch normalisation")
T, SHAPE = 4, (2, 16, 28, 28)  # more elements than are too few
NONE: Callable[[torch.Tensor], None] = lambda x_seq: None  # noqa: E731
QUICK = ("IzhikevichNode", "ParametricLIFNode")
OTHERS = ("Simple", "MPBN", "ActivationAware")  # no kernels, an own normalisation, a number for each of few channels
FAMILIES = [
    pytest.param(case, id=str(case), marks=() if case.cls in QUICK else pytest.mark.slow)
    for case in {case.cls: case for case in NEURONS if not case.cls.startswith(OTHERS)}.values()
]


@contextlib.contextmanager
def asked(answer: Callable[[torch.Tensor], Origin | None] = origin_of) -> Iterator[list[Origin | None]]:
    """The answers about origins that the engine gets."""
    answers: list[Origin | None] = []

    def ask(x_seq: torch.Tensor) -> Origin | None:
        answers.append(answer(x_seq))
        return answers[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(operator, "origin_of", ask)
        yield answers


def lif(**options: Any) -> nn.Module:
    return neuron.LIFNode(surrogate_function=surrogate.ATan(), step_mode="m", backend="cpp", **options)


def normalisation(kind: type[nn.Module] = layer.BatchNorm2d, **options: Any) -> Any:
    torch.manual_seed(0)
    norm = kind(num_features=16, step_mode="m", **options)
    if norm.weight is not None:
        nn.init.uniform_(norm.weight, 0.5, 2.0)
        nn.init.normal_(norm.bias)
    if norm.running_var is not None:
        norm.running_mean.normal_()
        norm.running_var.uniform_(0.5, 2.0)
    return norm


def sequence(channels_last: bool = False, shape: tuple[int, ...] = (T, *SHAPE)) -> torch.Tensor:
    x = torch.randn(shape, generator=torch.Generator().manual_seed(1)) * 1.5 + 0.7
    if channels_last:
        x = x.flatten(0, 1).to(memory_format=torch.channels_last).unflatten(0, shape[:2])
    return x.requires_grad_()


def everything(net: nn.Module, x: torch.Tensor) -> list[torch.Tensor]:
    """Spikes, states and buffers, and the gradients at the input and at all parameters."""
    x = x.detach().requires_grad_()
    spikes = net(x)
    weights = torch.randn(spikes.shape, generator=torch.Generator().manual_seed(2))
    learned = [p for p in net.parameters() if p.requires_grad]
    gradients = torch.autograd.grad((spikes * weights).sum(), [x, *learned], allow_unused=True)
    states = [value for module in net.modules() for value in vars(module).get("_memories", {}).values()]
    after = [value for value in (*states, *net.buffers()) if isinstance(value, torch.Tensor)]
    return [spikes, *after, *[g for g in gradients if g is not None]]


def assert_same_bits(net: nn.Module, x: torch.Tensor, found: int = 1) -> None:
    """Values and gradients are those of neurons that keep their inputs, and ``found`` of them keep none."""
    with asked() as answers:
        results = everything(copy.deepcopy(net), x)
    with asked(NONE):
        expected = everything(copy.deepcopy(net), x)
    assert sum(answer is not None for answer in answers) == found
    assert len(results) == len(expected)
    assert all(torch.equal(a, b) for a, b in zip(results, expected, strict=True))
    assert 0.0 < results[0].abs().mean() < 1.0
    assert results[-1].abs().max() > 0.0


@keeps_less
@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize(
    "options",
    [
        {"eps": 1e-3, "momentum": 0.3},
        {"momentum": None},
        {"affine": False},
        {"track_running_stats": False},
        {"affine": False, "track_running_stats": False},
    ],
    ids=str,
)
def test_every_normalisation(options: dict[str, Any], training: bool, channels_last: bool) -> None:
    norm = normalisation(**options).train(training)
    assert_same_bits(nn.Sequential(norm, lif()), sequence(channels_last))


@keeps_less
@pytest.mark.parametrize("case", FAMILIES)
def test_every_family(case: NeuronCase) -> None:
    node = case.make("m")
    node.backend = "cpp"
    x = torch.rand(T, 5, 4000, generator=torch.Generator().manual_seed(1))
    norm = layer.BatchNorm1d(4000, step_mode="m")
    net = nn.Sequential(norm, node)
    assert_same_bits(net, x)


@keeps_less
@pytest.mark.parametrize("T", [1, 23])
def test_other_numbers_of_steps(T: int) -> None:
    assert_same_bits(nn.Sequential(normalisation(), lif(detach_reset=True)), sequence(shape=(T, 6, 16, 28, 28)))


@keeps_less
def test_checkpoints_of_long_sequences(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the states of all time steps don't fit into the cache, segments of them are computed again."""
    monkeypatch.setattr(operator.TARGETS["cpp"], "_BYTES_OF_A_BLOCK", 1)
    assert_same_bits(nn.Sequential(normalisation(), lif()), sequence(shape=(11, *SHAPE)))


@keeps_less
def test_several_layers_and_torchs_own_normalisation() -> None:
    net = nn.Sequential(
        layer.Conv2d(16, 16, 3, padding=1, bias=False, step_mode="m"),
        normalisation(layer.ThresholdDependentBatchNorm2d, alpha=1.0, v_th=1.0),
        lif(),
        layer.SeqToANNContainer(nn.Conv2d(16, 16, 1), nn.BatchNorm2d(16)),
        lif(store_v_seq=True),
    )
    assert_same_bits(net, sequence(), found=2)


@keeps_less
def test_one_step_repeated() -> None:
    """A static input: the normalisation sees one time step, the neuron T of them."""
    net = nn.Sequential(layer.Conv2d(16, 32, 1, step_mode="m"), layer.BatchNorm2d(32, step_mode="m"), lif())
    step = torch.rand(SHAPE, generator=torch.Generator().manual_seed(0)).repeat(2, 1, 1, 1)
    gradients = []
    for answer, found in ((origin_of, True), (NONE, False)):
        twin = copy.deepcopy(net)
        with asked(answer) as answers:
            spikes = twin(step.expand(T, *step.shape))
        assert [a is not None for a in answers] == [found]
        (spikes * torch.linspace(0, 1, spikes.numel()).view_as(spikes)).sum().backward()
        gradients.append([p.grad for p in twin.parameters()])
    assert all(torch.equal(a, b) for a, b in zip(*gradients, strict=True))


@keeps_less
def test_single_steps() -> None:
    norm, node = normalisation(), lif()
    functional.set_step_mode(nn.ModuleList([norm, node]), "s")
    net = nn.Sequential(norm, node)
    x = sequence(shape=(8, 16, 32, 32))
    assert_same_bits(net, x)


@keeps_less
def test_the_input_is_freed() -> None:
    norm, node = normalisation(), lif()
    y = norm(sequence())
    memory = StorageWeakRef(y.untyped_storage())
    spikes = node(y)
    del y
    assert memory.expired()
    spikes.sum().backward()


@keeps_less
def test_hooks_and_gradients_at_the_input() -> None:
    """The graph is as ever: the input of the neuron is part of it."""
    seen: dict[bool, list[torch.Tensor]] = {True: [], False: []}
    for found, answer in ((True, origin_of), (False, NONE)):
        y = normalisation()(sequence())
        y.retain_grad()
        y.register_hook(lambda grad, found=found: seen[found].append(grad.clone()))
        with asked(answer) as answers:
            spikes = lif()(y)
        assert [a is not None for a in answers] == [found]
        seen[found] += torch.autograd.grad(spikes.sum(), y, retain_graph=True)
        spikes.square().sum().backward()
        seen[found].append(y.grad)
    assert len(seen[True]) == 4
    assert all(grad.abs().max() > 0.0 for grad in seen[True])
    assert all(torch.equal(a, b) for a, b in zip(*seen.values(), strict=True))


@pytest.mark.parametrize("change", ["recorded", "not recorded", "of data"])
def test_a_changed_output_is_no_origin(change: str) -> None:
    class Changed(nn.Module):
        def forward(self, y: torch.Tensor) -> torch.Tensor:
            if change == "recorded":
                return y.mul_(0.5)
            with torch.no_grad():
                (y.data if change == "of data" else y).mul_(0.5)
            return y

    assert_same_bits(nn.Sequential(normalisation(), Changed(), lif()), sequence(), found=0)


@pytest.mark.parametrize("changed", ["weight", "bias", "running_mean"])
def test_changed_parameters(changed: str) -> None:
    """Between the normalisation and the neuron: what the output was computed with is no longer there."""

    class Change(nn.Module):
        def forward(self, y: torch.Tensor) -> torch.Tensor:
            with torch.no_grad():
                getattr(norm, changed).data.add_(0.25)
            return y

    norm = normalisation().eval()
    with asked() as answers:
        nn.Sequential(norm, Change(), lif())(sequence())
    assert answers == [None]


def test_a_bias_that_is_not_learned() -> None:
    norm = normalisation()
    norm.bias.requires_grad_(False)
    assert_same_bits(nn.Sequential(norm, lif()), sequence(), found=0)


def test_a_changed_input_of_the_normalisation() -> None:
    norm, node, x = normalisation(), lif(), sequence() * 1.0
    y = norm(x)
    with torch.no_grad():
        x.add_(1.0)
    with asked() as answers:
        spikes = node(y)
    assert answers == [None]
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        spikes.sum().backward()
    node.reset()
    x = sequence() * 1.0
    spikes = node(norm(x))
    with torch.no_grad():
        x.add_(1.0)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        spikes.sum().backward()


@pytest.mark.parametrize(
    "part",
    [
        lambda y: y[:, :, :8],
        lambda y: y[1:],
        lambda y: y.transpose(3, 4),
        lambda y: y.flatten(3),
        lambda y: y.flip(0),
        lambda y: y + 0.0,
        lambda y: y.double(),
    ],
)
def test_other_views_keep_their_input(part: Callable[[torch.Tensor], torch.Tensor]) -> None:
    y = normalisation()(sequence(shape=(8, *SHAPE)))
    with asked() as answers:
        lif()(part(y)).sum().backward()
    assert answers == [None]


@keeps_less
def test_what_is_small_keeps_its_input() -> None:
    for side, found in ((32, True), (31, False)):
        assert T * 16 * 32 * 32 == origin.SMALLEST
        y = normalisation()(sequence(shape=(T, 1, 16, side, side)))
        assert (origin_of(y) is not None) == found


@keeps_less
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_other_dtypes_keep_their_input(dtype: torch.dtype) -> None:
    assert origin_of(normalisation().to(dtype)(sequence().to(dtype))) is None
    assert origin_of(normalisation()(sequence().to(dtype).float())) is not None


def test_where_the_rounding_is_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """A build of PyTorch that multiplies and adds in two roundings is known by its numbers, as is any other."""
    for once in (None, not origin.rounds_once()):
        monkeypatch.setattr(origin, "rounds_once", lambda once=once: once)
        assert origin_of(normalisation()(sequence())) is None


def test_two_roundings() -> None:
    x = sequence().detach()
    scale, shift = (torch.rand(16, 1, 1, generator=torch.Generator().manual_seed(s)) + 0.5 for s in (5, 6))
    given = Origin(x, scale, shift, x[:0], rounds_once=False)
    y = given.input().requires_grad_()
    assert torch.equal(y, x * scale + shift)
    gradients = []
    for answer in (lambda x_seq: given, NONE):
        with asked(answer):
            gradients.append(torch.autograd.grad(lif()(y).sum(), y)[0])
    assert torch.equal(*gradients)


def test_without_gradients_nothing_is_asked() -> None:
    with asked() as answers, torch.no_grad():
        lif()(normalisation()(sequence()))
    assert not answers


def test_a_backward_pass_through_the_operator(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a mode watches, the operator runs in place of the function, and the input is computed as a whole."""
    gradients = []
    for plain in (False, True):
        norm, x = normalisation(), sequence()
        spikes = lif()(norm(x))
        monkeypatch.setattr(operator, "_is_plain", lambda plain=plain: plain)
        spikes.square().sum().backward()
        monkeypatch.undo()
        gradients.append(x.grad)
    assert torch.equal(*gradients)


@keeps_less
@pytest.mark.parametrize("steps", ["m", "s"])
def test_second_derivatives(steps: str) -> None:
    """They reach the normalisation's input and weight, as where the input is kept."""
    found = []
    for answer in (origin_of, NONE):
        norm, x = normalisation(), sequence() if steps == "m" else sequence(shape=(1, 8, 16, 28, 28))
        node = neuron.LIFNode(surrogate_function=surrogate.ATan(), step_mode=steps, backend="cpp")
        with asked(answer) as answers:
            y = norm(x)
            spikes = node(y if steps == "m" else y.squeeze(0))
        assert (answers[0] is None) == (answer is NONE)
        (grad,) = torch.autograd.grad(spikes.square().sum(), x, create_graph=True)
        found.append([grad, *torch.autograd.grad(grad.norm(), [x, norm.weight, norm.bias])])
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))
    assert found[0][1].abs().max() > 0


@keeps_less
def test_hooks_on_saved_tensors() -> None:
    """Hooks of others are not called before their time; those of packed_spikes don't mind."""
    unpacked = []

    def unpack(tensor: torch.Tensor) -> torch.Tensor:
        unpacked.append(tensor)
        return tensor

    x = sequence()
    with asked() as answers, torch.autograd.graph.saved_tensors_hooks(lambda t: t, unpack):
        spikes = lif()(normalisation()(x))
    assert answers == [None]
    assert not unpacked
    spikes.sum().backward()
    twin = sequence()
    with asked() as answers, functional.packed_spikes():
        spikes = lif()(normalisation()(twin))
    assert answers[0] is not None
    spikes.sum().backward()
    assert torch.equal(x.grad, twin.grad)  # type: ignore[arg-type]


@pytest.mark.parametrize("use_reentrant", [pytest.param(False, marks=pytest.mark.slow), True])
def test_checkpoint(use_reentrant: bool) -> None:
    class Checkpointed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm, self.node = normalisation(momentum=0.0), lif()

        def part(self, x: torch.Tensor) -> torch.Tensor:
            self.node.reset()  # type: ignore[operator]
            spikes: torch.Tensor = self.node(self.norm(x))
            return spikes

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            spikes: torch.Tensor = checkpoint(self.part, x, use_reentrant=use_reentrant)
            return spikes

    net, x, twin = Checkpointed(), sequence(), sequence()
    net(x).sum().backward()
    net.part(twin).sum().backward()
    assert torch.equal(x.grad, twin.grad)  # type: ignore[arg-type]


@keeps_less
@pytest.mark.parametrize("level", [1, 2, 3])
def test_levels_of_memory(level: int) -> None:
    """Where the input of the normalisation is itself computed again, it is not asked for before its time."""
    net = nn.Sequential(layer.Conv2d(16, 16, 1, step_mode="m"), normalisation(), lif())
    frugal = memopt.optimize_memory(copy.deepcopy(net), level=level)
    with asked() as answers:
        results = everything(frugal, sequence())
    assert [answer is not None for answer in answers] == [level == 1]
    assert all(torch.equal(a, b) for a, b in zip(results, everything(net, sequence()), strict=True))


@keeps_less
@pytest.mark.parametrize(("level", "saved"), [(0, 1), (1, 1), (2, 0), (3, 0)])
def test_plans_of_memory(level: int, saved: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """From level 2 on the output of a normalisation is not kept anyway."""
    x = sequence()
    net = nn.Sequential(layer.Conv2d(16, 16, 1, step_mode="m"), normalisation(), lif())
    kept = memopt.memory_plan(net, x).kept_bytes(level)
    monkeypatch.setattr(origin, "SMALLEST", x.numel() + 1)
    assert memopt.memory_plan(net, x).kept_bytes(level) - kept == saved * x.nbytes
