"""The Poisson encoder: exact numbers where a seed reproduces them, exact probabilities and statistics elsewhere."""

import math

import pytest
import torch

from spikingjelly.activation_based import encoding
from spikingjelly.activation_based.encoding import _static_image

DTYPES = [torch.float32, torch.float64, torch.float16, torch.bfloat16]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("step_mode", ["s", "m"])
def test_a_seed_reproduces_the_spikes(step_mode: str, dtype: torch.dtype) -> None:
    x = torch.rand(5, 3, 4).to(dtype)
    torch.manual_seed(7)
    expected = torch.rand_like(x).le(x).to(x)
    torch.manual_seed(7)
    spikes = encoding.PoissonEncoder(step_mode)(x)
    assert torch.equal(spikes, expected)
    assert spikes.dtype == dtype


def test_a_value_that_equals_the_random_number_fires() -> None:
    torch.manual_seed(7)
    x = torch.rand(1000)
    torch.manual_seed(7)
    assert bool(encoding.PoissonEncoder()(x).all())


def test_only_an_expanded_sequence_is_a_static_image() -> None:
    image = torch.rand(2, 3)
    assert _static_image.is_static(image.expand(4, 2, 3))
    assert _static_image.is_static(torch.tensor(0.5).expand(4))
    for x_seq in (
        image.repeat(4, 1, 1),
        image.expand(4, 2, 3)[:1],
        torch.rand(4, 1, 3).expand(4, 2, 3),
        image[:0].expand(4, 0, 3),
        image.to("meta").expand(4, 2, 3),
        torch.tensor(0.5),
    ):
        assert not _static_image.is_static(x_seq)


def test_single_steps_never_take_the_way_of_static_images() -> None:
    x = torch.rand(3).expand(4, 3)
    torch.manual_seed(7)
    expected = torch.rand_like(x).le(x).to(x)
    torch.manual_seed(7)
    assert torch.equal(encoding.PoissonEncoder("s")(x), expected)


def test_zero_images_and_empty_batches() -> None:
    encoder = encoding.PoissonEncoder("m")
    assert encoder(torch.zeros(3, 4).expand(5, 3, 4)).sum() == 0
    assert encoder(torch.zeros(0, 4).expand(5, 0, 4)).shape == (5, 0, 4)


def test_no_gradient() -> None:
    for x in (torch.rand(4, 3, requires_grad=True), torch.rand(3, requires_grad=True).expand(4, 3)):
        assert not encoding.PoissonEncoder("m")(x).requires_grad


def static(image: torch.Tensor, T: int) -> torch.Tensor:
    return encoding.PoissonEncoder("m")(image.expand(T, *image.shape))


# The first image is scattered, the second compared as a whole.
BLACK = pytest.mark.parametrize("black", [60, 0], ids=["mostly black", "dense"])


def test_the_default_device_does_not_matter() -> None:
    images = [torch.zeros(3), torch.ones(3), torch.tensor([0.0, 0.0, 1.0])]
    with torch.device("meta"):
        for image in images:
            assert torch.equal(static(image, 2), image.expand(2, 3))


@BLACK
@pytest.mark.parametrize("dtype", DTYPES)
def test_static_images_keep_shape_dtype_and_seed(black: int, dtype: torch.dtype) -> None:
    image = torch.cat([torch.zeros(black), torch.rand(40)]).view(2, 1, -1).to(dtype)
    torch.manual_seed(3)
    spikes = static(image, 6)
    torch.manual_seed(3)
    assert torch.equal(static(image, 6), spikes)
    assert spikes.shape == (6, *image.shape)
    assert spikes.dtype == dtype
    assert spikes.is_contiguous()
    assert set(spikes.unique().tolist()) == {0.0, 1.0}
    assert not torch.equal(static(image, 6), spikes)
    assert spikes.flatten(1)[:, :black].sum() == 0


@BLACK
@pytest.mark.parametrize("chunk", [1 << 12, 1 << 18, 1 << 60], ids=["small chunks", "default", "at once"])
def test_each_probability_is_exact(black: int, chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """With every 16-bit integer drawn once, each pixel fires as often as its probability says."""
    drawn = [0]

    def all_integers(bits: object, rows: int, columns: int) -> torch.Tensor:
        drawn[0] += rows
        first = drawn[0] - rows - (1 << 15)
        return torch.arange(first, first + rows, dtype=torch.int16).view(rows, 1).expand(rows, columns)

    monkeypatch.setattr(_static_image, "_random_int16", all_integers)
    monkeypatch.setattr(_static_image, "_CHUNK", chunk)
    step, inf = 2.0**-16, math.inf
    pixels = {
        0.0: 0, -0.5: 0, -inf: 0, math.nan: 0, 0.5 * step: 0, 0.51 * step: 1, step: 1, 1.5 * step: 2, 2.5 * step: 2, 2.5000000001 * step: 3,
        0.3: round(0.3 * 65536), 0.5: 32768, 1 - step: 65535, 1 - 0.51 * step: 65535, 1 - 0.5 * step: 65536,
        1.0: 65536, 7.0: 65536, inf: 65536,
    }  # fmt: skip
    image = torch.cat([torch.tensor(list(pixels), dtype=torch.float64), torch.zeros(black)])
    spikes = static(image, 1 << 16)
    assert drawn == [1 << 16]
    assert spikes.sum(0).tolist() == [*pixels.values(), *[0] * black]


@BLACK
def test_a_time_step_may_be_larger_than_a_chunk(black: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_static_image, "_CHUNK", 1)
    image = torch.cat([torch.zeros(black), torch.ones(30)])
    assert torch.equal(static(image, 4), image.expand(4, -1))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_all_levels(dtype: torch.dtype) -> None:
    levels = torch.arange((1 << 16) + 1)
    exact = levels.to(dtype) / (1 << 16)
    assert torch.equal(_static_image._level(exact), levels.int())
    between = (levels[:-1].to(dtype) + 0.5) / (1 << 16)
    assert torch.equal(_static_image._level(between), (levels[:-1] + levels[:-1] % 2).int())
    # int16 values up to the bound, counted from -2**15
    assert torch.equal(_static_image._bound(levels[1:].int()).long() + (1 << 15) + 1, levels[1:])


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_not_rounded_again(dtype: torch.dtype) -> None:
    image = torch.rand(1000).to(dtype)
    expected = [round(value * 65536) for value in image.tolist()]
    assert _static_image._level(image).tolist() == expected


def test_all_bits_are_random() -> None:
    drawn = _static_image._random_int16(_static_image._random_bits(), 1000, 403).int()
    assert drawn.shape == (1000, 403)
    n = drawn.numel()
    for bit in range(16):
        ones = int(((drawn >> bit) & 1).sum())
        assert abs(ones - n / 2) < 5 * math.sqrt(n / 4)
    assert drawn.unique().numel() > 65000


def correlation_is_noise(a: torch.Tensor, b: torch.Tensor) -> bool:
    """Whether the sample correlation of independent values stays within 5 sigma of 0."""
    a, b = a.flatten() - a.mean(), b.flatten() - b.mean()
    return abs(float((a * b).mean() / (a.std() * b.std()))) < 5 / math.sqrt(a.numel())


@BLACK
def test_statistics_of_static_images(black: int) -> None:
    T, copies = 400, 50
    intensities = torch.linspace(0.02, 0.98, 33)
    lit = intensities.repeat(copies)
    image = torch.cat([torch.zeros(black * lit.numel() // 40), lit])
    spikes = static(image, T)[:, -lit.numel() :]

    rates = spikes.view(T, copies, -1).mean((0, 1))
    sigma = torch.sqrt(intensities * (1 - intensities) / (T * copies))
    assert bool(((rates - intensities).abs() < 5 * sigma + 2.0**-17).all())

    # Binomial counts: were spikes tied together over time, their variance would be another.
    counts = spikes.sum(0).double()
    standard = (counts - T * lit) / torch.sqrt(T * lit * (1 - lit))
    n = standard.numel()
    assert abs(float(standard.pow(2).mean()) - 1) < 5 * math.sqrt(2 / n)

    noise = (spikes - lit) / torch.sqrt(lit * (1 - lit))
    for lag in (1, 2, 3, 4):  # four spikes share one random word
        assert correlation_is_noise(noise[:, lag:], noise[:, :-lag])
        assert correlation_is_noise(noise[lag:], noise[:-lag])


@pytest.mark.parametrize("step_mode", ["s", "m"])
def test_bad_arguments_are_told(step_mode: str) -> None:
    encoder = encoding.PoissonEncoder(step_mode=step_mode)
    with pytest.raises(
        TypeError, match=r"PoissonEncoder: the input must have a floating-point dtype.* x.float\(\) / 255"
    ):
        encoder(torch.ones(3, 3, dtype=torch.uint8))
    with pytest.raises(TypeError, match=r"the input must be a torch.Tensor, but \[0.5\]"):
        encoder([0.5])
    with pytest.raises(ValueError, match="step_mode must be 's' or 'm', but 'x'"):
        encoding.PoissonEncoder("x")
    assert repr(encoder) == f"PoissonEncoder(step_mode={step_mode})"


def test_a_stateless_encoder_has_to_define_forward() -> None:
    with pytest.raises(NotImplementedError, match=r"StatelessEncoder does not define forward\(x\)"):
        encoding.StatelessEncoder()(torch.rand(2))
