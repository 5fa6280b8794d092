"""Networks whose signals are the times of spikes: a tensor ``[N, *]`` of times, where a negative time is no spike."""
