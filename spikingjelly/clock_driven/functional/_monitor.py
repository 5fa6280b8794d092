"""Records of the nodes of a network."""

from torch import nn

from spikingjelly.clock_driven.neuron import BaseNode


def set_monitor(net: nn.Module, monitor_state: bool = True, reset: bool = True) -> None:
    """Let every node in ``net`` record its time steps in ``node.monitor``, or stop recording.

    :param monitor_state: whether to record; see :meth:`spikingjelly.clock_driven.neuron.BaseNode.set_monitor`
    :param reset: False keeps the records of nodes that record already
    """
    for node in net.modules():
        if isinstance(node, BaseNode) and (reset or bool(node.monitor) != monitor_state):
            node.set_monitor(monitor_state)
