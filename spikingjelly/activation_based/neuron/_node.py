"""The node that all neurons with a threshold share: charge, fire, reset, and the loop over time."""

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

import torch

from spikingjelly.activation_based import base
from spikingjelly.activation_based._checks import check_bool, check_float, check_floating_tensor, check_switch
from spikingjelly.activation_based.neuron import _charge_hint
from spikingjelly.activation_based.neuron import _fused as fused
from spikingjelly.activation_based.neuron._default_surrogates import DEFAULT_SURROGATE, own_surrogate
from spikingjelly.activation_based.neuron._path import asks_for_its_backend


class BaseNode(base.MemoryModule):
    r"""A spiking neuron in discrete time. Each time step is three methods, the only place where an equation stands:

    .. math::
        H[t] &= f(V[t-1], X[t])                   && \text{neuronal\_charge} \\
        S[t] &= \Theta(H[t] - V_{th})             && \text{neuronal\_fire} \\
        V[t] &= (1 - S[t]) H[t] + S[t] V_{reset}  && \text{neuronal\_reset, hard} \\
        V[t] &= H[t] - S[t] V_{th}                && \text{neuronal\_reset, soft}

    A subclass writes ``neuronal_charge(x)``, which sets the membrane potential ``self.v`` to :math:`H[t]`, and works in
    both step modes::

        class Resonator(BaseNode):
            def neuronal_charge(self, x):
                self.v = 0.9 * self.v + x

    Input and output are ``[N, *]`` in step mode 's' and ``[T, N, *]`` in 'm'; spikes have the dtype of the input.

    Under the transforms of ``torch.func`` (gradients of each sample, ensembles, Jacobians) and in forward mode the loop
    runs. The state of a call belongs to its transform: reset the network inside the function that is transformed, and
    once more behind it.

    :param v_threshold: threshold :math:`V_{th}`; a float (but nan), or a tensor that broadcasts to ``[N, *]``
    :param v_reset: potential after a spike :math:`V_{reset}` (hard reset), or None for the soft reset
    :param surrogate_function: gives the spike and its gradient, default ``Sigmoid(alpha=4.0)``
    :param detach_reset: whether the spike in the reset is cut from the autograd graph
    :param step_mode: 's' or 'm'
    :param backend: who runs the three methods. 'torch' is the loop of PyTorch operations. 'cpp' (CPU), 'triton' and
        'cupy' (GPU) are kernels for the whole sequence, forward and backward, that are derived from the three methods,
        also from those of a subclass; where one can't run, another does, and the log says so once. 'auto' takes a
        kernel where it is faster than the loop. A method that mixes neurons, draws random numbers or branches on the
        values of a tensor has no kernel: the log names its line and reason once, and the loop runs. Kernels keep only
        the input for the backward pass (in float32 on the CPU, behind a batch normalisation, not even that, for it is
        computed again from what the normalisation keeps), and compute float16 and bfloat16 in float32; second
        derivatives run the loop
    :param store_v_seq: in step mode 'm', whether ``v_seq`` keeps the potentials after reset ``[T, N, *]``

    :raises TypeError: (also an AssertionError) for an int where a float is expected, and for inputs that are
        no floating-point tensors
    :raises ValueError: (also an AssertionError) for nan
    :raises RuntimeError: if the input does not fit the state that an earlier input left
    """

    v: Any  # a float until the first input gives it a shape
    v_threshold: Any
    v_reset: Any
    v_seq: torch.Tensor  # potentials after reset, where store_v_seq asks for them

    def __init__(
        self,
        v_threshold: float = 1.0,
        v_reset: float | None = 0.0,
        surrogate_function: Callable[[torch.Tensor], torch.Tensor] = DEFAULT_SURROGATE,
        detach_reset: bool = False,
        step_mode: str = "s",
        backend: str = "auto",
        store_v_seq: bool = False,
    ) -> None:
        if isinstance(backend, bool):
            backend, store_v_seq = "auto", backend  # the order of the 2.0 releases, which have no backends
        check_float(self, "v_threshold", v_threshold, tensor=True)
        check_float(self, "v_reset", v_reset, optional=True, tensor=True)
        check_bool(self, "detach_reset", detach_reset)
        super().__init__()
        self.register_memory("v", 0.0 if v_reset is None else v_reset)
        self.v_threshold = v_threshold
        self.v_reset = v_reset
        self.detach_reset = detach_reset
        self.surrogate_function = own_surrogate(self, surrogate_function)
        self.step_mode = step_mode
        self.backend = self._chosen(backend)
        self.store_v_seq = store_v_seq

    def _chosen(self, backend: str) -> str:
        # The default is a choice that is left to us. A subclass that only supports 'torch' gets that, and so does one
        # whose own methods look at the backend: published ones know 'torch' and 'cupy' alone.
        cls: type = type(self)
        published = "auto" not in self.supported_backends or asks_for_its_backend(cls)
        return "torch" if backend == "auto" and published else backend

    @property
    def supported_backends(self) -> tuple[str, ...]:
        return base.BACKENDS

    @property
    def store_v_seq(self) -> bool:
        """Whether a multi-step forward keeps the potentials after reset in ``v_seq``."""
        return self._store_v_seq

    @store_v_seq.setter
    def store_v_seq(self, value: bool) -> None:
        check_switch(self, "store_v_seq", value)
        self._store_v_seq = value
        if value and not hasattr(self, "v_seq"):
            self.register_memory("v_seq", None)

    @staticmethod
    def jit_hard_reset(v: torch.Tensor, spike: torch.Tensor, v_reset: float) -> torch.Tensor:
        r""":math:`(1 - S[t]) H[t] + S[t] V_{reset}`"""
        kept = (1.0 - spike) * v
        if type(v_reset) is float and v_reset == 0.0:
            return kept  # S[t] * 0 would cost two more operations and change neither value nor gradient
        return kept + spike * v_reset

    @staticmethod
    def jit_soft_reset(v: torch.Tensor, spike: torch.Tensor, v_threshold: float) -> torch.Tensor:
        r""":math:`H[t] - S[t] V_{th}`"""
        return v - spike * v_threshold

    apply_hard_reset, apply_soft_reset = jit_hard_reset, jit_soft_reset  # the names in the 2.0 releases

    @abstractmethod
    def neuronal_charge(self, x: torch.Tensor) -> None:
        """Set ``self.v`` from the previous potential and the input of this time step ``x`` ``[N, *]``."""
        raise NotImplementedError(f"{type(self).__name__} does not define neuronal_charge(x)")

    def neuronal_fire(self) -> torch.Tensor:
        """The spikes of this time step, from the charged potential ``self.v``."""
        return self.surrogate_function(self.v - self.v_threshold)

    def neuronal_reset(self, spike: torch.Tensor) -> None:
        """Set ``self.v`` to the potential after the spikes."""
        spike_d = spike.detach() if self.detach_reset else spike
        if self.v_reset is None:
            self.v = self.jit_soft_reset(self.v, spike_d, self.v_threshold)
        else:
            self.v = self.jit_hard_reset(self.v, spike_d, self.v_reset)

    def _rests_at_zero(self) -> bool:
        """Whether the potential decays towards 0: for the soft reset and for ``v_reset=0.0``."""
        v_reset = self.v_reset
        return v_reset is None or (type(v_reset) is float and v_reset == 0.0)

    def v_float_to_tensor(self, x: torch.Tensor) -> None:
        """Give ``v`` the shape, dtype and device of the input of one time step; a ``v`` that has them must fit it."""
        if not isinstance(self.v, torch.Tensor) or not isinstance(x, torch.Tensor):
            check_floating_tensor(self, "the input", x)
        self._give_shape("v", x)
        self._check_carried_state(x)

    def single_step_forward(self, x: torch.Tensor) -> torch.Tensor:
        """Charge, fire, reset: one time step ``[N, *]``."""
        self.v_float_to_tensor(x)
        if self.neuronal_charge(x) is not None:  # type: ignore[func-returns-value]
            _charge_hint.look_at(self)
        spike = self.neuronal_fire()
        self.neuronal_reset(spike)
        return spike

    def multi_step_forward(self, x_seq: torch.Tensor) -> torch.Tensor:
        """A sequence ``[T, N, *]``, by a fused operator where the backend has one, else by the eager loop."""
        self._check_sequence(x_seq)
        spikes = fused.run_sequence(self, x_seq, keep="v" if self.store_v_seq else None)
        return self._eager_loop(x_seq) if spikes is None else spikes

    def _single_step(self, x: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        output = None if args or kwargs else fused.run_step(self, x)
        return self.single_step_forward(x, *args, **kwargs) if output is None else output

    def fused_source(self, dtype: torch.dtype = torch.float32, shape: tuple[int, ...] = (1,)) -> str:
        """The source text of the kernel that runs this neuron: C++ for the CPU, Triton or CUDA C with those backends.

        :param dtype: of the input
        :param shape: of one time step ``[N, *]``; it only matters for neurons with a parameter for each channel
        :raises RuntimeError: if the neuron has none; the message tells the line and the reason
        """
        return fused.source_of(self, dtype, shape)

    def _eager_loop(self, x_seq: torch.Tensor) -> torch.Tensor:
        """The reference that every fused operator is held against."""
        spikes, potentials = [], []
        # unbind has one backward for all time steps; x_seq[t] would add a gradient of the whole sequence's size T times
        for x in x_seq.unbind(0):
            output = self.single_step_forward(x)
            # A later step may change a state in place, as `self.v += x` does.
            is_state = any(output is value for value in self._memories.values())
            spikes.append(output.clone() if is_state else output)
            if self.store_v_seq:
                potentials.append(self.v.clone())
        if self.store_v_seq:
            self.v_seq = torch.stack(potentials)
        return torch.stack(spikes)

    def extra_repr(self) -> str:
        return (
            f"v_threshold={_short(self.v_threshold)}, v_reset={_short(self.v_reset)}, "
            f"detach_reset={self.detach_reset}, step_mode={self.step_mode}, backend={self.backend}"
        )


def _short(value: Any) -> str:
    if isinstance(value, torch.Tensor) and value.numel() > 1:
        return f"<tensor {list(value.shape)}>"
    return str(value.item() if isinstance(value, torch.Tensor) else value)
