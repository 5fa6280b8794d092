"""Exchange with Lynxi's chips (KA200 and others): networks without hidden states, for the vendor's compiler.

A chip has no memory of its own between calls, so neurons take the potential as an input and give it back. Compiling,
loading and running need the vendor's ``lyngor`` and ``lynpy``, which are not on PyPI; those functions raise an
ImportError without them, and have not been run with them.
"""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from spikingjelly.activation_based import base, layer, neuron
from spikingjelly.activation_based._checks import (
    ArgumentTypeError,
    ArgumentValueError,
    check_above,
    check_bool,
    check_float,
    check_positive_int,
    check_tensor,
    describe,
)

__all__ = [
    "BaseNode",
    "IFNode",
    "LIFNode",
    "compile_lynxi_model",
    "load_lynxi_model",
    "lynxi_tensor_to_torch",
    "to_lynxi_supported_module",
    "to_lynxi_supported_modules",
    "torch_tensor_to_lynxi",
]

_logger = logging.getLogger(__name__)


class BaseNode(nn.Module):
    r"""A neuron without a state of its own: ``node(x, v)`` gives spikes, and with ``return_v`` also the potential.

    Charge, fire and reset are those of :class:`spikingjelly.activation_based.neuron.BaseNode`; there are no gradients
    of spikes. Time and batch are one dimension, time first.

    :param v_threshold: threshold
    :param v_reset: potential after a spike (hard reset), or None for the soft reset
    :param step_mode: 's' takes ``x`` ``[N, *]``; 'm' takes ``[T * N, *]``
    :param T: time steps in step mode 'm'
    :param return_v: whether to give ``(spikes, v)`` with ``v`` ``[N, *]`` after the last time step

    :raises ValueError: (also an AssertionError) for another ``step_mode``, or 'm' without ``T``
    :raises TypeError: (also an AssertionError) for arguments of a wrong type
    """

    def __init__(
        self,
        v_threshold: float = 1.0,
        v_reset: float | None = 0.0,
        step_mode: str = "s",
        T: int | None = None,
        return_v: bool = False,
    ) -> None:
        super().__init__()
        check_float(self, "v_threshold", v_threshold)
        check_float(self, "v_reset", v_reset, optional=True)
        check_bool(self, "return_v", return_v)
        if step_mode not in ("s", "m"):
            raise ArgumentValueError(
                f"{type(self).__name__}: step_mode must be 's' or 'm', but {describe(step_mode)} was given."
            )
        if step_mode == "m":
            check_positive_int(self, "T", T)
        self.v_threshold = v_threshold
        self.v_reset = v_reset
        self.step_mode = step_mode
        self.T = T
        self.return_v = return_v

    def neuronal_charge(self, x: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        """The potential after the input ``x`` ``[N, *]``."""
        raise NotImplementedError(f"{type(self).__name__} does not define neuronal_charge(x, v)")

    def single_step_forward(self, x: torch.Tensor, v: torch.Tensor | None = None) -> tuple[torch.Tensor, torch.Tensor]:
        """One time step ``[N, *]``: spikes and potential. ``v`` is the potential before, None for that after a
        reset."""
        v = self.neuronal_charge(x, self._potential_before(x, v))
        spike = (v >= self.v_threshold).to(x)
        v = v - spike * self.v_threshold if self.v_reset is None else (1.0 - spike) * v + spike * self.v_reset
        return spike, v

    def multi_step_forward(
        self, x_seq: torch.Tensor, v_init: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """``T`` time steps ``[T * N, *]``: spikes ``[T * N, *]`` and the last potential ``[N, *]``."""
        steps = self._split(x_seq)
        v, spikes = self._potential_before(steps[0], v_init), []
        for x in steps.unbind(0):
            spike, v = self.single_step_forward(x, v)
            spikes.append(spike)
        return torch.cat(spikes), v

    def forward(self, x: torch.Tensor, v: torch.Tensor | None = None) -> Any:
        """Spikes like ``x``; ``v`` ``[N, *]`` is the potential before, None for that after a reset."""
        check_tensor(self, "the input", x)
        run = self.multi_step_forward if self.step_mode == "m" else self.single_step_forward
        spikes, last = run(x, v)
        return (spikes, last) if self.return_v else spikes

    def _potential_before(self, x: torch.Tensor, v: torch.Tensor | None) -> torch.Tensor:
        if v is None:
            return torch.full_like(x, self.v_reset or 0.0)
        if v.shape != x.shape:
            raise ValueError(f"{type(self).__name__}: v must have shape {list(x.shape)}, but {describe(v)} was given.")
        return v

    def _split(self, x: torch.Tensor) -> torch.Tensor:
        T = self.T or 1
        if x.dim() == 0 or x.shape[0] % T:
            raise ValueError(
                f"{type(self).__name__}: step_mode='m' expects [T * N, *] with T={T}, but {describe(x)} was given."
            )
        return x.unflatten(0, (T, x.shape[0] // T))

    def extra_repr(self) -> str:
        return f"v_threshold={self.v_threshold}, v_reset={self.v_reset}, step_mode={self.step_mode}, T={self.T}"


class IFNode(BaseNode):
    """:class:`spikingjelly.activation_based.neuron.IFNode` without a state; parameters as in :class:`BaseNode`."""

    def neuronal_charge(self, x: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        return v + x


class LIFNode(BaseNode):
    """:class:`spikingjelly.activation_based.neuron.LIFNode` without a state.

    :param tau: membrane time constant, greater than 1
    :param decay_input: whether the input is divided by ``tau``

    The other parameters are those of :class:`BaseNode`.
    """

    def __init__(
        self,
        tau: float = 2.0,
        decay_input: bool = True,
        v_threshold: float = 1.0,
        v_reset: float | None = 0.0,
        step_mode: str = "s",
        T: int | None = None,
        return_v: bool = False,
    ) -> None:
        super().__init__(v_threshold, v_reset, step_mode, T, return_v)
        check_above(self, "tau", tau, 1.0)
        check_bool(self, "decay_input", decay_input)
        self.tau = tau
        self.decay_input = decay_input

    def neuronal_charge(self, x: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        rest = self.v_reset or 0.0
        if self.decay_input:
            return v + (x - (v - rest)) / self.tau
        return v - (v - rest) / self.tau + x

    def extra_repr(self) -> str:
        return f"tau={self.tau}, decay_input={self.decay_input}, {super().extra_repr()}"


_PLAIN: dict[type, type[nn.Module]] = {
    cls: next(parent for parent in cls.__mro__ if parent.__module__.startswith("torch.nn"))
    for cls in (
        layer.Conv1d, layer.Conv2d, layer.Conv3d, layer.BatchNorm1d, layer.BatchNorm2d, layer.BatchNorm3d,
        layer.MaxPool1d, layer.MaxPool2d, layer.MaxPool3d, layer.AvgPool1d, layer.AvgPool2d, layer.AvgPool3d,
        layer.AdaptiveAvgPool1d, layer.AdaptiveAvgPool2d, layer.AdaptiveAvgPool3d, layer.Linear, layer.Flatten,
    )
}  # fmt: skip


def to_lynxi_supported_module(m_in: nn.Module, T: int) -> nn.Module:
    """A module that the vendor's compiler takes, for inputs ``[T * N, *]``: layers become those of ``torch.nn`` and
    share their parameters, IFNode and LIFNode become the ones of this file. Any other module is given back as it is,
    and the log names it.

    :param T: time steps
    :raises TypeError: (also an AssertionError) if ``m_in`` is no module or ``T`` no int
    :raises ValueError: (also an AssertionError) if ``T < 1``, or for a neuron with a tensor as a parameter
    """
    check_positive_int("to_lynxi_supported_module", "T", T)
    if not isinstance(m_in, nn.Module):
        raise ArgumentTypeError(f"to_lynxi_supported_module: expected a module, but {describe(m_in)} was given.")
    if isinstance(m_in, nn.Sequential):
        return nn.Sequential(*to_lynxi_supported_modules(m_in, T))
    if type(m_in) in (neuron.IFNode, neuron.LIFNode):
        return _stateless(m_in, T)
    if type(m_in) in _PLAIN:
        return _plain(m_in, _PLAIN[type(m_in)])
    if isinstance(m_in, base.StepModule):
        _logger.critical(
            "to_lynxi_supported_module: %s has no form for the compiler and stays as it is.", type(m_in).__name__
        )
    return m_in


def to_lynxi_supported_modules(net: Sequence[nn.Module] | nn.Sequential, T: int) -> list[nn.Module]:
    """:func:`to_lynxi_supported_module` for each module of a list, tuple or Sequential."""
    if not isinstance(net, list | tuple | nn.Sequential):
        raise ArgumentTypeError(
            f"to_lynxi_supported_modules: expected a list, tuple or Sequential, but {describe(net)} was given."
        )
    return [to_lynxi_supported_module(module, T) for module in net]


def _stateless(node: Any, T: int) -> BaseNode:
    if isinstance(node.v_threshold, torch.Tensor) or isinstance(node.v_reset, torch.Tensor):
        raise ArgumentValueError(
            "to_lynxi_supported_module: v_threshold and v_reset must be numbers, but one of them is a tensor."
        )
    common = {"v_threshold": node.v_threshold, "v_reset": node.v_reset, "step_mode": "m", "T": T}
    if isinstance(node, neuron.IFNode):
        return IFNode(**common)
    return LIFNode(tau=node.tau, decay_input=node.decay_input, **common)


def _plain(module: nn.Module, cls: type[nn.Module]) -> nn.Module:
    """The same layer without step modes."""
    plain = cls.__new__(cls)
    plain.__dict__.update({name: value for name, value in module.__dict__.items() if name != "_step_mode"})
    return plain


def _vendor(name: str) -> Any:
    try:
        return __import__(name)
    except ImportError as error:
        raise ImportError(
            f"this needs {name}, part of Lynxi's software for its chips, which comes with the hardware and is not on "
            "PyPI. Without it, to_lynxi_supported_modules gives the network in the form that the compiler takes."
        ) from error


def torch_tensor_to_lynxi(x: torch.Tensor, device_id: int = 0, to_apu: bool = True) -> Any:
    """A tensor of ``lynpy`` with the values of ``x``.

    :param device_id: of the chip
    :param to_apu: whether it is put on the chip
    :raises TypeError: if ``x`` is no tensor
    :raises ImportError: without lynpy
    """
    check_tensor("torch_tensor_to_lynxi", "x", x)
    lynpy = _vendor("lynpy")
    tensor = lynpy.Tensor(dev_id=device_id).from_numpy(x.detach().cpu().numpy())
    return tensor.apu() if to_apu else tensor


def lynxi_tensor_to_torch(
    x: Any, shape: Sequence[int] | None = None, dtype: str | torch.dtype | None = None
) -> torch.Tensor:
    """The values of a tensor of ``lynpy``, copied from the chip.

    :param shape: of the result, None for that of ``x``
    :param dtype: of the result, None for that of ``x``; a name or a torch dtype
    :raises ImportError: without lynpy
    """
    _vendor("lynpy")
    array = x.cpu().numpy()
    result = torch.from_numpy(array if shape is None else array.reshape(tuple(shape)))
    if dtype is None:
        return result
    return result.to(getattr(torch, dtype) if isinstance(dtype, str) else dtype)


def compile_lynxi_model(
    output_dir: str | Path,
    net: nn.Module,
    in_data_type: str = "float32",
    out_data_type: str = "float32",
    input_shape_dict: dict[str, Sequence[int]] | None = None,
) -> str:
    """Compile a network of :func:`to_lynxi_supported_modules` with the vendor's ``lyngor``.

    :param output_dir: where the compiled model goes
    :param in_data_type: of the inputs
    :param out_data_type: of the outputs
    :param input_shape_dict: shape of each input by its name
    :return: the folder of the compiled model
    :raises ImportError: without lyngor
    """
    lyngor = _vendor("lyngor")
    model = lyngor.DLModel()
    model.load(
        net, model_type="Pytorch", inputs_dict=dict(input_shape_dict or {}), in_type=in_data_type,
        out_type=out_data_type,
    )  # fmt: skip
    builder = lyngor.Builder(target="apu")
    return builder.build(model.graph, model.params, out_path=str(output_dir))


def load_lynxi_model(device_id: int, model_path: str | Path) -> Any:
    """Load a compiled model onto a chip, as an object ``Model`` of ``lynpy``.

    :param device_id: of the chip
    :param model_path: the folder that :func:`compile_lynxi_model` gave
    :raises ImportError: without lynpy
    """
    lynpy = _vendor("lynpy")
    return lynpy.Model(dev_id=device_id, path=str(model_path))
