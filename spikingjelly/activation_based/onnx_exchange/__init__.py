"""Networks as programs without Python: :mod:`torch.export` and ONNX (extra ``onnx``).

A spiking network has a state. Both formats know functions, so the states become inputs and outputs: a network is
exported as one step, ``(x, *states) -> (y, *states)``, or as a whole sequence of T steps::

    onnx_exchange.export_to_onnx(net, torch.zeros(1, 2, 34, 34), "net.onnx")
    stream = onnx_exchange.ONNXStream("net.onnx")   # onnxruntime on the CPU; carries the states
    for frame in frames:
        y = stream(frame[None])

    step = onnx_exchange.ExplicitNetwork(net, torch.zeros(1, 2, 34, 34))
    program = onnx_exchange.export_program(step, torch.zeros(1, 2, 34, 34))   # a torch.export.ExportedProgram

ExecuTorch takes the program of a step with a fixed number of samples, ``export_program(step, x, dynamic_batch=False)``,
as ``executorch.exir.to_edge(program).to_executorch()``. With executorch 1.5.1 on Linux its runtime gave the spikes and
potentials of two layers of neurons exactly; it is no part of the tests.
"""

from spikingjelly.activation_based.onnx_exchange.explicit import ExplicitNetwork
from spikingjelly.activation_based.onnx_exchange.program import export_program
from spikingjelly.activation_based.onnx_exchange.stream import ONNXStream
from spikingjelly.activation_based.onnx_exchange.to_onnx import export_to_onnx

__all__ = ["ExplicitNetwork", "ONNXStream", "export_program", "export_to_onnx"]
