"""Running modules over time."""

import pytest
import torch
from torch import nn

from spikingjelly.activation_based import functional, neuron


class Counter(nn.Module):
    """Adds the number of its calls, so that the order of time steps shows."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        return x + self.calls


def test_multi_step_forward_takes_one_step_after_the_other() -> None:
    x_seq = torch.rand(4, 2, 3)
    expected = torch.stack([x_seq[0] + 1, x_seq[1] + 2, x_seq[2] + 3, x_seq[3] + 4])
    assert torch.equal(functional.multi_step_forward(x_seq, Counter()), expected)


LINEAR = nn.Linear(3, 5)
KINDS = {
    "module": nn.Sequential(LINEAR, nn.ReLU()),
    "list": [LINEAR, nn.ReLU()],
    "tuple": (LINEAR, nn.ReLU()),
    "module list": nn.ModuleList([LINEAR, nn.ReLU()]),
    "callable": lambda x: torch.relu(LINEAR(x)),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("batch", [0, 2])
def test_all_kinds_of_modules_run(kind: str, batch: int) -> None:
    x_seq = torch.randn(4, batch, 3)
    expected = torch.relu(x_seq @ LINEAR.weight.t() + LINEAR.bias)
    for run in (functional.multi_step_forward, functional.seq_to_ann_forward):
        torch.testing.assert_close(run(x_seq, KINDS[kind]), expected)
    torch.testing.assert_close(functional.chunk_multi_step_forward(3, x_seq, KINDS[kind]), expected)
    for run in (functional.t_last_multi_step_forward, functional.t_last_seq_to_ann_forward):
        torch.testing.assert_close(run(x_seq.movedim(0, -1), KINDS[kind]), expected.movedim(0, -1))


def test_an_empty_list_changes_nothing() -> None:
    x_seq = torch.rand(4, 2, 3)
    assert torch.equal(functional.seq_to_ann_forward(x_seq, []), x_seq)
    assert torch.equal(functional.multi_step_forward(x_seq, ()), x_seq)


def test_the_hooks_of_a_sequential_run() -> None:
    net = nn.Sequential(nn.Identity())
    seen = []
    net.register_forward_hook(lambda module, x, y: seen.append(y))
    functional.multi_step_forward(torch.rand(4, 2), net)
    assert len(seen) == 4


def test_several_outputs_are_stacked_each() -> None:
    x_seq = torch.rand(4, 2, 3)
    split = lambda x: (x * 2, x.sum(-1))  # noqa: E731
    for run in (functional.multi_step_forward, functional.seq_to_ann_forward):
        first, second = run(x_seq, split)
        assert torch.equal(first, x_seq * 2)
        torch.testing.assert_close(second, x_seq.sum(-1))
    for run in (functional.t_last_multi_step_forward, functional.t_last_seq_to_ann_forward):
        first, second = run(x_seq.movedim(0, -1), split)
        assert torch.equal(first, (x_seq * 2).movedim(0, -1))
        torch.testing.assert_close(second, x_seq.sum(-1).movedim(0, -1))


@pytest.mark.parametrize("split_size", [1, 2, 3, 5, 9])
def test_chunks_give_the_same_spikes_gradients_and_state(split_size: int) -> None:
    x_seq = torch.rand(5, 2, 3) * 2
    results = []
    for run in (lambda x, node: node(x), lambda x, node: functional.chunk_multi_step_forward(split_size, x, node)):
        x = x_seq.clone().requires_grad_()
        node = neuron.LIFNode(step_mode="m")
        y = run(x, node)
        y.pow(2).sum().backward()
        results.append((y, x.grad, node.v))
    for whole, chunked in zip(*results, strict=True):
        torch.testing.assert_close(whole, chunked)


def test_chunks_have_split_size_time_steps() -> None:
    lengths = []
    functional.chunk_multi_step_forward(2, torch.rand(5, 1), lambda x: (lengths.append(len(x)), x)[1])
    assert lengths == [2, 2, 1]


def test_seq_to_ann_forward_shares_the_memory_of_its_input() -> None:
    contiguous = torch.rand(4, 2, 3, 5, 5)
    channels_last = torch.rand(4, 2, 5, 5, 3).permute(0, 1, 4, 2, 3)
    for x_seq in (contiguous, channels_last):
        assert functional.seq_to_ann_forward(x_seq, nn.Identity()).data_ptr() == x_seq.data_ptr()


def test_seq_to_ann_forward_makes_one_batch_for_batch_norm() -> None:
    x_seq = torch.randn(4, 2, 3)
    ours, reference = nn.BatchNorm1d(3), nn.BatchNorm1d(3)
    torch.testing.assert_close(functional.seq_to_ann_forward(x_seq, ours), reference(x_seq.view(8, 3)).view(4, 2, 3))
    ours_last = nn.BatchNorm1d(3)
    functional.t_last_seq_to_ann_forward(x_seq.movedim(0, -1), ours_last)
    torch.testing.assert_close(ours.running_var, reference.running_var)
    torch.testing.assert_close(ours_last.running_var, reference.running_var)


@pytest.mark.parametrize("steps", [0, 1, 3, 4, 7])
def test_delay_shifts_in_time(steps: int) -> None:
    x_seq = torch.rand(4, 2, requires_grad=True)
    expected = torch.zeros(4, 2)
    for t in range(steps, 4):
        expected[t] = x_seq.detach()[t - steps]
    y_seq = functional.delay(x_seq, steps)
    assert torch.equal(y_seq, expected)
    if steps < 4:
        weight = torch.rand(4, 2)
        (y_seq * weight).sum().backward()
        lost = torch.zeros(min(steps, 4), 2)
        assert torch.equal(x_seq.grad, torch.cat([weight[steps:], lost]))


def test_bad_arguments_are_told() -> None:
    x_seq = torch.rand(4, 2, 3)
    for run in (functional.multi_step_forward, functional.seq_to_ann_forward, functional.t_last_seq_to_ann_forward):
        with pytest.raises(TypeError, match=r"x_seq must be a torch.Tensor, but \[1\] \(list\)"):
            run([1], nn.Identity())
        with pytest.raises(TypeError, match=r"expected a module, a list or tuple of modules.* but 3 \(int\)"):
            run(x_seq, [nn.Identity(), 3])
    with pytest.raises(ValueError, match=r"multi_step_forward: x_seq must be a sequence \[T, \*\] with T >= 1"):
        functional.multi_step_forward(torch.rand(0, 2), nn.Identity())
    with pytest.raises(ValueError, match=r"t_last_multi_step_forward: .* \[N, \*, T\] with T >= 1"):
        functional.t_last_multi_step_forward(torch.rand(2, 0), nn.Identity())
    with pytest.raises(ValueError, match=r"delay: x_seq must be a sequence"):
        functional.delay(torch.tensor(1.0), 1)
    with pytest.raises(ValueError, match=r"seq_to_ann_forward: x_seq must be a sequence \[T, N, \*\] of batches"):
        functional.seq_to_ann_forward(torch.rand(3), nn.Identity())
    with pytest.raises(ValueError, match=r"\[N, \*, T\] of batches"):
        functional.t_last_seq_to_ann_forward(torch.rand(3), nn.Identity())
    with pytest.raises(ValueError, match=r"given T \* N = 4 \* 2 = 8 rows and must return as many.* shape \[4, 3\]"):
        functional.seq_to_ann_forward(x_seq, lambda x: x[:4])
    with pytest.raises(ValueError, match=r"it returned None"):
        functional.seq_to_ann_forward(x_seq, lambda x: None)


def test_bad_numbers_are_told() -> None:
    x_seq = torch.rand(4, 2)
    with pytest.raises(ValueError, match="chunk_multi_step_forward: split_size must be at least 1, but 0"):
        functional.chunk_multi_step_forward(0, x_seq, nn.Identity())
    with pytest.raises(TypeError, match="split_size must be an int"):
        functional.chunk_multi_step_forward(1.5, x_seq, nn.Identity())
    with pytest.raises(ValueError, match="delay: delay_steps must be at least 0, but -1"):
        functional.delay(x_seq, -1)
    with pytest.raises(TypeError, match="delay: delay_steps must be an int, but 1.0"):
        functional.delay(x_seq, 1.0)
