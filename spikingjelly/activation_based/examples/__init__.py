"""Programs to run with ``python -m spikingjelly.activation_based.examples.NAME``."""
