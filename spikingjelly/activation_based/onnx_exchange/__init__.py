"""Networks as programs without Python: :mod:`torch.export` and ONNX (extra ``onnx``).

A spiking network has a state. Both formats know functions, so the states become inputs and outputs: a network is
exported as one step, ``(x, *states) -> (y, *states)``, or as a whole sequence of T steps::

    from spikingjelly.activation_based.onnx_exchange import ONNXStream, export_to_onnx

    net = nn.Sequential(layer.Linear(8, 4), neuron.LIFNode())
    export_to_onnx(net, torch.zeros(1, 8), "net.onnx")
    stream = ONNXStream("net.onnx")  # onnxruntime on the CPU; carries the states
    for frame in torch.rand(20, 8):
        y = stream(frame[None])

:class:`ExplicitNetwork` is the network as such a function in PyTorch, :func:`export_program` makes it a
:class:`torch.export.ExportedProgram`.

ExecuTorch takes the program of a step with a fixed number of samples, ``export_program(step, x, dynamic_batch=False)``,
as ``executorch.exir.to_edge(program).to_executorch()``. With executorch 1.5.1 on Linux its runtime gave the spikes and
potentials of two layers of neurons exactly; it is no part of the tests.
"""

from spikingjelly.activation_based.onnx_exchange.explicit import ExplicitNetwork
from spikingjelly.activation_based.onnx_exchange.program import export_program
from spikingjelly.activation_based.onnx_exchange.stream import ONNXStream
from spikingjelly.activation_based.onnx_exchange.to_onnx import export_to_onnx

__all__ = ["ExplicitNetwork", "ONNXStream", "export_program", "export_to_onnx"]
