"""NonSpikingIFNode and NonSpikingLIFNode: the membrane potential as output."""

import pytest
import torch

from spikingjelly.activation_based import functional
from spikingjelly.activation_based.neuron.non_spiking import NonSpikingBaseNode, NonSpikingIFNode, NonSpikingLIFNode
from tests.neuron_v15.reference import currents

DECODERS = ["last-mem", "max-mem", "max-abs-mem", "mean-mem"]


def decode_by_hand(potentials: list[torch.Tensor], decode: str) -> torch.Tensor:
    """Neuron by neuron in Python."""
    table = torch.stack(potentials).view(len(potentials), -1)
    pick = {
        "last-mem": lambda history: history[-1],
        "max-mem": max,
        "max-abs-mem": lambda history: max(history, key=abs),
        "mean-mem": lambda history: sum(history) / len(history),
    }[decode]
    values = [pick(table[:, i].tolist()) for i in range(table.shape[1])]
    return torch.tensor(values, dtype=table.dtype).view(potentials[0].shape)


@pytest.mark.parametrize("decode", DECODERS)
@pytest.mark.parametrize("shape", [(7,), (7, 3), (7, 3, 4, 2)])
def test_by_hand(decode: str, shape: tuple[int, ...]) -> None:
    x = currents(*shape, low=-2.0, high=2.0)
    total, leaky, totals, leakies = torch.zeros_like(x[0]), torch.zeros_like(x[0]), [], []
    for current in x:
        total = total + current
        leaky = leaky + (current - leaky) / 3.0
        totals.append(total)
        leakies.append(leaky)
    for name in (decode, decode.replace("-", "_")):
        torch.testing.assert_close(NonSpikingIFNode(name)(x), decode_by_hand(totals, decode))
        torch.testing.assert_close(NonSpikingLIFNode(3.0, name)(x), decode_by_hand(leakies, decode))


def test_the_decoders_differ_and_the_default_is_the_last_potential() -> None:
    x = torch.tensor([1.0, -4.0, 2.0]).unsqueeze(1)  # potentials 1, -3, -1
    assert [NonSpikingIFNode(decode)(x).item() for decode in DECODERS] == [-1.0, 1.0, -3.0, -1.0]
    assert NonSpikingIFNode()(x).item() == -1.0
    assert NonSpikingLIFNode().decode == "last-mem"
    assert NonSpikingLIFNode().tau == 2.0


@pytest.mark.parametrize("decode", DECODERS)
def test_gradients(decode: str) -> None:
    x = currents(5, 2, 3, low=-2.0).requires_grad_()
    assert torch.autograd.gradcheck(NonSpikingIFNode(decode), x)
    assert torch.autograd.gradcheck(NonSpikingLIFNode(1.5, decode), x)


def test_each_sequence_starts_at_zero() -> None:
    node, x = NonSpikingLIFNode(), currents(5, 2, 3)
    y = node(x)
    assert torch.equal(node(x), y)
    assert node(currents(4, 7)).shape == (7,), "another batch needs no reset"
    functional.reset_net(node)
    assert node.v == 0.0


def test_two_backward_passes_without_a_reset() -> None:
    node, x = NonSpikingIFNode(), currents(5, 2, 3).requires_grad_()
    first, second = (torch.autograd.grad(node(x).sum(), x)[0] for _ in range(2))
    assert first.any()
    assert torch.equal(first, second)


def test_own_charge() -> None:
    class Doubler(NonSpikingBaseNode):
        def neuronal_charge(self, x: torch.Tensor) -> None:
            self.v = 2 * self.v + x

    assert Doubler("max-mem")(torch.tensor([[1.0], [1.0], [-9.0]])).tolist() == [3.0]
    with pytest.raises(NotImplementedError, match=r"NonSpikingBaseNode does not define neuronal_charge\(x\)"):
        NonSpikingBaseNode()(torch.rand(2, 3))


@pytest.mark.parametrize("decode", ["first-mem", "last", "", 1])
def test_another_decode_is_refused(decode: object) -> None:
    for make in (lambda: NonSpikingIFNode(decode), lambda: NonSpikingLIFNode(decode=decode)):
        with pytest.raises(ValueError, match=r"decode must be one of 'last-mem', 'max-mem', 'max-abs-mem', 'mean-mem'"):
            make()


def test_errors_and_repr() -> None:
    with pytest.raises(ValueError, match="tau must be greater than 0.0"):
        NonSpikingLIFNode(0.0)
    with pytest.raises(ValueError, match="step_mode must be 'm'"):
        NonSpikingIFNode().step_mode = "s"
    with pytest.raises(TypeError, match="the input must have a floating-point dtype"):
        NonSpikingIFNode()(torch.ones(2, 3, dtype=torch.int32))
    with pytest.raises(ValueError, match=r"expects a sequence"):
        NonSpikingIFNode()(torch.rand(0, 3))
    assert "decode=max-mem, step_mode=m, backend=auto, tau=3.0" in repr(NonSpikingLIFNode(3.0, "max_mem"))
