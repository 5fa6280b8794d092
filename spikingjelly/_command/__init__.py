"""What ``python -m spikingjelly`` does."""
