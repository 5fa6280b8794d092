"""Networks with quantised activations, to be trained for conversion."""

import copy
from collections.abc import Iterable
from typing import Any

from torch import nn

from spikingjelly.activation_based.ann2snn._measurement import device_of, run_through, watching
from spikingjelly.activation_based.ann2snn._scale_mode import Mode
from spikingjelly.activation_based.ann2snn.modules import VoltageHook
from spikingjelly.activation_based.ann2snn.qcfs import QCFS

__all__ = ["replace_activations"]


def replace_activations(
    model: nn.Module, L: int = 8, threshold: float = 8.0, dataloader: Iterable[Any] | None = None, mode: Mode = "99.9%"
) -> nn.Module:
    """A copy of ``model`` with :class:`QCFS` in the place of its ReLUs, to be trained and then converted.

    Train it as any network; a trained ReLU network needs a few epochs, started from thresholds that are measured::

        from spikingjelly.activation_based import ann2snn

        model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))
        images = torch.rand(32, 8)
        quantised = ann2snn.replace_activations(model, L=4, dataloader=[images])
        ...  # train it
        snn = ann2snn.convert(quantised, method="qcfs_delayed")
        outputs = ann2snn.simulate(snn, images, T=4).mean(0)  # what quantised(images) gives

    :param model: a network whose activations are the modules nn.ReLU and nn.ReLU6
    :param L: levels, see :class:`QCFS`
    :param threshold: the first threshold of each, where there is no dataloader
    :param dataloader: images to measure the first thresholds on, default None
    :param mode: how, see :class:`Converter`; default '99.9%'

    :raises ValueError: if the model has no such module
    """
    copied = copy.deepcopy(model)
    paths = [
        path for path, module in copied.named_modules(remove_duplicate=False) if isinstance(module, nn.ReLU | nn.ReLU6)
    ]
    if not paths:
        raise ValueError(
            f"replace_activations: {type(model).__name__} has no module nn.ReLU or nn.ReLU6. Activations that are "
            "called as functions, such as F.relu, have to become modules first."
        )
    hooks = {path: VoltageHook(scale=threshold, mode=mode) for path in paths}
    if dataloader is not None:
        device, was_training = device_of(copied), copied.training
        with watching(copied.eval(), {path: hook.to(device) for path, hook in hooks.items()}):
            run_through("replace_activations", copied, dataloader, device, "measuring activations")
        copied.train(was_training)
    for path, hook in hooks.items():
        owner, _, name = path.rpartition(".")
        value = hook.scale.item()
        quantised = QCFS(L, value if value > 0 else threshold).to(hook.scale.device)
        setattr(copied.get_submodule(owner), name, quantised)
    return copied
