"""Neurons, surrogate gradients, layers, encoders and tools that work on tensors ``[N, *]`` and ``[T, N, *]``."""
