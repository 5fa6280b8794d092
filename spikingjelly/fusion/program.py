"""What is left of a neuron after tracing: two lists of elementwise instructions, as data.

A :class:`Program` is all that printers, templates and targets know of a neuron. It goes through ``torch.library``
operators, and so through ``torch.compile``, as one string.

Names of values: ``x`` input of the time step, ``s0, s1, ...`` states before it, ``u0, u1, ...`` values that do not
change over time, ``gy`` gradient at the output, ``gs0, gs1, ...`` gradients at the states after the time step, ``t0,
t1, ...`` results of instructions, ``c0, c1, ...`` numbers that are given at run time.
"""

import functools
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

Operand = str | float | bool
EagerArgument = object  # numbers, None, or a list that starts with its kind: see `eager.py`


@dataclass(frozen=True)
class Instruction:
    """``result = name(*arguments)`` for one neuron and one time step."""

    result: str
    name: str
    arguments: tuple[Operand, ...]
    is_bool: bool


@dataclass(frozen=True)
class EagerInstruction:
    """``result = target(*arguments)`` on whole tensors, once a call, before or after the loop over time."""

    result: str
    target: str
    arguments: tuple[EagerArgument, ...]
    options: tuple[tuple[str, EagerArgument], ...] = ()


@dataclass(frozen=True)
class Program:
    """One time step and its vector-Jacobian product.

    :param states: number of states
    :param uniforms: eager values that are ``u0, u1, ...`` in the instructions
    :param forward: instructions of a time step
    :param outputs: the output and the next states
    :param smooth: which of these have a gradient at all: not a state that the step cuts from the graph
    :param backward: instructions of the vector-Jacobian product, which compute again what they need of the time step
    :param gradients: gradients at the input and at the states before the time step
    :param sums: values to be summed over time, ``a0, a1, ...`` for ``eager``
    :param eager: instructions on the parameters ``p0, p1, ...`` and on the sums
    :param parameter_gradients: eager values that are the gradients at the parameters, None where there is none
    """

    states: int
    uniforms: tuple[str, ...]
    forward: tuple[Instruction, ...]
    outputs: tuple[Operand, ...]
    smooth: tuple[bool, ...]
    backward: tuple[Instruction, ...]
    gradients: tuple[Operand, ...]
    sums: tuple[Operand, ...]
    eager: tuple[EagerInstruction, ...]
    parameter_gradients: tuple[str | None, ...]

    @property
    def numbers(self) -> int:
        """How many numbers ``c0, c1, ...`` the instructions read."""
        named = [a for i in (*self.forward, *self.backward) for a in i.arguments]
        named += [*self.outputs, *self.gradients, *self.sums]
        return len({a for a in named if isinstance(a, str) and a[0] == "c"})

    def dumps(self) -> str:
        return json.dumps(asdict(self), separators=(",", ":"))


@functools.lru_cache(maxsize=4096)
def loads(text: str) -> Program:
    """The program that :meth:`Program.dumps` wrote."""
    fields = json.loads(text)
    for name in ("forward", "backward"):
        fields[name] = tuple(Instruction(**{**i, "arguments": tuple(i["arguments"])}) for i in fields[name])
    fields["eager"] = tuple(
        EagerInstruction(i["result"], i["target"], tuple(i["arguments"]), tuple((k, v) for k, v in i["options"]))
        for i in fields["eager"]
    )
    for name in ("uniforms", "outputs", "smooth", "gradients", "sums", "parameter_gradients"):
        fields[name] = tuple(fields[name])
    return Program(**fields)


def used(instructions: Sequence[Instruction], results: Sequence[Operand]) -> tuple[Instruction, ...]:
    """The instructions that ``results`` need, in their order."""
    wanted = {r for r in results if isinstance(r, str)}
    kept = []
    for instruction in reversed(instructions):
        if instruction.result in wanted:
            kept.append(instruction)
            wanted.update(a for a in instruction.arguments if isinstance(a, str))
    return tuple(reversed(kept))
