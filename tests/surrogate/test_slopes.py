"""Each surrogate gradient is the derivative of its primitive; spikes are a Heaviside step."""

import copy
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from spikingjelly.activation_based import surrogate
from tests.cases import SURROGATES, SurrogateCase

NO_STEP = {"MultiLevelSpikeCount", "PoissonPass"}  # their forward is a number of spikes, or drawn at random
WITH_PRIMITIVE = [case for case in SURROGATES if case.has_primitive]


def points(case: SurrogateCase) -> torch.Tensor:
    x = torch.linspace(-2.4, 2.4, 481, dtype=torch.float64) + 1e-3
    keep = torch.ones_like(x, dtype=torch.bool)
    for kink in case.kinks:
        keep &= (x - kink).abs() > 1e-4
    return x[keep]


def slope(function: torch.nn.Module, x: torch.Tensor) -> torch.Tensor:
    x = x.clone().requires_grad_()
    return torch.autograd.grad(function(x).sum(), x)[0]


def test_the_table_has_every_surrogate() -> None:
    classes = {
        name
        for name in surrogate.__all__
        if isinstance(getattr(surrogate, name), type)
        and issubclass(getattr(surrogate, name), surrogate.SurrogateFunctionBase)
        and not name.endswith("Base")
    }
    assert classes == {case.cls for case in SURROGATES} | NO_STEP


@pytest.mark.parametrize("function", [surrogate.MultiLevelSpikeCount(2), surrogate.PoissonPass()], ids=repr)
def test_slope_of_what_is_no_step_is_that_of_its_primitive(function: surrogate.SurrogateFunctionBase) -> None:
    x = torch.linspace(0.01, 0.99, 50, dtype=torch.float64)
    primitive = copy.deepcopy(function)
    primitive.set_spiking_mode(False)
    assert not torch.equal(function(x), primitive(x))
    assert torch.equal(slope(function, x), slope(primitive, x))
    assert torch.equal(function.backward(x, x, *[getattr(function, p) for p in function._parameter_names]), x)


def test_slope_of_a_count_is_1_at_the_bounds() -> None:
    x = torch.tensor([-0.5, 0.0, 2.0, 2.5])
    for spiking in (True, False):
        assert slope(surrogate.MultiLevelSpikeCount(2, spiking), x).tolist() == [0.0, 1.0, 1.0, 0.0]


@pytest.mark.parametrize("case", WITH_PRIMITIVE, ids=str)
def test_slope_is_the_difference_quotient_of_the_primitive(case: SurrogateCase) -> None:
    x = points(case)
    primitive = case.make(spiking=False)
    h = 1e-5
    quotient = (primitive(x + h) - primitive(x - h)) / (2 * h)
    torch.testing.assert_close(slope(case.make(), x), quotient, rtol=case.slope_tolerance, atol=case.slope_tolerance)


@pytest.mark.parametrize("case", WITH_PRIMITIVE, ids=str)
def test_slope_is_the_derivative_of_the_primitive_by_autograd(case: SurrogateCase) -> None:
    x = points(case)
    tolerance = max(case.slope_tolerance / 100, 1e-12) if case.cls != "S2NN" else 1e-4
    torch.testing.assert_close(
        slope(case.make(), x), slope(case.make(spiking=False), x), rtol=tolerance, atol=tolerance
    )


def test_fake_numerical_gradient_is_bounded_reciprocal() -> None:
    x = torch.tensor([-10.0, -1.0, 0.0, 0.5, 4.0], dtype=torch.float64)
    expected = torch.tensor([0.1, 0.4, 0.4, 0.4, 0.25], dtype=torch.float64)
    torch.testing.assert_close(slope(surrogate.FakeNumericalGradient(alpha=0.4), x), expected)


@pytest.mark.parametrize("case", SURROGATES, ids=str)
def test_spikes_are_a_heaviside_step(case: SurrogateCase) -> None:
    x = torch.tensor([-3.0, -1e-30, -0.0, 0.0, 1e-30, 0.5, math.inf, -math.inf])
    assert case.make()(x).tolist() == [0, 0, 1, 1, 1, 1, 1, 0]


@pytest.mark.parametrize("case", SURROGATES, ids=str)
@given(x=st.floats(-1e6, 1e6, width=32))
def test_slope_is_finite_and_never_negative_where_monotone(case: SurrogateCase, x: float) -> None:
    value = slope(case.make(), torch.tensor([x], dtype=torch.float32)).item()
    assert math.isfinite(value)
    if case.cls != "SquarewaveFourierSeries":
        assert value >= 0


@pytest.mark.parametrize("case", SURROGATES, ids=str)
def test_spiking_mode_switches(case: SurrogateCase) -> None:
    function = case.make()
    x = torch.tensor([0.3, -0.2])
    assert function.spiking
    assert function(x).tolist() == [1, 0]
    function.set_spiking_mode(False)
    assert "spiking=False" in repr(function)
    if case.has_primitive:
        assert not torch.equal(function(x), torch.tensor([1.0, 0.0]))
    else:
        with pytest.raises(NotImplementedError, match="no primitive function"):
            function(x)


@pytest.mark.parametrize("case", SURROGATES, ids=str)
def test_lower_case_function_and_its_backward(case: SurrogateCase) -> None:
    names = {name.replace("_", ""): name for name in surrogate._FUNCTION_NAMES}
    name = names[case.cls.lower()]
    parameters = [getattr(case.make(), p) for p in case.make()._parameter_names]
    x = points(case).requires_grad_()
    y = getattr(surrogate, name).apply(x, *parameters)
    grad_output = torch.randn_like(y)
    expected = grad_output * slope(case.make(), x.detach())
    torch.testing.assert_close(torch.autograd.grad(y, x, grad_output)[0], expected)
    gradients = getattr(surrogate, f"{name}_backward")(grad_output, x.detach(), *parameters)
    torch.testing.assert_close(gradients[0], expected)
    assert gradients[1:] == (None,) * len(parameters)


CURVED = [c for c in WITH_PRIMITIVE if c.cls not in ("PiecewiseLeakyReLU", "LeakyKReLU", "Rect", "DeterministicPass")]


@pytest.mark.parametrize("case", CURVED, ids=str)
def test_double_backward_is_the_slope_of_the_slope(case: SurrogateCase) -> None:
    x = points(case).requires_grad_()
    (first,) = torch.autograd.grad(case.make()(x).sum(), x, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), x)
    h = 1e-6
    quotient = (slope(case.make(), x.detach() + h) - slope(case.make(), x.detach() - h)) / (2 * h)
    near_kink = torch.stack([(x.detach() - k).abs() < 1e-3 for k in (*case.kinks, 99.0)]).any(0)
    torch.testing.assert_close(second[~near_kink], quotient[~near_kink], rtol=1e-4, atol=1e-4)


class _Triangle(surrogate.SurrogateFunctionBase):
    @staticmethod
    def primitive_function(x: torch.Tensor, alpha: float) -> torch.Tensor:
        c = x.clamp(-1 / alpha, 1 / alpha)
        return alpha * c - alpha**2 / 2 * c * c.abs() + 0.5


class _Clipped(surrogate.MultiArgsSurrogateFunctionBase):
    """As third parties write them: own spiking function, own forward arguments by keyword."""

    def __init__(self, low: float, high: float, spiking: bool = True) -> None:
        super().__init__(spiking, low=low, high=high)

    @staticmethod
    def primitive_function(x: torch.Tensor, low: float, high: float) -> torch.Tensor:
        return x.clamp(low, high)


def test_a_user_surrogate_needs_only_its_primitive() -> None:
    x = points(SURROGATES[0])
    ours = surrogate.PiecewiseQuadratic(alpha=1.5)
    torch.testing.assert_close(slope(_Triangle(1.5), x), slope(ours, x))
    assert torch.equal(_Triangle(1.5)(x), surrogate.heaviside(x))
    torch.testing.assert_close(_Triangle(1.5, spiking=False)(x), surrogate.PiecewiseQuadratic(1.5, False)(x))
    leaf = x.clone().requires_grad_()
    (first,) = torch.autograd.grad(_Triangle(1.5)(leaf).sum(), leaf, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), leaf)
    assert set(second.abs().unique().tolist()) == {0.0, 2.25}


def test_a_user_surrogate_with_several_parameters() -> None:
    x = torch.tensor([-1.0, -0.4, 0.2, 0.9])
    function = _Clipped(-0.5, 0.7)
    assert function(x).tolist() == [0, 0, 1, 1]
    assert slope(function, x).tolist() == [0, 1, 1, 0]
    assert repr(function) == "_Clipped(low=-0.5, high=0.7, spiking=True)"


def test_a_user_surrogate_with_its_own_spiking_function_keeps_it() -> None:
    class Doubled(surrogate.SurrogateFunctionBase):
        @staticmethod
        def spiking_function(x: torch.Tensor, alpha: float) -> torch.Tensor:
            return surrogate.sigmoid.apply(x, alpha) * 2

    assert Doubled(4.0)(torch.tensor([-1.0, 1.0])).tolist() == [0, 2]


def test_check_manual_grad() -> None:
    function = surrogate.ATan()
    surrogate.check_manual_grad(function.primitive_function, function.spiking_function, 2.0)
    with pytest.raises(AssertionError, match="the spiking function has the slope"):
        surrogate.check_manual_grad(function.primitive_function, surrogate.Erf().spiking_function, 2.0)


def test_squarewave_needs_two_terms() -> None:
    with pytest.raises(ValueError, match="n must be an int of at least 2, but 1 was given"):
        surrogate.SquarewaveFourierSeries(n=1)


@pytest.mark.parametrize(
    ("name", "parameter", "bound"),
    [
        *[(name, "alpha", 0) for name in ("ATan", "Erf", "FakeNumericalGradient", "NonzeroSignLogAbs", "PiecewiseExp")],
        *[(name, "alpha", 0) for name in ("PiecewiseQuadratic", "Rect", "S2NN", "Sigmoid", "SoftSign", "SuperSpike")],
        ("QPseudoSpike", "alpha", 1),
        ("PiecewiseLeakyReLU", "w", 0),
        ("SquarewaveFourierSeries", "T_period", 0),
    ],
)
def test_parameters_that_turn_the_slope_round_are_refused(name: str, parameter: str, bound: int) -> None:
    cls = getattr(surrogate, name)
    for wrong in (float(bound), bound - 0.5):
        for error in (ValueError, AssertionError):
            with pytest.raises(
                error, match=rf"{name}: {parameter} must be greater than {bound}, but {wrong} was given"
            ):
                cls(**{parameter: wrong})
    learned = torch.nn.Parameter(torch.tensor(bound + 0.5))
    assert getattr(cls(**{parameter: learned}), parameter) is learned


def test_leaks_may_have_any_sign() -> None:
    assert slope(surrogate.LeakyKReLU(leak=-0.5), torch.tensor([-1.0])).item() == -0.5
    assert slope(surrogate.LogTailedReLU(alpha=-0.25), torch.tensor([-1.0])).item() == -0.25


def test_functions_made_from_classes_say_which() -> None:
    for name, cls in surrogate._FUNCTION_NAMES.items():
        assert f":class:`{cls.__name__}`" in getattr(surrogate, name).__doc__
        assert f":class:`{cls.__name__}`" in getattr(surrogate, f"{name}_backward").__doc__


def test_repr_and_copies() -> None:
    assert repr(surrogate.Sigmoid()) == "Sigmoid(alpha=4.0, spiking=True)"
    function = copy.deepcopy(surrogate.PiecewiseLeakyReLU(w=0.6, c=0.02))
    assert repr(function) == "PiecewiseLeakyReLU(w=0.6, c=0.02, spiking=True)"
