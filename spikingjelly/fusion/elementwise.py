"""Whether a step treats each neuron by itself, found by running it once and looking at each operation."""

from collections.abc import Hashable, Sequence
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from spikingjelly.fusion.step import Refusal, Step

_OPERATIONS = {
    "abs", "add", "addcdiv", "addcmul", "alias", "atan", "bitwise_and", "bitwise_not", "bitwise_or", "ceil", "clamp",
    "clamp_max", "clamp_min", "cos", "cosh", "detach", "div", "empty_like", "eq", "erf", "erfc", "exp", "expm1",
    "fill", "floor", "full", "full_like", "ge", "gt", "heaviside", "le", "leaky_relu", "leaky_relu_backward", "lerp",
    "lift_fresh", "log", "log1p", "logical_and", "logical_not", "logical_or", "lt", "masked_fill", "maximum",
    "minimum", "mul", "ne", "neg", "new_full", "new_ones", "new_zeros", "ones", "ones_like", "pow", "reciprocal",
    "relu", "round", "rsqrt", "rsub", "scalar_tensor", "sgn", "sigmoid", "sigmoid_backward", "sign", "sin", "sinh",
    "softplus", "softplus_backward", "sqrt", "square", "sub", "tan", "tanh", "tanh_backward", "threshold_backward",
    "to_copy", "where", "zeros", "zeros_like",
}  # fmt: skip
_known: dict[Hashable, Refusal | None] = {}


def refusal_of(step: Step, x: torch.Tensor, states: Sequence[torch.Tensor]) -> Refusal | None:
    """None if ``step`` is elementwise, its slopes too, and depends on nothing but its inputs and parameters.

    :param x: the input of one time step; the verdict is kept for later inputs of its shape and dtype
    """
    key = (step.key, x.shape, x.dtype, x.device.type, tuple(state.dtype for state in states))
    if key not in _known:
        if len(_known) > 1000:
            _known.clear()
        _known[key] = _examine(step, x, states)
    return _known[key]


class _Recorder(TorchDispatchMode):
    """Notes the operations that are not elementwise and the results that are larger than the input."""

    def __init__(self, shape: torch.Size) -> None:
        super().__init__()
        self.shape = shape
        self.strange: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        result = func(*args, **(kwargs or {}))
        name = func.overloadpacket.__name__.removeprefix("_")
        fits = isinstance(result, torch.Tensor) and _broadcasts_to(result.shape, self.shape)
        if name not in _OPERATIONS or not fits:
            self.strange.append(name)
        return result


def _examine(step: Step, x: torch.Tensor, states: Sequence[torch.Tensor]) -> Refusal | None:
    inputs = [tensor.detach().requires_grad_() for tensor in (x, *states)]
    # A step that draws random numbers is refused, and must not have moved the generator.
    devices = [x.device] if x.device.type != "cpu" else []
    random = torch.random.fork_rng(devices, device_type=x.device.type if devices else "cuda")
    with random, torch.enable_grad(), _Recorder(x.shape) as recorder:
        try:
            results = step.trial(inputs[0], inputs[1:])
        except Exception as error:
            return Refusal(f"one time step of it fails by itself: {error}")
        smooth = [result for result in results if result.requires_grad]
        if smooth:
            torch.autograd.grad(
                smooth, inputs, [torch.ones_like(r) for r in smooth], retain_graph=True, allow_unused=True
            )
    if recorder.strange:
        return Refusal(f"it is not elementwise: {', '.join(dict.fromkeys(recorder.strange))}")
    for result, state in zip(results[1:], states, strict=True):
        if result.shape != x.shape or result.dtype != state.dtype:
            return Refusal("a state changes its shape or dtype in a time step")
    if results[0].shape != x.shape:
        return Refusal("the output has not the shape of the input")
    if not _leaves(results) <= {id(tensor) for tensor in (*inputs, *step.parameters)}:
        return Refusal("gradients flow to a tensor that is neither input, state nor parameter")
    return None


def _broadcasts_to(shape: torch.Size, target: torch.Size) -> bool:
    pairs = zip(reversed(shape), reversed(target), strict=False)
    return len(shape) <= len(target) and all(a in (1, b) for a, b in pairs)


def _leaves(results: Sequence[torch.Tensor]) -> set[int]:
    """The ids of the tensors that the gradients of ``results`` end in."""
    found: set[int] = set()
    seen: set[Any] = set()
    pending = [result.grad_fn for result in results if result.grad_fn is not None]
    while pending:
        node = pending.pop()
        if node in seen:
            continue
        seen.add(node)
        if hasattr(node, "variable"):
            found.add(id(node.variable))
        pending += [upstream for upstream, _ in node.next_functions if upstream is not None]
    return found
