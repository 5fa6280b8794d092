"""The one call."""

import logging
from typing import Any, TypeVar

from torch import nn

from spikingjelly.activation_based._checks import describe
from spikingjelly.activation_based.memopt._keeper import LEVELS
from spikingjelly.activation_based.memopt._network import make_economical
from spikingjelly.activation_based.memopt._plan import find_parts, memory_plan

_logger = logging.getLogger(__name__)
_Network = TypeVar("_Network", bound=nn.Module)


def optimize_memory(
    model: _Network,
    targets: type[nn.Module] | tuple[type[nn.Module], ...] | None = None,
    example_forward: Any = None,
    *,
    level: int | None = None,
    budget: int | None = None,
) -> _Network:
    r"""Train ``model`` with less memory: the same numbers to the last bit, some of them computed twice.

    A convolution keeps its input for the backward pass, batch normalisation keeps its own, and so do the neurons: of a
    block of the three in float32, 12 bytes a neuron and time step. But its input is spikes, of which a bit each is all
    there is to know, and the rest follows from them::

        from spikingjelly.activation_based import memopt

        net = nn.Sequential(layer.Conv2d(8, 8, 3), layer.BatchNorm2d(8), neuron.LIFNode())
        net = memopt.optimize_memory(net, level=3)  # the same object; train it as before

    ===== ============================================================================== ==================
    level what the backward pass finds                                                   of 12 bytes, about
    ===== ============================================================================== ==================
    0     all as it was computed: this undoes the call                                   12
    1     spikes (0 and 1) as one bit each; small counts (sums of spikes in residual
          networks, indices of pooling) in 4, 8 or 16 bits                               8.1
    2     and computes again: batch, layer and group normalisation; the loop over time
          of neurons for which no kernel runs                                            4.1
    3     and computes again: convolutions, linear layers and attention, so that between
          the spikes of one layer and those of the next nothing is kept                  0.1
    ===== ============================================================================== ==================

    In float32 on the CPU the package saves much of this by itself, at any level: a neuron with a kernel keeps no input
    behind a batch normalisation (from 65536 elements on), and the package's convolutions and linear layers keep spikes
    in bits (from 32768). Level 0 takes about 4 bytes there, and level 1 already what level 2 does.

    Level 3 costs each product (convolution, matrix product) once more in a training step that had three of them. Each
    tensor is computed again when the backward pass first asks for it, and freed after the last layer that does.
    :func:`memory_plan` shows what each level means for a network, layer by layer. The peak of the memory
    has the gradients of the parameters on top, and what the widest block needs while it is at work, some five tensors
    of its size: a network with one block much wider than the others gains little by level 3 over level 2.
    ``python -m benchmarks memory_levels`` measures peaks and times.

    What stays as it is: outputs, loss, gradients, random numbers, running statistics and neuron states, to the last
    bit on a device whose operations give the same result twice; ``state_dict``; ``isinstance`` and all attributes;
    copies, pickles and ``torch.nn.parallel.DistributedDataParallel``. Nothing is rounded: each tensor is looked at, and
    packed only if its values are those of spikes or counts. Functions are computed again, modules are not called again,
    so hooks and monitors see each call once. (A loop of neurons whose surrogate has a hook is not computed again.)
    Calls without a gradient run as before. Both step modes, autocast, and modules that are used twice work. In step
    mode 's' the states between the steps are kept as well, which is one more tensor a neuron and step.

    What is looked at is a call of the model, not of its other methods. Tensors with fewer than 16384 elements are left
    alone. Under ``torch.compile`` only level 1 has an effect, and the graph breaks where it begins. What a user's own
    ``torch.autograd.Function`` or ``torch.utils.checkpoint`` keeps is looked at, but not computed again. Changing a
    tensor behind autograd's back (through ``.data`` or numpy) between its computation and the backward pass gives
    wrong gradients. Parameters must not change before the backward pass, as ever: that is an error.

    :param model: the network; it is changed in place
    :param targets: classes of modules; only inside these (the outermost, where they are nested) memory is saved.
        Default: the whole network
    :param example_forward: an input ``[T, N, *]``, a tuple of inputs, or a function that is given the model and runs
        it. Needed for a ``budget``; it runs once, and leaves no trace in the model
    :param level: 0 to 3, default 3 without a budget
    :param budget: in place of a level, how many bytes autograd may keep of a forward pass of ``example_forward``; the
        lowest level that does with it is taken. Parameters, their gradients and what a single layer needs while it
        runs come on top
    :return: ``model``

    :raises TypeError: if ``model`` is no module, or is compiled or scripted already, or ``targets`` are no classes of
        modules
    :raises ValueError: if ``level`` is none of the levels, if ``level`` and ``budget`` are both given, if a
        ``budget`` comes without ``example_forward`` or is too small for any level, or if there are no ``targets``
    """
    parts = find_parts("optimize_memory", model, targets)
    _check(model, level, budget, example_forward)
    if budget is not None:
        plan = memory_plan(model, example_forward, targets)
        level = plan.level_for(budget)
        _logger.info("optimize_memory: level %d keeps %d bytes\n%s", level, plan.kept_bytes(level), plan)
    make_economical(model, parts, LEVELS[-1] if level is None else level)
    return model


def _check(model: nn.Module, level: int | None, budget: int | None, example_forward: Any) -> None:
    if type(model).__name__ in ("OptimizedModule", "RecursiveScriptModule", "ScriptModule", "TopLevelTracedModule"):
        raise TypeError(
            f"optimize_memory: a {type(model).__name__} can't be changed any more. Optimize the network first, then "
            "compile it."
        )
    if level is not None and (type(level) is not int or level not in LEVELS):
        raise ValueError(f"optimize_memory: level must be 0, 1, 2 or 3, but {describe(level)} was given.")
    if budget is None:
        return
    if level is not None:
        raise ValueError("optimize_memory: give either a level or a budget, not both.")
    if type(budget) is not int or budget <= 0:
        raise ValueError(
            f"optimize_memory: budget must be a positive number of bytes, but {describe(budget)} was given."
        )
    if example_forward is None:
        raise ValueError(
            "optimize_memory: a budget needs example_forward, an input of the size of a training batch, to see what "
            "the network keeps."
        )
