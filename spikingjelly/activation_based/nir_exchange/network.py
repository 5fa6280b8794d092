"""A graph as a network that runs."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import nn

from spikingjelly.activation_based import base
from spikingjelly.activation_based.functional import reset_net
from spikingjelly.activation_based.nir_exchange._names import attribute_names
from spikingjelly.activation_based.nir_exchange._plan import GraphError, Plan

Shape = tuple[int, ...]


class NIRNetwork(base.MemoryModule):
    """The network of a NIR graph, as :func:`import_from_nir` makes it.

    It takes one tensor for each Input node, ``[N, *]`` in step mode 's' and ``[T, N, *]`` in 'm', and gives one for
    each Output node (a tuple where there are several). Several edges into a node are summed. A recurrent connection
    carries the output of the time step before; a network that has one runs step by step also in step mode 'm'.

    Its modules are attributes with the names of their nodes, in which what can't be in a Python name is an underscore;
    :meth:`node` takes the name itself. Setting ``step_mode`` sets that of all modules.

    :ivar dt: duration of a time step in seconds
    :ivar plan: nodes, edges and the order in which they run
    :ivar metadata: of the graph
    :ivar node_metadata: of its nodes, by name
    """

    _keeps_children_step_mode = True
    previous: dict[str, torch.Tensor]  # outputs of the time step before, of the sources of recurrent connections

    def __init__(
        self,
        modules: Mapping[str, nn.Module],
        plan: Plan,
        shapes: Mapping[str, Shape | None],
        dt: float,
        node_metadata: Mapping[str, Mapping[str, Any]] | None = None,
        metadata: Mapping[str, Any] | None = None,
        step_mode: str = "s",
    ) -> None:
        super().__init__()
        self.register_memory("previous", {})
        self.plan = plan
        self.dt = dt
        self.node_metadata = {name: dict(values) for name, values in (node_metadata or {}).items()}
        self.metadata = dict(metadata or {})
        self._sources = plan.sources()
        self._shapes = dict(shapes)  # of inputs, outputs and the sources of recurrent connections
        self._keys = attribute_names(modules, taken=dir(self))
        for name, module in modules.items():
            self.add_module(self._keys[name], module)
        self.step_mode = step_mode

    @property
    def step_mode(self) -> str:
        """'s' for one time step per call, 'm' for a sequence per call. Sets the modules as well."""
        return base.StepModule.step_mode.fget(self)  # type: ignore[attr-defined]

    @step_mode.setter
    def step_mode(self, value: str) -> None:
        base.StepModule.step_mode.fset(self, value)  # type: ignore[attr-defined]
        for module in self.children():
            if isinstance(module, base.StepModule):
                module.step_mode = "s" if self.is_recurrent else value

    @property
    def is_recurrent(self) -> bool:
        """Whether the graph has a recurrent connection."""
        return bool(self.__dict__.get("plan") and self.plan.delayed)

    def node(self, name: str) -> nn.Module:
        """The module of the node ``name``.

        :raises KeyError: if no node of that name has a module; inputs and outputs have none
        """
        if name not in self._keys:
            raise KeyError(f"NIRNetwork: no node {name!r} with a module. There are {', '.join(self._keys)}.")
        return self._modules[self._keys[name]]  # type: ignore[return-value]

    def single_step_forward(self, *inputs: torch.Tensor) -> Any:
        """One time step: a tensor ``[N, *]`` for each Input node."""
        self._check_number_of(inputs)
        if self.is_recurrent:
            self._check_carried_state(inputs[0])
        values = self._run_nodes(inputs)
        self.previous = {source: values[source] for source, _ in self.plan.delayed}
        return self._outputs(values)

    def multi_step_forward(self, *inputs: torch.Tensor) -> Any:
        """A sequence ``[T, N, *]`` for each Input node."""
        self._check_number_of(inputs)
        for x_seq in inputs:
            self._check_sequence(x_seq)
        if not self.is_recurrent:
            return self._outputs(self._run_nodes(inputs))
        steps = [self.single_step_forward(*step) for step in zip(*inputs, strict=True)]
        if len(self.plan.outputs) == 1:
            return torch.stack(steps)
        return tuple(torch.stack(outputs) for outputs in zip(*steps, strict=True))

    def observed_shapes(
        self, shapes: Sequence[Shape], like: torch.Tensor, check: Callable[[str, Shape], None] | None = None
    ) -> dict[str, tuple[Shape, Shape]]:
        """The shapes ``[*]`` of the summed input and of the output of each node, for inputs ``[1, *]`` of ``shapes``.

        :param like: gives dtype and device
        :param check: called with the name of a node and the shape of its input before the node runs
        :raises GraphError: that names the first node which can't take its input
        """
        seen: dict[str, tuple[Shape, Shape]] = {}
        mode = self.step_mode
        self.step_mode = "s"
        try:
            with torch.no_grad():
                self._run_nodes([like.new_zeros(1, *shape) for shape in shapes], seen, check)
        finally:
            self.step_mode = mode
            reset_net(self)
        return seen

    def _run_nodes(
        self,
        inputs: Sequence[torch.Tensor],
        seen: dict[str, tuple[Shape, Shape]] | None = None,
        check: Callable[[str, Shape], None] | None = None,
    ) -> dict[str, torch.Tensor]:
        values = dict(zip(self.plan.inputs, inputs, strict=True))
        for name in self.plan.order:
            sources = self._sources[name]
            try:
                x = sum_of([self._value(source, name, values, inputs[0]) for source in sources])
                if check is not None:
                    check(name, tuple(x.shape[1:]))
                values[name] = self._modules[self._keys[name]](x) if name in self._keys else x  # type: ignore[misc]
            except (RuntimeError, ValueError, TypeError, IndexError) as error:
                if seen is None or isinstance(error, GraphError):
                    raise
                raise GraphError(self._refusal(name, sources, values, error)) from error
            if seen is not None:
                seen[name] = (tuple(x.shape[1:]), tuple(values[name].shape[1:]))
        return values

    def _value(self, source: str, target: str, values: dict[str, torch.Tensor], like: torch.Tensor) -> torch.Tensor:
        if (source, target) not in self.plan.delayed:
            return values[source]
        if source in self.previous:
            return self.previous[source]
        return like.new_zeros(like.shape[0], *(self._shapes[source] or ()))

    def _outputs(self, values: dict[str, torch.Tensor]) -> Any:
        outputs = tuple(values[name] for name in self.plan.outputs)
        return outputs[0] if len(outputs) == 1 else outputs

    def _check_number_of(self, inputs: Sequence[torch.Tensor]) -> None:
        if len(inputs) != len(self.plan.inputs):
            raise ValueError(
                f"NIRNetwork: the graph has {len(self.plan.inputs)} Input nodes ({', '.join(self.plan.inputs)}), but "
                f"{len(inputs)} tensors were given."
            )

    def _refusal(self, name: str, sources: list[str], values: dict[str, torch.Tensor], error: Exception) -> str:
        kind = type(self._modules[self._keys[name]]).__name__ if name in self._keys else "Output"
        given = [f"{s!r} {list(values[s].shape[1:]) if s in values else self._shapes[s]}" for s in sources]
        return f"the node {name!r} ({kind}) can't take what its sources give, {' + '.join(given)}: {error}"

    def extra_repr(self) -> str:
        return f"dt={self.dt}, recurrent={self.is_recurrent}, step_mode={self.step_mode}"


def sum_of(values: Sequence[torch.Tensor]) -> torch.Tensor:
    """The sum of tensors of equal shape.

    :raises ValueError: where the shapes differ
    """
    total = values[0]
    for value in values[1:]:
        if value.shape != total.shape:
            raise ValueError(f"edges of the shapes {list(total.shape)} and {list(value.shape)} are no sum.")
        total = total + value
    return total
