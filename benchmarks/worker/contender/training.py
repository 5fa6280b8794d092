"""Work that can be timed: a training step of a network, with its batch, loss and optimizer."""

import copy
import math
from contextlib import nullcontext
from types import ModuleType
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.checkpoint import checkpoint

from .passes import Pass

MOST_SAMPLES = 1 << 16


class TrainingStep(Pass):
    """Forward, loss, backward and an Adam step on a fixed random batch.

    :param gain: how many times larger the first weights are than torch makes them
    """

    def __init__(self, framework: ModuleType, net: nn.Module, learning_rate: float, gain: float = 1.0) -> None:
        super().__init__(framework)
        self.net = net
        self._draw_weights(gain)
        self.at_first = copy.deepcopy(net.state_dict())
        self.optimizer = torch.optim.Adam(net.parameters(), lr=learning_rate)

    def _draw_weights(self, gain: float) -> None:
        """torch's own distribution, but from a seed and in the order of the layers: the same in every framework."""
        generator = torch.Generator().manual_seed(1)
        for weight in self._weights():
            bound = gain / weight[0].numel() ** 0.5
            weight.data.copy_(torch.empty(weight.shape).uniform_(-bound, bound, generator=generator))

    def _weights(self) -> list[nn.Parameter]:
        """What all frameworks have alike: the matrices. A learned time constant is a different number in each."""
        return [parameter for parameter in self.net.parameters() if parameter.dim() >= 2]

    def loss(self) -> torch.Tensor:
        raise NotImplementedError

    def run(self) -> None:
        self.optimizer.zero_grad()
        self.loss().backward()
        self.optimizer.step()

    def gradients(self) -> dict[str, torch.Tensor]:
        """From the first weights, so that the steps that have been timed meanwhile do not matter."""
        self.net.load_state_dict(self.at_first)
        self.optimizer.zero_grad()
        loss = self.loss()
        loss.backward()
        weights = {f"weight {i}": w.grad.flatten()[:MOST_SAMPLES] for i, w in enumerate(self._weights())}  # type: ignore[union-attr]
        return {"loss": loss, **weights}


class FashionTraining(TrainingStep):
    """The convolutional network for 28 x 28 images: the image T times, mean squared error of the firing rates.

    :param published: as the tutorials have it: T copies of the images. Otherwise T views of them, and convolutions in
        PyTorch's channels-last layout
    """

    def __init__(
        self, framework: ModuleType, T: int, batch: int, channels: int, published: bool = True, **options: Any
    ) -> None:
        super().__init__(framework, framework.fashion_net(channels, **options), learning_rate=1e-3)
        generator = torch.Generator().manual_seed(0)
        self.T, self.published = T, published
        if not published:
            self.net.to(memory_format=torch.channels_last)
        self.images = torch.rand(batch, 1, 28, 28, generator=generator)
        self.targets = F.one_hot(torch.randint(10, (batch,), generator=generator), 10).float()

    def loss(self) -> torch.Tensor:
        x_seq = self.images.expand(self.T, *self.images.shape)
        spikes = self.net(x_seq.clone(memory_format=torch.contiguous_format) if self.published else x_seq)
        return F.mse_loss(spikes.mean(0), self.targets)


class VGGTraining(TrainingStep):
    """A convolutional network for 32 x 32 images: another random image at each time step, cross-entropy of the scores.

    :param packed: whether spikes wait for the backward pass as one bit each
    :param checkpointed: whether a block keeps its input only, and runs once more for its backward pass
    """

    def __init__(
        self,
        framework: ModuleType,
        T: int,
        batch: int,
        width: int,
        packed: bool = False,
        checkpointed: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(framework, nn.Sequential(*framework.vgg_blocks(width, **options)), learning_rate=1e-3)
        generator = torch.Generator().manual_seed(0)
        self.context = framework.packed_spikes if packed else nullcontext
        self.checkpointed = checkpointed
        self.images = torch.rand(T, batch, 3, 32, 32, generator=generator)
        self.labels = torch.randint(10, (batch,), generator=generator)

    def loss(self) -> torch.Tensor:
        sequence = self.images
        with self.context():
            for block in self.net:
                sequence = checkpoint(block, sequence, use_reentrant=False) if self.checkpointed else block(sequence)
        return F.cross_entropy(sequence.mean(0), self.labels)


class ModelTraining(TrainingStep):
    """A published network for images: forward, cross-entropy of the mean scores, backward.

    Without an optimizer, which is PyTorch's own in all frameworks, and whose memory would hide that of the network.

    :param level: of :func:`memopt.optimize_memory`
    :param static: whether all time steps see the same image. Otherwise another random image at each
    :param published: as published code has it. Otherwise the network is in PyTorch's channels-last layout
    """

    GAIN = 2.0  # without it few neurons of the last layers would fire

    def __init__(
        self,
        framework: ModuleType,
        model: str,
        T: int,
        batch: int,
        side: int,
        level: int = 0,
        static: bool = False,
        published: bool = True,
        **options: Any,
    ) -> None:
        super().__init__(framework, framework.published_net(model, T, side, level, **options), 1e-3, self.GAIN)
        self.pytorchs_sums = framework.pytorchs_sums
        generator = torch.Generator().manual_seed(0)
        if not published:
            self.net.to(memory_format=torch.channels_last)
        images = torch.rand(1 if static else T, batch, 3, side, side, generator=generator)
        self.images = images.repeat(T // images.shape[0], 1, 1, 1, 1)
        self.labels = torch.randint(10, (batch,), generator=generator)

    def loss(self) -> torch.Tensor:
        return F.cross_entropy(self.net(self.images).mean(0), self.labels)

    def run(self) -> None:
        self.optimizer.zero_grad()
        self.loss().backward()

    def gradients(self) -> dict[str, torch.Tensor]:
        """All weights as one: where no neuron of a layer fires yet, its gradient is zero and says nothing."""
        gradients = super().gradients()
        return {"loss": gradients.pop("loss"), "weights": torch.cat(list(gradients.values()))}

    def evidence(self) -> dict[str, np.ndarray]:
        """With the sums of PyTorch: a spike that rounding flips in an early layer flips ten in each that follows.

        Heads of an attention may be dimensions of their own or not.
        """
        with self.pytorchs_sums():
            evidence = super().evidence()
        sizes = [[int(n) for n in str(shape).strip("[]").split(",")] for shape in evidence["shapes"]]
        evidence["shapes"] = np.array([str([T, math.prod(rest)]) for T, *rest in sizes])
        return evidence


class SHDTraining(TrainingStep):
    """The recipe of the Spiking Heidelberg Digits: two hidden layers and a leaky readout, summed over time."""

    CHANNELS, CLASSES, FIRING_RATE, READOUT_DECAY = 128, 20, 0.05, 0.5
    GAIN = 4.0  # without it hardly a neuron would fire on random input

    def __init__(
        self,
        framework: ModuleType,
        T: int,
        batch: int,
        hidden: int,
        batches: int = 1,
        device: str = "cpu",
        **options: Any,
    ) -> None:
        net = framework.shd_net(self.CHANNELS, hidden, self.CLASSES, **options).to(device)
        super().__init__(framework, net, learning_rate=5e-4, gain=self.GAIN)
        generator = torch.Generator(device).manual_seed(0)
        shape = (T, batches * batch, self.CHANNELS)
        fired = torch.empty(shape, dtype=torch.uint8, device=device).bernoulli_(self.FIRING_RATE, generator=generator)
        labels = torch.randint(self.CLASSES, (batches * batch,), device=device, generator=generator)
        self.batches = list(zip(fired.split(batch, 1), labels.split(batch), strict=True))
        self.next_batch = 0
        # v[t] = d v[t-1] + i[t] summed over t counts i[t] as often as 1 + d + d^2 + ... up to the end of the sequence
        left = torch.arange(T, 0, -1.0, device=device)
        self.readout = (1 - self.READOUT_DECAY**left) / (1 - self.READOUT_DECAY)

    def loss(self) -> torch.Tensor:
        spikes, labels = self.batches[self.next_batch]
        currents = self.net(spikes.float())
        scores = torch.einsum("t,tnc->nc", self.readout, currents)
        return F.cross_entropy(scores, labels, label_smoothing=0.3)

    def run(self) -> None:
        super().run()
        self.next_batch = (self.next_batch + 1) % len(self.batches)

    def gradients(self) -> dict[str, torch.Tensor]:
        self.next_batch = 0
        return super().gradients()
