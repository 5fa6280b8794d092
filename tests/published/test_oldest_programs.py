"""What programs for the releases 0.0.0.0.2 to 0.0.0.0.8 did, and later ones no longer; the numbers are recorded."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from spikingjelly import datasets
from spikingjelly.clock_driven import functional, layer, neuron, surrogate


class LeakWithOwnForward(neuron.BaseNode):
    """A neuron of 0.0.0.0.2: it charges and returns ``self.spiking()``."""

    def forward(self, dv: torch.Tensor) -> torch.Tensor:
        self.v = self.v + dv - 0.4 * self.v
        return self.spiking()


@pytest.mark.parametrize(
    ("v_reset", "v", "gradient"),
    [
        (0.0, [0.5, 0.768], [[-0.0357537, 1.4740078], [1.3380626, 2.2380929], [1.1631801, 2.5597970]]),
        (None, [0.68, 0.768], [[1.1949797, 1.2193632], [2.0406330, 2.0767219], [2.0301974, 2.5597970]]),
    ],
)
def test_a_forward_that_returns_spiking(v_reset: float | None, v: list[float], gradient: list[list[float]]) -> None:
    node = LeakWithOwnForward(0.9, v_reset, surrogate.ATan(2.0), False, True)
    x = torch.tensor([[1.4, 0.3], [0.5, 0.6], [0.2, 0.3]], requires_grad=True)
    y = torch.stack([node(step) for step in x])
    (y * torch.tensor([[1.0], [2.0], [3.0]])).sum().backward()
    assert y.tolist() == [[1.0, 0.0], [0.0, 0.0], [0.0, 0.0]]
    torch.testing.assert_close(node.v.detach(), torch.tensor(v))
    torch.testing.assert_close(x.grad, torch.tensor(gradient))
    np.testing.assert_array_equal(np.stack(node.monitor["s"]), y.detach().numpy())
    np.testing.assert_allclose(node.monitor["v"][-1], v, rtol=1e-6)


class Feedback(neuron.BaseNode):
    """A neuron of 0.0.0.0.6: its last spikes, which it sets itself, inhibit it."""

    def neuronal_charge(self, x: torch.Tensor) -> None:
        self.v = 0.7 * self.v + x - 0.3 * self.spike

    def neuronal_fire(self) -> torch.Tensor:
        self.spike = self.surrogate_function(self.v - self.v_threshold)
        return self.spike


def test_spikes_of_the_last_step_and_before_the_first() -> None:
    node = Feedback(0.8, surrogate_function=surrogate.ATan(2.0))
    single, multi = neuron.IFNode(), neuron.MultiStepIFNode()
    assert (node.spike, single.spike, multi.spike, multi.spike_seq) == (0.0, 0.0, 0.0, None)
    for batch in (2, 3):  # a reset lets another batch in
        x = torch.tensor([1.0, 1.0, 0.2])[:, None].repeat(1, batch).requires_grad_()
        y = torch.stack([node(step) for step in x])
        y.sum().backward()
        assert y.tolist() == [[1.0] * batch, [0.0] * batch, [0.0] * batch]
        gradient = torch.tensor([0.0765952, 0.8931662, 0.8933180])
        torch.testing.assert_close(x.grad, gradient[:, None].expand(3, batch))
        functional.reset_net(node)
        assert node.spike == 0.0
    single(torch.ones(2, requires_grad=True))
    single.detach()
    assert single.spike.tolist() == [1.0, 1.0]
    assert not single.spike.requires_grad
    node(x[0])
    functional.detach_net(node)
    assert node.spike.tolist() == [1.0] * 3
    assert not node.spike.requires_grad
    multi(torch.ones(4, 2))
    multi.reset()
    assert multi.spike_seq is None


def test_state_dicts_whose_containers_held_a_module_and_whose_surrogates_a_buffer() -> None:
    net = nn.Sequential(
        layer.SeqToANNContainer(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2)),
        layer.MultiStepContainer(neuron.IFNode(surrogate_function=surrogate.ATan())),
        layer.SeqToANNContainer(nn.Linear(4, 3)),
        neuron.LIFNode(tau=2.0),
    )
    other = [key for key in net.state_dict() if not key.startswith("2.")]
    former = {key.replace("0.", "0.module.", 1): net.state_dict()[key] + 1 for key in other}
    former["1.module.surrogate_function.alpha"] = torch.tensor(3.0)
    former |= {"2.module.weight": torch.ones(3, 4), "2.module.bias": torch.ones(3)}
    former["3.surrogate_function.alpha"] = torch.tensor(1.0)
    before = {key: value.clone() for key, value in net.state_dict().items()}
    net.load_state_dict(former)
    assert all(torch.equal(net.state_dict()[key], before[key] + 1) for key in other)
    assert torch.equal(net[2][0].weight, torch.ones(3, 4))
    assert (net[1][0].surrogate_function.alpha, net[3].surrogate_function.alpha) == (3.0, 1.0)
    assert neuron.LIFNode().surrogate_function.alpha == 4.0
    with pytest.raises(RuntimeError, match=r'Missing key.*"2.0.bias"'):
        net.load_state_dict({key: value for key, value in former.items() if key != "2.module.bias"})


def test_events_in_place_of_their_columns_and_files_without_a_loader(tmp_path: Path) -> None:
    events = {"t": np.arange(6), "x": np.array([0, 1, 2, 0, 1, 2]), "y": np.zeros(6, int), "p": np.array([0, 1] * 3)}
    frame = datasets.integrate_events_segment_to_frame(events["x"], events["y"], events["p"], 1, 3, 1, 5)
    assert frame.tolist() == [[[0, 1, 1]], [[1, 1, 0]]]
    assert np.array_equal(datasets.integrate_events_segment_to_frame(events, 1, 3, 1, 5), frame)
    assert np.array_equal(datasets.integrate_events_segment_to_frame(events=events, H=1, W=3, j_l=1, j_r=5), frame)
    file = tmp_path / "sample.npz"
    np.savez(file, **events)
    for name, arguments in (("number", ("number", 2)), ("duration", (2,))):
        function = {
            "number": datasets.integrate_events_file_to_frames_file_by_fixed_frames_number,
            "duration": datasets.integrate_events_file_to_frames_file_by_fixed_duration,
        }[name]
        written = []
        for loader in ((), (np.load,)):
            folder = tmp_path / f"{name}{len(loader)}"
            folder.mkdir()
            function(*loader, str(file), str(folder), *arguments, 1, 3)
            written.append(datasets.load_npz_frames(next(folder.iterdir())))
        assert np.array_equal(*written)
        assert written[0].sum() == 6
