"""A time step, run once on tensors without data, becomes a :class:`Program`."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch.utils._python_dispatch import _disable_current_modes

from spikingjelly.fusion import eager
from spikingjelly.fusion.body import Body
from spikingjelly.fusion.program import Operand, Program, used
from spikingjelly.fusion.recorder import INTERNAL, Element, Number, Recorder, Uniform
from spikingjelly.fusion.step import Refusal, Step, Unfusable


def trace(
    step: Step, shape: torch.Size, dtype: torch.dtype, states: int, device_type: str = "cpu"
) -> Program | Refusal:
    """The program of ``step``, or why there is none.

    :param shape: of the input of one time step
    :param dtype: in which the step computes
    :param states: number of states
    :param device_type: of the tensors that it will run on, whose rounding it follows
    """
    registers = np.float64 if dtype == torch.float64 else np.float32
    recorder = Recorder(shape, dtype, Body(device_type == "cuda", registers))
    try:
        # Other modes, as those of torch.export, and hooks of the caller must not see the trace.
        with torch.inference_mode(False), torch.enable_grad(), _disable_current_modes(), _no_saved_tensors_hooks():
            return _Tracing(step, recorder, states).program()
    except Unfusable as reason:
        return Refusal(f"{step.name} has no fused kernel: {reason}")
    except Exception as error:
        place = _place_in_traceback(error)
        what = str(error).strip().split("\n")[0]
        if "meta tensor" in what or "is_nonzero" in what or "_local_scalar_dense" in what:
            what = "a branch or a Python number depends on the values of a tensor"
        return Refusal(f"{step.name} has no fused kernel: {place}{type(error).__name__}: {what}")


class _Tracing:
    def __init__(self, step: Step, recorder: "Recorder", states: int) -> None:
        self.step, self.recorder, self.K = step, recorder, states
        like: dict[str, Any] = {"dtype": recorder.dtype, "device": "meta"}
        self.leaves = [torch.empty(recorder.shape, **like, requires_grad=True) for _ in range(1 + states)]
        self.cotangents = [torch.empty(recorder.shape, **like) for _ in self.leaves]
        self.tensors = [_without_data(tensor) for tensor in step.tensors]

    def program(self) -> Program:
        recorder, K = self.recorder, self.K
        for name, leaf in zip(["x", *[f"s{k}" for k in range(K)]], self.leaves, strict=True):
            recorder.name(leaf, Element(name))
        for name, cotangent in zip(["gy", *[f"gs{k}" for k in range(K)]], self.cotangents, strict=True):
            recorder.name(cotangent, Element(name))
        for number, tensor in enumerate(self.tensors):
            recorder.name(tensor, Uniform(f"p{number}"))
        with recorder:
            # The copies make `self.v += x` possible, which autograd forbids on leaves.
            x, *states = [leaf.clone() for leaf in self.leaves]
            results = self.step.run(x, states, self.tensors)
            outputs = [recorder.element(result) for result in results]
        recorder.in_backward = True
        gradients = self._gradients(results)
        return self._assembled(outputs, tuple(result.requires_grad for result in results), gradients)

    def _gradients(self, results: Sequence[torch.Tensor]) -> list[torch.Tensor | None]:
        inputs = [*self.leaves, *[tensor for tensor in self.tensors if tensor.requires_grad]]
        pairs = [(r, c) for r, c in zip(results, self.cotangents, strict=True) if r.requires_grad]
        if not pairs:
            return [None] * len(inputs)
        smooth, cotangents = zip(*pairs, strict=True)
        total = _Total.apply(cotangents, *smooth)
        self.recorder.name(total, Number(0.0, ""))
        with self.recorder:
            return list(torch.autograd.grad(total, inputs, allow_unused=True))

    def _assembled(
        self, outputs: list[Operand], smooth: tuple[bool, ...], gradients: list[torch.Tensor | None]
    ) -> Program:
        recorder, inputs = self.recorder, 1 + self.K
        input_gradients = [0.0 if g is None else recorder.element(g) for g in gradients[:inputs]]
        remaining = iter(gradients[inputs:])
        for_parameters = [next(remaining) if tensor.requires_grad else None for tensor in self.tensors]
        parameter_gradients = [None if g is None else recorder.parameter_gradient(g) for g in for_parameters]
        lines = recorder.body.instructions
        return Program(
            states=self.K,
            uniforms=tuple(recorder.uniforms),
            forward=used(lines, outputs),
            outputs=tuple(outputs),
            smooth=smooth,
            backward=used(lines, [*input_gradients, *recorder.sums]),
            gradients=tuple(input_gradients),
            sums=tuple(recorder.sums),
            eager=eager.needed(recorder.eager, [*recorder.uniforms, *parameter_gradients]),
            parameter_gradients=tuple(parameter_gradients),
        )


@contextmanager
def _no_saved_tensors_hooks() -> Iterator[None]:
    """Inside, the hooks of checkpoint, save_on_cpu or packed_spikes rest, as they do while torch.compile traces."""
    before = torch._C._autograd._saved_tensors_hooks_set_tracing(True)
    try:
        yield
    finally:
        torch._C._autograd._saved_tensors_hooks_set_tracing(before)


class _Total(torch.autograd.Function):
    """Sends the cotangents into the backward pass; given to `autograd.grad`, they would import sympy, half a second."""

    @staticmethod
    def forward(ctx: Any, cotangents: Sequence[torch.Tensor], *results: torch.Tensor) -> torch.Tensor:
        ctx.cotangents = cotangents
        return results[0].new_empty(())

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        return None, *ctx.cotangents


def _without_data(tensor: torch.Tensor) -> torch.Tensor:
    empty = torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype, device="meta")
    if isinstance(tensor, torch.nn.Parameter):
        return torch.nn.Parameter(empty, requires_grad=tensor.requires_grad)
    return empty.requires_grad_(tensor.requires_grad)


def _place_in_traceback(error: BaseException) -> str:
    place = ""
    entry = error.__traceback__
    while entry is not None:
        code = entry.tb_frame.f_code
        name = code.co_filename
        # A missing attribute is missed in the line that asks for it.
        if not name.startswith(INTERNAL) and code.co_name != "__getattr__":
            place = f"{name}:{entry.tb_lineno}: "
        entry = entry.tb_next
    return place
