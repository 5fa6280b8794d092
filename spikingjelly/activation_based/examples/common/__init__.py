"""What the examples share: flags, data that lie in memory, the training loop, checkpoints, scalars, pictures."""
