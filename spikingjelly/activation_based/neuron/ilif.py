"""The LIF neuron that emits a number of spikes in a time step."""

import torch

from spikingjelly.activation_based._checks import ArgumentValueError, describe
from spikingjelly.activation_based.neuron._default_surrogates import DEFAULT_COUNT
from spikingjelly.activation_based.neuron.lif import LIFNode
from spikingjelly.activation_based.surrogate import MultiLevelSpikeCount


class ILIFNode(LIFNode):
    r"""Leaky integrate-and-fire with integer-valued output: the number of spikes of a time step, 0 to :math:`D`.

    .. math::
        H[t] &= \left(1 - \frac{1}{\tau}\right) V[t-1] + X[t] \\
        C[t] &= \mathrm{round}\left(\min\left(\max\left(\frac{H[t]}{V_{th}}, 0\right), D\right)\right) \\
        V[t] &= H[t] - C[t] V_{th}

    A network is trained with counts; :class:`~spikingjelly.activation_based.layer.SpikeCountToBinary` and
    :class:`~spikingjelly.activation_based.layer.TemporalBinSum` around the layer that follows run it with binary
    spikes.

    :param tau: membrane time constant in time steps, greater than 1, default 4/3 (a quarter of the potential is kept)
    :param v_threshold: threshold, default 1.0
    :param surrogate_function: gives the count and its gradient, a
        :class:`~spikingjelly.activation_based.surrogate.MultiLevelSpikeCount` with ``spiking=True``, default
        ``MultiLevelSpikeCount(4)``

    The other parameters, shapes and errors are those of :class:`LIFNode` with ``decay_input=False`` and
    ``v_reset=None``.

    :raises ValueError: (also an AssertionError) for another ``surrogate_function``

    Source: Luo et al., "Integer-Valued Training and Spike-Driven Inference Spiking Neural Network for High-performance
    and Energy-efficient Object Detection", ECCV 2024.
    """

    def __init__(
        self,
        tau: float = 4.0 / 3.0,
        v_threshold: float = 1.0,
        surrogate_function: MultiLevelSpikeCount = DEFAULT_COUNT,
        detach_reset: bool = False,
        step_mode: str = "s",
        store_v_seq: bool = False,
        backend: str = "auto",
    ) -> None:
        if not isinstance(surrogate_function, MultiLevelSpikeCount) or not surrogate_function.spiking:
            raise ArgumentValueError(
                "ILIFNode: surrogate_function must be a surrogate.MultiLevelSpikeCount with spiking=True, but "
                f"{describe(surrogate_function)} was given."
            )
        super().__init__(
            tau, False, v_threshold, None, surrogate_function, detach_reset, step_mode, backend, store_v_seq
        )

    def neuronal_fire(self) -> torch.Tensor:
        return self.surrogate_function(self.v / self.v_threshold)
