"""Networks whose signals are the times of spikes: a tensor ``[N, *]`` of times, where a negative time is no spike."""

from spikingjelly import _former_names

_former_names.say_what_replaces(
    {
        f"{__name__}.{name}": "timing_based.neuron.Tempotron; spikes are computed in time steps here"
        for name in ("functional", "solver")
    }
)
