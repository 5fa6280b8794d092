"""The engine room: one step in, a fast operator out. :mod:`spikingjelly.fusion.dispatch` is its only door."""
