"""Networks: those of :mod:`spikingjelly.activation_based.model`, with one constructor for each step mode.

A module without a file here, as ``train_classify``, is that of ``activation_based``.
"""
