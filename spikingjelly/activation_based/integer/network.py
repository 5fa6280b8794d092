"""A network of integers: made from a trained one, run, saved and loaded."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from spikingjelly.activation_based import base
from spikingjelly.activation_based._checks import (
    ArgumentTypeError,
    ArgumentValueError,
    check_floating_tensor,
    check_int,
    check_positive_int,
    describe,
)
from spikingjelly.activation_based._leading_step_mode import LeadingStepMode
from spikingjelly.activation_based._write_aside import written_aside
from spikingjelly.activation_based.integer import _reading as reading
from spikingjelly.activation_based.integer._assembly import assemble, check_record
from spikingjelly.activation_based.integer._bounds import Range
from spikingjelly.activation_based.integer._scales import input_scale, integers_of

FORMAT = "spikingjelly integer network 1"


class IntegerNetwork(LeadingStepMode, base.MemoryModule):
    """What :func:`quantize_network` makes: floats in, integers inside, spikes or floats out.

    ``[N, *]`` to ``[N, *]`` in step mode 's', ``[T, N, *]`` in 'm'. The input is rounded to integers, and cut off where
    it leaves the range that was seen in the samples. The output are spikes; or, where the last layer has no neurons,
    its sums as floats; or, with a VotingLayer at the end, means of spikes. There are no gradients.

    :param record: what :meth:`save` writes

    :raises ValueError: (also an AssertionError) if ``record`` is none of these
    :raises OverflowError: if a sum or a potential could leave int32 within ``record['steps']`` time steps
    """

    steps_done: int

    def __init__(self, record: dict[str, Any]) -> None:
        check_record(record, FORMAT)
        super().__init__()
        self.record = record
        self.input_scale: float = record["input_scale"]
        self.input_range = Range(record["input_low"], record["input_high"])
        self.steps: int = record["steps"]
        self.layers = nn.Sequential(*assemble(record["layers"], self.input_range, self.steps))
        self.voting_size: int = record["voting_size"]
        self.register_buffer("output_units", record["output_units"])
        self.register_memory("steps_done", 0)
        last = [layer["weight"] for layer in record["layers"] if layer["kind"] == "synapse"][-1]
        self._dims_behind_channel = last.dim() - 2

    def _led(self) -> Iterable[Any]:
        return self.__dict__.get("_modules", {}).get("layers", ())

    def integers(self, x: torch.Tensor) -> torch.Tensor:
        """The integers that an input becomes, as floats."""
        check_floating_tensor(self, "the input", x)
        if x.device.type != "cpu":
            raise ValueError(f"IntegerNetwork: integers are computed on the CPU, but {describe(x)} is on {x.device}.")
        return (x.float() / self.input_scale).round().clamp(self.input_range.low, self.input_range.high)

    def single_step_forward(self, x: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        return self._run_steps(x, 1)

    def multi_step_forward(self, x_seq: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        self._check_sequence(x_seq)
        return self._run_steps(x_seq, x_seq.shape[0])

    def reset(self) -> None:
        """Return the potentials to their values before the first time step."""
        super().reset()
        for part in self.layers:
            if isinstance(part, base.MemoryModule):
                part.reset()

    @torch.no_grad()
    def _run_steps(self, x: torch.Tensor, steps: int) -> torch.Tensor:
        if self.steps_done + steps > self.steps:
            raise OverflowError(
                f"IntegerNetwork: it was made for {self.steps} time steps after a reset, beyond which a potential "
                f"could overflow, but this is number {self.steps_done + steps}. Call functional.reset_net(net) between "
                "samples, or make it with quantize_network(..., steps=...)."
            )
        self.steps_done += steps
        with torch.autocast("cpu", enabled=False):  # half precision would round sums
            y = self.layers(self._input(x))
        if self.output_units is not None:
            y = (y.double() / self.output_units.view(-1, *[1] * self._dims_behind_channel)).float()
        if self.voting_size:
            y = F.avg_pool1d(y.flatten(0, -2).unsqueeze(1), self.voting_size).view(*y.shape[:-1], -1)
        return y

    def _input(self, x: torch.Tensor) -> torch.Tensor:
        """A static input that is repeated over time is rounded once, and stays one."""
        if self.step_mode == "m" and x.stride(0) == 0:
            return self.integers(x[0]).expand(x.shape)
        return self.integers(x)

    def _load_from_state_dict(
        self,
        state_dict: Any,
        prefix: str,
        local_metadata: Any,
        strict: bool,
        missing: Any,
        unexpected: Any,
        errors: Any,
    ) -> None:
        """Other integers would need other scales and bounds, which no state_dict has."""
        own = self.state_dict()
        if any(not torch.equal(value, state_dict.get(prefix + name, value[..., :0])) for name, value in own.items()):
            errors.append(
                f"{prefix or 'IntegerNetwork'}: holds other integers than the state_dict, whose scales and bounds are "
                "not in it. Use IntegerNetwork.save and IntegerNetwork.load."
            )
        super()._load_from_state_dict(state_dict, prefix, local_metadata, strict, missing, unexpected, errors)

    def save(self, filename: str | Path) -> None:
        """Write the network to a file, whole or not at all; :meth:`load` reads it.

        :raises OSError: if it can't be written there
        """
        with written_aside("IntegerNetwork.save", filename) as aside:
            torch.save(self.record, aside)

    @classmethod
    def load(cls, filename: str | Path) -> "IntegerNetwork":
        """Read what :meth:`save` wrote; nothing in the file is executed, and all bounds are checked anew.

        :raises FileNotFoundError: if there is no such file
        :raises ValueError: (also an AssertionError) if it is no such network
        """
        if not Path(filename).is_file():
            raise FileNotFoundError(f"IntegerNetwork.load: there is no file {filename}.")
        try:
            record = torch.load(filename, map_location="cpu", weights_only=True)
        except Exception as error:  # of pickle, of the archive in the file, and others
            raise ArgumentValueError(
                f"IntegerNetwork.load: {filename} is no file of IntegerNetwork.save, or it is truncated or damaged; "
                "nothing in it was executed."
            ) from error
        return cls(record)

    def extra_repr(self) -> str:
        return (
            f"input_scale={self.input_scale:.6g}, input from {self.input_range.low} to {self.input_range.high}, "
            f"steps={self.steps}, step_mode={self.step_mode}"
        )


def quantize_network(net: nn.Module, loader: Iterable[Any], bits: int = 8, steps: int = 64) -> IntegerNetwork:
    r"""A copy of a trained network that computes in integers.

    Every channel of a synapse has a scale :math:`g` of its own: the largest for which its weights fit into ``bits``
    and its threshold is a number of 8 significant bits, :math:`g V_{th} = m 2^e`. So thresholds are exact, and

    .. math::
        w = \operatorname{round}(g s W), \quad b = \operatorname{round}(g B), \quad
        k = \operatorname{round}(2^{12} (1 - 1 / \tau))

    with the scale :math:`s` of the input, and :math:`1 / \tau` in :math:`W` and :math:`B` where ``decay_input``.
    Weights are int8, biases and potentials int32, the leak is :math:`\lfloor (k v + 2^{11}) / 2^{12} \rfloor`. Batch
    normalisation is folded into the weights, average pooling becomes a sum. A spike is 1.

    All of it is computed exactly, in float32 or, where a number could reach :math:`2^{24}`, in float64; sequences of
    neurons run in the same derived kernels as others. That no sum and no potential can leave int32 is checked here for
    every possible input, not measured on samples.

    :param net: :class:`torch.nn.Sequential`, also nested, of Linear, Conv1d to Conv3d, BatchNorm behind them, IFNode,
        LIFNode or ParametricLIFNode behind these, AvgPool2d, MaxPool2d, Flatten, Dropout, and VotingLayer at the end;
        its last layer may be a synapse without neurons. It is left as it is
    :param loader: gives ``x`` or ``(x, y)``: samples that show the range of the input. Spikes and counts stay integers,
        other inputs are scaled to ``bits``
    :param bits: of weights and inputs, 2 to 8
    :param steps: time steps after a reset for which no potential may leave int32; the network takes no more
    :return: an :class:`IntegerNetwork` in step mode 's'

    :raises TypeError: (also an AssertionError) for a module that has no integer form; the message names it
    :raises ValueError: (also an AssertionError) for an order of layers or a parameter that has none, for neurons that
        hold a state, for samples without a range, and for weights that dwarf their threshold
    :raises OverflowError: if a sum or a potential could leave int32
    """
    check_int("quantize_network", "bits", bits, 2)
    if bits > 8:
        raise ArgumentValueError(f"quantize_network: bits must be at most 8, but {bits} was given.")
    check_positive_int("quantize_network", "steps", steps)
    if not isinstance(net, nn.Module):
        raise ArgumentTypeError(f"quantize_network: net must be a module, but {describe(net)} was given.")
    parts = reading.read(net)
    scale, given = input_scale(loader, bits)
    record: dict[str, Any] = {
        "format": FORMAT, "input_scale": scale, "input_low": given.low, "input_high": given.high, "steps": steps,
        "voting_size": 0, "output_units": None, "layers": [],
    }  # fmt: skip
    for part in parts:
        if isinstance(part, reading.Synapse):
            integers, units = integers_of(part, scale, bits)
            integers["place"] = part.place
            record["layers"].append(integers)
            record["output_units"] = units if part.neurons is None else None
            scale = 1.0
        elif isinstance(part, reading.Pool):
            record["layers"].append({"kind": part.kind, "geometry": part.geometry})
            if part.kind == "sum_pool":
                scale /= part.geometry["kernel_size"][0] * part.geometry["kernel_size"][1]
        elif isinstance(part, reading.Flatten):
            record["layers"].append({"kind": "flatten"})
        else:
            record["voting_size"] = part.voting_size
    if record["output_units"] is None and scale != 1.0:
        record["output_units"] = torch.tensor([1.0 / scale], dtype=torch.float64)
    return IntegerNetwork(record)
