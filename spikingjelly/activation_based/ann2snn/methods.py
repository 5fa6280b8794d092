"""The ways to convert, as data."""

from dataclasses import dataclass

from spikingjelly.activation_based.ann2snn._scale_mode import Mode, check_mode

__all__ = ["METHODS", "Method"]

NEURONS = ("if", "signed", "delayed")
CALIBRATIONS = (None, "bias", "potential", "weights")
MAX_POOLS = ("rates", "spikes")


@dataclass(frozen=True)
class Method:
    r"""How activations become neurons. Change a ready one with ``dataclasses.replace(METHODS["opi"], scale="99%")``.

    :param scale: the value :math:`s` that one spike stands for: 'max', a percentile such as '99.9%' or a float in
        (0, 1], as for :class:`Converter`; or 'local' for the :math:`s` that makes the error of clipping and of T levels
        least on the activations of the ANN, layer by layer. A QCFS activation brings its own
    :param per_channel: whether each channel (dimension 1) has its own scale, default False
    :param v_init: initial potential as a part of the threshold, in [0, 1), default 0: with 0 rates are rounded down,
        with 0.5 to the nearest level
    :param neuron: 'if'; 'signed', which can take spikes back; or 'delayed', which fires only when all input is there
    :param calibrate: None; 'bias', a constant current for each channel that makes its mean rate right; 'potential', an
        initial potential for each neuron that does; or 'weights', the current, and then weights that make the squared
        error of the rates least, found by gradient steps and kept where they help. They are changed where a convolution
        or linear layer alone feeds the neurons, in networks that torch.fx can follow
    :param momentum: of the moving average of the scale over batches, default 0.1
    :param max_pool: 'rates', the default: max pooling sees what has come in so far, and gives the largest rate; or
        'spikes': each time step by itself, as :class:`Converter` does, which gives more

    :raises NotImplementedError: for an unknown ``scale``
    :raises ValueError: for other parameters out of their range
    """

    scale: Mode = "99.9%"
    per_channel: bool = False
    v_init: float = 0.0
    neuron: str = "if"
    calibrate: str | None = None
    momentum: float = 0.1
    max_pool: str = "rates"

    def __post_init__(self) -> None:
        if self.scale != "local":
            check_mode("Method", self.scale)
        for name, allowed in (("neuron", NEURONS), ("calibrate", CALIBRATIONS), ("max_pool", MAX_POOLS)):
            if getattr(self, name) not in allowed:
                raise ValueError(
                    f"Method: {name} must be one of {', '.join(map(repr, allowed))}, "
                    f"but {getattr(self, name)!r} was given."
                )
        if not 0 <= self.v_init < 1:
            raise ValueError(f"Method: v_init must be in [0, 1), but {self.v_init!r} was given.")
        if not 0 <= self.momentum <= 1:
            raise ValueError(f"Method: momentum must be in [0, 1], but {self.momentum!r} was given.")
        if self.calibrate == "potential" and self.neuron != "if":
            raise ValueError(f"Method: calibrate='potential' needs neuron='if', but {self.neuron!r} was given.")

    @property
    def needs_T(self) -> bool:
        """Whether the number of time steps has to be known when the network is converted."""
        return self.scale == "local" or self.calibrate is not None


METHODS = {
    "max": Method(scale="max"),
    "robust": Method(scale="99.9%"),
    "opi": Method(scale="99.9%", v_init=0.5),
    "local": Method(scale="local", per_channel=True, v_init=0.5),
    "bias": Method(scale="local", per_channel=True, v_init=0.5, calibrate="bias"),
    "potential": Method(scale="local", per_channel=True, v_init=0.5, calibrate="potential"),
    "weights": Method(scale="local", per_channel=True, v_init=0.5, calibrate="weights"),
    "signed": Method(scale="local", per_channel=True, v_init=0.5, neuron="signed"),
    "delayed": Method(scale="local", per_channel=True, v_init=0.5, neuron="delayed"),
    "qcfs": Method(scale="99.9%", v_init=0.5),
    "qcfs_delayed": Method(scale="99.9%", v_init=0.5, neuron="delayed"),
}
"""Ready methods by name, with their sources:

- max, robust: the largest activation (Diehl et al., IJCNN 2015) and its 99.9th percentile (Rueckauer et al., Frontiers
  in Neuroscience, 2017)
- opi: an initial potential of half a threshold (Bu et al., "Optimized Potential Initialization for Low-Latency Spiking
  Neural Networks", AAAI 2022)
- local: thresholds that are least wrong on the activations of the ANN alone (after the idea of Bu et al.,
  "Inference-Scale Complexity in ANN-SNN Conversion for High-Performance and Low-Power Applications", CVPR 2025; found
  by search, not by gradient steps)
- bias, potential, weights: layer by layer calibration (Li et al., "A Free Lunch From ANN: Towards Efficient, Accurate
  Spiking Neural Networks Calibration", ICML 2021)
- signed: neurons that take spikes back (after Wang et al., "Signed Neuron with Memory", IJCAI 2022)
- delayed: each layer fires when all of its input is there; its mean output is the ANN's with T levels, exactly
- qcfs, qcfs_delayed: for networks trained with :class:`QCFS` (Bu et al., ICLR 2022); the second is exact for T = L
"""
