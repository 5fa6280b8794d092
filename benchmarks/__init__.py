"""Speed and memory, one row a claim: ``python -m benchmarks``, and on a GPU ``python -m benchmarks.gpu``.

A figure is printed only after the numerics of its row agree.
"""
