"""Networks that torch.fx can't follow."""

import copy
import io
import logging

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from spikingjelly.activation_based import ann2snn, functional
from tests.ann2snn.networks import Shared, Untraceable, trained


@pytest.fixture
def x() -> torch.Tensor:
    return torch.rand(6, 1, 8, 8, dtype=torch.float64)


def test_modules_are_exchanged_in_place(x: torch.Tensor, caplog: pytest.LogCaptureFixture) -> None:
    ann = trained(Untraceable().double(), x)
    with caplog.at_level(logging.WARNING):
        snn = ann2snn.Converter([x], mode="99.9%")(ann)
    assert "can't follow the forward of Untraceable (TraceError" in caplog.text
    assert type(snn) is Untraceable
    assert {"features.2.scaler0.scale", "classifier.2.scaler1.scale"} <= set(snn.state_dict())
    assert isinstance(snn.features[1], nn.Identity)
    with torch.no_grad():
        one_by_one = torch.stack([snn(x) for _ in range(16)])
    file = io.BytesIO()
    functional.reset_net(snn)
    torch.save(snn, file)
    file.seek(0)
    for other in (snn, copy.deepcopy(snn), torch.load(file, weights_only=False)):
        functional.set_step_mode(other, "m")
        with torch.no_grad():
            torch.testing.assert_close(other(x.expand(16, *x.shape)), one_by_one)


def test_named_arguments_and_views(caplog: pytest.LogCaptureFixture) -> None:
    class Viewing(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.relu, self.act, self.out = nn.Conv2d(2, 4, 3), nn.ReLU(), nn.Tanh(), nn.Linear(4 * 9, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            if x.sum() < 0:
                return x
            return self.act(self.out(self.relu(self.conv(x)).view(x.size(0), -1)))

    x = torch.rand(3, 2, 5, 5)
    with caplog.at_level(logging.WARNING):
        snn = ann2snn.convert(Viewing(), [x], "opi")
    assert "not linear and have not been converted" in caplog.text
    assert "Tanh 'act'" in caplog.text
    with torch.no_grad():
        outputs = snn(x=x.expand(4, *x.shape))
    assert torch.equal(outputs, ann2snn.simulate(snn, x, 4))


def test_batch_norms_stay_where_they_are_wanted(x: torch.Tensor) -> None:
    snn = ann2snn.Converter([x], fuse_flag=False)(trained(Untraceable().double(), x))
    assert isinstance(snn.features[1], nn.BatchNorm2d)


@pytest.mark.parametrize("method", list(ann2snn.METHODS))
def test_all_methods(x: torch.Tensor, method: str) -> None:
    ann = trained(Untraceable().double(), x)
    snn = ann2snn.convert(ann, [x], method, T=32)
    with torch.no_grad():
        error = (ann2snn.simulate(snn, x, 32).mean(0) - ann(x)).norm() / ann(x).norm()
    assert error < 0.25
    assert "features.2" in str(ann2snn.report(ann, snn, x, 32))
    with pytest.raises(TypeError, match="a Untraceable was given. Networks that torch.fx can't follow keep"):
        ann2snn.fold_scales(snn)


class Tangled(Shared):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if x.sum() < 0:
            return x
        h = F.max_pool1d(torch.relu(super().forward(x)), 1)
        return F.relu(h) + x.relu().mean()


@pytest.mark.parametrize(
    "convert", [lambda x: ann2snn.Converter([x])(Tangled()), lambda x: ann2snn.convert(Tangled(), [x])]
)
def test_a_list_of_what_stands_in_the_way(convert) -> None:
    with pytest.raises(ValueError, match="can't be followed by torch.fx") as error:
        convert(torch.rand(4, 6))
    text = str(error.value)
    assert "the module 'relu' is called 2 times in one forward" in text
    assert "the function relu is called" in text
    assert "max_pool1d is called" in text
    assert "Give each call a module of its own" in text


def test_no_activation_and_no_images(x: torch.Tensor) -> None:
    class Nothing(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x if x.sum() > 0 else -x

    for convert in (lambda: ann2snn.Converter([x])(Nothing()), lambda: ann2snn.convert(Nothing(), [x])):
        with pytest.raises(ValueError, match="no activation"):
            convert()
    with pytest.raises(ValueError, match="give a dataloader to look at it"):
        ann2snn.convert(Untraceable())
