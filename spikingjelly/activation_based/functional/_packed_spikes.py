"""The context in which what autograd saves is packed."""

import functools
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from spikingjelly import packing
from spikingjelly.fusion import dispatch


@contextmanager
def packed_spikes() -> Iterator[None]:
    r"""Keep the spikes that autograd saves as one bit each, and no memory in reserve. A context manager or a decorator.

    A convolution, a linear layer or a pooling keeps its input until its backward pass is done. In a spiking network
    that is a tensor of zeros and ones, of which

    .. math::
        \mathrm{bytes} = \lceil n / 8 \rceil

    hold all there is to know, in place of :math:`4 n` in float32 with :math:`n` spikes::

        net = nn.Sequential(layer.Linear(8, 4), neuron.IFNode(), layer.Linear(4, 2))
        with functional.packed_spikes():
            loss = net(torch.rand(3, 8)).sum()
        loss.backward()

    What is packed: a tensor that autograd saves inside the context and that holds nothing but 0 and 1, of any shape, of
    dtype float64, float32, float16, bfloat16, bool or an integer, on a CPU or a CUDA device. Sums of spikes take 4 bits
    up to 15 and a byte up to 255; int32 and int64, such as the indices of a pooling, the narrowest integers that hold
    them. The backward pass gets a tensor of the same values to the last bit, shape, strides and dtype, so that all
    gradients are those without packing. Of an expanded tensor (stride 0) only the memory that it has is packed. Layers
    that save the same spikes share the bits, even if they see them in another shape; the bits are freed with the last
    of them.

    What is saved as it is: a tensor with any other value (-0.0 and NaN among them), with fewer than 16384 elements,
    with gaps in its memory (``x[:, ::2]``), or a leaf with ``requires_grad=True``, as all parameters are. So what a
    batch normalisation keeps, and the input of a fused neuron elsewhere than behind one, stay whole. Spikes
    that something else holds, such as a variable of yours or a monitor, stay in memory too.

    Convolutions, linear layers and matrix products of this package pack float32 inputs on the CPU by themselves, in the
    same way, so of these packing gains nothing more; it is for what other modules keep, other dtypes and CUDA. On the
    CPU memory is saved there too: large results of kernels otherwise lie in memory that is kept for the next ones, and
    none is kept from the beginning of the context until the backward pass is done. ``python -m benchmarks
    packed_spikes`` measures both: with six convolutions, batch normalisation and LIF, a peak of 123 MB in place of 180
    with ``nn.Conv2d``, 101 in place of 131 with ``layer.Conv2d``, and steps that take 1.05 to 1.3 times as long. Of
    ``[16, 32, 128, 28, 28]`` in float32, 206 MB become 6.4 MB. The tensor that is just used is whole again, so a
    network in which one layer has most of the spikes gains little. On CUDA the look at each tensor waits for the
    device; this way of packing has been tested on CPU tensors only.

    Changes in place: packed spikes are a copy. A change of the tensor after it was saved, which autograd answers with
    an error in the backward pass, leaves the gradient right and gives none. A tensor that is saved as it is gives
    the error as ever. A change that autograd does not see (of ``x.data``, or through numpy) between two layers that
    save ``x`` is not seen here either: the second layer may be given the spikes of the first.

    Hooks: this is :class:`torch.autograd.graph.saved_tensors_hooks`, with what holds for these. Of nested contexts only
    the innermost sees a tensor, so inside :func:`torch.utils.checkpoint.checkpoint` nothing is packed but the inputs of
    the checkpoint. The derivatives of ``torch.func`` raise an error under hooks. What a network compiled by
    ``torch.compile`` keeps is packed if the context is around it; a compiled function that enters the context itself
    breaks into several graphs, and is an error with ``fullgraph=True``.

    :raises RuntimeError: in the backward pass, if a tensor that is saved as it is was changed in place
    """
    with dispatch.nothing_kept() as wish:
        pack = dispatch.may_be_asked(functools.partial(packing.Packer().pack))
        # The graph holds its hooks until its backward pass is done, and with them the wish.
        with torch.autograd.graph.saved_tensors_hooks(pack, functools.partial(_unpack, wish)):
            yield


def _unpack(wish: object, saved: packing.Packed | packing.Whole) -> torch.Tensor:
    return saved.unpack()
