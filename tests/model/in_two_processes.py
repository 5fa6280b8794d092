"""Checks that need two processes; started by test_two_processes.py, which gives the number of each to the environment.

Each process has a part of a batch and, to compare, a network of its own that gets the whole batch.
"""

import copy
import os
from collections.abc import Iterator
from typing import Any

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from spikingjelly._torch_version import is_older_than
from spikingjelly.activation_based import base, functional, layer, neuron, surrogate
from spikingjelly.activation_based.model._training import sharding, updates
from spikingjelly.activation_based.model._training.processes import share_values
from spikingjelly.activation_based.model._training.sync_norm import synchronize_batch_norms
from spikingjelly.activation_based.model.tv_ref_classify import utils

T, CLASSES = 3, 3
loss_of = nn.CrossEntropyLoss()
same = torch.testing.assert_close


class LearnedLeak(neuron.BaseNode):
    """A neuron with a learnable leak for each channel."""

    def __init__(self, channels: int) -> None:
        super().__init__(v_threshold=0.3, surrogate_function=surrogate.ATan(), step_mode="m")
        self.leak = nn.Parameter(torch.linspace(0.2, 0.8, channels).view(-1, 1, 1))

    def neuronal_charge(self, x: torch.Tensor) -> None:
        self.v = self.v * self.leak + x


def make_net(norm: bool = False) -> nn.Sequential:
    torch.manual_seed(0)
    plif = {"surrogate_function": surrogate.ATan(), "v_threshold": 0.1}
    net = nn.Sequential(
        nn.Sequential(
            layer.Conv2d(1, 5, 3, padding=1, bias=False),
            layer.BatchNorm2d(5) if norm else nn.Identity(),
            neuron.ParametricLIFNode(**plif),
        ),
        layer.Conv2d(5, 7, 3, padding=1),
        LearnedLeak(7),
        layer.AdaptiveAvgPool2d((2, 2)),
        layer.Flatten(),
        layer.Linear(28, 16),
        neuron.ParametricLIFNode(**plif),
        layer.Linear(16, CLASSES),
    )
    functional.set_step_mode(net, "m")
    return net.double()


def batch(samples: int = 8) -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(1)
    return 2 * torch.rand(T, samples, 1, 6, 6, dtype=torch.float64), torch.arange(samples) % CLASSES


def own(x: torch.Tensor, dim: int = 0) -> torch.Tensor:
    return x.chunk(2, dim)[dist.get_rank()]


def sharded(net: nn.Module) -> nn.Module:
    share_values([*net.parameters(), *net.buffers()])
    sharding.shard(net, sharding.blocks_of(net), torch.device("cpu"))
    return net


def forward(net: nn.Module, x: torch.Tensor, step_mode: str = "m") -> torch.Tensor:
    functional.set_step_mode(net, step_mode)
    return net(x).mean(0) if step_mode == "m" else torch.stack([net(step) for step in x]).mean(0)


def gradients(net: nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    for name, p in net.named_parameters():
        assert p.grad is not None, name
        yield name, sharding.gathered(p.grad)


def same_gradients(net: nn.Module, whole: nn.Module) -> None:
    for (name, grad), (_, expected) in zip(gradients(net), gradients(whole), strict=True):
        assert expected.abs().max() > 1e-8, name
        same(grad, expected, rtol=1e-10, atol=1e-12, msg=lambda text, name=name: f"{name}: {text}")


def check_gradients_of_shards() -> None:
    x, y = batch()
    for step_mode in ("m", "s"):
        net, whole = sharded(make_net()), make_net()
        loss_of(forward(whole, x, step_mode), y).backward()
        loss_of(forward(net, own(x, 1), step_mode), own(y)).backward()
        same_gradients(net, whole)
        parts = [p for p in net.parameters() if p.dim() > 0]
        assert all(sharding._own_part(p).numel() < p.numel() for p in parts)
        assert [name for name, p in net.named_parameters() if not sharding._is_part(p)] == ["0.2.w", "6.w"]


def check_memories_of_a_sharded_network() -> None:
    """They belong to the samples of a process: no parameters, and no other process sees them."""
    x, _ = batch()
    net, whole = sharded(make_net()), make_net()
    keys = list(net.state_dict())
    assert keys == list(whole.state_dict())
    whole(x)
    for number in range(2):  # the second call goes on from the first, though the weights were spread in between
        net(own(x, 1))
        if number == 0:
            functional.detach_net(net)
    whole(x)
    for mine, other in zip(memories(net), memories(whole), strict=True):
        assert not sharding._is_part(mine)
        same(mine, own(other))
    functional.reset_net(net)
    assert all(v == 0.0 for v in memories(net))
    assert list(net.state_dict()) == keys


def memories(net: nn.Module) -> list[Any]:
    return [m.v for m in net.modules() if isinstance(m, base.MemoryModule)]


def check_training_of_shards() -> None:
    """Clipped updates by AdamW, two batches each, a moving average, and a checkpoint on the way."""
    x, y = batch()
    net, whole = make_net(norm=True), make_net(norm=True)
    for module in (net, whole):
        module[0][1].eval()  # each process normalises its own batch
    nets = (net, whole)
    averages = [utils.ExponentialMovingAverage(module, 0.5) for module in nets]
    sharded(net)
    sharded(averages[0].module)
    optimizers = [torch.optim.AdamW(module.parameters(), lr=0.05, foreach=module is whole) for module in nets]
    for number in range(4):
        if number == 2:
            state = sharding.gathered({"net": net.state_dict(), "optimizer": optimizers[0].state_dict()})
            for other in state["net"].values():
                assert type(other) is torch.Tensor
            net = sharded(make_net(norm=True))
            net[0][1].eval()
            optimizers[0] = torch.optim.AdamW(net.parameters(), lr=7.0)
            sharding.load_weights(net, state["net"])
            sharding.load_optimizer(optimizers[0], state["optimizer"])
        for module, optimizer, mine in ((net, optimizers[0], own), (whole, optimizers[1], lambda x, dim=0: x)):
            optimizer.zero_grad()
            pair = list(zip(x.chunk(2, 1), y.chunk(2), strict=True))
            for place, (one, target) in enumerate(pair):
                with updates.exchange(module, place == 1):
                    (0.5 * loss_of(forward(module, mine(one, 1)), mine(target))).backward()
                functional.reset_net(module)
            updates.step(module, optimizer, None, 0.01)
        for average, module in zip(averages, (net, whole), strict=True):
            average.update_parameters(module)
    for mine, expected in ((net, whole), (averages[0], averages[1])):
        got = sharding.gathered(mine.state_dict())
        assert got.keys() == expected.state_dict().keys()
        for name, value in expected.state_dict().items():
            same(got[name], value, rtol=1e-8, atol=1e-10)
    assert not torch.equal(averages[1].module[7].weight, whole[7].weight)
    assert not torch.equal(make_net(norm=True)[0][2].w, whole[0][2].w)


def check_tests_of_shards_need_no_other_process() -> None:
    x, _ = batch()
    net, whole = sharded(make_net()), make_net()
    with sharding.whole_weights(net), torch.inference_mode():
        for _ in range(1 + 2 * dist.get_rank()):
            functional.reset_net(net)
            got = net(x)
    assert sharding._is_part(net[7].weight)
    with torch.no_grad():
        same(got.clone(), whole(x))
    functional.reset_net(net)
    loss_of(forward(net, own(x, 1)), own(batch()[1])).backward()  # and training goes on
    assert sharding._is_part(net[7].weight.grad)


def check_in_place_operations_behind_a_sharded_block() -> None:
    class Residual(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(2)
            self.first = layer.Linear(4, 4, step_mode="m").double()
            self.second = layer.Linear(4, 4, step_mode="m").double()
            self.third = layer.Linear(4, CLASSES, step_mode="m").double()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = self.first(x)
            y += x
            z = self.second(y)
            z += y
            return self.third(z)

    x = torch.rand(T, 8, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    y = batch()[1]
    net, whole = sharded(Residual()), Residual()
    loss_of(net(own(x, 1)).mean(0), own(y)).backward()
    loss_of(whole(x).mean(0), y).backward()
    same_gradients(net, whole)


def check_accumulation_with_copies() -> None:
    """Processes with copies (DDP) exchange gradients once for each update."""
    x, y = batch()
    net, whole = DistributedDataParallel(make_net()), make_net()
    for place, (one, target) in enumerate(zip(x.chunk(2, 1), y.chunk(2), strict=True)):
        with updates.exchange(net, place == 1):
            (0.5 * loss_of(forward(net, own(one, 1)), own(target))).backward()
        functional.reset_net(net)
        of_both = [torch.empty_like(net.module[7].weight.grad) for _ in range(2)]
        dist.all_gather(of_both, net.module[7].weight.grad)
        assert torch.equal(*of_both) == (place == 1)
    loss_of(forward(whole, x), y).backward()
    same_gradients(net.module, whole)


def check_synchronised_normalisation() -> None:
    """Five samples here and three there are normalised as eight, forward and backward."""
    x, _ = batch()
    part = slice(0, 5) if dist.get_rank() == 0 else slice(5, 8)
    torch.manual_seed(3)
    weights = torch.rand(T, 8, 5, 6, 6, dtype=torch.float64)
    whole = layer.BatchNorm2d(5, momentum=0.3, step_mode="m").double()
    nn.init.uniform_(whole.weight)
    net = synchronize_batch_norms(nn.Sequential(copy.deepcopy(whole)))[0]
    inputs = [(5 * x).expand(T, 8, 5, 6, 6).cumsum(2).requires_grad_() for _ in range(2)]
    expected = whole(inputs[1])
    (expected * weights).sum().backward()
    got = net(inputs[0][:, part])
    (got * weights[:, part]).sum().backward()
    same(got, expected[:, part])
    same(inputs[0].grad[:, part], inputs[1].grad[:, part])
    for name, value in whole.state_dict().items():
        same(net.state_dict()[name], value)
    for mine, other in zip(net.parameters(), whole.parameters(), strict=True):
        dist.all_reduce(mine.grad)
        same(mine.grad, other.grad)
    net.eval()
    if dist.get_rank() == 0:  # needs no other process
        same(net(x.expand(T, 8, 5, 6, 6)), whole.eval()(x.expand(T, 8, 5, 6, 6)))


def check_values_of_the_main_process() -> None:
    tensors = [torch.full((2,), float(dist.get_rank())), torch.tensor(5 + dist.get_rank())]
    share_values(tensors)
    assert tensors[0].tolist() == [0.0, 0.0]
    assert tensors[1] == 5


if __name__ == "__main__":
    torch.set_num_threads(1)
    dist.init_process_group("gloo")
    checks = {name: value for name, value in list(globals().items()) if name.startswith("check_")}
    for name, check in checks.items():
        if "shard" in name and is_older_than("2.8"):
            continue
        check()
        print(name, "passed", flush=True)
    dist.destroy_process_group()
    # gloo's threads may still hold tensors of the last operations; to drop one while Python ends aborts the process.
    os._exit(0)
