"""The two loops over time in Triton: one program takes a block of neurons through all time steps.

The forward pass keeps nothing but its results. The backward pass cuts time into segments. It first runs forward and
saves the states at the start of each segment, except the first, where they are given, and the last, where they are at
hand. Then it takes the segments in reverse: it runs a segment forward again, with the input and the states of each step
in variables of their own, as Triton has no arrays in registers, and goes back through them.
"""

from collections.abc import Sequence

from spikingjelly.fusion.printers import triton
from spikingjelly.fusion.program import Instruction, Operand, Program, used
from spikingjelly.fusion.templates.step import Names

_PRELUDE = '''\
"""{title}

Registers: {register}. Memory: {memory}. Made by spikingjelly.fusion from the neuron's own methods.
"""

import triton
import triton.language as tl
from triton.language.extra import libdevice
'''


def longest_segment(program: Program) -> int:
    """Time steps whose inputs, states and gradients fit into registers together; a power of two."""
    return 8 if program.states <= 1 else 4


def source(program: Program, memory: str, title: str) -> str:
    """The Python text of both directions for tensors of dtype ``memory``."""
    register = "tl.float64" if memory == "float64" else "tl.float32"
    prelude = _PRELUDE.format(title=title, register=register.removeprefix("tl."), memory=memory)
    parts = [*_functions(program, register), _forward(program, register), _backward(program, register)]
    return "\n\n".join([prelude, *parts])


def _functions(program: Program, register: str) -> list[str]:
    """``step``, ``next_states`` and ``vjp``: a time step, a time step without its output, and the way back."""
    names = Names.of(program)
    given = ["x", *names.states, *names.constants]
    cotangents = ["gy", *[f"g{s}" for s in names.states]]
    gradients = [*program.gradients, *program.sums]
    next_states = _function("next_states", given, program.forward, program.outputs[1:], register)
    return [
        _function("step", given, program.forward, program.outputs, register),
        *([next_states] if names.states else []),
        _function("vjp", [*given, *cotangents], program.backward, gradients, register),
    ]


def _function(
    name: str,
    arguments: list[str],
    instructions: Sequence[Instruction],
    results: Sequence[Operand],
    register: str,
) -> str:
    values = ", ".join(triton.block(result, register) for result in results)
    body = [*triton.lines(used(instructions, results), register), f"return {values}"]
    return _text(["@triton.jit", f"def {name}({', '.join(arguments)}):", *_indented(body)])


def _forward(program: Program, register: str) -> str:
    names = Names.of(program)
    states = names.states
    rows = [["X", "Y", "T: tl.int64", "N: tl.int64", "x_stride: tl.int64"]]
    rows += [[f"GIVEN_{s}", f"stride_{s}", f"FINAL_{s}", f"ALL_{s}"] for s in states]
    loop = [
        "# Read ahead, so that memory is busy while this step is computed.",
        f"following = {_load('X + (t + 1) * x_stride + neuron', 'inside & (t + 1 < end)')}",
        f"{_listed('y', *states)} = step({_listed(f'x.to({register})', *states, *names.constants)})",
        _store("Y + t * N + neuron", "y"),
        *[_if_given(f"ALL_{s}", _store(f"ALL_{s} + t * N + neuron", s)) for s in states],
        "x = following",
    ]
    body = [
        *_load_block(names, register),
        f"x = {_load('X + neuron')}",
        "for t in range(T):",
        *_indented(loop),
        *[_store(f"FINAL_{s} + neuron", s) for s in states],
    ]
    return _text([*_head("forward", names, rows, ["T"], ["BLOCK"]), *_indented(body)])


def _backward(program: Program, register: str) -> str:
    names = Names.of(program)
    states = names.states
    rows = [
        ["X", "GY", "GX", "SAVED"],
        ["T: tl.int64", "N: tl.int64", "segments: tl.int64", "x_stride: tl.int64", "gy_stride: tl.int64"],
        *[[f"GIVEN_{s}", f"stride_{s}"] for s in states],
        *[[f"GRAD_FINAL_{s}", f"GRAD_ALL_{s}", f"all_stride_{s}: tl.int64", f"GRAD_{s}"] for s in states],
        [f"SUM_{a}" for a in names.sums],
    ]
    body = [
        *_load_block(names, register),
        *[f"start_{s} = {s}" for s in states],
        *_save_segments(names, register),
        *[f"g{s} = tl.full([BLOCK], 0.0, {register})" for s in states],
        *[_if_given(f"GRAD_FINAL_{s}", f"g{s} += {_load(f'GRAD_FINAL_{s} + neuron')}.to({register})") for s in states],
        *[f"{a} = tl.full([BLOCK], 0.0, {register})" for a in names.sums],
        "for done in range(segments):",
        *_indented(_reverse_segment(names, register, range(longest_segment(program)))),
        *[_if_given(f"GRAD_{s}", _store(f"GRAD_{s} + neuron", f"g{s}")) for s in states],
        *[_store(f"SUM_{a} + neuron", a) for a in names.sums],
    ]
    return _text([*_head("backward", names, rows, ["T", "segments"], ["SEGMENT", "BLOCK"]), *_indented(body)])


def _head(
    name: str, names: Names, rows: Sequence[Sequence[str]], unspecialized: Sequence[str], constants: Sequence[str]
) -> list[str]:
    """Decorator and signature: the arguments ``rows``, uniforms, numbers, and what is known when it is compiled."""
    uniforms = [[f"VALUES_{u}", f"count_{u}", f"inner_{u}"] for u in names.uniforms]
    numbers = [[f"{number}: tl.float64"] for number in names.numbers]  # else Triton takes them as float32
    rows = [*rows, *uniforms, *numbers, [f"{constant}: tl.constexpr" for constant in constants]]
    arguments = _indented([f"{_listed(*row)}," for row in rows if row])
    quoted = _listed(*[f'"{argument}"' for argument in unspecialized])
    return [f"@triton.jit(do_not_specialize=[{quoted}])", f"def {name}(", *arguments, "):"]


def _load_block(names: Names, register: str) -> list[str]:
    """Which neurons a program has, and what they start with."""
    return [
        "neuron = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)",
        "inside = neuron < N",
        "end = tl.full([BLOCK], T, tl.int64)",
        *[f"{c} = tl.full([BLOCK], {c}, {register})" for c in names.numbers],
        *[f"{u} = {_load(f'VALUES_{u} + neuron // inner_{u} % count_{u}')}" for u in names.uniforms],
        *[f"{s} = {_load(f'GIVEN_{s} + neuron * stride_{s}')}.to({register})" for s in names.states],
    ]


def _save_segments(names: Names, register: str) -> list[str]:
    """Forward to the start of the last segment."""
    states = names.states
    if not states:
        return []
    steps = [
        f"x = {_load('X + (segment * SEGMENT + step_in_segment) * x_stride + neuron')}",
        f"{_listed(*states)} = next_states({_listed(f'x.to({register})', *states, *names.constants)})",
    ]
    segment = [
        *[_store(_saved(k, states, "segment - 1"), s, "inside & (segment > 0)") for k, s in enumerate(states)],
        "for step_in_segment in tl.static_range(SEGMENT):",
        *_indented(steps),
    ]
    return ["for segment in range(segments - 1):", *_indented(segment)]


def _reverse_segment(names: Names, register: str, steps: Sequence[int]) -> list[str]:
    """One segment: read it, run it forward again, go back, and fetch the states of the segment before it."""
    fetched = [_load(_saved(k, names.states, "segment - 2"), "saved") for k in range(len(names.states))]
    return [
        "segment = segments - 1 - done",
        "first = segment * SEGMENT",
        *[line for step in steps for line in _from_step(step, _read_step(step))],
        *[f"{s}_0 = {s}" for s in names.states],
        *[line for step in steps[1:] if names.states for line in _from_step(step, _run_again(step, names, register))],
        *[line for step in reversed(steps) for line in _from_step(step, _reverse_step(step, names, register))],
        "saved = inside & (segment > tl.full([BLOCK], 1, tl.int64))",
        *[f"{s} = tl.where(saved, {load}, start_{s})" for s, load in zip(names.states, fetched, strict=True)],
    ]


def _from_step(step: int, lines: list[str]) -> list[str]:
    """``lines`` where a segment has the step at all. Every segment has a step 0."""
    return lines if step == 0 else [f"if SEGMENT > {step}:", *_indented(lines)]


def _read_step(step: int) -> list[str]:
    return [
        f"t_{step} = first + {step}",
        f"real_{step} = inside & (t_{step} < end)",
        f"x_{step} = {_load(f'X + t_{step} * x_stride + neuron', f'real_{step}')}",
        f"gy_{step} = {_load(f'GY + t_{step} * gy_stride + neuron', f'real_{step}')}",
    ]


def _run_again(step: int, names: Names, register: str) -> list[str]:
    arguments = [f"x_{step - 1}.to({register})", *[f"{s}_{step - 1}" for s in names.states], *names.constants]
    return [f"{_listed(*[f'{s}_{step}' for s in names.states])} = next_states({_listed(*arguments)})"]


def _reverse_step(step: int, names: Names, register: str) -> list[str]:
    """Steps after the end, in a segment that is not full, change neither gradients nor sums."""
    states, t, real = names.states, f"t_{step}", f"real_{step}"
    results = ["grad_x", *[f"grad_{s}" for s in states], *[f"term_{a}" for a in names.sums]]
    arguments = [f"x_{step}.to({register})", *[f"{s}_{step}" for s in states], *names.constants]
    arguments += [f"gy_{step}.to({register})", *[f"g{s}" for s in states]]
    given = [_load(f"GRAD_ALL_{s} + {t} * all_stride_{s} + neuron", real) for s in states]
    return [
        *[_if_given(f"GRAD_ALL_{s}", f"g{s} += {load}.to({register})") for s, load in zip(states, given, strict=True)],
        f"{_listed(*results)} = vjp({_listed(*arguments)})",
        _if_given("GX", _store(f"GX + {t} * N + neuron", "grad_x", real)),
        *[f"g{s} = tl.where({real}, grad_{s}, g{s})" for s in states],
        *[f"{a} = tl.where({real}, {a} + term_{a}, {a})" for a in names.sums],
    ]


def _saved(number: int, states: list[str], row: str) -> str:
    """Where the state with a ``number`` is saved at the start of a segment."""
    return f"SAVED + (({row}) * {len(states)} + {number}) * N + neuron"


def _load(pointer: str, mask: str = "inside") -> str:
    return f"tl.load({pointer}, mask={mask}, other=0.0)"


def _store(pointer: str, value: str, mask: str = "inside") -> str:
    return f"tl.store({pointer}, {value}, mask={mask})"


def _if_given(pointer: str, line: str) -> str:
    return f"if {pointer} is not None:\n    {line}"


def _listed(*names: str) -> str:
    return ", ".join(names)


def _indented(lines: Sequence[str]) -> list[str]:
    return [f"    {line}" for text in lines for line in text.split("\n")]


def _text(lines: Sequence[str]) -> str:
    return "\n".join(lines) + "\n"
