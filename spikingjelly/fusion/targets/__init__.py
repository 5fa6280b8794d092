"""Who launches the kernels of a program, one file a target.

Each has ``forward`` and ``backward`` with the arguments of :mod:`spikingjelly.fusion.targets.cpp`, and
``refusal(device)``, the reason why it can't run there, or None.
"""
