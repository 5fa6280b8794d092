"""Speed and memory on a CUDA device: ``python -m benchmarks.gpu``. Needs this package, torch and the backends only."""
