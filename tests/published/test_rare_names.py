"""Functions that few programs call, with numbers of release 0.0.0.0.14."""

import argparse
import hashlib
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from spikingjelly.activation_based import functional, lava_exchange, lynxi_exchange
from spikingjelly.activation_based.model.tv_ref_classify import utils
from spikingjelly.clock_driven.model import train_classify


def test_a_time_step_of_an_integrator() -> None:
    x = torch.tensor([-300.5, -7.0, -1.0, 0.0, 3.0, 1000.0], requires_grad=True)
    state = torch.tensor([1000.0, -999.0, 5.0, -7.0, 0.0, 12345.0], requires_grad=True)
    decay = torch.tensor(1024.0, requires_grad=True)
    y = lava_exchange.LeakyIntegratorStep.apply(x, decay, state, 64)
    torch.testing.assert_close(y, torch.tensor([449.5, -756.25, 2.75, -5.25, 3.0, 10258.75]))
    y.sum().backward()
    assert x.grad.tolist() == [1.0] * 6
    assert state.grad.tolist() == [0.75] * 6
    assert decay.grad.item() == pytest.approx(-3.0137, abs=1e-4)
    coarse = lava_exchange.LeakyIntegratorStep.apply(x, decay, state, 1)
    assert coarse.tolist() == [450.0, -756.0, 2.0, -5.0, 3.0, 10258.0]


def test_a_shift_toward_zero() -> None:
    x = torch.tensor([-5, 5, -4, 4, -1, 7])
    assert lava_exchange.right_shift_to_zero(x, 1).tolist() == [-2, 2, -2, 2, 0, 3]
    with pytest.raises(TypeError, match="x must have integers, but dtype torch.float32"):
        lava_exchange.right_shift_to_zero(x.float(), 1)


def test_neurons_of_lynxi_with_a_potential_before() -> None:
    node = lynxi_exchange.LIFNode(tau=2.0, step_mode="m", T=3)
    x = torch.linspace(0, 2, 6).view(6, 1)
    spikes, v = node.multi_step_forward(x)
    assert spikes.flatten().tolist() == [0, 0, 0, 0, 1, 1]
    assert v.flatten().tolist() == [0.0, 0.0]
    again, _ = node.multi_step_forward(x, v_init=torch.full((2, 1), 1.8))
    assert again.flatten().tolist() == [0, 1, 0, 0, 1, 1]
    _, v = node.single_step_forward(x)
    assert v.flatten().tolist() == pytest.approx([0.0, 0.2, 0.4, 0.6, 0.8, 0.0])


def test_neurons_before_a_linear_layer() -> None:
    x, v, weight, bias = torch.rand(4, 2, 3) * 2, torch.rand(2, 3), torch.rand(3, 5), torch.rand(5)
    for name, settings in (("if", {"v_threshold": 0.7, "v_reset": None}), ("lif", {"tau": 1.7, "decay_input": False})):
        spikes, end, _ = getattr(functional, f"{name}_multi_step")(x, v, **settings)
        y, state = getattr(functional, f"{name}_linear")(x, v, weight, bias, threads=128, **settings)
        torch.testing.assert_close(y, spikes @ weight + bias)
        assert torch.equal(state, end)
        first, _ = getattr(functional, f"{name}_linear")(x[0], v, weight, bias, **settings)
        torch.testing.assert_close(first, y[0])
    with pytest.raises(ValueError, match=r"if_linear: x must be \[N, K\] or \[T, N, K\]"):
        functional.if_linear(x[0, 0], v, weight)


def test_arguments_of_the_steps() -> None:
    with pytest.raises(OverflowError, match="time_step must be from 0 to 4, not 5"):
        functional.masked_psn_step(torch.ones(2), 5, (), torch.ones(5, 5), torch.ones(5, 1), 2, torch.sigmoid)
    with pytest.raises(ValueError, match="delay_steps must be at least 0"):
        functional.delay_step(torch.ones(2), (), -1)
    with pytest.raises(ValueError, match="a time step has 4 elements, which is no multiple of"):
        functional.activation_aware_if_multi_step(torch.ones(2, 4), torch.ones(4), 1.0, 0.0, 3, 1)
    with pytest.raises(ValueError, match="has 20 elements, which 2 bytes don't hold"):
        functional.bit_spike_decompress(torch.zeros(2, dtype=torch.uint8), (4, 5))


@pytest.mark.parametrize("key", ["model", "model_ema"])
def test_weights_of_a_checkpoint(key: str, tmp_path: Path) -> None:
    net, path = nn.Linear(2, 3), tmp_path / "checkpoint.pth"
    average = {f"module.{name}": value for name, value in net.state_dict().items()} | {"n_averaged": torch.tensor(3)}
    torch.save({"model": net.state_dict(), "model_ema": average}, path)
    written = Path(utils.store_model_weights(nn.Linear(2, 3), path, key))
    assert written.parent == tmp_path
    assert written.name == f"weights-{hashlib.sha256(written.read_bytes()).hexdigest()[:8]}.pth"
    torch.testing.assert_close(torch.load(written), net.state_dict())
    with pytest.raises(KeyError, match="has model, model_ema and no 'nothing'"):
        utils.store_model_weights(net, path, "nothing")
    other = nn.Sequential(nn.Linear(2, 3))
    with pytest.raises(RuntimeError, match="Missing key"):
        utils.store_model_weights(other, path, key)
    assert Path(utils.store_model_weights(other, path, key, strict=False)).exists()


def batches() -> list[tuple[torch.Tensor, torch.Tensor]]:
    generator = torch.Generator().manual_seed(0)
    return [(torch.rand(4, 1, 2, 2, generator=generator), torch.arange(4) % 3) for _ in range(3)]


def train(folder: Path, epochs: int, **options: Any) -> nn.Module:
    torch.manual_seed(1)
    args = argparse.Namespace(device="cpu", sync_bn=True, note="mine")
    net = train_classify.distributed_training_init(args, nn.Sequential(nn.Flatten(), nn.Linear(4, 6)))
    assert not args.distributed
    optimizer = torch.optim.SGD(net.parameters(), 0.1, momentum=0.9)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 1)
    train_classify.train_eval_loop(
        args, "cpu", net, nn.CrossEntropyLoss(), optimizer, scheduler, batches(), batches(), epochs,
        pt_dir=str(folder), **options,
    )  # fmt: skip
    return net


def test_a_loop_over_epochs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    straight = train(tmp_path / "straight", 3)
    assert "Test: max_test_acc1=" in capsys.readouterr().out
    checkpoint = torch.load(tmp_path / "straight" / "ckp_latest.pt")
    assert set(checkpoint) == {
        "model", "optimizer", "lr_scheduler", "epoch", "args", "max_test_acc1", "test_acc5_at_max_test_acc1",
    }  # fmt: skip
    assert checkpoint["epoch"] == 2
    assert checkpoint["args"]["note"] == "mine"
    assert (tmp_path / "straight" / "ckp_max_test_acc1.pt").exists()
    train(tmp_path / "parts", 2)
    latest = str(tmp_path / "parts" / "ckp_latest.pt")
    resumed = train(tmp_path / "parts", 3, resume_pt=latest)
    torch.testing.assert_close(resumed.state_dict(), straight.state_dict())
    torch.save({"model": {}}, tmp_path / "other.pt")
    with pytest.raises(KeyError, match="is no checkpoint of it"):
        train(tmp_path / "parts", 3, resume_pt=str(tmp_path / "other.pt"))


def test_scalars_of_a_loop(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    train(tmp_path / "pt", 1, tb_log_dir=str(tmp_path / "tb"))
    assert list((tmp_path / "tb").iterdir())
