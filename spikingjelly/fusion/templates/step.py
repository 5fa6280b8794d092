"""A program as two inline C functions, the same for C++ and CUDA C; the loops over time are each target's own."""

from dataclasses import dataclass

from spikingjelly.fusion.printers import c_family
from spikingjelly.fusion.program import Instruction, Operand, Program, used


@dataclass(frozen=True)
class Names:
    """Values of a program in the order in which every template lists them."""

    states: list[str]
    uniforms: list[str]
    numbers: list[str]
    sums: list[str]

    @classmethod
    def of(cls, program: Program) -> "Names":
        return cls(
            states=[f"s{k}" for k in range(program.states)],
            uniforms=[f"u{k}" for k in range(len(program.uniforms))],
            numbers=[f"c{k}" for k in range(program.numbers)],
            sums=[f"a{k}" for k in range(len(program.sums))],
        )

    @property
    def constants(self) -> list[str]:
        return [*self.uniforms, *self.numbers]


def functions(program: Program, qualifier: str) -> str:
    """``step``, ``next_states`` and ``vjp``: a time step, a time step without its output, and the way back."""
    names = Names.of(program)
    given = [f"const R {name}" for name in ["x", *names.states]]
    constants = [f"const R {name}" for name in names.constants]
    after = [f"R& next_{name}" for name in names.states]
    cotangents = [f"const R {name}" for name in ["gy", *[f"g{s}" for s in names.states]]]
    gradients = [f"R& grad_{name}" for name in ["x", *names.states]] + [f"R& term_{name}" for name in names.sums]
    step_results = dict(zip(["y", *[f"next_{s}" for s in names.states]], program.outputs, strict=True))
    states_only = {name: value for name, value in step_results.items() if name != "y"}
    vjp_results = dict(
        zip([g.removeprefix("R& ") for g in gradients], [*program.gradients, *program.sums], strict=True)
    )
    return "\n".join(
        [
            _function(qualifier, "step", [*given, *constants, "R& y", *after], program.forward, step_results),
            _function(qualifier, "next_states", [*given, *constants, *after], program.forward, states_only),
            _function(qualifier, "vjp", [*given, *constants, *cotangents, *gradients], program.backward, vjp_results),
        ]
    )


def _function(
    qualifier: str,
    name: str,
    arguments: list[str],
    instructions: tuple[Instruction, ...],
    results: dict[str, Operand],
) -> str:
    body = c_family.lines(used(instructions, list(results.values())))
    assignments = "\n".join(f"    {result} = {c_family.literal(value)};" for result, value in results.items())
    return f"{qualifier} void {name}({', '.join(arguments)}) {{\n{body}\n{assignments}\n}}\n"
