"""Parameters and states in whatever form they come: expanded, negated in view, on another device."""

from collections.abc import Callable

import pytest
import torch

from spikingjelly.fusion import call
from spikingjelly.fusion.program import Program
from tests.fusion.steps import in_kernel, in_loop, step_of

F64 = torch.float64
FORMS: dict[str, Callable[[], torch.Tensor]] = {
    "one number for all channels": lambda: torch.tensor(0.7, dtype=F64).expand(4),
    "one number for each sample": lambda: torch.linspace(0.1, 0.9, 3, dtype=F64).unsqueeze(1).expand(3, 4),
    "negated in view": lambda: torch._neg_view(torch.linspace(0.1, 0.9, 4, dtype=F64)),
    "one number, negated in view": lambda: torch._neg_view(torch.tensor(0.7, dtype=F64)),
    "every other": lambda: torch.linspace(0.1, 0.9, 8, dtype=F64)[::2],
    "transposed": lambda: torch.linspace(0.1, 0.9, 12, dtype=F64).view(4, 3).t(),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("learned", [False, True])
def test_a_parameter_of_every_form_is_that_of_the_loop(form: str, learned: bool) -> None:
    def run(x, states, tensors):
        v = states[0] * tensors[0] + x
        return v.tanh(), v

    parameter = FORMS[form]().requires_grad_(learned)
    generator = torch.Generator().manual_seed(2)
    x = torch.rand(5, 3, 4, dtype=F64, generator=generator).requires_grad_()
    states = [torch.rand(3, 4, dtype=F64, generator=generator)]
    leaves = [x, parameter] if learned else [x]
    results = []
    for outputs in (in_loop(run, x, states, [parameter]), in_kernel(step_of(run, [parameter]), x, states)):
        results.append([*outputs, *torch.autograd.grad(sum(o.square().sum() for o in outputs), leaves)])
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(other, one, rtol=1e-12, atol=1e-12)


def test_without_neurons_a_parameter_without_values_is_no_error() -> None:
    def run(x, states, tensors):
        return (x * tensors[0],)

    x = torch.rand(4, 2, 0, requires_grad=True)
    parameter = torch.rand(0, requires_grad=True)
    (y,) = in_kernel(step_of(run, [parameter]), x, [])
    assert [g.shape for g in torch.autograd.grad(y.sum(), [x, parameter])] == [x.shape, parameter.shape]


META = torch.device("meta")
LAYOUT = call.layout_of(torch.zeros(2, 3))
READS_ONE = Program(0, ("p0",), (), ("u0",), (True,), (), (), (), (), (None,))


def test_a_number_on_the_cpu_goes_to_the_device_of_the_input() -> None:
    """PyTorch's own operations take it from there; a kernel would read at an address of another memory."""
    (view,), _ = call.uniforms(READS_ONE, [torch.tensor(0.5)], LAYOUT, torch.float32, META)
    assert view.tensor.device == META


def test_a_parameter_on_another_device_is_an_error() -> None:
    with pytest.raises(RuntimeError, match=r"a parameter or buffer of shape \[3\] is on cpu, the input on meta\. Move"):
        call.uniforms(READS_ONE, [torch.rand(3)], LAYOUT, torch.float32, META)


def test_a_state_on_another_device_is_an_error() -> None:
    with pytest.raises(RuntimeError, match=r"a state is on cpu, the input on meta\. Call functional\.reset_net"):
        call.state(torch.rand(3), LAYOUT, torch.float32, META)
