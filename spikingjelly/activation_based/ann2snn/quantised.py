"""Networks with quantised activations, to be trained for conversion."""

import copy
from collections.abc import Iterable
from typing import Any

from torch import nn

from spikingjelly.activation_based.ann2snn._measurement import device_of
from spikingjelly.activation_based.ann2snn._scale_mode import Mode
from spikingjelly.activation_based.ann2snn._thresholds import measured_scales
from spikingjelly.activation_based.ann2snn.methods import Method
from spikingjelly.activation_based.ann2snn.qcfs import QCFS

__all__ = ["replace_activations"]


def replace_activations(
    model: nn.Module, L: int = 8, threshold: float = 8.0, dataloader: Iterable[Any] | None = None, mode: Mode = "local"
) -> nn.Module:
    """A copy of ``model`` with :class:`QCFS` in the place of its ReLUs, to be trained and then converted.

    Train it as any network; a trained ReLU network needs a few epochs. A network that is to be as good after more than
    L time steps as after L needs two things:

    - thresholds that start where the error with L levels is least (``dataloader``, and ``mode='local'``). Percentiles
      such as '99.9%' are too large for a few levels: what is below half a level becomes 0, and the network learns to do
      without it.
    - training with few and with many levels in turn, such as L and 16 L in every other batch. With L levels alone the
      network learns that what is rounded off is lost; more time steps bring it back, and accuracy falls. With many
      levels alone it is almost the network with ReLUs again.

    For example::

        from spikingjelly.activation_based import ann2snn

        model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))
        images = torch.rand(32, 8)
        quantised = ann2snn.replace_activations(model, L=4, dataloader=[images])
        activations = [module for module in quantised.modules() if isinstance(module, ann2snn.QCFS)]
        for number in range(100):
            for activation in activations:
                activation.L = 4 if number % 2 == 0 else 64
            ...  # train on one batch
        for activation in activations:
            activation.L = 4
        snn = ann2snn.convert(quantised, method="qcfs_delayed")
        outputs = ann2snn.simulate(snn, images, T=4).mean(0)  # what quantised(images) gives

    :param model: a network whose activations are the modules nn.ReLU and nn.ReLU6
    :param L: levels, see :class:`QCFS`
    :param threshold: the first threshold of each, where there is no dataloader
    :param dataloader: images to measure the first thresholds on, default None
    :param mode: how, as ``scale`` of :class:`Method`; default 'local', least error with L levels

    :raises NotImplementedError: for an unknown ``mode``
    :raises ValueError: if the model has no such module
    """
    method = Method(scale=mode, v_init=0.5)
    copied = copy.deepcopy(model)
    paths = [
        path for path, module in copied.named_modules(remove_duplicate=False) if isinstance(module, nn.ReLU | nn.ReLU6)
    ]
    if not paths:
        raise ValueError(
            f"replace_activations: {type(model).__name__} has no module nn.ReLU or nn.ReLU6. Activations that are "
            "called as functions, such as F.relu, have to become modules first."
        )
    device = device_of(copied)
    measured = {}
    if dataloader is not None:
        was_training = copied.training
        measured = measured_scales("replace_activations", copied.eval(), paths, dataloader, method, L, device)
        copied.train(was_training)
    for path in paths:
        value = measured[path].item() if path in measured else threshold
        owner, _, name = path.rpartition(".")
        quantised = QCFS(L, value if value > 0 else threshold).to(device)
        setattr(copied.get_submodule(owner), name, quantised)
    return copied
