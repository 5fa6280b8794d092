"""Step modes and named memories: the contract that every stateful module keeps."""

import copy
from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import nn

from spikingjelly.activation_based import _backward_hint, _carried_state, _torchscript
from spikingjelly.activation_based._as_function import to_functional_forward
from spikingjelly.activation_based._checks import check_floating_tensor, check_tensor, describe

__all__ = [
    "BACKENDS",
    "MemoryModule",
    "MultiStepModule",
    "SingleModule",
    "SingleStepModule",
    "StepModule",
    "check_backend_library",
    "extract_memories",
    "load_memories",
    "memories",
    "named_memories",
    "to_functional_forward",
]

# Set while an operator is being looked for that takes one number as the state of all neurons.
_EXPANDED = "_states_are_expanded"

BACKENDS = ("torch", "cupy", "triton", "cpp", "auto")


def check_backend_library(backend: str) -> None:
    """Check that ``backend`` names a way to run a neuron: 'torch', 'cupy', 'triton', 'cpp' or 'auto'.

    A name says what is wished for. What then runs depends on the tensor's device and on what is installed, so that
    code published with ``backend='cupy'`` also runs on a laptop without CuPy.

    :raises NotImplementedError: for any other name
    """
    if backend not in BACKENDS:
        raise NotImplementedError(f"{describe(backend)} is not a backend. Choose one of {', '.join(BACKENDS)}.")


class StepModule:
    """A module that takes one time step ``[N, *]`` (``step_mode='s'``) or a sequence ``[T, N, *]`` (``'m'``)."""

    _step_mode: str = "s"

    def supported_step_mode(self) -> tuple[str, ...]:
        """The step modes that this class can be set to."""
        return ("s", "m")

    @property
    def step_mode(self) -> str:
        """'s' for one time step per call, 'm' for a sequence per call.

        :raises ValueError: on assignment of a mode that the class does not support
        """
        return self._step_mode

    @step_mode.setter
    def step_mode(self, value: str) -> None:
        if value not in self.supported_step_mode():
            supported = " or ".join(repr(mode) for mode in self.supported_step_mode())
            raise ValueError(
                f"{type(self).__name__}: step_mode must be {supported}, but {describe(value)} was given. "
                "'s' takes one time step [N, *] per call, 'm' a whole sequence [T, N, *]."
            )
        self._step_mode = value


class SingleModule(StepModule):
    """A module that only works step by step."""

    def supported_step_mode(self) -> tuple[str, ...]:
        return ("s",)


SingleStepModule = SingleModule  # the name in later releases


class MultiStepModule(StepModule):
    """A module that only works on whole sequences."""

    _step_mode = "m"

    def supported_step_mode(self) -> tuple[str, ...]:
        return ("m",)


def keeps_children_step_mode(module: nn.Module) -> bool:
    """Whether ``module`` is a container that does the time dimension itself, so that what is in it stays in 's'."""
    marked = getattr(type(module), "_keeps_children_step_mode", False)
    return marked or (isinstance(module, nn.Sequential) and isinstance(module, MultiStepModule))


class MemoryModule(nn.Module, StepModule):
    """A module with state that lives from one call to the next.

    A memory is registered once with :meth:`register_memory` and from then on read and written as an attribute. It is
    not part of ``state_dict``, moves with ``.to()``, ``.double()`` and ``.half()``, is copied (cut from the autograd
    graph) by ``copy.deepcopy`` and ``pickle``, and returns to its reset value with :meth:`reset`.

    A subclass writes :meth:`single_step_forward`; :meth:`multi_step_forward` then loops over it::

        class Accumulator(MemoryModule):
            def __init__(self):
                super().__init__()
                self.register_memory("total", 0.0)

            def single_step_forward(self, x):
                self.total = self.total + x
                return self.total
    """

    def __init__(self) -> None:
        super().__init__()
        self._memories: dict[str, Any] = {}
        self._memories_rv: dict[str, Any] = {}
        self._backend = "torch"
        self.step_mode = self.supported_step_mode()[0]

    @property
    def supported_backends(self) -> tuple[str, ...]:
        """The backends that this module can be set to."""
        return ("torch",)

    @property
    def backend(self) -> str:
        """How the module runs.

        :raises NotImplementedError: on assignment of a name that is not in :attr:`supported_backends`
        """
        return self._backend

    @backend.setter
    def backend(self, value: str) -> None:
        if value not in self.supported_backends:
            raise NotImplementedError(
                f"{type(self).__name__}: backend must be one of {', '.join(self.supported_backends)} in "
                f"step_mode={self.step_mode!r}, but {describe(value)} was given."
            )
        check_backend_library(value)
        self._backend = value

    @abstractmethod
    def single_step_forward(self, x: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        """One time step: ``x`` is ``[N, *]``."""
        raise NotImplementedError(f"{type(self).__name__} does not define single_step_forward")

    def _single_step(self, *args: Any, **kwargs: Any) -> Any:
        """What a call in step mode 's' runs; a subclass may have a faster way to the same."""
        return self.single_step_forward(*args, **kwargs)

    def multi_step_forward(self, x_seq: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        """A sequence ``[T, N, *]``: :meth:`single_step_forward` at each step, outputs stacked over time."""
        self._check_time(x_seq)
        return torch.stack([self.single_step_forward(x, *args, **kwargs) for x in x_seq.unbind(0)])

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        step: Callable[..., Any]
        if self.step_mode == "s":
            step = self._single_step
        elif self.step_mode == "m":
            step = self.multi_step_forward
        else:
            raise ValueError(f"{type(self).__name__}: step_mode is {self.step_mode!r}, expected 's' or 'm'.")
        if torch.compiler.is_compiling():
            return step(*args, **kwargs)
        if torch.jit.is_tracing():
            _torchscript.warn_of_trace(self)
        if not torch.is_grad_enabled():
            return step(*args, **kwargs)
        _backward_hint.check_second_run(self)
        _backward_hint.watch_state(self)
        output = step(*args, **kwargs)
        _backward_hint.watch_output(self, output)
        return output

    def _check_sequence(self, x_seq: Any) -> None:
        """``x_seq`` must be a non-empty floating-point sequence with time in front."""
        check_floating_tensor(self, "the input", x_seq)
        self._check_time(x_seq)

    def _check_time(self, x_seq: Any) -> None:
        """``x_seq`` must be a tensor of any dtype with at least one time step."""
        check_tensor(self, "the input", x_seq)
        if x_seq.dim() == 0 or x_seq.shape[0] == 0:
            raise ValueError(
                f"{type(self).__name__}: step_mode='m' expects a sequence [T, N, *] with T >= 1, but "
                f"{describe(x_seq)} was given. For a single time step [N, *] use step_mode='s'."
            )

    def _check_carried_state(self, x: torch.Tensor) -> None:
        """A later input must fit the state that an earlier one left.

        Called with the input of one time step by every module whose state has the shape of its input.

        :raises RuntimeError: that names the module, if shape, dtype or device differ from the earlier input's
        """
        _carried_state.check(self, x)

    def _give_shape(self, name: str, x: torch.Tensor) -> None:
        """A memory that is still a number becomes a tensor like ``x``, the input of one time step."""
        value = getattr(self, name)
        if isinstance(value, torch.Tensor):
            return
        if self.__dict__.get(_EXPANDED):
            setattr(self, name, x.new_full((), float(value)).expand(x.shape))
        else:
            setattr(self, name, torch.full_like(x, float(value), requires_grad=False))

    def extra_repr(self) -> str:
        return f"step_mode={self.step_mode}, backend={self.backend}"

    def register_memory(self, name: str, value: Any) -> None:
        """Make ``name`` a memory with ``value`` as its present and its reset value.

        :raises AssertionError: if the module has an attribute of that name already
        :raises AttributeError: before ``super().__init__()``
        """
        if "_memories" not in self.__dict__:
            owner = type(self).__name__
            raise AttributeError(f"{owner}: call super().__init__() before register_memory({name!r}, ...).")
        if hasattr(self, name):
            raise AssertionError(f"{name} has been set as a member variable!")
        self._memories[name] = value
        self.set_reset_value(name, value)

    def reset(self) -> None:
        """Return every memory to its reset value."""
        for name, value in self._memories_rv.items():
            self._memories[name] = copy.deepcopy(value)
        self._forget_calls()

    def set_reset_value(self, name: str, value: Any) -> None:
        """Let :meth:`reset` return memory ``name`` to (a copy of) ``value``."""
        self._memories_rv[name] = copy.deepcopy(_map_tensors(value, torch.Tensor.detach))

    def get_reset_value(self, name: str) -> Any:
        """What :meth:`reset` returns memory ``name`` to.

        :raises KeyError: if there is no such memory
        """
        return self._memories_rv[name]

    def memories(self) -> Iterator[Any]:
        """The values of the memories."""
        yield from self._memories.values()

    def named_memories(self) -> Iterator[tuple[str, Any]]:
        """Pairs of name and value of the memories."""
        yield from self._memories.items()

    def detach(self) -> None:
        """Cut every memory from the autograd graph; the values stay."""
        for name, value in self._memories.items():
            self._memories[name] = _map_tensors(value, torch.Tensor.detach)
        _backward_hint.forget(self)

    def _forget_calls(self) -> None:
        if self.__dict__.get("_refused_traces", 0) < 3:
            self.__dict__.pop("_changes_itself", None)
        _carried_state.forget(self)
        _backward_hint.forget(self)

    def __getattr__(self, name: str) -> Any:
        # Each time step reads memories and the surrogate: a look-up in two dicts takes a third of nn.Module's own.
        for kind in ("_memories", "_modules"):
            values = self.__dict__.get(kind)
            if values is not None and name in values:
                return values[name]
        return super().__getattr__(name)

    def __setattr__(self, name: str, value: Any) -> None:
        memories = self.__dict__.get("_memories")
        if memories is not None and name in memories:
            memories[name] = value
        else:
            super().__setattr__(name, value)

    def __delattr__(self, name: str) -> None:
        if name in self._memories:
            del self._memories[name]
            del self._memories_rv[name]
        else:
            super().__delattr__(name)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self._memories})

    def _apply(self, fn: Callable[[torch.Tensor], torch.Tensor], recurse: bool = True) -> "MemoryModule":
        super()._apply(fn, recurse)
        for values in (self._memories, self._memories_rv):
            for name, value in values.items():
                values[name] = _map_tensors(value, lambda tensor: _moved(tensor, fn))
        _carried_state.forget(self)
        return self

    def __prepare_scriptable__(self) -> "MemoryModule":
        raise NotImplementedError(_torchscript.refusal(self))

    def _replicate_for_data_parallel(self) -> "MemoryModule":
        replica = super()._replicate_for_data_parallel()
        replica._memories = dict(self._memories)
        return replica

    def _copyable_dict(self) -> dict[str, Any]:
        """``__dict__`` with the memories cut from the autograd graph: tensors inside a graph can't be copied."""
        attributes = dict(self.__dict__)
        attributes["_memories"] = {k: _map_tensors(v, torch.Tensor.detach) for k, v in self._memories.items()}
        _backward_hint.drop(attributes)
        return attributes

    def __getstate__(self) -> dict[str, Any]:
        return self._copyable_dict()

    def __deepcopy__(self, memo: dict[int, Any]) -> "MemoryModule":
        # Written out because torch.nn.utils.parametrize copies __dict__ itself where a class has no __deepcopy__.
        replica = self.__new__(type(self))
        memo[id(self)] = replica
        replica.__dict__ = copy.deepcopy(self._copyable_dict(), memo)
        return replica


def named_memories(module: nn.Module, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Name and value of the memories of ``module`` and all modules in it, in the order of ``module.named_modules()``.

    :param prefix: what the names start with
    """
    for name, part in module.named_modules(prefix=prefix):
        if isinstance(part, MemoryModule):
            for memory, value in part.named_memories():
                yield (f"{name}.{memory}" if name else memory), value


def memories(module: nn.Module) -> Iterator[Any]:
    """The values of :func:`named_memories`."""
    for _, value in named_memories(module):
        yield value


def extract_memories(module: nn.Module) -> list[Any]:
    """The values of all memories as they are, for :func:`load_memories`: the state of a network between two calls."""
    return list(memories(module))


def load_memories(module: nn.Module, memory_list: Sequence[Any]) -> None:
    """Set all memories of ``module`` and of the modules in it.

    :param memory_list: the values in the order of :func:`extract_memories`

    :raises ValueError: if there are more or fewer of them than ``module`` has memories
    """
    places = [
        (part, name) for part in module.modules() if isinstance(part, MemoryModule) for name, _ in part.named_memories()
    ]
    if len(places) != len(memory_list):
        raise ValueError(
            f"load_memories: memory_list must have one value for each memory, {len(places)}, but it has "
            f"{len(memory_list)}. Take it from extract_memories of a network of the same modules."
        )
    for (part, name), value in zip(places, memory_list, strict=True):
        setattr(part, name, value)
        _carried_state.forget(part)
        _backward_hint.forget(part)


def _moved(tensor: torch.Tensor, fn: Callable[[torch.Tensor], torch.Tensor]) -> torch.Tensor:
    """``fn(tensor)``, cut from the graph if that is another tensor: its graph belongs to the former dtype or device."""
    result = fn(tensor)
    return result if result is tensor else result.detach()


def _map_tensors(value: Any, fn: Callable[[torch.Tensor], torch.Tensor]) -> Any:
    """``value`` with ``fn`` applied to each tensor in it, also inside lists, tuples and dicts."""
    if isinstance(value, torch.Tensor):
        return fn(value)
    if isinstance(value, dict):
        return {key: _map_tensors(item, fn) for key, item in value.items()}
    if type(value) in (list, tuple):
        return type(value)(_map_tensors(item, fn) for item in value)
    return value
