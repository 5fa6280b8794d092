"""What ``python -m spikingjelly.datasets`` does. Only ``app`` needs typer."""
