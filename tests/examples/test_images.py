"""Where the images come from, and what augmentation does to them."""

import pytest
import torch

from spikingjelly.activation_based.examples import conv_fashion_mnist, lif_fc_mnist
from spikingjelly.activation_based.examples.common import images
from spikingjelly.datasets import MNIST, FashionMNIST


def test_without_a_folder_the_digits_are_said_to_be_no_fashion(capsys: pytest.CaptureFixture[str]) -> None:
    train, test, classes, data = images.load(conv_fashion_mnist.parse(["-b", "64"]), FashionMNIST)
    assert (len(train), len(test), classes[3]) == (93, 16, "3 - three")
    assert "subset of MNIST" in data
    assert "These are digits: the accuracy is not one on FashionMNIST." in capsys.readouterr().out
    images.load(lif_fc_mnist.parse([]), MNIST)
    assert "These are digits" not in capsys.readouterr().out


def test_the_whole_data_set_has_its_own_classes(shared_data) -> None:
    args = conv_fashion_mnist.parse(["-data-dir", str(shared_data / "fashion-mnist"), "-b", "128"])
    train, test, classes, data = images.load(args, FashionMNIST)
    assert (len(train), len(test), classes[9], data) == (468, 79, "Ankle boot", "FashionMNIST")


def test_half_of_the_images_are_mirrored() -> None:
    batch = torch.rand(64, 2, 5, 6)
    out = images.flip_and_shift(batch, pixels=0)
    kept = (out == batch).flatten(1).all(1)
    mirrored = (out == batch.flip(3)).flatten(1).all(1)
    assert (kept ^ mirrored).all()
    assert 16 < kept.sum() < 48


@pytest.mark.parametrize("pixels", [1, 2])
def test_images_are_shifted_by_up_to_that_many_pixels_in_both_directions(pixels: int) -> None:
    batch = torch.zeros(400, 1, 9, 9)
    batch[:, :, 4, 4] = 1.0  # the centre, which a mirror leaves where it is
    _, _, row, column = images.flip_and_shift(batch, pixels).nonzero(as_tuple=True)
    assert len(row) == 400
    for place in (row, column):
        assert sorted(set(place.tolist())) == list(range(4 - pixels, 4 + pixels + 1))
    assert len(set(zip(row.tolist(), column.tolist(), strict=True))) == (2 * pixels + 1) ** 2


def test_what_comes_in_from_beyond_the_edge_is_black() -> None:
    out = images.flip_and_shift(torch.ones(50, 1, 4, 4), pixels=3)
    assert set(out.unique().tolist()) == {0.0, 1.0}
    assert out.flatten(1).sum(1).min() == 1  # one pixel of 16 is left where both shifts are 3
