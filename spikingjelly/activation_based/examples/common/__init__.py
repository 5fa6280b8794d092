"""What the examples share: batches from memory, checkpoints, scalars."""
