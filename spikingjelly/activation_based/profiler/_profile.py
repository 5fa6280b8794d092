"""Counts what a network does."""

from typing import Any

import torch
from torch import nn

from spikingjelly.activation_based.functional import reset_net
from spikingjelly.activation_based.profiler._counting import Counting
from spikingjelly.activation_based.profiler._energy import EnergyCosts
from spikingjelly.activation_based.profiler._layers import Presented, layer_profiles
from spikingjelly.activation_based.profiler._neurons import NEURONS
from spikingjelly.activation_based.profiler._report import ProfileReport
from spikingjelly.activation_based.profiler._run import (
    Run,
    batches,
    checked_net,
    evaluation,
    is_stepwise,
    show,
    uncompiled,
)
from spikingjelly.activation_based.profiler._scope import Scope


def profile(
    net: nn.Module,
    data: Any,
    T: int | None = None,
    *,
    run: Run = None,
    batch_first: bool = False,
    costs: EnergyCosts | None = None,
    fold_batch_norm: bool = True,
    neurons: tuple[type, ...] = (),
    progress: bool = True,
) -> ProfileReport:
    """Count what a network does with its data: operations, spikes, accesses to memory, energy; per layer and in total.

    Each spike is followed to the synapses that it really reaches, borders, strides and groups included: a spike in a
    convolution causes as many accumulates as its group has output channels, times the windows that hold it::

        from spikingjelly.activation_based import profiler

        net = nn.Sequential(layer.Conv2d(1, 8, 3), neuron.LIFNode(), layer.Flatten(), layer.Linear(8 * 26 * 26, 10))
        report = profiler.profile(net, torch.rand(2, 1, 28, 28), T=4)
        print(report)  # a table; report.figure(), report.to_csv(path), report["0"].macs, report.total.energy_pj

    The network runs in ``eval`` mode without gradients and is reset before each batch. Afterwards its modules are in
    the modes they were in, its memories are reset, and nothing of the profiler is left in it, also after an error.

    What counts how:

    - Products (linear layers, convolutions, attention, whatever module or function makes them): accumulates (AC) where
      one factor is spikes, that is 0 or one value c in the whole run (c is part of the weights); where both are, only
      products of two spikes. Multiply-accumulates (MAC) otherwise, as in a first layer that sees pictures, behind
      average pooling, or where spikes were added up to 2 and more. Additions of biases are free.
    - Pooling, sums and means: an AC for each spike in each window, or for each value if they are no spikes (as a
      comparison, in max pooling).
    - Batch normalisation by stored means: free, as it can be folded into the layer before, or one MAC a value with
      ``fold_batch_norm=False``. Other normalisation: two MACs and an AC for each value.
    - Neurons, surrogates outside neurons (in the cells of ``rnn``) and synapse filters: an update for each output
      value.
    - The ANN of equal shape has real values in place of spikes and runs once. Where the data is a sequence (a
      recording, a recurrent network) it would have to see each time step as well: compare with T runs.
    - A layer that sees one time step repeated by ``expand`` counts T times, as it would step by step.
    - What is computed from parameters alone, as standardised weights: free, as it can be computed once.
    - Modules that ``torch.compile`` compiled run as they were written.
    - Operations that none of this covers are named in ``report.uncounted``.

    :param net: a network in step mode 's' or 'm'
    :param data: a tensor or an iterable of batches, for example a loader: tensors or pairs of a tensor and a target,
        each a sequence ``[T, N, *]``. A network in step mode 'm' gets it whole, one in 's' step by step
    :param T: None, or a number of time steps: then the tensors are ``[N, *]``, and each is shown T times
    :param run: None, or a function that shows a tensor to the network: ``lambda net, x: net(x)`` together with ``T``
        for a network that takes ``[N, *]`` and makes its own T time steps
    :param batch_first: whether sequences are ``[N, T, *]``, as loaders of frames give them
    :param costs: the constants of the energies; None for :class:`EnergyCosts` with its defaults
    :param fold_batch_norm: whether batch normalisation by stored means is free
    :param neurons: classes that are neurons, besides those of this package
    :param progress: whether a loader gets a progress bar

    :raises TypeError: if ``net`` is no module or ``data`` holds no tensors
    :raises ValueError: if ``data`` is empty or lacks dimensions
    """
    costs = EnergyCosts() if costs is None else costs
    net = checked_net("profile", net)
    weights = {w.untyped_storage().data_ptr() for w in (*net.parameters(), *net.buffers())} - {0}
    counting = Counting(weights, fold_batch_norm)
    scope = Scope(net, counting, (*NEURONS, *neurons), is_stepwise(net, run))
    samples = sample_steps = batch_steps = 0
    with torch.no_grad(), uncompiled(), evaluation(net), scope.attached():
        for batch in batches("profile", data, T, batch_first, progress):
            scope.batch = batch
            reset_net(net)
            with counting:
                show(net, batch, run, repeated=T is not None)
            samples, sample_steps = samples + batch.N, sample_steps + batch.N * batch.T
            batch_steps += batch.T
    shown = Presented(samples, sample_steps, batch_steps)
    return ProfileReport(tuple(layer_profiles(scope, counting.ledgers, shown, costs)), shown.T, samples, costs)
