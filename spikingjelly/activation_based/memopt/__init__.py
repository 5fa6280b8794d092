"""Training with less memory: what is kept of a forward pass for the backward pass, and what is computed again."""

from spikingjelly.activation_based.memopt._checkpoint import checkpoint
from spikingjelly.activation_based.memopt._optimize import optimize_memory
from spikingjelly.activation_based.memopt._plan import MemoryPlan, memory_plan

__all__ = ["MemoryPlan", "checkpoint", "memory_plan", "optimize_memory"]
